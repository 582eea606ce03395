#include "selfcure/core/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

// Rows true, columns predicted:
//        a  b  c  d
//   a    4  1  0  0     support 5
//   b    2  6  0  0     support 8
//   c    1  1  0  0     support 2, never predicted
//   d    0  0  0  0     support 0, never predicted
// Column sums 7 8 0 0; 15 samples, 10 right.
ConfusionMatrix worked_example() {
  ConfusionMatrix matrix(4);
  const std::vector<std::vector<int>> counts = {
      {4, 1, 0, 0}, {2, 6, 0, 0}, {1, 1, 0, 0}, {0, 0, 0, 0}};
  for (int t = 0; t < 4; ++t) {
    for (int p = 0; p < 4; ++p) {
      const int count = counts[static_cast<std::size_t>(t)][static_cast<std::size_t>(p)];
      for (int i = 0; i < count; ++i) matrix.add(t, p);
    }
  }
  return matrix;
}

TEST(ConfusionMatrix, CountsPairsTrueFirst) {
  const ConfusionMatrix matrix = worked_example();
  EXPECT_EQ(matrix.count(1, 0), 2);
  EXPECT_EQ(matrix.count(0, 1), 1);
  EXPECT_EQ(matrix.total(), 15);
  EXPECT_EQ(matrix.class_count(), 4);
}

TEST(ConfusionMatrix, AccuracyIsTheShareOfRightPredictions) {
  EXPECT_DOUBLE_EQ(worked_example().accuracy(), 10.0 / 15.0);
}

// Recalls 4/5, 6/8, 0/2 of the three classes that have samples: (0.8 + 0.75 + 0) / 3.
TEST(ConfusionMatrix, MeanClassAccuracyLeavesOutClassesWithoutSamples) {
  EXPECT_DOUBLE_EQ(worked_example().mean_class_accuracy(), 1.55 / 3.0);
}

TEST(ConfusionMatrix, ClassMetricsMatchThoseWorkedOutByHand) {
  const std::vector<ClassMetrics> metrics = worked_example().per_class();
  ASSERT_EQ(metrics.size(), 4U);
  // a: precision 4/7, recall 4/5, F1 = 2 * 4 / (7 + 5) = 2/3
  EXPECT_DOUBLE_EQ(metrics[0].precision, 4.0 / 7.0);
  EXPECT_DOUBLE_EQ(metrics[0].recall, 0.8);
  EXPECT_DOUBLE_EQ(metrics[0].f1, 2.0 / 3.0);
  EXPECT_EQ(metrics[0].support, 5);
  // b: precision 6/8, recall 6/8, so F1 = 3/4
  EXPECT_DOUBLE_EQ(metrics[1].precision, 0.75);
  EXPECT_DOUBLE_EQ(metrics[1].recall, 0.75);
  EXPECT_DOUBLE_EQ(metrics[1].f1, 0.75);
  EXPECT_EQ(metrics[1].support, 8);
}

TEST(ConfusionMatrix, ZeroOverZeroIsZero) {
  const std::vector<ClassMetrics> metrics = worked_example().per_class();
  EXPECT_EQ(metrics[2].precision, 0.0);  // 0 / 0
  EXPECT_EQ(metrics[2].recall, 0.0);     // 0 / 2
  EXPECT_EQ(metrics[2].f1, 0.0);
  EXPECT_EQ(metrics[3].recall, 0.0);  // 0 / 0
  EXPECT_EQ(metrics[3].support, 0);
  const ConfusionMatrix empty(3);
  EXPECT_EQ(empty.accuracy(), 0.0);
  EXPECT_EQ(empty.mean_class_accuracy(), 0.0);
}

