#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace selfcure {

/// How an interval came about.
enum class IntervalMethod {
  /// There is none: too few values for one that could be believed.
  kNone,
  /// Student's t: exact where the values are normally distributed.
  kStudentT,
  /// Bias-corrected and accelerated bootstrap.
  kBootstrap,
  /// Wilson's score interval of a share.
  kWilson,
};

/// "Student's t", "bootstrap", "Wilson"; "none" for kNone.
const char* to_string(IntervalMethod method);

/// A confidence interval; both ends are NaN where `method` is kNone.
struct ConfidenceInterval {
  double low = 0;
  double high = 0;
  IntervalMethod method = IntervalMethod::kNone;

  bool exists() const { return method != IntervalMethod::kNone; }
};

/// Chance that a Student's t variable with `degrees_of_freedom` (> 0) is at most `t`.
double student_t_cdf(double t, double degrees_of_freedom);
/// The t below which it lies with this probability, in (0, 1); accurate to 1e-9 of its size.
double student_t_quantile(double probability, double degrees_of_freedom);
/// Standard normal distribution function and its inverse (probability in (0, 1)).
double normal_cdf(double z);
double normal_quantile(double probability);

/// mean -+ t(n - 1) * sample standard deviation / sqrt(n); none for fewer than 3 values, and none
/// where all are equal but for rounding.
///
/// Equal values would give an interval without width: test sets of a few hundred images leave few
/// accuracies to choose from, so that three seeds agree now and then, and know nothing of their
/// spread.
/// Two values would give an interval 12.7 standard errors wide to each side, which rests on one
/// difference and tells nothing.
ConfidenceInterval student_t_interval(const std::vector<double>& values, double confidence = 0.95);

/// Bias-corrected and accelerated (BCa) bootstrap interval of the mean.
///
/// The quantiles of the means of `resamples` samples drawn with replacement, shifted by the bias
/// z0 (share of the means below the mean) and by the acceleration from the jackknife. All values
/// equal: both ends are that value. None for fewer than 3 values. The same values and seed give the
/// same interval on every machine.
///
/// With n values it cannot leave their range, and the range of n symmetric values holds the true
/// mean with a chance of at most 1 - 2^(1-n): 75 % for 3, 87.5 % for 4, 93.75 % for 5. Below
/// kFewestForBootstrap values it is therefore narrower than it says.
/// Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, chapter 14.
ConfidenceInterval bootstrap_interval(const std::vector<double>& values, double confidence = 0.95,
                                      std::uint64_t seed = 0, int resamples = 10000);

/// From here on paired_difference() trusts the bootstrap.
inline constexpr std::int64_t kFewestForBootstrap = 10;

/// What two methods differ by over the same seeds.
struct PairedDifference {
  std::int64_t pairs = 0;
  /// Pairs in which the first is larger, smaller, the same.
  std::int64_t better = 0;
  std::int64_t worse = 0;
  std::int64_t equal = 0;
  /// Of first - second; NaN without pairs.
  double mean = 0;
  /// NaN for fewer than 2 pairs.
  double standard_deviation = 0;
  /// Of the mean difference, 95 %: none for 1 or 2 pairs, Student's t for 3 to 9 (none if all
  /// differ by the same), the bootstrap for kFewestForBootstrap and more.
  ConfidenceInterval interval;
  /// The bootstrap's, whatever the number of pairs (from 3 on); see its warning.
  ConfidenceInterval bootstrap;
};

/// @param first, second  [n], the same seed at the same place
/// @throws ShapeError if the sizes differ
PairedDifference paired_difference(const std::vector<double>& first,
                                   const std::vector<double>& second, std::uint64_t seed = 0);

/// What a paired difference allows to say.
enum class Verdict { kBetter, kWorse, kUndecided };
/// kBetter if the interval lies above 0, kWorse if below, else kUndecided (no interval included).
Verdict verdict_of(const PairedDifference& difference);

/// The verdict as a sentence without an end, in points (hundredths):
/// "better in 5 of 5 seeds, +2.1 points, 95 % interval 1.2 to 3.0 (Student's t)",
/// "worse in 3 of 3 seeds, -1.4 points, 95 % interval -2.2 to -0.6 (Student's t)",
/// "no difference can be told: better in 2 of 3 seeds, +0.4 points, 95 % interval -1.9 to 2.7
/// (Student's t)", "no difference can be told from 2 seeds: better in 2 of 2, +1.3 points",
/// "no difference can be told from 3 seeds with the same difference: better in 3 of 3, +1.0
/// points", "no pairs".
/// @param what  what a pair is, in the plural: "seeds"
std::string verdict_sentence(const PairedDifference& difference, const std::string& what = "seeds");

/// McNemar's test: are two classifiers right on the same samples equally often?
struct McNemar {
  /// Samples that both have right or both have wrong.
  std::int64_t both_right = 0;
  std::int64_t both_wrong = 0;
  /// Samples that only the first, only the second has right.
  std::int64_t only_first = 0;
  std::int64_t only_second = 0;
  /// (|only_first - only_second| - 1)^2 / (only_first + only_second), not below 0 before squaring;
  /// NaN where the exact test is used.
  double chi_square = 0;
  /// Two-sided; 1 without discordant samples.
  double p_value = 1;
  /// The binomial test, used for fewer than kFewestForChiSquare discordant samples.
  bool exact = true;
};

/// Fewer discordant samples than this are tested exactly.
inline constexpr std::int64_t kFewestForChiSquare = 25;

/// @param first_right, second_right  [n], non-zero where the classifier is right on the sample
/// @throws ShapeError if the sizes differ
/// Source: McNemar, Psychometrika 1947; continuity correction: Edwards, Psychometrika 1948.
McNemar mcnemar(const std::vector<char>& first_right, const std::vector<char>& second_right);
/// The same from counts. @throws ShapeError if one is negative
McNemar mcnemar(std::int64_t both_right, std::int64_t only_first, std::int64_t only_second,
                std::int64_t both_wrong);

/// Wilson's score interval of a share, such as an accuracy; none if `total` is 0.
///
/// (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n). It says how far the accuracy of the
/// same network would move on another test set of the same size, not on another seed.
/// @throws ShapeError unless 0 <= successes <= total
/// Source: Wilson, JASA 1927.
ConfidenceInterval wilson_interval(std::int64_t successes, std::int64_t total,
                                   double confidence = 0.95);

}  // namespace selfcure
