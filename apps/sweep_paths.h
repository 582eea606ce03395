#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/report/sweep_record.h"

namespace selfcure::apps {

/// Whether the paths stand for many runs: several paths, a sweep, or a folder of runs.
bool names_several_runs(const std::vector<std::string>& paths);

/// Reads a sweep, or makes one of run directories; folders of runs and sweeps among several paths
/// stand for the runs in them. Runs that are left out are warned of.
/// @throws RunError if no run is finished, or sweep.json is wrong
SweepRecord read_sweep_of(const std::vector<std::string>& paths);

/// Where the page goes unless the user says it: into the folder of the sweep or of the runs, or the
/// working directory.
std::filesystem::path default_sweep_page(const std::vector<std::string>& paths);

}  // namespace selfcure::apps
