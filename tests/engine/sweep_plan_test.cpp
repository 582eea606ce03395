#include "selfcure/engine/sweep/plan.h"

#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "../support/temporary_directory.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/sweep/emit.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

SweepJob job(const std::string& name, const std::vector<std::string>& after = {}) {
  SweepJob job;
  job.name = name;
  job.config = "base.yaml";
  job.after = after;
  job.threads = 1;
  return job;
}

std::vector<std::string> names(const std::vector<SweepJob>& jobs) {
  std::vector<std::string> names;
  for (const SweepJob& each : jobs) names.push_back(each.name);
  return names;
}

TEST(SweepPlan, JobsStandAfterThoseTheyNeedAndOtherwiseKeepTheirOrder) {
  std::vector<SweepJob> jobs = {job("c", {"b"}), job("x"), job("b", {"a"}), job("a")};
  EXPECT_TRUE(order_jobs(jobs).empty());
  EXPECT_EQ(names(jobs), (std::vector<std::string>{"a", "b", "c", "x"}));
}

TEST(SweepPlan, CircleOfJobsIsNamed) {
  std::vector<SweepJob> jobs = {job("x"), job("a", {"b"}), job("b", {"c"}), job("c", {"a"})};
  EXPECT_EQ(order_jobs(jobs), (std::vector<std::string>{"a", "b", "c", "a"}));
  EXPECT_EQ(jobs.size(), 4U);
}

TEST(SweepPlan, ShardsHoldEveryJobOnceAndKeepChainsTogether) {
  std::vector<SweepJob> jobs;
  for (int i = 0; i < 7; ++i) jobs.push_back(job("single" + std::to_string(i)));
  for (int i = 0; i < 4; ++i) {
    const std::string first = "first" + std::to_string(i);
    jobs.push_back(job(first));
    jobs.push_back(job("then" + std::to_string(i), {first}));
    jobs.push_back(job("also" + std::to_string(i), {first}));
  }
  for (int count = 1; count <= 25; ++count) {
    std::multiset<std::string> seen;
    std::size_t smallest = jobs.size();
    std::size_t largest = 0;
    for (int index = 1; index <= count; ++index) {
      const std::vector<SweepJob> shard = shard_of(jobs, index, count);
      std::set<std::string> here;
      for (const SweepJob& each : shard) {
        for (const std::string& needed : each.after) EXPECT_TRUE(here.count(needed));
        here.insert(each.name);
        seen.insert(each.name);
      }
      smallest = std::min(smallest, shard.size());
      largest = std::max(largest, shard.size());
    }
    EXPECT_EQ(seen.size(), jobs.size());
    EXPECT_EQ(std::set<std::string>(seen.begin(), seen.end()).size(), jobs.size());
    EXPECT_LE(largest - smallest, 3U) << count << " shards";
  }
}

SweepPlan plan_of(const fs::path& directory) {
  SweepPlan plan;
  plan.name = "test";
  plan.title = "A test";
  plan.metric = "test_accuracy";
  plan.axes = {{"method", "method", {"a", "b"}}, {"seed", "seed", {"1", "2"}}};
  plan.directory = directory;
  return plan;
}

TEST(SweepPlan, FilterKeepsWhatTheChosenRunsNeed) {
  SweepPlan plan = plan_of("out");
  SweepJob pretrain = job("pretrain_1");
  pretrain.stage = "pretrain";
  pretrain.values = {{"seed", "1"}};
  SweepJob other = pretrain;
  other.name = "pretrain_2";
  other.values = {{"seed", "2"}};
  SweepJob a = job("a_1", {"pretrain_1"});
  a.values = {{"method", "a"}, {"seed", "1"}};
  SweepJob b = job("b_1");
  b.values = {{"method", "b"}, {"seed", "1"}};
  plan.jobs = {pretrain, other, a, b};
  EXPECT_EQ(names(filter_jobs(plan, {{"method", "a"}})),
            (std::vector<std::string>{"pretrain_1", "a_1"}));
  EXPECT_EQ(names(filter_jobs(plan, {{"method", "a"}, {"method", "b"}, {"seed", "1"}})),
            (std::vector<std::string>{"pretrain_1", "a_1", "b_1"}));
  try {
    filter_jobs(plan, {{"metod", "a"}, {"seed", "3"}});
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "--only metod=a: the sweep has no axis 'metod'; it has method, seed\n"
                 "--only seed=3: expected one of 1, 2, got '3'");
  }
  EXPECT_THROW(filter_jobs(plan, {{"method", "b"}, {"seed", "2"}}), ConfigError);
}

TEST(SweepPlan, QuotedArgumentsReachTheProgramAsTheyAre) {
  const testing::TemporaryDirectory folder;
  const std::vector<std::string> nasty = {"plain",     "a b",  "it's", "$HOME `x` \"y\" \\", "",
                                          "new\nline", "*?[]", "~",    "a;b&c|d>e#f",        "!x"};
  std::string command = "printf '%s\\0'";
  std::string expected;
  for (const std::string& text : nasty) {
    command += " " + shell_quoted(text);
    expected += text + '\0';
  }
  const fs::path out = folder.path() / "out";
  ASSERT_EQ(std::system((command + " >" + shell_quoted(out.string())).c_str()), 0);
  EXPECT_EQ(read_file(out), expected);
}

