#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/engine/sweep/plan.h"

namespace selfcure {

/// How the runs of a sweep are given to another scheduler.
struct EmitOptions {
  /// The selfcure command.
  std::filesystem::path program;
  /// Where the commands run: relative paths start there.
  std::filesystem::path working_directory;
  /// train.threads of runs that do not say how many they want; 0: as many as there are cores, and
  /// for Slurm as many as the task has.
  int threads = 0;
};

/// One command a line, for GNU parallel or xargs; runs that need each other share a line.
std::string emit_commands(const SweepPlan& plan, const std::vector<SweepJob>& jobs,
                          const EmitOptions& options);

/// A bash script that submits itself as Slurm job arrays, one per stage, each after the one before.
///
/// Started as a task of an array it runs one job, and refuses to when one that it needs is not
/// finished. Without stages `sbatch SCRIPT` does the same.
std::string emit_slurm(const SweepPlan& plan, const std::vector<SweepJob>& jobs,
                       const EmitOptions& options);

}  // namespace selfcure
