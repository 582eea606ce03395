#pragma once

#include <cstdint>
#include <vector>

namespace selfcure {

enum class ScheduleKind { kConstant, kStep, kExponential, kCosine };

struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::kConstant;
  /// Step: epochs (counted from 1) after which the rate is multiplied by `factor`.
  std::vector<int> milestones = {15, 30};
  /// Step: at each milestone, exponential: after each epoch; in (0, 1].
  double factor = 0.1;
  /// Epochs of linear warm-up from 0 before the rest of the schedule, 0 is off.
  double warmup_epochs = 0;
};

/// Factor of the learning rate, a pure function of the position in the training.
///
/// - constant: 1
/// - step: factor^(number of milestones m with m < epoch)
/// - exponential: factor^(epoch - 1)
/// - cosine: (1 + cos(pi * t)) / 2 with t in [0, 1) over the steps after the warm-up
/// Warm-up multiplies by (steps done + 1) / (warm-up steps) while that is below 1.
///
/// @param epoch  from 1   @param step  within the epoch, from 0
double schedule_factor(const ScheduleOptions& options, int epoch, std::int64_t step,
                       std::int64_t steps_per_epoch, int epochs);

}  // namespace selfcure
