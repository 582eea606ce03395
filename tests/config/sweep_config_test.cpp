#include "selfcure/config/sweep_config.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "../support/temporary_directory.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

class SweepConfig : public ::testing::Test {
 protected:
  SweepConfig() {
    testing::write_file(folder_.path() / "base.yaml",
                        "name: base\ndata: {dataset: raf_db, root: faces}\n"
                        "method: {name: scn}\ntrain: {epochs: 3}\n");
    testing::write_file(folder_.path() / "plain.yaml",
                        "name: plain\ndata: {dataset: raf_db, root: faces}\n"
                        "method: {name: baseline}\n");
  }

  LoadedSweep load(const std::string& text, std::vector<std::string> overrides = {},
                   bool demo = false) const {
    testing::write_file(folder_.path() / "sweep.yaml", text);
    SweepRequest request;
    request.file = folder_.path() / "sweep.yaml";
    request.directory = "out";
    request.overrides = std::move(overrides);
    request.demo = demo;
    return load_sweep(request);
  }

  /// What load_sweep says, without the folder's name; "accepted" when it has no complaint.
  std::string complaint(const std::string& text, std::vector<std::string> overrides = {}) const {
    try {
      load(text, std::move(overrides));
    } catch (const ConfigError& error) {
      std::string message = error.what();
      const std::string prefix = folder_.path().string() + "/";
      for (std::size_t at; (at = message.find(prefix)) != std::string::npos;)
        message.erase(at, prefix.size());
      return message;
    }
    return "accepted";
  }

  testing::TemporaryDirectory folder_;
};

std::vector<std::string> names(const LoadedSweep& sweep) {
  std::vector<std::string> names;
  for (const SweepJob& job : sweep.plan.jobs) names.push_back(job.name);
  return names;
}

const std::string kGrid =
    "name: grid\nbase: base.yaml\nset: {train.threads: 1}\n"
    "axes:\n"
    "  method:\n    values:\n      baseline: {config: plain.yaml}\n      scn: {}\n"
    "  noise: {key: data.noise.rate, values: [0.1, 0.3]}\n"
    "  seed: {key: [seed, data.noise.seed], values: [1, 2]}\n";

TEST_F(SweepConfig, GridIsTheProductOfItsAxesWithRepetitionsOutermost) {
  const LoadedSweep sweep = load(kGrid, {"data.noise.type=symmetric"});
  EXPECT_EQ(names(sweep),
            (std::vector<std::string>{"baseline_noise0.1_seed1", "baseline_noise0.3_seed1",
                                      "scn_noise0.1_seed1", "scn_noise0.3_seed1",
                                      "baseline_noise0.1_seed2", "baseline_noise0.3_seed2",
                                      "scn_noise0.1_seed2", "scn_noise0.3_seed2"}));
  const SweepJob& job = sweep.plan.jobs[5];
  EXPECT_EQ(job.config, folder_.path() / "plain.yaml");
  EXPECT_EQ(job.overrides,
            (std::vector<std::string>{"train.threads=1", "data.noise.rate=0.3", "seed=2",
                                      "data.noise.seed=2", "data.noise.type=symmetric"}));
  EXPECT_EQ(job.values, (SweepValues{{"method", "baseline"}, {"noise", "0.3"}, {"seed", "2"}}));
  EXPECT_EQ(job.threads, 1);
  EXPECT_EQ(sweep.plan.repeat, "seed");
  EXPECT_EQ(sweep.options[5].data.noise.seed, 2U);
  EXPECT_DOUBLE_EQ(sweep.options[5].data.noise.rate, 0.3);
  EXPECT_EQ(sweep.options[5].name, "baseline_noise0.3_seed2");
}

TEST_F(SweepConfig, NamesTellAxesApartWhoseValuesAreTheSameWords) {
  EXPECT_EQ(
      names(load("name: s\nbase: base.yaml\naxes:\n"
                 "  rank: {key: method.rank, values: [true, false]}\n"
                 "  weight: {key: method.weighting, values: {with: true, without: false}}\n")),
      (std::vector<std::string>{"rank-true_with", "rank-true_without", "rank-false_with",
                                "rank-false_without"}));
  EXPECT_EQ(names(load("name: s\nbase: base.yaml\naxes:\n"
                       "  a: {key: method.rank, values: {on: true, off: false}}\n"
                       "  b: {key: method.weighting, values: {on: true}}\n")),
            (std::vector<std::string>{"a-on_b-on", "a-off_b-on"}));
}

