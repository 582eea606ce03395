#include "selfcure/report/sweep_record.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "selfcure/config/config_text.h"
#include "selfcure/core/errors.h"
#include "support/fake_run.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::FakeRun;
using testing::write_fake_run;
using testing::write_file;

ConfigAccess configs() {
  return {[](RunRecord& run) {
            run.config = flatten_config_text(run.config_text);
            if (run.config.empty()) throw ConfigError("no config");
          },
          [](const std::string& key) { return key == "name" || key == "train.threads"; }};
}

FakeRun fake(const std::string& method, const std::string& seed, const std::string& noise,
             const std::string& more_config = "") {
  FakeRun run;
  run.method = method;
  run.seed = seed;
  run.noise = noise;
  run.more_config = more_config;
  return run;
}

class SweepRecordTest : public ::testing::Test {
 protected:
  const fs::path& folder() const { return directory_.path(); }
  fs::path make(const std::string& name, const FakeRun& run) const {
    write_fake_run(folder() / "runs" / name, run);
    return folder() / "runs" / name;
  }
  void write_sweep(const std::string& jobs, const std::string& report) const {
    write_file(folder() / "sweep.json",
               R"({"format": "selfcure-sweep-1", "name": "s", "title": "A sweep", "axes": [
      {"name": "method", "label": "method", "values": ["baseline", "scn"]},
      {"name": "noise", "label": "noise ratio", "values": ["0.1", "0.3"]},
      {"name": "seed", "label": "seed", "values": ["1", "2"]}],
      "report": )" +
                   report + R"(, "jobs": [)" + jobs + "]}");
  }
  static std::string job(const std::string& name, const std::string& method,
                         const std::string& noise, const std::string& seed) {
    return R"({"name": ")" + name + R"(", "directory": "runs/)" + name +
           R"(", "values": {"method": ")" + method + R"(", "noise": ")" + noise +
           R"(", "seed": ")" + seed + R"("}})";
  }
  std::string error_of_sweep() const {
    try {
      read_sweep(folder(), configs());
    } catch (const UserError& error) {
      return error.what();
    }
    return "";
  }

 private:
  testing::TemporaryDirectory directory_;
};

std::vector<std::string> names_of(const SweepRecord& sweep) {
  std::vector<std::string> names;
  for (const SweepDimension& dimension : sweep.dimensions) names.push_back(dimension.name);
  return names;
}

TEST_F(SweepRecordTest, ReadsRunsLayoutAndPublishedRequest) {
  make("a", fake("baseline", "1", "0.1"));
  make("b", fake("scn", "1", "0.3"));
  write_sweep(job("a", "baseline", "0.1", "1") + "," + job("b", "scn", "0.3", "1"),
              R"({"rows": ["method"], "columns": ["noise"], "repeat": "seed",
                  "baseline": {"method": "baseline"}, "same_faces": ["a", "b"],
                  "published": {"table": "table1_synthetic_noise", "figure": "raf_db",
                                "match": {"method": "method"}, "fixed": {"pretrain": "false"},
                                "as": {"method": {"scn": "SCN"}}}})");
  const SweepRecord sweep = read_sweep(folder() / "sweep.json", configs());
  EXPECT_EQ(sweep.title, "A sweep");
  ASSERT_EQ(sweep.runs.size(), 2U);
  EXPECT_EQ(sweep.runs[1].name, "b");
  EXPECT_EQ(sweep.runs[1].point.at("noise"), "0.3");
  EXPECT_EQ(sweep.runs[1].record.accuracy().last, 0.7);
  EXPECT_EQ(find_text(sweep.runs[1].record.config, "data.image_size"), "64");
  EXPECT_EQ(sweep.rows, std::vector<std::string>{"method"});
  EXPECT_EQ(sweep.columns, std::vector<std::string>{"noise"});
  EXPECT_EQ(sweep.repeat, "seed");
  EXPECT_EQ(sweep.label_of("noise"), "noise ratio");
  EXPECT_EQ(sweep.baseline.at("method"), "baseline");
  ASSERT_TRUE(sweep.published);
  EXPECT_EQ(sweep.published->as.at("method").at("scn"), "SCN");
  EXPECT_TRUE(sweep.left_out.empty());
}

