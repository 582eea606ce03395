#include "selfcure/engine/schedule.h"

#include <gtest/gtest.h>

namespace selfcure {
namespace {

TEST(Schedule, StepDividesAfterEachMilestone) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kStep;
  EXPECT_DOUBLE_EQ(schedule_factor(options, 15, 9, 10, 40), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(options, 16, 0, 10, 40), 0.1);
  EXPECT_NEAR(schedule_factor(options, 31, 0, 10, 40), 0.01, 1e-15);
}

TEST(Schedule, ExponentialFallsAfterEachEpoch) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kExponential;
  options.factor = 0.9;
  EXPECT_DOUBLE_EQ(schedule_factor(options, 1, 5, 10, 70), 1.0);
  EXPECT_NEAR(schedule_factor(options, 3, 0, 10, 70), 0.81, 1e-15);
}

TEST(Schedule, CosineFallsFromOneOverHalfToNearlyZero) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kCosine;
  EXPECT_DOUBLE_EQ(schedule_factor(options, 1, 0, 10, 4), 1.0);
  EXPECT_NEAR(schedule_factor(options, 3, 0, 10, 4), 0.5, 1e-12);
  EXPECT_NEAR(schedule_factor(options, 4, 9, 10, 4), 0.00154, 1e-5);  // (1 + cos(39/40 pi)) / 2
}

TEST(Schedule, WarmUpRisesLinearlyAndThenTheScheduleBegins) {
  ScheduleOptions options;
  options.kind = ScheduleKind::kCosine;
  options.warmup_epochs = 0.5;
  EXPECT_DOUBLE_EQ(schedule_factor(options, 1, 0, 10, 4), 0.2);
  EXPECT_DOUBLE_EQ(schedule_factor(options, 1, 4, 10, 4), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor(options, 1, 5, 10, 4), 1.0);
  EXPECT_LT(schedule_factor(options, 1, 6, 10, 4), 1.0);
}

TEST(Schedule, ConstantIsConstant) {
  EXPECT_DOUBLE_EQ(schedule_factor({}, 1, 0, 10, 4), 1.0);
  EXPECT_DOUBLE_EQ(schedule_factor({}, 4, 9, 10, 4), 1.0);
}

}  // namespace
}  // namespace selfcure