TEST_F(SweepConfig, ValueMaySetSeveralKeysAndSections) {
  const LoadedSweep sweep = load(
      "name: s\nbase: base.yaml\naxes:\n  labels:\n    values:\n      clean: {}\n"
      "      noisy:\n        data.noise: {type: symmetric, rate: 0.3, seed: 7}\n"
      "        method.relabel.threshold: 0.5\n");
  EXPECT_EQ(sweep.plan.jobs[1].overrides[0], "data.noise={type: symmetric, rate: 0.3, seed: 7}");
  EXPECT_DOUBLE_EQ(sweep.options[1].data.noise.rate, 0.3);
  EXPECT_EQ(sweep.options[0].data.noise.rate, 0);
}

TEST_F(SweepConfig, WrittenValuesReadBackAsTheyWere) {
  // Quotes, blanks and signs in values reach the config as the file has them.
  const LoadedSweep sweep = load(
      "name: s\nbase: base.yaml\nset:\n  data.root: \"a: b, 'c' {d}\"\n"
      "  train.schedule: {name: step, milestones: [1, 2]}\n  model.weights: null\n"
      "  data.class_map: [Fear -> Surprise]\n");
  EXPECT_EQ(sweep.options[0].data.train[0].root, "a: b, 'c' {d}");
  EXPECT_EQ(sweep.options[0].train.schedule.milestones, (std::vector<int>{1, 2}));
}

TEST_F(SweepConfig, ExclusionsLeaveRunsOut) {
  const LoadedSweep sweep = load(kGrid +
                                     "exclude:\n  - {method: baseline, noise: 0.3}\n"
                                     "  - {method: scn, seed: [1, 2]}\n",
                                 {"data.noise.type=symmetric"});
  EXPECT_EQ(names(sweep),
            (std::vector<std::string>{"baseline_noise0.1_seed1", "baseline_noise0.1_seed2"}));
}

const std::string kChain =
    "name: chain\nbase: base.yaml\n"
    "stages:\n  pretrain:\n    base: plain.yaml\n    axes:\n"
    "      source: {key: train.sampling, values: {even: inverse_frequency, plain: shuffle}}\n"
    "      seed: {key: seed, values: [1, 2]}\n"
    "axes:\n"
    "  source:\n    values:\n      none: {}\n      even: {model.weights: {run: pretrain}}\n"
    "      plain: {model.weights: {run: pretrain, checkpoint: best}}\n"
    "  seed: {key: seed, values: [1, 2]}\n";

TEST_F(SweepConfig, StageFeedsTheRunsThatShareItsAxes) {
  const LoadedSweep sweep = load(kChain);
  EXPECT_EQ(names(sweep).front(), "pretrain_even_seed1");
  const SweepJob& job = sweep.plan.job("plain_seed2");
  EXPECT_EQ(job.after, std::vector<std::string>{"pretrain_plain_seed2"});
  EXPECT_EQ(job.overrides[0], "model.weights=out/runs/pretrain_plain_seed2/checkpoints/best.pt");
  EXPECT_TRUE(sweep.plan.job("none_seed1").after.empty());
  std::set<std::string> seen;
  for (const SweepJob& each : sweep.plan.jobs) {
    for (const std::string& name : each.after) EXPECT_TRUE(seen.count(name)) << each.name;
    seen.insert(each.name);
  }
  const auto json = nlohmann::ordered_json::parse(sweep_json(sweep.plan));
  EXPECT_EQ(json["jobs"][0]["stage"], "pretrain");
  EXPECT_EQ(json["jobs"][0]["directory"], "runs/pretrain_even_seed1");
  EXPECT_EQ(json["axes"][0]["values"], (std::vector<std::string>{"none", "even", "plain"}));
}

