#include "selfcure/core/statistics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

// Tables of the t distribution: 2 degrees of freedom have the closed form
// F(t) = 1/2 + t / (2 sqrt(2 + t^2)); 1 is Cauchy's, F(t) = 1/2 + atan(t) / pi.
TEST(StudentT, MatchesTheClosedFormsOfOneAndTwoDegreesOfFreedom) {
  for (const double t : {-7.0, -1.5, -0.1, 0.0, 0.3, 2.0, 40.0}) {
    EXPECT_NEAR(student_t_cdf(t, 1), 0.5 + std::atan(t) / M_PI, 1e-13) << t;
    EXPECT_NEAR(student_t_cdf(t, 2), 0.5 + t / (2 * std::sqrt(2 + t * t)), 1e-13) << t;
  }
}

TEST(StudentT, QuantilesMatchThePrintedTables) {
  EXPECT_NEAR(student_t_quantile(0.975, 1), 12.7062047, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 2), 4.3026527, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.975, 4), 2.7764451, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.995, 9), 3.2498355, 1e-6);
  EXPECT_NEAR(student_t_quantile(0.025, 30), -2.0422725, 1e-6);
  EXPECT_EQ(student_t_quantile(0.5, 3), 0);
}

TEST(NormalDistribution, QuantileIsTheInverseOfTheDistributionFunction) {
  EXPECT_NEAR(normal_quantile(0.975), 1.959963985, 1e-8);
  EXPECT_NEAR(normal_cdf(1), 0.841344746, 1e-9);
  for (const double p : {1e-6, 0.2, 0.5, 0.9})
    EXPECT_NEAR(normal_cdf(normal_quantile(p)), p, 1e-12);
}

// 1, 2, 3: mean 2, standard deviation 1, so 2 -+ 4.30265 / sqrt(3).
TEST(StudentTInterval, MatchesTheOneWorkedOutByHand) {
  const ConfidenceInterval interval = student_t_interval({1, 2, 3});
  EXPECT_NEAR(interval.low, 2 - 4.3026527 / std::sqrt(3.0), 1e-6);
  EXPECT_NEAR(interval.high, 2 + 4.3026527 / std::sqrt(3.0), 1e-6);
  EXPECT_EQ(interval.method, IntervalMethod::kStudentT);
}

TEST(StudentTInterval, IsWiderForMoreConfidence) {
  const ConfidenceInterval usual = student_t_interval({1, 2, 4, 8});
  const ConfidenceInterval wide = student_t_interval({1, 2, 4, 8}, 0.99);
  EXPECT_LT(wide.low, usual.low);
  EXPECT_GT(wide.high, usual.high);
}

TEST(Intervals, OneOrTwoValuesHaveNone) {
  for (const std::vector<double>& values : {std::vector<double>{}, {1}, {1, 2}}) {
    EXPECT_FALSE(student_t_interval(values).exists());
    EXPECT_FALSE(bootstrap_interval(values).exists());
    EXPECT_TRUE(std::isnan(bootstrap_interval(values).low));
  }
}

TEST(Bootstrap, IsTheSameEveryTimeAndFollowsTheSeed) {
  const std::vector<double> values = {3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 9};
  const ConfidenceInterval once = bootstrap_interval(values, 0.95, 3, 500);
  const ConfidenceInterval again = bootstrap_interval(values, 0.95, 3, 500);
  const ConfidenceInterval other = bootstrap_interval(values, 0.95, 4, 500);
  EXPECT_EQ(once.low, again.low);
  EXPECT_EQ(once.high, again.high);
  EXPECT_TRUE(once.low != other.low || once.high != other.high);
}

// Large n, symmetric: BCa, percentile and normal intervals agree. 200 values -1 and +1 in equal
// parts: standard deviation 1.0025, so 0 -+ 1.96 * 0.07089 = 0.1389.
TEST(Bootstrap, IsTheNormalIntervalForManySymmetricValues) {
  std::vector<double> values;
  for (int i = 0; i < 200; ++i) values.push_back(i % 2 ? 1 : -1);
  const ConfidenceInterval interval = bootstrap_interval(values);
  EXPECT_NEAR(interval.low, -0.1389, 0.012);
  EXPECT_NEAR(interval.high, 0.1389, 0.012);
}

// A long right tail: the interval reaches further to the right of the mean than to its left.
TEST(Bootstrap, LeansTowardsTheLongTail) {
  const std::vector<double> values = {0, 0, 0, 1, 1, 1, 2, 2, 3, 20};
  const ConfidenceInterval interval = bootstrap_interval(values);
  EXPECT_GT(interval.high - 3.0, 3.0 - interval.low);
}

// The same formulas in NumPy with 2,000,000 samples: z0 = 0.1154, a = 0.1336; the percentile
// interval is 0.7 to 7.0.
TEST(Bootstrap, MatchesAnIndependentComputationOfASkewedSample) {
  const std::vector<double> values = {0, 0, 0, 1, 1, 1, 2, 2, 3, 20};
  const ConfidenceInterval interval = bootstrap_interval(values, 0.95, 1, 100000);
  EXPECT_NEAR(interval.low, 0.9, 0.051);
  EXPECT_NEAR(interval.high, 10.3, 0.35);
}

