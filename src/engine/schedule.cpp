#include "selfcure/engine/schedule.h"

#include <algorithm>
#include <cmath>

namespace selfcure {

double schedule_factor(const ScheduleOptions& options, int epoch, std::int64_t step,
                       std::int64_t steps_per_epoch, int epochs) {
  constexpr double kPi = 3.141592653589793;
  const double done = static_cast<double>((epoch - 1) * steps_per_epoch + step);
  const double warmup = options.warmup_epochs * static_cast<double>(steps_per_epoch);
  double factor = 1.0;
  switch (options.kind) {
    case ScheduleKind::kConstant:
      break;
    case ScheduleKind::kStep: {
      const auto passed = std::count_if(options.milestones.begin(), options.milestones.end(),
                                        [epoch](int milestone) { return milestone < epoch; });
      factor = std::pow(options.factor, static_cast<double>(passed));
      break;
    }
    case ScheduleKind::kExponential:
      factor = std::pow(options.factor, epoch - 1);
      break;
    case ScheduleKind::kCosine: {
      const double steps = static_cast<double>(epochs * steps_per_epoch) - warmup;
      const double position = steps > 0 ? std::clamp((done - warmup) / steps, 0.0, 1.0) : 0.0;
      factor = 0.5 * (1.0 + std::cos(kPi * position));
      break;
    }
  }
  if (done < warmup) factor *= std::min(1.0, (done + 1.0) / warmup);
  return factor;
}

}  // namespace selfcure