TEST_F(SweepConfig, ListedRunsMayFeedEachOtherInAnyOrder) {
  const LoadedSweep sweep = load(
      "name: list\nbase: base.yaml\nruns:\n"
      "  - {name: second, set: {model.weights: {run: first}}}\n"
      "  - {name: first, config: plain.yaml}\n");
  EXPECT_EQ(names(sweep), (std::vector<std::string>{"first", "second"}));
  EXPECT_EQ(sweep.plan.axes.at(0).name, "run");
  EXPECT_EQ(complaint("name: list\nbase: base.yaml\nruns:\n"
                      "  - {name: a, set: {model.weights: {run: b}}}\n"
                      "  - {name: b, set: {model.weights: {run: a}}}\n"),
            "sweep.yaml:4:5: runs wait for each other in a circle: 'a' needs 'b' needs 'a'");
}

TEST_F(SweepConfig, DemoReplacesWhatItNames) {
  const std::string text = kGrid +
                           "demo:\n  faces: {layout: raf_db, root: drawn, train: 70}\n"
                           "  set: {data.root: drawn, train.epochs: 1}\n"
                           "  axes:\n    seed: {key: seed, values: [5]}\n    noise: null\n";
  const LoadedSweep demo = load(text, {}, true);
  EXPECT_EQ(names(demo), (std::vector<std::string>{"baseline_seed5", "scn_seed5"}));
  EXPECT_EQ(demo.options[0].data.train[0].root, "drawn");
  EXPECT_EQ(demo.options[0].train.threads, 1);
  ASSERT_EQ(demo.faces.size(), 1U);
  EXPECT_EQ(demo.faces[0].train, 70);
  EXPECT_EQ(load(text, {"data.noise.type=symmetric"}).plan.jobs.size(), 8U);
}

TEST_F(SweepConfig, MistakesOfTheFileAreListedTogetherWithTheirPlaces) {
  EXPECT_EQ(complaint("name: s\nbse: base.yaml\naxes:\n  gamma: {key: method.gamma}\n"
                      "  beta: {key: method.beta, values: []}\n"
                      "  seed: {key: seed, values: [1, 1]}\nmetric: accuracy\n"),
            "sweep.yaml:2:1: unknown key 'bse'; did you mean 'base'?\n"
            "sweep.yaml:4:3: axes.gamma: expected 'values', which are missing\n"
            "sweep.yaml:5:36: axes.beta.values: expected a list of values, or a section of named "
            "ones, got an empty list\n"
            "sweep.yaml:6:33: axes.seed.values: '1' stands there twice, first at sweep.yaml:6:30\n"
            "sweep.yaml:7:9: metric: expected one of test_accuracy, mean_class_accuracy, got "
            "'accuracy'; did you mean 'test_accuracy'?");
}

TEST_F(SweepConfig, MistakesOfReferencesNameWhatThereIs) {
  const auto wrong = [&](const std::string& from, const std::string& to) {
    std::string text = kChain;
    text.replace(text.find(from), from.size(), to);
    return complaint(text);
  };
  EXPECT_EQ(wrong("{run: pretrain}", "{run: pretain}"),
            "sweep.yaml:13:29: model.weights: there is no stage and no run 'pretain'; did you mean "
            "'pretrain'?");
  EXPECT_EQ(wrong("{even: inverse", "{evn: inverse"),
            "sweep.yaml:13:29: model.weights: there is no run with source even, seed 1\n"
            "sweep.yaml:13:29: model.weights: there is no run with source even, seed 2");
  EXPECT_EQ(wrong("none: {}", "none: {model.weights: {run: none_seed1}}"),
            "sweep.yaml:12:29: model.weights: 'none_seed1' would wait for itself");
}

TEST_F(SweepConfig, MistakeOfManyRunsIsSaidOnceWithItsPlaceInTheSweepFile) {
  EXPECT_EQ(
      complaint(
          "name: s\nbase: base.yaml\nset: {train.epoch: 3, data.noise.type: symmetric}\naxes:\n"
          "  noise: {key: data.noise.rate, values: [0.1, 1.3]}\n"
          "  seed: {key: seed, values: [1, 2]}\n"),
      "sweep.yaml:3:20: unknown key 'train.epoch'; did you mean 'train.epochs'? (all 4 "
      "runs)\n"
      "sweep.yaml:5:47: data.noise.rate: expected a number in [0, 1], got '1.3' (2 runs, the "
      "first is noise1.3_seed1)");
  EXPECT_EQ(complaint("name: s\nbase: missing.yaml\n"),
            "sweep.yaml:2:7: missing.yaml: expected a config file, found nothing there (run s)");
}

