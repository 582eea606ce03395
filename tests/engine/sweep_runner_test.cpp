#include "selfcure/engine/sweep/runner.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "../support/temporary_directory.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/sweep/claim.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

/// Stands for the trainer: notes its start in `starts`, then does what `<job>.does` says: ends
/// well, fails, or waits for a signal and saves.
const char* const kTrainer = R"(#!/bin/bash
while [ $# -gt 1 ]; do [ "$1" = --out ] && out=$2; shift; done
name=${out##*/}
here=$(dirname "$0")
echo "$name" >>"$here/starts"
mkdir -p "$out"
case $(cat "$here/$name.does" 2>/dev/null) in
fail) echo "the reason"; exit 3 ;;
once) [ -e "$out/tried" ] || { touch "$out/tried"; echo "the first time"; kill -9 $$; } ;;
wait) trap 'touch "$out/saved"; exit 143' TERM; touch "$out/waits"; while :; do sleep 0.05; done ;;
esac
echo '{"epoch":1,"test_accuracy":0.5,"seconds":2,"evaluation_seconds":1}' >"$out/metrics.jsonl"
touch "$out/DONE"
)";

class Events : public SweepObserver {
 public:
  void changed(const SweepStatus&, const JobStatus& job) override {
    const std::string line = job.job->name + " " + job_state_name(job.state);
    if (line == states[job.job->name]) return;  // another epoch, perhaps, of the same state
    states[job.job->name] = line;
    lines.push_back(line);
  }
  void retry(const SweepStatus&, const JobStatus& job) override {
    lines.push_back(job.job->name + " again: " + job.reason);
  }
  void note(const std::string& message) override { lines.push_back(message); }
  bool wants_status() override { return true; }
  void tick(const SweepStatus& status) override { last = status; }
  int stop_requests() override { return stop ? stop() : 0; }

  std::vector<std::string> lines;
  std::map<std::string, std::string> states;
  SweepStatus last;
  std::function<int()> stop;
};

class SweepRunner : public ::testing::Test {
 protected:
  SweepRunner() {
    const fs::path program = folder_.path() / "trainer";
    testing::write_file(program, kTrainer);
    fs::permissions(program, fs::perms::owner_all);
    plan_.name = "test";
    plan_.metric = "test_accuracy";
    plan_.directory = folder_.path() / "sweep";
    options_.program = program;
    options_.poll_seconds = 0.01;
    options_.look_seconds = 0.02;
    options_.beat_seconds = 0.05;
    options_.check = [](const SweepJob&) { return JobCheck(); };
  }

  void add(const std::string& name, const std::vector<std::string>& after = {},
           const std::string& does = "") {
    SweepJob job;
    job.name = name;
    job.config = "base.yaml";
    job.after = after;
    job.epochs = 1;
    plan_.jobs.push_back(job);
    if (!does.empty()) testing::write_file(folder_.path() / (name + ".does"), does);
  }
  SweepStatus run() { return run_jobs(plan_, plan_.jobs, options_, events_); }
  std::vector<std::string> starts() const {
    std::vector<std::string> names;
    if (!fs::exists(folder_.path() / "starts")) return names;
    std::istringstream text(read_file(folder_.path() / "starts"));
    for (std::string name; std::getline(text, name);) names.push_back(name);
    return names;
  }
  fs::path run_folder(const std::string& name) const { return plan_.directory / "runs" / name; }
  void wait_for(const fs::path& file) const {
    while (!fs::exists(file)) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }

  testing::TemporaryDirectory folder_;
  SweepPlan plan_;
  SweepRunOptions options_;
  Events events_;
};

TEST_F(SweepRunner, RunsEveryJobOnceAndAfterWhatItNeeds) {
  add("first");
  add("then", {"first"});
  add("other");
  options_.jobs = 2;
  const SweepStatus status = run();
  EXPECT_EQ(status.count(JobState::kDone), 3);
  EXPECT_DOUBLE_EQ(status.jobs[1].metric, 0.5);
  EXPECT_DOUBLE_EQ(status.jobs[1].epoch_seconds, 3);
  const auto at = [&](const std::string& line) {
    return std::find(events_.lines.begin(), events_.lines.end(), line) - events_.lines.begin();
  };
  EXPECT_LT(at("first done"), at("then running"));
  EXPECT_LT(at("other running"), at("first done"));
  EXPECT_EQ(starts().size(), 3U);
}

