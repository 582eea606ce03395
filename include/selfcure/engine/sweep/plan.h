#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace selfcure {

/// Something that a sweep varies.
struct SweepAxis {
  std::string name;
  /// For tables and plots; the name unless the file says more.
  std::string label;
  /// Short names, which are parts of run names.
  std::vector<std::string> values;
};

/// An axis and the short name of its value.
using SweepValues = std::vector<std::pair<std::string, std::string>>;

/// A key of a run whose value is another run's checkpoint.
struct SweepInput {
  std::string key;
  std::string run;
  /// Position in SweepJob::overrides.
  std::size_t override_index;
};

/// One run of a sweep.
struct SweepJob {
  /// Unique in the sweep, safe as the name of a folder.
  std::string name;
  /// In the order of the axes.
  SweepValues values;
  /// Of a stage, which feeds other runs and is no row of the table; empty for the others.
  std::string stage;
  std::filesystem::path config;
  /// "key.path=value", in order.
  std::vector<std::string> overrides;
  std::vector<SweepInput> inputs;
  /// Names of the runs that have to be finished before.
  std::vector<std::string> after;
  int epochs = 0;
  /// train.threads of the run; 0 leaves it to the sweep.
  int threads = 0;
};

/// All that a sweep file says, expanded.
struct SweepPlan {
  std::string name;
  std::string title;
  /// test_accuracy or mean_class_accuracy
  std::string metric;
  std::vector<SweepAxis> axes;
  /// The axis of repetitions, usually the seed; may be empty.
  std::string repeat;
  /// The section `report` as a JSON object.
  std::string report_json = "{}";
  /// A run stands after those that it needs.
  std::vector<SweepJob> jobs;
  /// Of the sweep; runs lie in its folder `runs`.
  std::filesystem::path directory;

  std::filesystem::path run_directory(const SweepJob& job) const {
    return directory / "runs" / job.name;
  }
  /// @throws std::out_of_range
  const SweepJob& job(const std::string& job_name) const;
};

/// "noise" of the job, or "" where it has no such axis.
std::string value_of(const SweepValues& values, const std::string& axis);

/// Puts every job after those that it needs, otherwise keeping the order.
/// @return the names of a circle of jobs that wait for each other; empty when there is none
std::vector<std::string> order_jobs(std::vector<SweepJob>& jobs);

/// Jobs that hang together by `after`, each group in the order of `jobs`; positions in `jobs`.
std::vector<std::vector<std::size_t>> chains_of(const std::vector<SweepJob>& jobs);

/// The jobs of shard `index` of `count`, from 1. Chains stay together; the shards of one plan hold
/// every job exactly once and differ as little as the chains allow.
std::vector<SweepJob> shard_of(const std::vector<SweepJob>& jobs, int index, int count);

/// The jobs with these values, and those that they need.
/// @throws ConfigError when an axis or value is unknown, or no job is left
std::vector<SweepJob> filter_jobs(const SweepPlan& plan, const SweepValues& wanted);

/// sweep.json: what a report has to know of the sweep. Equal plans give equal bytes.
std::string sweep_json(const SweepPlan& plan);

/// The command line of a job as arguments after the program's name.
///
/// @param threads  0 leaves train.threads as the config says
std::vector<std::string> train_arguments(const SweepPlan& plan, const SweepJob& job, int threads);

/// An argument as a POSIX shell reads it.
std::string shell_quoted(const std::string& text);

}  // namespace selfcure