TEST_F(SweepConfig, EqualNamesAreRefused) {
  EXPECT_EQ(complaint("name: s\nbase: base.yaml\naxes:\n  gamma: {key: method.gamma, values: [1]}\n"
                      "runs:\n  - {name: gamma1}\n"),
            "sweep.yaml:6:5: two runs have the name 'gamma1'; the first is at sweep.yaml:1:1");
}

TEST_F(SweepConfig, ReportNamesAxesAndRunsOfTheSweep) {
  EXPECT_EQ(complaint(kGrid + "report:\n  rows: [metod]\n  baseline: {method: bseline}\n"
                              "  published: {figure: raf_db, match: {noise: rate}}\n"
                              "  same_faces: [a]\n"),
            "sweep.yaml:12:10: report.rows: there is no axis 'metod'; did you mean 'method'?\n"
            "sweep.yaml:13:22: report.baseline.method: axis 'method' has no value 'bseline'; did "
            "you mean 'baseline'?\n"
            "sweep.yaml:14:14: report.published.table: expected the name of a published table, "
            "which is missing\n"
            "sweep.yaml:14:46: report.published.match.noise: there is no axis 'rate'\n"
            "sweep.yaml:15:16: report.same_faces: there is no run 'a'");
}

TEST_F(SweepConfig, OverridesOfAllRunsLeaveTheKeysOfAxesAlone) {
  const std::string rest =
      ", and every run would have the same; choose with --only, or change the "
      "sweep file";
  EXPECT_EQ(complaint(kGrid, {"data.noise.type=symmetric", "seed=5"}),
            "--set seed=5: axis 'seed' sets 'seed' at sweep.yaml:10:49" + rest);
  // The section around the key takes it away too.
  EXPECT_EQ(complaint(kGrid, {"data.noise={type: symmetric, rate: 0.2}"}),
            "--set data.noise={type: symmetric, rate: 0.2}: axis 'noise' sets 'data.noise.rate' at "
            "sweep.yaml:9:42" +
                rest +
                "\n--set data.noise={type: symmetric, rate: 0.2}: axis 'seed' sets "
                "'data.noise.seed' at sweep.yaml:10:49" +
                rest);
  EXPECT_EQ(complaint("name: s\nbase: base.yaml\nruns:\n  - {name: a}\n"
                      "  - {name: b, set: {method.gamma: 0.3}}\n",
                      {"method.gamma=0.4"}),
            "--set method.gamma=0.4: run 'b' sets 'method.gamma' at sweep.yaml:5:35" + rest);
  // Keys beside it, and names that only begin alike, are free.
  EXPECT_EQ(complaint(kGrid, {"data.noise.type=symmetric", "train.epochs=5"}), "accepted");
}

TEST_F(SweepConfig, RunsThatAreTheSameTrainingAreRefused) {
  EXPECT_EQ(complaint("name: s\nbase: base.yaml\naxes:\n"
                      "  gamma: {key: method.gamma, values: [0.1, 0.10]}\n"),
            "sweep.yaml:1:1: runs 'gamma0.1' and 'gamma0.10' have the same config; expected each "
            "to differ in a key");
  // Threads change a result by rounding alone: no repetitions, but fair to compare the speed of.
  const std::string threads =
      "name: s\nbase: base.yaml\naxes:\n"
      "  threads: {key: train.threads, values: [1, 2]}\n";
  EXPECT_EQ(complaint(threads), "accepted");
  EXPECT_EQ(complaint(threads + "report: {repeat: threads}\n"),
            "sweep.yaml:1:1: runs 'threads1' and 'threads2' are the same training, and no "
            "repetitions: axis 'threads' changes no key that has a part in the result");
}

TEST_F(SweepConfig, EveryRunHasAPlaceOfItsOwn) {
  EXPECT_EQ(complaint("name: s\nbase: base.yaml\nruns:\n"
                      "  - {name: a, values: {x: p, y: q}}\n"
                      "  - {name: b, values: {y: q, x: p}, set: {seed: 2}}\n"),
            "sweep.yaml:5:5: runs 'a' and 'b' have the same values of axes; expected each to have "
            "a place of its own");
}