TEST_F(SweepRecordTest, RunsThatAreNotWholeAreNamedAndLeftOut) {
  make("good", fake("baseline", "1", "0.1"));
  FakeRun unfinished = fake("scn", "1", "0.1");
  unfinished.done = false;
  make("unfinished", unfinished);
  fs::create_directories(folder() / "runs" / "empty");
  write_file(folder() / "runs" / "foreign" / "notes.txt", "hello");
  fs::remove(make("half", fake("scn", "2", "0.1")) / "metrics.jsonl");
  write_file(make("damaged", fake("scn", "2", "0.3")) / "metrics.jsonl", "{\"epoch\":1,\n");
  write_file(folder() / "runs" / "file", "not a folder");
  write_sweep(job("good", "baseline", "0.1", "1") + "," + job("unfinished", "scn", "0.1", "1") +
                  "," + job("empty", "baseline", "0.3", "1") + "," +
                  job("foreign", "scn", "0.3", "1") + "," + job("half", "scn", "0.1", "2") + "," +
                  job("damaged", "scn", "0.3", "2") + "," + job("file", "scn", "0.1", "2") + "," +
                  job("nowhere", "baseline", "0.3", "2"),
              R"({"rows": ["method"], "columns": ["noise"], "repeat": "seed"})");
  const SweepRecord sweep = read_sweep(folder(), configs());
  ASSERT_EQ(sweep.runs.size(), 1U);
  EXPECT_EQ(sweep.runs[0].name, "good");
  ASSERT_EQ(sweep.left_out.size(), 7U);
  EXPECT_EQ(sweep.missing.size(), 7U);
  for (const LeftOut& left : sweep.left_out) {
    EXPECT_NE(left_out_text(left).find(left.name), std::string::npos);
    EXPECT_EQ(left.reason.find('\n'), std::string::npos) << left.reason;
  }
  EXPECT_NE(sweep.left_out[6].reason.find("not started"), std::string::npos);
}

TEST_F(SweepRecordTest, AStageIsNoPlaceOfTheTable) {
  make("stage", fake("baseline", "1", "0"));
  make("a", fake("baseline", "1", "0.1"));
  write_sweep(
      R"({"name": "stage", "directory": "runs/stage", "values": {}, "stage": "pretrain"},)" +
          job("a", "baseline", "0.1", "1"),
      "{}");
  const SweepRecord sweep = read_sweep(folder(), configs());
  ASSERT_EQ(sweep.runs.size(), 1U);
  EXPECT_EQ(sweep.runs[0].name, "a");
}

TEST_F(SweepRecordTest, MistakesInSweepJsonSayWhereAndWhat) {
  write_file(folder() / "sweep.json", "{");
  EXPECT_NE(error_of_sweep().find("expected a JSON object"), std::string::npos);
  write_file(folder() / "sweep.json", R"({"format": "other-1"})");
  EXPECT_NE(error_of_sweep().find("selfcure-sweep-1"), std::string::npos);
  write_sweep("", R"({"rows": ["methods"]})");
  EXPECT_NE(
      error_of_sweep().find("report.rows: expected an axis of the sweep (method, noise, seed), "
                            "got 'methods'"),
      std::string::npos)
      << error_of_sweep();
  write_sweep(R"({"name": "a", "values": {}})", "{}");
  EXPECT_NE(error_of_sweep().find("jobs[0]: expected a name and a directory"), std::string::npos);
  write_sweep("3", "{}");
  EXPECT_NE(error_of_sweep().find("jobs[0]: expected an object"), std::string::npos);
  write_file(folder() / "sweep.json", std::string(200000, '[') + std::string(200000, ']'));
  EXPECT_NE(error_of_sweep().find("sweep.json: expected JSON nested at most 64 deep"),
            std::string::npos);
  write_file(folder() / "sweep.json", "{");
  EXPECT_NE(error_of_sweep().find("sweep.json: expected a JSON object"), std::string::npos);
  write_sweep("", R"({"rows": "method"})");
  EXPECT_NE(error_of_sweep().find("report.rows: expected a list of texts"), std::string::npos);
}

TEST_F(SweepRecordTest, SingleRunsAreGroupedByTheKeysThatDiffer) {
  std::vector<fs::path> paths;
  for (const char* method : {"baseline", "scn"})
    for (const char* noise : {"0.3", "0.1"})
      for (const char* seed : {"1", "2"})
        paths.push_back(make(std::string(method) + noise + seed, fake(method, seed, noise)));
  const SweepRecord sweep = sweep_of_runs(paths, configs());
  EXPECT_EQ(sweep.runs.size(), 8U);
  EXPECT_EQ(names_of(sweep), (std::vector<std::string>{"method.name", "data.noise.rate", "seed"}));
  EXPECT_EQ(sweep.dimensions[1].values, (std::vector<std::string>{"0.1", "0.3"}));
  EXPECT_EQ(sweep.repeat, "seed");
  EXPECT_EQ(sweep.rows, std::vector<std::string>{"method.name"});
  EXPECT_EQ(sweep.columns, std::vector<std::string>{"data.noise.rate"});
  EXPECT_EQ(sweep.baseline.at("method.name"), "baseline");
}

