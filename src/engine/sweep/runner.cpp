#include "selfcure/engine/sweep/runner.h"

#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fstream>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/epoch_record.h"
#include "selfcure/engine/sweep/child.h"
#include "selfcure/engine/sweep/claim.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr int kMostAttempts = 2;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string last_lines(const fs::path& file, std::uintmax_t from) {
  constexpr std::size_t kLines = 5;
  std::ifstream in(file, std::ios::binary);
  in.seekg(static_cast<std::streamoff>(from));
  std::vector<std::string> lines;
  for (std::string line; std::getline(in, line);) {
    if (line.empty()) continue;
    lines.push_back(line);
    if (lines.size() > kLines) lines.erase(lines.begin());
  }
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(file, error);
  return error ? 0 : size;
}

std::string utc_now() {
  const std::time_t time = std::time(nullptr);
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

/// A job and what this process has to do with it.
struct Entry {
  const SweepJob* job = nullptr;
  JobStatus status;
  std::unique_ptr<Child> child;
  std::optional<Claim> claim;
  /// Claims up to this one ended before this sweep began: a failure then is tried again now.
  std::int64_t old_generation = 0;
  std::uintmax_t log_start = 0;
  double started = 0;
  double epoch_began = 0;
  double not_before = 0;
  bool said_locked = false;
};

class Runner {
 public:
  Runner(const SweepPlan& plan, const std::vector<SweepJob>& jobs, const SweepRunOptions& options,
         SweepObserver& observer)
      : plan_(plan), options_(options), observer_(observer) {
    for (const char* folder : {"runs", "logs", "claims"}) {
      std::error_code error;
      fs::create_directories(plan.directory / folder, error);
      if (error)
        throw RunError((plan.directory / folder).string() + ": cannot be made: " + error.message());
    }
    for (const SweepJob& job : jobs) {
      Entry entry;
      entry.job = &job;
      entry.status.job = &job;
      const ClaimRecord record = Claim::look(claims_of(job), options.stale_seconds);
      const bool is_held = record.outcome == ClaimOutcome::kHeld && !record.is_stale;
      entry.old_generation = record.generation - (is_held ? 1 : 0);
      read_progress(plan, job, entry.status);
      if (has_finished(job)) entry.status.state = JobState::kDone;
      index_[job.name] = entries_.size();
      entries_.push_back(std::move(entry));
    }
  }

  SweepStatus run() {
    double next_beat = now() + options_.beat_seconds;
    double next_look = 0;
    while (true) {
      for (Entry& entry : entries_)
        if (entry.child) reap(entry);
      obey_stop_requests();
      if (now() >= next_beat) {
        for (Entry& entry : entries_) beat(entry);
        next_beat = now() + options_.beat_seconds;
      }
      if (now() >= next_look) {
        for (Entry& entry : entries_) look(entry);
        next_look = now() + options_.look_seconds;
      }
      if (!stopping_) start_what_can();
      if (observer_.wants_status()) observer_.tick(status());
      if (is_over()) break;
      std::this_thread::sleep_for(std::chrono::duration<double>(options_.poll_seconds));
    }
    return status();
  }

 private:
  fs::path claims_of(const SweepJob& job) const { return plan_.directory / "claims" / job.name; }
  fs::path log_of(const SweepJob& job) const {
    return plan_.directory / "logs" / (job.name + ".log");
  }
  bool has_finished(const SweepJob& job) const {
    std::error_code error;
    return fs::exists(plan_.run_directory(job) / "DONE", error);
  }
  int running() const {
    return static_cast<int>(std::count_if(entries_.begin(), entries_.end(), [](const Entry& entry) {
      return entry.child != nullptr;
    }));
  }

  void set_state(Entry& entry, JobState state) {
    if (entry.status.state == state) return;
    entry.status.state = state;
    if (state != JobState::kElsewhere) entry.status.holder.clear();
    if (state == JobState::kDone) read_progress(plan_, *entry.job, entry.status);
    observer_.changed(status(), status_of(entry));
  }

  void start_what_can() {
    for (Entry& entry : entries_) {
      if (running() >= options_.jobs) return;
      if (entry.status.state != JobState::kWaiting || now() < entry.not_before) continue;
      bool is_ready = true;
      for (const std::string& name : entry.job->after) {
        const JobState needed = entries_[index_.at(name)].status.state;
        is_ready = is_ready && needed == JobState::kDone;
        if (needed == JobState::kFailed || needed == JobState::kBlocked) {
          entry.status.reason = "needs " + name;
          set_state(entry, JobState::kBlocked);
          break;
        }
      }
      if (is_ready && entry.status.state == JobState::kWaiting) take(entry);
    }
  }

  void take(Entry& entry) {
    const SweepJob& job = *entry.job;
    if (has_finished(job)) return set_state(entry, JobState::kDone);
    entry.claim = Claim::take(claims_of(job), options_.stale_seconds);
    if (!entry.claim) {
      look_elsewhere(entry);
      return;
    }
    if (has_finished(job)) {
      release(entry, ClaimOutcome::kDone);
      return set_state(entry, JobState::kDone);
    }
    // A training that was started by hand, or one of a sweep that was killed and still saves.
    // Only the holder of the claim asks: to ask is to hold the lock for a moment.
    if (is_run_locked(plan_.run_directory(job))) {
      release(entry, ClaimOutcome::kStopped);
      entry.not_before = now() + options_.look_seconds;
      if (!std::exchange(entry.said_locked, true))
        observer_.note(job.name + ": waiting for another training that uses its run directory");
      return;
    }
    entry.status.attempts = 0;
    start(entry);
  }

  void start(Entry& entry) {
    JobCheck check;
    try {
      check = options_.check(*entry.job);
    } catch (const UserError& error) {  // what another machine left there cannot be read
      check.conflict = error.what();
    }
    if (!check.conflict.empty()) return fail(entry, check.conflict, 2);
    ++entry.status.attempts;
    SweepJob job = *entry.job;
    job.overrides.insert(job.overrides.end(), check.input_overrides.begin(),
                         check.input_overrides.end());
    // A run keeps its number of threads, with which its bits are the same as without a stop.
    const int threads = job.threads > 0 ? 0 : check.threads > 0 ? check.threads : options_.threads;
    const std::vector<std::string> arguments = train_arguments(plan_, job, threads);
    std::string line = "--- " + utc_now() + " " + shell_quoted(options_.program.string());
    for (const std::string& argument : arguments) line += " " + shell_quoted(argument);
    {
      std::ofstream log(log_of(job), std::ios::app);
      log << line << "\n";
    }
    entry.log_start = size_of(log_of(job));
    entry.child = std::make_unique<Child>(options_.program, arguments, log_of(job));
    entry.started = entry.epoch_began = now();
    read_progress(plan_, job, entry.status);
    set_state(entry, JobState::kRunning);
  }

  void reap(Entry& entry) {
    const std::optional<ChildEnd> end = entry.child->ended();
    if (!end) return;
    entry.child.reset();
    const SweepJob& job = *entry.job;
    if (end->signal == 0 && end->exit_code == 0 && has_finished(job)) {
      release(entry, ClaimOutcome::kDone);
      return set_state(entry, JobState::kDone);
    }
    if (stopping_ || lost_claim(entry)) {
      release(entry, ClaimOutcome::kStopped);
      return set_state(entry, JobState::kWaiting);
    }
    if (is_run_locked(plan_.run_directory(job))) {  // somebody else was faster
      release(entry, ClaimOutcome::kStopped);
      entry.not_before = now() + options_.look_seconds;
      return set_state(entry, JobState::kWaiting);
    }
    std::string reason = end->signal != 0 ? std::string("ended by ") + strsignal(end->signal)
                                          : "exit code " + std::to_string(end->exit_code);
    if (end->signal == 0 && end->exit_code == 0) reason = "ended without a result";
    entry.status.reason = reason;
    entry.status.log_tail = last_lines(log_of(job), entry.log_start);
    if (entry.status.attempts < kMostAttempts) {
      observer_.retry(status(), status_of(entry));
      try {
        return start(entry);
      } catch (const RunError& error) {
        reason = error.what();
      }
    }
    fail(entry, reason, end->signal != 0 ? -end->signal : end->exit_code);
  }

  void fail(Entry& entry, const std::string& reason, int exit_code) {
    entry.status.reason = reason;
    release(entry, ClaimOutcome::kFailed, exit_code);
    set_state(entry, JobState::kFailed);
  }

  void release(Entry& entry, ClaimOutcome outcome, int exit_code = 0) {
    if (entry.claim) entry.claim->end(outcome, exit_code);
    entry.claim.reset();
  }

  bool lost_claim(const Entry& entry) const { return entry.claim && entry.claim->is_superseded(); }

  void beat(Entry& entry) {
    if (!entry.claim) return;
    entry.claim->beat();
    // This process was asleep for too long, and another one works on the job.
    if (entry.child && entry.claim->is_superseded()) entry.child->signal(SIGTERM);
  }

  /// What others did, and how far our own are.
  void look(Entry& entry) {
    JobStatus& status = entry.status;
    if (status.state == JobState::kElsewhere) look_elsewhere(entry);
    if (status.state != JobState::kRunning && status.state != JobState::kElsewhere) return;
    const int before = status.epochs_done;
    read_progress(plan_, *entry.job, status);
    if (status.epochs_done == before) return;
    entry.epoch_began = now();
    observer_.changed(this->status(), status_of(entry));
  }

  void look_elsewhere(Entry& entry) {
    if (has_finished(*entry.job)) return set_state(entry, JobState::kDone);
    const ClaimRecord record = Claim::look(claims_of(*entry.job), options_.stale_seconds);
    entry.status.holder = record.holder;
    if (record.outcome == ClaimOutcome::kFailed && record.generation > entry.old_generation) {
      entry.status.reason = "failed elsewhere (" + record.holder + ")";
      entry.status.log_tail = last_lines(log_of(*entry.job), 0);
      return set_state(entry, JobState::kFailed);
    }
    const bool is_free = record.outcome != ClaimOutcome::kHeld || record.is_stale;
    set_state(entry, is_free ? JobState::kWaiting : JobState::kElsewhere);
  }

  void obey_stop_requests() {
    const int requests = observer_.stop_requests();
    if (requests <= obeyed_) return;
    stopping_ = true;
    for (Entry& entry : entries_)
      if (entry.child) entry.child->signal(requests > 1 ? SIGKILL : SIGTERM);
    obeyed_ = requests;
  }

  bool is_over() const {
    return running() == 0 &&
           (stopping_ || std::none_of(entries_.begin(), entries_.end(), [](const Entry& entry) {
              return entry.status.state == JobState::kWaiting ||
                     entry.status.state == JobState::kElsewhere;
            }));
  }

  /// Mean seconds of an epoch, by config and, under "", of all; only of what is known.
  std::map<fs::path, double> typical_epoch_seconds() const {
    std::map<fs::path, std::pair<double, int>> sums;
    for (const Entry& entry : entries_) {
      if (std::isnan(entry.status.epoch_seconds)) continue;
      for (const fs::path& group : {entry.job->config, fs::path()}) {
        sums[group].first += entry.status.epoch_seconds;
        ++sums[group].second;
      }
    }
    std::map<fs::path, double> means;
    for (const auto& [group, sum] : sums) means[group] = sum.first / sum.second;
    return means;
  }

  JobStatus status_of(const Entry& entry, const std::map<fs::path, double>& typical) const {
    JobStatus status = entry.status;
    double seconds = status.epoch_seconds;
    for (const fs::path& group : {entry.job->config, fs::path()})
      if (std::isnan(seconds) && typical.count(group) != 0) seconds = typical.at(group);
    const int epochs = std::max(0, entry.job->epochs - status.epochs_done);
    status.seconds_left = seconds * epochs;
    if (entry.child)
      status.seconds_left = std::max(seconds * std::max(0, epochs - 1),
                                     status.seconds_left - (now() - entry.epoch_began));
    if (status.state == JobState::kDone || status.state == JobState::kFailed ||
        status.state == JobState::kBlocked)
      status.seconds_left = 0;
    return status;
  }
  JobStatus status_of(const Entry& entry) const {
    return status_of(entry, typical_epoch_seconds());
  }

  SweepStatus status() const {
    SweepStatus status;
    status.is_stopping = stopping_;
    const std::map<fs::path, double> typical = typical_epoch_seconds();
    // Each waiting run goes to the place that is free first.
    std::vector<double> places;
    for (const Entry& entry : entries_) {
      status.jobs.push_back(status_of(entry, typical));
      if (entry.child) places.push_back(status.jobs.back().seconds_left);
    }
    places.resize(std::max(places.size(), static_cast<std::size_t>(options_.jobs)), 0);
    for (const JobStatus& job : status.jobs)
      if (job.state == JobState::kWaiting)
        *std::min_element(places.begin(), places.end()) += job.seconds_left;
    for (const double place : places)
      status.seconds_left = std::isnan(place) || std::isnan(status.seconds_left)
                                ? kNaN
                                : std::max(status.seconds_left, place);
    return status;
  }

  const SweepPlan& plan_;
  const SweepRunOptions& options_;
  SweepObserver& observer_;
  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> index_;
  bool stopping_ = false;
  int obeyed_ = 0;
};

}  // namespace