TEST_F(SweepConfig, AnAxisStandsOnceInTheReport) {
  EXPECT_EQ(complaint(kGrid + "report:\n  rows: [method, noise]\n  columns: [noise]\n"
                              "  repeat: method\n  baseline: {method: scn}\n"),
            "sweep.yaml:13:13: report.columns: axis 'noise' stands in report.rows already\n"
            "sweep.yaml:14:11: report.repeat: axis 'method' stands in report.rows already\n"
            "sweep.yaml:15:14: report.baseline: 'method' is the axis of repetitions, which pairs "
            "the runs; expected another axis");
  // Seeds that are rows are no repetitions.
  EXPECT_EQ(load(kGrid + "report: {rows: [seed]}\n", {"data.noise.type=symmetric"}).plan.repeat,
            "");
}

TEST_F(SweepConfig, WhatNothingComesOfIsRefused) {
  EXPECT_EQ(complaint(kGrid + "exclude: [{}]\n"),
            "sweep.yaml:11:11: exclude: expected values of axes such as {method: scn}, got an "
            "empty section");
  EXPECT_EQ(complaint("name: s\nbase: base.yaml\nruns:\n  - {name: a}\n"
                      "  - {name: b, set: {data.root: {run: a}}}\n"),
            "sweep.yaml:5:32: data.root: the checkpoint of a run can only be model.weights");
}

TEST_F(SweepConfig, FinishedRunWithAnotherConfigIsTold) {
  const LoadedSweep sweep = load(kChain);
  SweepPlan plan = sweep.plan;
  plan.directory = folder_.path() / "moved";
  const std::size_t index =
      static_cast<std::size_t>(&sweep.plan.job("plain_seed2") - sweep.plan.jobs.data());
  const SweepJob& job = plan.jobs[index];
  EXPECT_TRUE(compare_run(plan, job, sweep.options[index]).is_new);
  ExperimentOptions there = sweep.options[index];
  there.train.epochs = 7;
  there.train.threads = 3;
  there.model.weights = "/old/runs/pretrain_plain_seed2/checkpoints/best.pt";
  testing::write_file(plan.run_directory(job) / "config.resolved.yaml", resolved_yaml(there));
  EXPECT_TRUE(compare_run(plan, job, sweep.options[index]).is_new) << "there is no checkpoint";
  testing::write_file(plan.run_directory(job) / "DONE", "");
  const RunComparison comparison = compare_run(plan, job, sweep.options[index]);
  EXPECT_TRUE(comparison.is_finished);
  ASSERT_EQ(comparison.differences.size(), 1U);
  EXPECT_EQ(comparison.differences[0].key, "train.epochs");
  EXPECT_EQ(comparison.threads, 3);
  EXPECT_EQ(
      comparison.input_overrides,
      std::vector<std::string>{"model.weights=/old/runs/pretrain_plain_seed2/checkpoints/best.pt"});
}

TEST(SweepFiles, EverySweepOfThePaperIsReadWithAndWithoutItsDemo) {
  const fs::path folder = fs::path(SELFCURE_SOURCE_DIR) / "configs" / "sweeps";
  int count = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    for (const bool demo : {false, true}) {
      SweepRequest request;
      request.file = entry.path();
      request.demo = demo;
      const LoadedSweep sweep = load_sweep(request);
      EXPECT_EQ(sweep.plan.name, entry.path().stem());
      EXPECT_EQ(sweep.faces.empty(), !demo) << entry.path();
      for (const ExperimentOptions& options : sweep.options) {
        if (!demo) continue;
        EXPECT_LE(options.train.epochs, 5) << entry.path();
        for (const SourceOptions& source : options.data.train) {
          EXPECT_TRUE(
              std::any_of(sweep.faces.begin(), sweep.faces.end(),
                          [&](const SweepFaces& faces) { return faces.root == source.root; }))
              << entry.path() << ": " << source.root;
        }
      }
      ++count;
    }
  EXPECT_EQ(count, 2 * 12);
}

}  // namespace
}  // namespace selfcure
