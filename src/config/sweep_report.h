#pragma once

#include <string>
#include <vector>

#include "sweep_file.h"

namespace selfcure {

/// The section `report` with its axes and values checked.
struct SweepReport {
  /// As sweep.json has it.
  std::string json = "{}";
  /// The axis of repetitions: `report.repeat`, or an axis `seed`; may be empty.
  std::string repeat;
  /// Runs of the figure of alpha on the same faces, with their places.
  std::vector<std::pair<std::string, ConfigPlace>> same_faces;
};

SweepReport read_sweep_report(const SweepFile& file, const std::vector<SweepAxis>& axes,
                              ConfigProblems& problems);

}  // namespace selfcure
