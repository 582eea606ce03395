#include "selfcure/engine/monitor.h"

#include <gtest/gtest.h>

#include <limits>

namespace selfcure {
namespace {

EpochRecord record(int epoch, const std::vector<std::pair<std::string, double>>& values) {
  EpochRecord result;
  result.set("epoch", epoch);
  result.set("train_loss", 1.0);
  for (const auto& [name, value] : values) result.set(name, value);
  return result;
}

TEST(TrainingMonitor, SaysNothingOfAHealthyRun) {
  TrainingMonitor monitor;
  for (int epoch = 1; epoch < 10; ++epoch)
    EXPECT_TRUE(monitor
                    .observe(record(epoch, {{"alpha_min", 0.2},
                                            {"alpha_max", 0.999},
                                            {"alpha_spread", 0.2},
                                            {"rank_loss", 0.01},
                                            {"margin", 0.15}}))
                    .empty());
  EXPECT_TRUE(TrainingMonitor().observe(record(1, {})).empty());  // baseline
}

TEST(TrainingMonitor, NoticesWeightsThatAllTrustOnce) {
  TrainingMonitor monitor;
  const auto collapsed =
      record(2, {{"alpha_min", 0.991}, {"alpha_max", 1.0}, {"alpha_spread", 0.002}});
  const std::vector<std::string> said = monitor.observe(collapsed);
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("all are above 0.99"), std::string::npos);
  EXPECT_NE(said[0].find("method.gamma"), std::string::npos);
  EXPECT_TRUE(monitor.observe(collapsed).empty());
}

TEST(TrainingMonitor, NoticesWeightsWithoutSpread) {
  TrainingMonitor monitor;
  const auto said = monitor.observe(
      record(1, {{"alpha_min", 0.5}, {"alpha_max", 0.5}, {"alpha_spread", 0.0009}}));
  ASSERT_EQ(said.size(), 1U);
  EXPECT_NE(said[0].find("spread is below 0.001"), std::string::npos);
}

TEST(TrainingMonitor, NoticesARankLossStuckAtZeroAfterThreeEpochs) {
  TrainingMonitor monitor;
  const auto stuck = record(1, {{"rank_loss", 0.0}, {"margin", 0.15}});
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_EQ(monitor.observe(stuck).size(), 1U);
  EXPECT_TRUE(monitor.observe(stuck).empty());
}

TEST(TrainingMonitor, NoticesAMarginThatWasLearnedAway) {
  TrainingMonitor monitor;
  const auto stuck = record(1, {{"rank_loss", 0.0}, {"margin", 0.0}});
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_EQ(monitor.observe(stuck).size(), 1U);
}

TEST(TrainingMonitor, NoticesARankLossStuckAtTheMarginUnlessItMovesInBetween) {
  TrainingMonitor monitor;
  const auto stuck = record(1, {{"rank_loss", 0.14999}, {"margin", 0.15}});
  const auto moving = record(1, {{"rank_loss", 0.1}, {"margin", 0.15}});
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_TRUE(monitor.observe(moving).empty());
  EXPECT_TRUE(monitor.observe(stuck).empty());
  EXPECT_TRUE(monitor.observe(stuck).empty());
  ASSERT_EQ(monitor.observe(stuck).size(), 1U);
}

TEST(TrainingMonitor, NoticesALossThatIsNotFinite) {
  TrainingMonitor monitor;
  EXPECT_EQ(
      monitor.observe(record(1, {{"train_loss", std::numeric_limits<double>::quiet_NaN()}})).size(),
      1U);
}

}  // namespace
}  // namespace selfcure