template <typename Call>
std::string message_of(Call call) {
  try {
    call();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "no ShapeError";
}

TEST(ConfusionMatrix, RejectsLabelsOutsideTheClasses) {
  ConfusionMatrix matrix(3);
  EXPECT_EQ(message_of([&] { matrix.add(3, 0); }),
            "ConfusionMatrix: expected labels in 0..2, got 3");
  EXPECT_EQ(message_of([&] { matrix.add(0, -1); }),
            "ConfusionMatrix: expected labels in 0..2, got -1");
  EXPECT_EQ(message_of([&] { (void)matrix.count(0, 3); }),
            "ConfusionMatrix: expected labels in 0..2, got 3");
  EXPECT_EQ(matrix.total(), 0);
}

TEST(ConfusionMatrix, RejectsHavingNoClass) {
  EXPECT_EQ(message_of([] { ConfusionMatrix matrix(0); }),
            "ConfusionMatrix: expected at least 1 class, got 0");
}

// Positives 0.8 0.4, negatives 0.5 0.1 0.2: of 6 pairs only (0.4, 0.5) is the wrong way round.
TEST(RocAuc, IsTheShareOfPairsInTheRightOrder) {
  EXPECT_DOUBLE_EQ(roc_auc({0.5F, 0.8F, 0.1F, 0.4F, 0.2F}, {0, 1, 0, 1, 0}), 5.0 / 6.0);
}

// Positives 3 2 2, negatives 2 1: pairs 3>2 3>1, then twice (2=2 half, 2>1): 2 + 2 * 1.5 = 5 of 6.
TEST(RocAuc, CountsATieHalf) {
  EXPECT_DOUBLE_EQ(roc_auc({3, 2, 2, 2, 1}, {1, 1, 0, 1, 0}), 5.0 / 6.0);
}

TEST(RocAuc, IsOneHalfWhenAllScoresAreEqual) {
  EXPECT_DOUBLE_EQ(roc_auc({7, 7, 7, 7, 7}, {1, 0, 0, 1, 0}), 0.5);
}

TEST(RocAuc, IsOneForPerfectOrderAndZeroForReversed) {
  EXPECT_DOUBLE_EQ(roc_auc({1, 2, 3, 4}, {0, 0, 1, 1}), 1.0);
  EXPECT_DOUBLE_EQ(roc_auc({1, 2, 3, 4}, {1, 1, 0, 0}), 0.0);
}

TEST(RocAuc, OrdersInfinitiesAndNegativeScores) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  EXPECT_DOUBLE_EQ(roc_auc({-kInfinity, -2, 0, kInfinity}, {0, 1, 0, 1}), 0.75);
}

TEST(RocAuc, IsNaNWhenAClassIsMissingOrAScoreIsNaN) {
  EXPECT_TRUE(std::isnan(roc_auc({1, 2}, {1, 1})));
  EXPECT_TRUE(std::isnan(roc_auc({1, 2}, {0, 0})));
  EXPECT_TRUE(std::isnan(roc_auc({}, {})));
  EXPECT_TRUE(std::isnan(roc_auc({1, std::nanf("")}, {1, 0})));
}

TEST(RocAuc, RejectsDifferentSizes) {
  EXPECT_EQ(message_of([] {
              (void)roc_auc({1, 2}, {1});
            }),
            "roc_auc: expected as many scores as labels, got 2 and 1");
}

TEST(Mean, MatchesTheValueWorkedOutByHand) {
  EXPECT_DOUBLE_EQ(mean({2, 4, 4, 4, 5, 5, 7, 9}), 5.0);
  EXPECT_TRUE(std::isnan(mean({})));
}

// Squared deviations from 5: 9 1 1 1 0 0 4 16 = 32; 32 / 7.
TEST(SampleStandardDeviation, DividesByOneLessThanTheCount) {
  EXPECT_DOUBLE_EQ(sample_standard_deviation({2, 4, 4, 4, 5, 5, 7, 9}), std::sqrt(32.0 / 7.0));
}

TEST(SampleStandardDeviation, IsNaNForFewerThanTwoValues) {
  EXPECT_TRUE(std::isnan(sample_standard_deviation({3})));
  EXPECT_TRUE(std::isnan(sample_standard_deviation({})));
  EXPECT_EQ(sample_standard_deviation({3, 3}), 0.0);
}

// A formula that subtracts squares of sums loses all digits here.
TEST(SampleStandardDeviation, KeepsItsDigitsFarFromZero) {
  EXPECT_NEAR(sample_standard_deviation({1e9 + 1, 1e9 + 2, 1e9 + 3}), 1.0, 1e-6);
}

}  // namespace
}  // namespace selfcure
