#pragma once

#include <string>
#include <vector>

#include "selfcure/engine/epoch_record.h"

namespace selfcure {

/// Watches for the failures that users of SCN report, and says each one once per run.
///
/// - all importance weights above 0.99, or their spread (standard deviation) below 1e-3;
/// - the rank loss at 0, or at the margin, for three epochs in a row;
/// - a loss that is not finite.
class TrainingMonitor {
 public:
  /// Feeds one epoch. @return new warnings, each one line that says what to change
  std::vector<std::string> observe(const EpochRecord& record);

 private:
  bool said_collapse_ = false;
  bool said_rank_ = false;
  bool said_not_finite_ = false;
  int epochs_at_zero_ = 0;
  int epochs_at_margin_ = 0;
};

}  // namespace selfcure