TEST_F(SweepRunner, SkipsWhatIsFinished) {
  add("old");
  add("new");
  testing::write_file(run_folder("old") / "DONE", "");
  EXPECT_EQ(run().count(JobState::kDone), 2);
  EXPECT_EQ(starts(), std::vector<std::string>{"new"});
}

TEST_F(SweepRunner, TriesAFailedJobTwiceAndGoesOnWithTheOthers) {
  add("bad", {}, "fail");
  add("needs_bad", {"bad"});
  add("needs_it_too", {"needs_bad"});
  add("good");
  const SweepStatus status = run();
  EXPECT_EQ(starts(), (std::vector<std::string>{"bad", "bad", "good"}));
  EXPECT_EQ(status.jobs[0].state, JobState::kFailed);
  EXPECT_EQ(status.jobs[0].reason, "exit code 3");
  EXPECT_EQ(status.jobs[0].log_tail, "the reason\n");
  EXPECT_EQ(status.jobs[1].state, JobState::kBlocked);
  EXPECT_EQ(status.jobs[1].reason, "needs bad");
  EXPECT_EQ(status.jobs[2].state, JobState::kBlocked);
  EXPECT_EQ(status.jobs[3].state, JobState::kDone);
  // The next sweep tries again.
  testing::write_file(folder_.path() / "bad.does", "end well");
  EXPECT_EQ(run().count(JobState::kDone), 4);
}

TEST_F(SweepRunner, JobThatIsKilledOnceEndsWell) {
  add("unlucky", {}, "once");
  EXPECT_EQ(run().count(JobState::kDone), 1);
  EXPECT_EQ(events_.lines,
            (std::vector<std::string>{"unlucky running", "unlucky again: ended by Killed",
                                      "unlucky done"}));
}

TEST_F(SweepRunner, RunWithAnotherConfigIsNotTouched) {
  add("other_config");
  options_.check = [](const SweepJob&) {
    JobCheck check;
    check.conflict = "train.epochs: the run has 7";
    return check;
  };
  const SweepStatus status = run();
  EXPECT_EQ(status.jobs[0].state, JobState::kFailed);
  EXPECT_EQ(status.jobs[0].reason, "train.epochs: the run has 7");
  EXPECT_TRUE(starts().empty());
}

TEST_F(SweepRunner, RunThatCannotBeReadDoesNotStopTheOthers) {
  add("unreadable");
  add("good");
  options_.check = [](const SweepJob& job) {
    if (job.name == "unreadable") throw ConfigError("config.resolved.yaml:1:1: not valid YAML");
    return JobCheck();
  };
  const SweepStatus status = run();
  EXPECT_EQ(status.jobs[0].reason, "config.resolved.yaml:1:1: not valid YAML");
  EXPECT_EQ(status.jobs[1].state, JobState::kDone);
}

TEST_F(SweepRunner, ThreadsAreTheRunsOwnThenThoseItBeganWithThenItsShare) {
  add("a");
  plan_.jobs[0].threads = 4;
  add("b");
  add("c");
  options_.threads = 2;
  options_.check = [](const SweepJob& job) {
    JobCheck check;
    if (job.name == "b") check.threads = 7;
    return check;
  };
  run();
  const auto log = [&](const std::string& name) {
    return read_file(plan_.directory / "logs" / (name + ".log"));
  };
  EXPECT_EQ(log("a").find("train.threads"), std::string::npos);
  EXPECT_NE(log("b").find("--set train.threads=7"), std::string::npos);
  EXPECT_NE(log("c").find("--set train.threads=2"), std::string::npos);
}

TEST_F(SweepRunner, StopLetsRunsSaveAndStartsNoOther) {
  add("waits", {}, "wait");
  add("later");
  events_.stop = [&] { return fs::exists(run_folder("waits") / "waits") ? 1 : 0; };
  const SweepStatus status = run();
  EXPECT_TRUE(status.is_stopping);
  EXPECT_TRUE(fs::exists(run_folder("waits") / "saved"));
  EXPECT_EQ(starts(), std::vector<std::string>{"waits"});
  EXPECT_EQ(Claim::look(plan_.directory / "claims" / "waits", 60).outcome, ClaimOutcome::kStopped);
}

