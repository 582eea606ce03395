#include "selfcure/nn/losses.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>

#include "selfcure/core/errors.h"
#include "support/gradient_check.h"

namespace selfcure {
namespace {

at::Tensor doubles(const std::vector<double>& values) { return at::tensor(values, at::kDouble); }

double regularization(const std::vector<double>& alpha, double beta, double margin) {
  const at::Tensor a = doubles(alpha);
  return rank_regularization(a, rank_by_importance(a, beta), doubles({margin})[0]).item<double>();
}

TEST(WeightLogits, MatchesAValueWorkedOutByHand) {
  // s = (1, 2), b = (0.5, -1), alpha = 0.25:
  // bias outside 0.25 s + b = (0.75, -0.5); under alpha 0.25 (s + b) = (0.375, 0.25).
  const at::Tensor scores = doubles({1, 2}).view({1, 2});
  const at::Tensor outside = weight_logits(scores, doubles({0.5, -1}), doubles({0.25}), false);
  const at::Tensor under = weight_logits(scores, doubles({0.5, -1}), doubles({0.25}), true);
  EXPECT_DOUBLE_EQ(outside[0][0].item<double>(), 0.75);
  EXPECT_DOUBLE_EQ(outside[0][1].item<double>(), -0.5);
  EXPECT_DOUBLE_EQ(under[0][0].item<double>(), 0.375);
  EXPECT_DOUBLE_EQ(under[0][1].item<double>(), 0.25);
}

TEST(WeightLogits, CrossEntropyMatchesAValueWorkedOutByHand) {
  // Logits 0.5 * (2, 0) = (1, 0), label 1: -log(1 / (1 + e)) = log(1 + e).
  const at::Tensor logits =
      weight_logits(doubles({2, 0}).view({1, 2}), doubles({0, 0}), doubles({0.5}), false);
  const double loss =
      at::cross_entropy_loss(logits, at::tensor(std::vector<std::int64_t>{1}, at::kLong))
          .item<double>();
  EXPECT_NEAR(loss, std::log(1 + std::exp(1.0)), 1e-12);
}

TEST(WeightLogits, GradientsOfTheWeightedCrossEntropyAreExact) {
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{2, 0}, at::kLong);
  for (const bool under : {false, true})
    testing::expect_gradients(
        [&](const std::vector<at::Tensor>& in) {
          return at::cross_entropy_loss(weight_logits(in[0], in[1], in[2], under), labels);
        },
        {doubles({0.3, -1.2, 0.8, 2.0, 0.1, -0.5}).view({2, 3}), doubles({0.2, -0.1, 0.4}),
         doubles({0.7, 0.2})});
}

TEST(WeightLogits, RefusesOtherShapes) {
  EXPECT_THROW(weight_logits(at::zeros({2, 3}), at::zeros({3}), at::zeros({3}), true), ShapeError);
  EXPECT_THROW(weight_logits(at::zeros({2, 3}), at::zeros({2}), at::zeros({2}), true), ShapeError);
}

TEST(HighGroup, IsTheFloorOfBetaTimesBatch) {
  EXPECT_EQ(high_group_size(64, 0.7), 44);
  EXPECT_EQ(high_group_size(10, 0.7), 7);  // 0.7 * 10 is 7, whatever binary fractions say
  EXPECT_EQ(high_group_size(1024, 0.7), 716);
}

TEST(HighGroup, LeavesBothGroupsWithASample) {
  EXPECT_EQ(high_group_size(2, 0.1), 1);  // rounds to 0
  EXPECT_EQ(high_group_size(3, 0.999), 2);
  EXPECT_EQ(high_group_size(4, 1.0), 3);  // rounds to B
  EXPECT_THROW(high_group_size(1, 0.7), ShapeError);
  EXPECT_THROW(high_group_size(0, 0.7), ShapeError);
}

TEST(Ranking, EqualWeightsKeepTheOrderOfTheBatch) {
  const Ranking ranking = rank_by_importance(doubles({0.5, 0.9, 0.5, 0.9, 0.5}), 0.5);
  EXPECT_EQ(ranking.high_count, 2);
  const std::vector<std::int64_t> expected = {1, 3, 0, 2, 4};
  EXPECT_TRUE(ranking.order.equal(at::tensor(expected, at::kLong)));
}

TEST(RankRegularization, MatchesAValueWorkedOutByHand) {
  // beta 0.7 of 3 samples: floor(2.1) = 2. Sorted 0.8, 0.65, 0.6: high mean 0.725, low 0.6,
  // gap 0.125, loss 0.15 - 0.125.
  EXPECT_NEAR(regularization({0.6, 0.8, 0.65}, 0.7, 0.15), 0.025, 1e-12);
}

TEST(RankRegularization, IsZeroBeyondTheMargin) {
  EXPECT_EQ(regularization({0.9, 0.1}, 0.5, 0.15), 0.0);
}

TEST(RankRegularization, IsTheMarginWhenAllWeightsAreEqual) {
  EXPECT_NEAR(regularization({0.4, 0.4, 0.4, 0.4}, 0.7, 0.15), 0.15, 1e-12);
}

TEST(RankRegularization, PushesTheGroupMeansApart) {
  at::Tensor alpha = doubles({0.5, 0.52, 0.48}).requires_grad_(true);
  rank_regularization(alpha, rank_by_importance(alpha, 0.7), doubles({0.15})[0]).backward();
  EXPECT_LT(alpha.grad()[0].item<double>(), 0);  // descending the gradient raises the high ones
  EXPECT_LT(alpha.grad()[1].item<double>(), 0);
  EXPECT_GT(alpha.grad()[2].item<double>(), 0);
}

TEST(RankRegularization, GradientsIncludingTheMarginsAreExact) {
  testing::expect_gradients(
      [](const std::vector<at::Tensor>& in) {
        return rank_regularization(in[0], rank_by_importance(in[0], 0.6), in[1]);
      },
      {doubles({0.31, 0.72, 0.55, 0.44, 0.68}), doubles({0.5})[0]});
}

TEST(RankRegularization, RefusesEmptyGroups) {
  const at::Tensor alpha = at::rand({4});
  Ranking ranking = rank_by_importance(alpha, 0.5);
  ranking.high_count = 4;
  EXPECT_THROW(rank_regularization(alpha, ranking, at::zeros({})), ShapeError);
  ranking.high_count = 0;
  EXPECT_THROW(rank_regularization(alpha, ranking, at::zeros({})), ShapeError);
  EXPECT_THROW(rank_by_importance(at::rand({2, 2}), 0.5), ShapeError);
}

TEST(ProposeLabels, ChangesOnlyBeyondTheThreshold) {
  // log probabilities give P exactly: rows (0.2, 0.7, 0.1), (0.45, 0.5, 0.05), (0.6, 0.3, 0.1).
  const at::Tensor logits =
      doubles({0.2, 0.7, 0.1, 0.45, 0.5, 0.05, 0.6, 0.3, 0.1}).view({3, 3}).log();
  const at::Tensor given = at::zeros({3}, at::kLong);
  const std::vector<std::int64_t> expected = {1, 0, 0};  // gaps 0.5, 0.05, 0
  EXPECT_TRUE(
      propose_labels(logits, given, at::Tensor(), 0.2).equal(at::tensor(expected, at::kLong)));
}

TEST(ProposeLabels, AGapEqualToTheThresholdIsNoChange) {
  const at::Tensor logits = doubles({0.25, 0.75}).view({1, 2}).log();
  const at::Tensor given = at::zeros({1}, at::kLong);
  EXPECT_EQ(propose_labels(logits, given, at::Tensor(), 0.5 + 1e-12)[0].item<std::int64_t>(), 0);
  EXPECT_EQ(propose_labels(logits, given, at::Tensor(), 0.5 - 1e-12)[0].item<std::int64_t>(), 1);
}

TEST(ProposeLabels, LeavesSamplesThatMayNotChange) {
  const at::Tensor logits = doubles({0.1, 0.9, 0.1, 0.9}).view({2, 2}).log();
  const at::Tensor may_change = at::tensor(std::vector<int>{1, 0}, at::kInt).to(at::kBool);
  const std::vector<std::int64_t> expected = {1, 0};
  EXPECT_TRUE(propose_labels(logits, at::zeros({2}, at::kLong), may_change, 0.2)
                  .equal(at::tensor(expected, at::kLong)));
}

// p = softmax(log 1, log 2, log 5) = (1/8, 1/4, 5/8).
at::Tensor known_logits() { return doubles({0, std::log(2.0), std::log(5.0)}).view({1, 3}); }

TEST(SoftCrossEntropy, MatchesAValueWorkedOutByHand) {
  // -(0.5 log 1/8 + 0.5 log 1/4) = 2.5 log 2.
  const double loss =
      soft_cross_entropy(known_logits(), doubles({0.5, 0.5, 0}).view({1, 3})).item<double>();
  EXPECT_NEAR(loss, 2.5 * std::log(2.0), 1e-12);
}

TEST(SoftCrossEntropy, IsTheCrossEntropyForCertainTargets) {
  const at::Tensor logits = doubles({0.3, -1.2, 0.8, 2.0, 0.1, -0.5}).view({2, 3});
  const at::Tensor labels = at::tensor(std::vector<std::int64_t>{2, 0}, at::kLong);
  const at::Tensor targets = doubles({0, 0, 1, 1, 0, 0}).view({2, 3});
  EXPECT_NEAR(soft_cross_entropy(logits, targets).item<double>(),
              at::cross_entropy_loss(logits, labels).item<double>(), 1e-14);
}

TEST(SoftCrossEntropy, GradientsAreExact) {
  const at::Tensor targets = doubles({0.5, 0.5, 0, 0.2, 0.3, 0.5}).view({2, 3});
  testing::expect_gradients(
      [&](const std::vector<at::Tensor>& in) { return soft_cross_entropy(in[0], targets); },
      {doubles({0.3, -1.2, 0.8, 2.0, 0.1, -0.5}).view({2, 3})});
}

TEST(MultiTargetLoss, MatchesAValueWorkedOutByHand) {
  // t p = (0.7 / 8, 0.3 / 4, 0): the largest is 0.0875.
  const double loss =
      multi_target_loss(known_logits(), doubles({0.7, 0.3, 0}).view({1, 3})).item<double>();
  EXPECT_NEAR(loss, -std::log(0.0875), 1e-12);
}

TEST(MultiTargetLoss, AZeroTargetNeitherCountsNorSpoilsTheGradient) {
  const at::Tensor logits = known_logits().set_requires_grad(true);
  multi_target_loss(logits, doubles({0, 1, 0}).view({1, 3})).backward();
  // p - (0, 1, 0)
  EXPECT_NEAR(logits.grad()[0][0].item<double>(), 0.125, 1e-12);
  EXPECT_NEAR(logits.grad()[0][1].item<double>(), -0.75, 1e-12);
  EXPECT_NEAR(logits.grad()[0][2].item<double>(), 0.625, 1e-12);
}

TEST(MultiTargetLoss, GradientsAreExact) {
  const at::Tensor targets = doubles({0.5, 0.5, 0, 0.2, 0.3, 0.5}).view({2, 3});
  testing::expect_gradients(
      [&](const std::vector<at::Tensor>& in) { return multi_target_loss(in[0], targets); },
      {doubles({0.3, -1.2, 0.8, 2.0, 0.1, -0.5}).view({2, 3})});
}

TEST(MultiTargetLoss, RefusesOtherShapes) {
  EXPECT_THROW(multi_target_loss(at::zeros({2, 3}), at::zeros({3})), ShapeError);
  EXPECT_THROW(soft_cross_entropy(at::zeros({2, 3}), at::zeros({2, 2})), ShapeError);
}

}  // namespace
}  // namespace selfcure