TEST_F(SweepRecordTest, AKeyThatFollowsAnotherIsNoDimensionAndIsMentioned) {
  const std::vector<fs::path> paths = {make("a", fake("baseline", "1", "0.1", "extra: x\n")),
                                       make("b", fake("scn", "1", "0.1", "extra: y\n")),
                                       make("c", fake("scn", "2", "0.1", "extra: y\n"))};
  const SweepRecord sweep = sweep_of_runs(paths, configs());
  EXPECT_EQ(names_of(sweep), (std::vector<std::string>{"method.name", "seed"}));
  ASSERT_EQ(sweep.notes.size(), 1U);
  EXPECT_NE(sweep.notes[0].find("'extra' changes together with 'method.name'"), std::string::npos);
}

TEST_F(SweepRecordTest, WeightsOfEachSeedsOwnPretrainingAreNoDimension) {
  for (const bool by_method : {false, true}) {
    std::vector<fs::path> paths;
    for (const std::string method : {"baseline", "scn"})
      for (const std::string seed : {"1", "2"}) {
        const std::string file = (by_method ? method : "pre") + seed + "/best.pt";
        paths.push_back(make((by_method ? "m_" : "s_") + method + seed,
                             fake(method, seed, "0.1", "weights: runs/" + file + "\n")));
      }
    const SweepRecord sweep = sweep_of_runs(paths, configs());
    EXPECT_EQ(names_of(sweep), (std::vector<std::string>{"method.name", "seed"})) << by_method;
    EXPECT_EQ(sweep.repeat, "seed");
    ASSERT_EQ(sweep.notes.size(), 1U);
    EXPECT_NE(sweep.notes[0].find("'weights' is another file for other values of"),
              std::string::npos);
  }
  std::vector<fs::path> paths;
  for (const std::string weights : {"a/best.pt", "b/best.pt"})
    for (const std::string seed : {"1", "2"})
      paths.push_back(make("w" + weights.substr(0, 1) + seed,
                           fake("scn", seed, "0.1", "weights: " + weights + "\n")));
  EXPECT_EQ(names_of(sweep_of_runs(paths, configs())),
            (std::vector<std::string>{"weights", "seed"}))
      << "weights that all seeds start from";
}

TEST_F(SweepRecordTest, RunsThatRepeatEachOtherAreNamed) {
  const std::vector<fs::path> paths = {
      make("a", fake("baseline", "1", "0.1")), make("b", fake("scn", "1", "0.1")),
      make("c", fake("scn", "2", "0.1")), make("d", fake("scn", "1", "0.1"))};
  const SweepRecord sweep = sweep_of_runs(paths, configs());
  ASSERT_EQ(sweep.notes.size(), 1U);
  EXPECT_NE(sweep.notes[0].find("same seed: d repeats b."), std::string::npos) << sweep.notes[0];
}

TEST_F(SweepRecordTest, ARunWithoutAKeyHasNoPlaceInItsDimension) {
  const std::vector<fs::path> paths = {make("a", fake("baseline", "1", "0.1")),
                                       make("b", fake("scn", "1", "0.1", "gamma: 0.3\n")),
                                       make("c", fake("scn", "1", "0.1", "gamma: 0.5\n"))};
  const SweepRecord sweep = sweep_of_runs(paths, configs());
  EXPECT_EQ(names_of(sweep), (std::vector<std::string>{"method.name", "gamma"}));
  EXPECT_EQ(sweep.runs[0].point.count("gamma"), 0U);
  EXPECT_EQ(sweep.runs[2].point.at("gamma"), "0.5");
  EXPECT_TRUE(sweep.notes.empty());
}

TEST_F(SweepRecordTest, TheSameDirectoryCountsOnceAndBadOnesAreLeftOut) {
  const fs::path good = make("good", fake("scn", "1", "0.1"));
  const fs::path no_config = make("no_config", fake("scn", "2", "0.1"));
  write_file(no_config / "config.resolved.yaml", "");
  const SweepRecord sweep =
      sweep_of_runs({good, good / ".", folder() / "nowhere", no_config}, configs());
  EXPECT_EQ(sweep.runs.size(), 1U);
  EXPECT_EQ(sweep.left_out.size(), 2U);
}

}  // namespace
}  // namespace selfcure
