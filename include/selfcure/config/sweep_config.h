#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/config/config.h"
#include "selfcure/engine/options.h"
#include "selfcure/engine/sweep/plan.h"

namespace selfcure {

/// Drawn faces that the demo of a sweep is trained on.
struct SweepFaces {
  /// As `selfcure demo-data --layout` names it.
  std::string layout = "raf_db";
  std::filesystem::path root;
  std::int64_t train = 420;
  std::int64_t test = 210;
  int side = 48;
  std::uint64_t seed = 1;
};

struct SweepRequest {
  std::filesystem::path file;
  /// Folder of the sweep; empty: sweeps/<name>, with _demo behind it for the demo.
  std::filesystem::path directory;
  /// "key.path=value" for every run, after those of the file.
  std::vector<std::string> overrides;
  /// Put what the section `demo` says in place.
  bool demo = false;
};

struct LoadedSweep {
  SweepPlan plan;
  /// Of the demo; empty unless it was asked for.
  std::vector<SweepFaces> faces;
  /// In the order of plan.jobs.
  std::vector<ExperimentOptions> options;
};

/// Reads a sweep file and expands it into runs.
///
/// Every run's config is read with its overrides, so that no run is refused after hours; a mistake
/// that several runs share is said once. docs/sweeps.md explains the file.
/// @throws ConfigError with a line for every mistake: "sweep.yaml:12:5: unknown key 'axis'; did you
///         mean 'axes'?"
LoadedSweep load_sweep(const SweepRequest& request);

/// The whole sweep with every run's resolved config, as YAML.
std::string resolved_sweep_yaml(const LoadedSweep& sweep);

/// What a run directory holds of a job.
struct RunComparison {
  /// Nothing there yet, or nothing that tells which run it was.
  bool is_new = true;
  /// The file DONE is there.
  bool is_finished = false;
  /// Keys in which the run there is another experiment; runtime keys are left out.
  std::vector<KeyDifference> differences;
  /// train.threads of the run there; 0 when it is new.
  int threads = 0;
  /// Values of the job's inputs as the run there has them: the folder may have moved since.
  std::vector<std::string> input_overrides;
};

/// @param options  of the job
/// @throws ConfigError when config.resolved.yaml there cannot be read as a config
RunComparison compare_run(const SweepPlan& plan, const SweepJob& job,
                          const ExperimentOptions& options);

}  // namespace selfcure
