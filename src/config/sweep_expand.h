#pragma once

#include <map>
#include <string>
#include <vector>

#include "sweep_file.h"

namespace selfcure {

/// A job with the places of what it was made of.
struct ExpandedJob {
  SweepJob job;
  ConfigPlace place;
  ConfigPlace config_place;
  /// Of job.overrides.
  std::vector<ConfigPlace> override_places;
};

/// Axes of the table with their labels and value names.
std::vector<SweepAxis> axes_of(const SweepFile& file);

/// Every run of the file, its references to other runs resolved, in the order in which they are to
/// run: repetitions outermost, a run after those that it needs.
///
/// @param directory  of the sweep, for paths of checkpoints
std::vector<ExpandedJob> expand_sweep(const SweepFile& file, const std::filesystem::path& directory,
                                      const std::string& repeat, ConfigProblems& problems);

}  // namespace selfcure