const char* job_state_name(JobState state) {
  switch (state) {
    case JobState::kWaiting:
      return "waiting";
    case JobState::kRunning:
      return "running";
    case JobState::kElsewhere:
      return "elsewhere";
    case JobState::kDone:
      return "done";
    case JobState::kFailed:
      return "failed";
    case JobState::kBlocked:
      return "not run";
  }
  return "";
}

int SweepStatus::count(JobState state) const {
  return static_cast<int>(std::count_if(jobs.begin(), jobs.end(),
                                        [&](const JobStatus& job) { return job.state == state; }));
}

void read_progress(const SweepPlan& plan, const SweepJob& job, JobStatus& status) {
  status.epochs_done = 0;
  status.metric = kNaN;
  status.epoch_seconds = kNaN;
  std::ifstream file(plan.run_directory(job) / "metrics.jsonl");
  double seconds = 0;
  for (std::string line; std::getline(file, line);) {
    try {
      const EpochRecord record = EpochRecord::parse(line);
      ++status.epochs_done;
      const double value = record.get(plan.metric);
      if (!std::isnan(value)) status.metric = value;
      const double evaluation = record.get("evaluation_seconds");
      seconds += record.get("seconds") + (std::isnan(evaluation) ? 0 : evaluation);
    } catch (const RunError&) {
      return;  // half a line: the file system shows it before it is whole
    }
    status.epoch_seconds = seconds / status.epochs_done;
  }
}

SweepStatus run_jobs(const SweepPlan& plan, const std::vector<SweepJob>& jobs,
                     const SweepRunOptions& options, SweepObserver& observer) {
  return Runner(plan, jobs, options, observer).run();
}

}  // namespace selfcure