TEST(Bootstrap, NeverLeavesTheRangeOfTheValues) {
  const ConfidenceInterval interval = bootstrap_interval({1, 2, 6});
  EXPECT_GE(interval.low, 1);
  EXPECT_LE(interval.high, 6);
}

TEST(Bootstrap, EqualValuesGiveThatValue) {
  const ConfidenceInterval interval = bootstrap_interval({0.1, 0.1, 0.1});
  EXPECT_NEAR(interval.low, 0.1, 1e-12);
  EXPECT_NEAR(interval.high, 0.1, 1e-12);
}

// Differences 0.02, 0.03, 0.01, 0.02, 0.02: mean 0.02, squares 0, 1, 1, 0, 0 (1e-4), standard
// deviation 0.01 sqrt(2/4), half width 2.77645 * 0.0070711 / sqrt(5) = 0.0087799.
TEST(PairedDifference, MatchesTheOneWorkedOutByHand) {
  const PairedDifference difference =
      paired_difference({0.62, 0.73, 0.81, 0.52, 0.42}, {0.60, 0.70, 0.80, 0.50, 0.40});
  EXPECT_EQ(difference.pairs, 5);
  EXPECT_EQ(difference.better, 5);
  EXPECT_EQ(difference.worse, 0);
  EXPECT_NEAR(difference.mean, 0.02, 1e-12);
  EXPECT_NEAR(difference.standard_deviation, 0.01 * std::sqrt(0.5), 1e-12);
  EXPECT_NEAR(difference.interval.low, 0.02 - 0.0087799, 1e-6);
  EXPECT_NEAR(difference.interval.high, 0.02 + 0.0087799, 1e-6);
  EXPECT_EQ(difference.interval.method, IntervalMethod::kStudentT);
  EXPECT_EQ(verdict_of(difference), Verdict::kBetter);
  EXPECT_EQ(verdict_sentence(difference),
            "better in 5 of 5 seeds, +2.0 points, 95 % interval 1.1 to 2.9 (Student's t)");
}

TEST(PairedDifference, ChoosesTheIntervalByTheNumberOfPairs) {
  const auto method_for = [](int pairs) {
    std::vector<double> first, second;
    for (int i = 0; i < pairs; ++i) {
      first.push_back(0.5 + 0.01 * i);
      second.push_back(0.5 + 0.001 * i * i);
    }
    return paired_difference(first, second).interval.method;
  };
  EXPECT_EQ(method_for(0), IntervalMethod::kNone);
  EXPECT_EQ(method_for(1), IntervalMethod::kNone);
  EXPECT_EQ(method_for(2), IntervalMethod::kNone);
  EXPECT_EQ(method_for(3), IntervalMethod::kStudentT);
  EXPECT_EQ(method_for(9), IntervalMethod::kStudentT);
  EXPECT_EQ(method_for(10), IntervalMethod::kBootstrap);
}

TEST(PairedDifference, TakesPairsAndNotGroups) {
  // The groups overlap widely; each pair differs by the same little.
  const PairedDifference difference =
      paired_difference({0.111, 0.512, 0.910}, {0.101, 0.501, 0.901});
  EXPECT_EQ(verdict_of(difference), Verdict::kBetter);
}

// As differences of 0.02 come out of subtractions: no two have the same last bit.
TEST(PairedDifference, EqualDifferencesGiveNoVerdict) {
  const PairedDifference difference = paired_difference({0.62, 0.73, 0.42}, {0.60, 0.71, 0.40});
  EXPECT_FALSE(difference.interval.exists());
  EXPECT_EQ(verdict_of(difference), Verdict::kUndecided);
  EXPECT_EQ(verdict_sentence(difference),
            "no difference can be told from 3 seeds with the same difference: better in 3 of 3, "
            "+2.0 points");
  // One image of ten thousand is a spread.
  EXPECT_TRUE(paired_difference({0.62, 0.73, 0.4201}, {0.60, 0.71, 0.40}).interval.exists());
}

TEST(PairedDifference, RefusesSidesOfUnequalLength) {
  EXPECT_THROW(paired_difference({1, 2}, {1}), ShapeError);
}