TEST_F(SweepRunner, SecondStopKills) {
  add("waits", {}, "wait");
  events_.stop = [&] { return fs::exists(run_folder("waits") / "waits") ? 2 : 0; };
  run();
  EXPECT_FALSE(fs::exists(run_folder("waits") / "saved"));
}

TEST_F(SweepRunner, DeathOfTheSweepStopsItsRunsAndANewOneTakesThemOver) {
  add("waits", {}, "wait");
  const pid_t sweep = ::fork();
  if (sweep == 0) {
    run();
    ::_exit(0);
  }
  wait_for(run_folder("waits") / "waits");
  ::kill(sweep, SIGKILL);
  ::waitpid(sweep, nullptr, 0);
  wait_for(run_folder("waits") / "saved");
  fs::remove(folder_.path() / "waits.does");
  EXPECT_EQ(run().count(JobState::kDone), 1);
  EXPECT_EQ(starts().size(), 2U);
}

TEST_F(SweepRunner, WaitsForATrainingThatHoldsTheRunDirectory) {
  add("locked");
  fs::create_directories(run_folder("locked"));
  const int lock =
      ::open((run_folder("locked") / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  int looks = 0;
  events_.stop = [&] {
    if (++looks == 20) {
      EXPECT_TRUE(starts().empty());
      ::close(lock);
    }
    return 0;
  };
  EXPECT_EQ(run().count(JobState::kDone), 1);
  EXPECT_GE(looks, 20);
  EXPECT_EQ(events_.lines.front(),
            "locked: waiting for another training that uses its run directory");
  EXPECT_EQ(events_.lines.size(), 3U) << "said once";
}

TEST_F(SweepRunner, SweepsThatShareAFolderRunEveryJobOnce) {
  constexpr int kSweeps = 4;
  constexpr int kJobs = 12;
  for (int i = 0; i < kJobs; ++i)
    add("job" + std::to_string(i), i % 3 == 2
                                       ? std::vector<std::string>{"job" + std::to_string(i - 1)}
                                       : std::vector<std::string>{});
  std::vector<pid_t> sweeps;
  for (int i = 0; i < kSweeps; ++i) {
    const pid_t id = ::fork();
    if (id == 0) ::_exit(run().count(JobState::kDone));
    sweeps.push_back(id);
  }
  for (const pid_t id : sweeps) {
    int status = 0;
    ::waitpid(id, &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), kJobs) << "each waits for what the others run";
  }
  const std::vector<std::string> started = starts();
  EXPECT_EQ(started.size(), static_cast<std::size_t>(kJobs));
  EXPECT_EQ(std::set<std::string>(started.begin(), started.end()).size(),
            static_cast<std::size_t>(kJobs));
}

TEST_F(SweepRunner, FailureOnAnotherMachineIsNotTriedAThirdTime) {
  add("bad");
  fs::create_directories(plan_.directory / "claims");
  auto elsewhere = Claim::take(plan_.directory / "claims" / "bad", 60);
  ASSERT_TRUE(elsewhere);
  int looks = 0;
  events_.stop = [&] {
    if (++looks == 5) {
      EXPECT_EQ(events_.lines, std::vector<std::string>{"bad elsewhere"});
      elsewhere->end(ClaimOutcome::kFailed, 1);
    }
    return 0;
  };
  const SweepStatus status = run();
  EXPECT_EQ(status.jobs[0].state, JobState::kFailed);
  EXPECT_TRUE(starts().empty());
}

TEST_F(SweepRunner, TimeLeftFollowsFromFinishedEpochs) {
  add("done");
  add("waits", {}, "wait");
  add("later");
  plan_.jobs[1].epochs = 10;
  plan_.jobs[2].epochs = 4;
  testing::write_file(run_folder("done") / "DONE", "");
  testing::write_file(run_folder("done") / "metrics.jsonl",
                      R"({"epoch":1,"test_accuracy":0.5,"seconds":2.5,"evaluation_seconds":0.5})");
  events_.stop = [&] { return fs::exists(run_folder("waits") / "waits") ? 2 : 0; };
  run();
  // Ten epochs of three seconds, then four, in one place.
  EXPECT_NEAR(events_.last.seconds_left, 42, 3.1);
}

}  // namespace
}  // namespace selfcure