/// A sweep whose program is a script that notes what it was asked to do; the jobs' names that
/// `fails` holds fail.
class SweepEmit : public ::testing::Test {
 protected:
  SweepEmit() : plan_(plan_of("it's a sweep")) {
    const fs::path program = folder_.path() / "the program";
    testing::write_file(program,
                        "#!/bin/bash\n"
                        "printf '%s\\n' \"$*\" >>calls\n"
                        "while [ $# -gt 1 ]; do [ \"$1\" = --out ] && out=$2; shift; done\n"
                        "name=${out##*/}\n"
                        "grep -qx \"$name\" fails && exit 1\n"
                        "mkdir -p \"$out\" && touch \"$out/DONE\"\n");
    fs::permissions(program, fs::perms::owner_all);
    testing::write_file(folder_.path() / "fails", "");
    options_.program = program;
    options_.working_directory = folder_.path();
    SweepJob first = job("first");
    first.overrides = {"data.root=with 'quotes' and $signs"};
    SweepJob independent = job("independent");
    independent.threads = 0;
    plan_.jobs = {first, independent, job("then", {"first"}), job("also", {"first"}),
                  job("last", {"then", "also"})};
  }

  int shell(const std::string& command) const {
    const int status =
        std::system(("cd " + shell_quoted(folder_.path().string()) + " && " + command).c_str());
    return WEXITSTATUS(status);
  }
  bool is_done(const std::string& name) const {
    return fs::exists(folder_.path() / plan_.directory / "runs" / name / "DONE");
  }
  std::string calls() const { return read_file(folder_.path() / "calls"); }

  testing::TemporaryDirectory folder_;
  SweepPlan plan_;
  EmitOptions options_;
};

TEST_F(SweepEmit, CommandsRunEveryJobWithItsArguments) {
  const std::string text = emit_commands(plan_, plan_.jobs, options_);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  testing::write_file(folder_.path() / "lines", text);
  ASSERT_EQ(shell("bash -n lines"), 0);
  EXPECT_EQ(shell("xargs -d '\\n' -n 1 -P 2 sh -c <lines"), 0);
  for (const SweepJob& each : plan_.jobs) EXPECT_TRUE(is_done(each.name)) << each.name;
  EXPECT_NE(calls().find("train base.yaml --set data.root=with 'quotes' and $signs --set "
                         "name=first --out it's a sweep/runs/first --resume\n"),
            std::string::npos)
      << calls();
}

TEST_F(SweepEmit, FailureInACommandLineKeepsBackOnlyWhatNeedsIt) {
  testing::write_file(folder_.path() / "fails", "then\n");
  testing::write_file(folder_.path() / "lines", emit_commands(plan_, plan_.jobs, options_));
  EXPECT_EQ(shell("head -1 lines | sh"), 1);
  EXPECT_EQ(shell("tail -1 lines | sh"), 0);
  EXPECT_TRUE(is_done("also"));
  EXPECT_TRUE(is_done("independent"));
  EXPECT_FALSE(is_done("last"));
}

/// Runs the tasks of an array one after another, as Slurm would, and prints a number.
const char* const kFakeSbatch =
    "#!/bin/bash\n"
    "echo \"$*\" >>submissions\n"
    "for argument; do case $argument in --array=*) range=${argument#--array=};; esac; done\n"
    "for ((task = ${range%-*}; task <= ${range#*-}; ++task)); do\n"
    "  SLURM_ARRAY_TASK_ID=$task SLURM_CPUS_PER_TASK=5 bash \"${@: -1}\" 1>&2\n"
    "done\n"
    "echo \"$((40 + $(wc -l <submissions)));cluster\"\n";

TEST_F(SweepEmit, SlurmScriptSubmitsStageAfterStage) {
  testing::write_file(folder_.path() / "sweep script.sh", emit_slurm(plan_, plan_.jobs, options_));
  testing::write_file(folder_.path() / "bin" / "sbatch", kFakeSbatch);
  fs::permissions(folder_.path() / "bin" / "sbatch", fs::perms::owner_all);
  ASSERT_EQ(shell("bash -n 'sweep script.sh'"), 0);
  ASSERT_EQ(shell("PATH=\"$PWD/bin:$PATH\" bash 'sweep script.sh' --partition=gpu >submitted"), 0);
  EXPECT_EQ(read_file(folder_.path() / "submissions"),
            "--parsable --partition=gpu --array=0-1 sweep script.sh\n"
            "--parsable --dependency=afterany:41 --partition=gpu --array=2-3 sweep script.sh\n"
            "--parsable --dependency=afterany:42 --partition=gpu --array=4-4 sweep script.sh\n");
  for (const SweepJob& each : plan_.jobs) EXPECT_TRUE(is_done(each.name)) << each.name;
  EXPECT_NE(calls().find("--set name=independent --set train.threads=5 --out"), std::string::npos)
      << calls();
  EXPECT_EQ(calls().find("--set name=first --set train.threads"), std::string::npos);
}

TEST_F(SweepEmit, SlurmTaskRefusesToRunBeforeWhatItNeeds) {
  testing::write_file(folder_.path() / "script.sh", emit_slurm(plan_, plan_.jobs, options_));
  EXPECT_EQ(shell("SLURM_ARRAY_TASK_ID=4 bash script.sh 2>err"), 1);
  EXPECT_NE(read_file(folder_.path() / "err").find("runs/then/DONE is missing"), std::string::npos);
  EXPECT_EQ(shell("SLURM_ARRAY_TASK_ID=5 bash script.sh 2>err"), 2);
  EXPECT_FALSE(fs::exists(folder_.path() / "calls"));
}

TEST_F(SweepEmit, SlurmScriptWithoutStagesIsAnArrayByItself) {
  plan_.jobs.resize(2);
  plan_.directory = "sweep";
  const std::string text = emit_slurm(plan_, plan_.jobs, options_);
  EXPECT_NE(text.find("\n#SBATCH --array=0-1\n"), std::string::npos);
  EXPECT_NE(
      text.find("\n#SBATCH --output=" + folder_.path().string() + "/sweep/logs/slurm-%A_%a.out\n"),
      std::string::npos);
}

}  // namespace
}  // namespace selfcure