TEST(VerdictSentence, SaysWorseAndUndecidedAndHowMany) {
  EXPECT_EQ(verdict_sentence(paired_difference({0.50, 0.51, 0.52}, {0.52, 0.531, 0.541})),
            "worse in 3 of 3 seeds, -2.1 points, 95 % interval -2.2 to -1.9 (Student's t)");
  // Differences 0.02, -0.01, 0.02: mean 0.01, deviation 0.0173205, half width 0.0430265.
  EXPECT_EQ(verdict_sentence(paired_difference({0.52, 0.51, 0.52}, {0.50, 0.52, 0.50})),
            "no difference can be told: better in 2 of 3 seeds, +1.0 points, 95 % interval -3.3 to "
            "5.3 (Student's t)");
  EXPECT_EQ(verdict_sentence(paired_difference({0.52, 0.53}, {0.50, 0.52})),
            "no difference can be told from 2 seeds: better in 2 of 2, +1.5 points");
  EXPECT_EQ(verdict_sentence(paired_difference({0.49}, {0.50})),
            "no difference can be told from 1 seed: worse in 1 of 1, -1.0 points");
  EXPECT_EQ(verdict_sentence(paired_difference({}, {})), "no pairs");
  EXPECT_EQ(
      verdict_sentence(paired_difference({0.5, 0.5, 0.5}, {0.5, 0.5, 0.5})),
      "no difference can be told from 3 seeds with the same difference: better in 0 of 3, 0.0 "
      "points");
}

// 10 discordant, 1 against 9: 2 (C(10,0) + C(10,1)) / 2^10 = 22 / 1024.
TEST(McNemarTest, FewDiscordantSamplesAreTestedExactly) {
  const McNemar test = mcnemar(50, 1, 9, 20);
  EXPECT_TRUE(test.exact);
  EXPECT_DOUBLE_EQ(test.p_value, 22.0 / 1024.0);
  EXPECT_TRUE(std::isnan(test.chi_square));
  EXPECT_DOUBLE_EQ(mcnemar(50, 9, 1, 20).p_value, 22.0 / 1024.0);
}

// 121 against 59: (62 - 1)^2 / 180 = 20.6722, P(chi-square > 20.6722) = 5.45e-6.
TEST(McNemarTest, ManyDiscordantSamplesAreTestedWithTheContinuityCorrection) {
  const McNemar test = mcnemar(101, 121, 59, 33);
  EXPECT_FALSE(test.exact);
  EXPECT_DOUBLE_EQ(test.chi_square, 3721.0 / 180.0);
  EXPECT_NEAR(test.p_value, 5.450095e-6, 1e-11);
}

TEST(McNemarTest, TheTestChangesAtTwentyFiveDiscordantSamples) {
  // 5 against 19: 2 (1 + 24 + 276 + 2024 + 10626 + 42504) / 2^24.
  EXPECT_DOUBLE_EQ(mcnemar(0, 5, 19, 0).p_value, 2.0 * 55455.0 / 16777216.0);
  // 5 against 20: (15 - 1)^2 / 25 = 7.84; P(|normal| > 2.8) = 0.005110.
  const McNemar test = mcnemar(0, 5, 20, 0);
  EXPECT_DOUBLE_EQ(test.chi_square, 7.84);
  EXPECT_NEAR(test.p_value, 0.00511026, 1e-8);
}

TEST(McNemarTest, NoOrBalancedDisagreementIsNoEvidence) {
  EXPECT_EQ(mcnemar(10, 0, 0, 2).p_value, 1);
  EXPECT_EQ(mcnemar(10, 4, 4, 2).p_value, 1);
  EXPECT_EQ(mcnemar(10, 40, 40, 2).p_value, 1);
  EXPECT_EQ(mcnemar(10, 40, 40, 2).chi_square, 0);
}

TEST(McNemarTest, CountsPairsOfRightAndWrong) {
  const McNemar test = mcnemar({1, 1, 1, 0, 0, 0}, {1, 0, 0, 1, 0, 0});
  EXPECT_EQ(test.both_right, 1);
  EXPECT_EQ(test.only_first, 2);
  EXPECT_EQ(test.only_second, 1);
  EXPECT_EQ(test.both_wrong, 2);
  EXPECT_THROW(mcnemar({1}, {1, 0}), ShapeError);
  EXPECT_THROW(mcnemar(-1, 0, 0, 0), ShapeError);
}

// 9 of 10, z = 1.95996: centre (0.9 + 0.19207) / 1.38415 = 0.78899, half width
// 1.95996 sqrt(0.009 + 0.0096036) / 1.38415 = 0.19314.
TEST(WilsonInterval, MatchesTheOneWorkedOutByHand) {
  const ConfidenceInterval interval = wilson_interval(9, 10);
  EXPECT_NEAR(interval.low, 0.59585, 1e-5);
  EXPECT_NEAR(interval.high, 0.98212, 1e-5);
}

TEST(WilsonInterval, StaysInsideTheUnitIntervalAtItsEnds) {
  // 0 of 10: the upper end is z^2 / (10 + z^2).
  EXPECT_EQ(wilson_interval(0, 10).low, 0);
  EXPECT_NEAR(wilson_interval(0, 10).high, 0.277533, 1e-6);
  EXPECT_EQ(wilson_interval(10, 10).high, 1);
  EXPECT_FALSE(wilson_interval(0, 0).exists());
  EXPECT_THROW(wilson_interval(3, 2), ShapeError);
  EXPECT_THROW(wilson_interval(-1, 2), ShapeError);
}

}  // namespace
}  // namespace selfcure
