#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "selfcure/engine/sweep/plan.h"

namespace selfcure {

enum class JobState {
  kWaiting,
  /// Here.
  kRunning,
  /// By another process, here or on another machine.
  kElsewhere,
  kDone,
  kFailed,
  /// One that it needs has failed.
  kBlocked,
};

const char* job_state_name(JobState state);

/// What is known of a job while a sweep runs. Times that are not known are NaN.
struct JobStatus {
  const SweepJob* job = nullptr;
  JobState state = JobState::kWaiting;
  int epochs_done = 0;
  /// The sweep's metric after the last epoch; NaN before.
  double metric = 0;
  /// Of one epoch with its evaluation.
  double epoch_seconds = 0;
  double seconds_left = 0;
  /// Who works on it elsewhere.
  std::string holder;
  /// Tries in this sweep, the running one included.
  int attempts = 0;
  /// Of a failed one: "exit code 2" and the last lines of its log.
  std::string reason;
  std::string log_tail;
};

struct SweepStatus {
  /// In the order of the jobs.
  std::vector<JobStatus> jobs;
  /// Until all are done, as the epochs so far suggest; NaN before the first one is finished.
  double seconds_left = 0;
  bool is_stopping = false;
  int count(JobState state) const;
};

/// What a run directory says about a job before it is started.
struct JobCheck {
  bool is_finished = false;
  /// train.threads of the unfinished run there, 0 when there is none.
  int threads = 0;
  /// Overrides in place of those of the job's inputs.
  std::vector<std::string> input_overrides;
  /// Why it may not be gone on with; empty when it may.
  std::string conflict;
};

class SweepObserver {
 public:
  virtual ~SweepObserver() = default;
  /// A job's state has changed, or its epoch.
  virtual void changed(const SweepStatus& status, const JobStatus& job) = 0;
  /// A failed job is tried again.
  virtual void retry(const SweepStatus& status, const JobStatus& job) = 0;
  /// Something else to know.
  virtual void note(const std::string& message) = 0;
  /// Asked several times a second: is it time to show the status again?
  virtual bool wants_status() = 0;
  virtual void tick(const SweepStatus& status) = 0;
  /// How often the user asked to stop: once lets runs save, twice kills them.
  virtual int stop_requests() = 0;
};

struct SweepRunOptions {
  /// Runs at a time, at least 1.
  int jobs = 1;
  /// train.threads of runs that do not say how many they want.
  int threads = 1;
  /// The selfcure command.
  std::filesystem::path program;
  std::function<JobCheck(const SweepJob&)> check;
  /// A claim from another machine without a sign of life for so long is taken over.
  double stale_seconds = 300;
  double beat_seconds = 20;
  /// How often to look at what others do.
  double look_seconds = 2;
  double poll_seconds = 0.1;
};

/// Runs jobs as processes, each at most once among all machines that share the sweep's folder.
///
/// A failed job is tried a second time from its checkpoint; the others go on, except those that
/// need it. Returns when every job is done, failed or blocked, wherever it ran, or when the user
/// has stopped it and every process of this sweep has ended.
///
/// @param jobs  of the plan, with all that they need
/// @throws RunError when the sweep's folder cannot be written
SweepStatus run_jobs(const SweepPlan& plan, const std::vector<SweepJob>& jobs,
                     const SweepRunOptions& options, SweepObserver& observer);

/// Reads metrics.jsonl of a job's run directory into its status.
void read_progress(const SweepPlan& plan, const SweepJob& job, JobStatus& status);

}  // namespace selfcure
