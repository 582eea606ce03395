#include "selfcure/core/statistics.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

#include "selfcure/core/errors.h"
#include "selfcure/core/metrics.h"
#include "selfcure/core/random.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kFewestForInterval = 3;
constexpr ConfidenceInterval kNoInterval = {kNaN, kNaN, IntervalMethod::kNone};

/// Continued fraction of the incomplete beta function by Lentz's method.
double beta_fraction(double a, double b, double x) {
  constexpr double kTiny = 1e-300, kEnough = 1e-15;
  constexpr int kMostTerms = 10000;
  const auto away_from_zero = [](double value) { return std::abs(value) < kTiny ? kTiny : value; };
  double c = 1;
  double d = 1 / away_from_zero(1 - (a + b) * x / (a + 1));
  double fraction = d;
  for (int m = 1; m < kMostTerms; ++m) {
    const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / away_from_zero(1 + even * d);
    c = away_from_zero(1 + even / c);
    fraction *= d * c;
    const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / away_from_zero(1 + odd * d);
    c = away_from_zero(1 + odd / c);
    fraction *= d * c;
    if (std::abs(d * c - 1) < kEnough) break;
  }
  return fraction;
}

/// Regularised incomplete beta function I_x(a, b), x in [0, 1].
double incomplete_beta(double a, double b, double x) {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                a * std::log(x) + b * std::log1p(-x));
  // The fraction converges fast below the mean only.
  if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
  return 1 - front * beta_fraction(b, a, 1 - x) / b;
}

/// The x at which the growing `function` reaches `target`, by halving [low, high].
template <typename Function>
double solve(Function function, double target, double low, double high) {
  constexpr int kMostHalvings = 2000;
  for (int i = 0; i < kMostHalvings; ++i) {
    const double middle = 0.5 * (low + high);
    if (middle == low || middle == high) break;
    (function(middle) < target ? low : high) = middle;
  }
  return 0.5 * (low + high);
}

/// Value at this share of the sorted values, between neighbours linearly.
double quantile(const std::vector<double>& sorted, double share) {
  const double place = std::clamp(share, 0.0, 1.0) * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

/// Acceleration of the mean from the jackknife: sum d^3 / (6 (sum d^2)^1.5), d = the mean of the
/// means without one value, minus the mean without value i; that is (x_i - mean) / (n - 1).
double acceleration(const std::vector<double>& values, double centre) {
  double squares = 0, cubes = 0;
  for (const double value : values) {
    const double d = value - centre;
    squares += d * d;
    cubes += d * d * d;
  }
  return squares == 0 ? 0 : cubes / (6 * std::pow(squares, 1.5));
}

std::string points(double share, bool with_sign) {
  char text[32];
  std::snprintf(text, sizeof(text), with_sign ? "%+.1f" : "%.1f", 100 * share);
  const std::string shown = text;
  return shown == "-0.0" || shown == "+0.0" ? "0.0" : shown;
}

/// "seeds" -> "seed".
std::string singular(std::string plural) {
  if (!plural.empty() && plural.back() == 's') plural.pop_back();
  return plural;
}

/// Two-sided binomial test of `smaller` among `total` at probability one half.
double binomial_p_value(std::int64_t smaller, std::int64_t total) {
  double term = std::pow(0.5, static_cast<double>(total));
  double tail = 0;
  for (std::int64_t k = 0; k <= smaller; ++k) {
    tail += term;
    term *= static_cast<double>(total - k) / static_cast<double>(k + 1);
  }
  return std::min(1.0, 2 * tail);
}

}  // namespace

const char* to_string(IntervalMethod method) {
  switch (method) {
    case IntervalMethod::kStudentT:
      return "Student's t";
    case IntervalMethod::kBootstrap:
      return "bootstrap";
    case IntervalMethod::kWilson:
      return "Wilson";
    case IntervalMethod::kNone:
      break;
  }
  return "none";
}

double student_t_cdf(double t, double degrees_of_freedom) {
  const double tail = 0.5 * incomplete_beta(0.5 * degrees_of_freedom, 0.5,
                                            degrees_of_freedom / (degrees_of_freedom + t * t));
  return t > 0 ? 1 - tail : tail;
}

double student_t_quantile(double probability, double degrees_of_freedom) {
  if (probability == 0.5) return 0;
  // Of the lower tail, where a small probability keeps its digits.
  const double tail = std::min(probability, 1 - probability);
  double low = -1;
  while (student_t_cdf(low, degrees_of_freedom) > tail) low *= 2;
  const double t =
      solve([&](double x) { return student_t_cdf(x, degrees_of_freedom); }, tail, low, 0);
  return probability < 0.5 ? t : -t;
}

double normal_cdf(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

double normal_quantile(double probability) {
  constexpr double kFarthest = 40;
  const double tail = std::min(probability, 1 - probability);
  const double z = solve(normal_cdf, tail, -kFarthest, 0);
  return probability < 0.5 ? z : -z;
}

ConfidenceInterval student_t_interval(const std::vector<double>& values, double confidence) {
  constexpr double kRounding = 1e-12;
  if (values.size() < kFewestForInterval) return kNoInterval;
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  if (*high - *low <= kRounding * std::max({1.0, std::abs(*low), std::abs(*high)}))
    return kNoInterval;
  const auto count = static_cast<double>(values.size());
  const double half = student_t_quantile(0.5 + 0.5 * confidence, count - 1) *
                      sample_standard_deviation(values) / std::sqrt(count);
  const double centre = mean(values);
  return {centre - half, centre + half, IntervalMethod::kStudentT};
}

ConfidenceInterval bootstrap_interval(const std::vector<double>& values, double confidence,
                                      std::uint64_t seed, int resamples) {
  if (values.size() < kFewestForInterval) return kNoInterval;
  const double centre = mean(values);
  KeyedRandom random(RandomStream::kBootstrap, {seed, values.size(), 0, 0});
  std::vector<double> means(static_cast<std::size_t>(resamples));
  for (double& value : means) {
    double sum = 0;
    for (std::size_t i = 0; i < values.size(); ++i) sum += values[random.below(values.size())];
    value = sum / static_cast<double>(values.size());
  }
  std::sort(means.begin(), means.end());
  // Few values give the mean itself often: half of its copies count as below, or a symmetric sample
  // would look biased. The tolerance takes the rounding of sums in another order.
  const double tolerance = 1e-12 * (std::abs(means.front()) + std::abs(means.back()));
  const auto below = std::lower_bound(means.begin(), means.end(), centre - tolerance);
  const auto above = std::upper_bound(means.begin(), means.end(), centre + tolerance);
  const double share =
      (static_cast<double>(below - means.begin()) + 0.5 * static_cast<double>(above - below)) /
      static_cast<double>(resamples);
  const double bias = normal_quantile(std::clamp(share, 1e-6, 1 - 1e-6));
  const double skew = acceleration(values, centre);
  const auto end = [&](double probability) {
    const double z = bias + normal_quantile(probability);
    const double shifted = bias + z / (1 - skew * z);
    return quantile(means, normal_cdf(shifted));
  };
  return {end(0.5 - 0.5 * confidence), end(0.5 + 0.5 * confidence), IntervalMethod::kBootstrap};
}

PairedDifference paired_difference(const std::vector<double>& first,
                                   const std::vector<double>& second, std::uint64_t seed) {
  if (first.size() != second.size())
    throw ShapeError("paired_difference: expected as many values on both sides, got " +
                     std::to_string(first.size()) + " and " + std::to_string(second.size()));
  std::vector<double> differences;
  PairedDifference result;
  for (std::size_t i = 0; i < first.size(); ++i) {
    const double difference = first[i] - second[i];
    differences.push_back(difference);
    ++(difference > 0 ? result.better : difference < 0 ? result.worse : result.equal);
  }
  result.pairs = static_cast<std::int64_t>(differences.size());
  result.mean = mean(differences);
  result.standard_deviation = sample_standard_deviation(differences);
  result.bootstrap = bootstrap_interval(differences, 0.95, seed);
  result.interval =
      result.pairs < kFewestForBootstrap ? student_t_interval(differences) : result.bootstrap;
  return result;
}

Verdict verdict_of(const PairedDifference& difference) {
  if (!difference.interval.exists()) return Verdict::kUndecided;
  if (difference.interval.low > 0) return Verdict::kBetter;
  if (difference.interval.high < 0) return Verdict::kWorse;
  return Verdict::kUndecided;
}

std::string verdict_sentence(const PairedDifference& difference, const std::string& what) {
  if (difference.pairs == 0) return "no pairs";
  const std::string pairs = std::to_string(difference.pairs);
  const bool behind = difference.worse > difference.better;
  const std::string count = (behind ? "worse in " + std::to_string(difference.worse)
                                    : "better in " + std::to_string(difference.better)) +
                            " of " + pairs;
  const std::string size = ", " + points(difference.mean, true) + " points";
  if (!difference.interval.exists()) {
    const bool equal = difference.pairs >= static_cast<std::int64_t>(kFewestForInterval);
    const std::string few = pairs + " " + (difference.pairs == 1 ? singular(what) : what) +
                            (equal ? " with the same difference" : "");
    return "no difference can be told from " + few + ": " + count + size;
  }
  const std::string interval = ", 95 % interval " + points(difference.interval.low, false) +
                               " to " + points(difference.interval.high, false) + " (" +
                               to_string(difference.interval.method) + ")";
  const std::string text = count + " " + what + size + interval;
  return verdict_of(difference) == Verdict::kUndecided ? "no difference can be told: " + text
                                                       : text;
}

McNemar mcnemar(const std::vector<char>& first_right, const std::vector<char>& second_right) {
  if (first_right.size() != second_right.size())
    throw ShapeError("mcnemar: expected as many samples on both sides, got " +
                     std::to_string(first_right.size()) + " and " +
                     std::to_string(second_right.size()));
  std::int64_t counts[2][2] = {};
  for (std::size_t i = 0; i < first_right.size(); ++i)
    ++counts[first_right[i] != 0 ? 1 : 0][second_right[i] != 0 ? 1 : 0];
  return mcnemar(counts[1][1], counts[1][0], counts[0][1], counts[0][0]);
}

McNemar mcnemar(std::int64_t both_right, std::int64_t only_first, std::int64_t only_second,
                std::int64_t both_wrong) {
  if (std::min({both_right, only_first, only_second, both_wrong}) < 0)
    throw ShapeError("mcnemar: expected counts of at least 0");
  McNemar result;
  result.both_right = both_right;
  result.both_wrong = both_wrong;
  result.only_first = only_first;
  result.only_second = only_second;
  result.chi_square = kNaN;
  const std::int64_t discordant = only_first + only_second;
  result.exact = discordant < kFewestForChiSquare;
  if (result.exact) {
    result.p_value = binomial_p_value(std::min(only_first, only_second), discordant);
  } else {
    const double gap =
        std::max<double>(0, static_cast<double>(std::abs(only_first - only_second)) - 1);
    result.chi_square = gap * gap / static_cast<double>(discordant);
    // The upper tail of chi-square with one degree of freedom.
    result.p_value = std::erfc(std::sqrt(0.5 * result.chi_square));
  }
  return result;
}

ConfidenceInterval wilson_interval(std::int64_t successes, std::int64_t total, double confidence) {
  if (successes < 0 || successes > total)
    throw ShapeError("wilson_interval: expected successes in 0.." + std::to_string(total) +
                     ", got " + std::to_string(successes));
  if (total == 0) return kNoInterval;
  const auto n = static_cast<double>(total);
  const double share = static_cast<double>(successes) / n;
  const double z = normal_quantile(0.5 + 0.5 * confidence);
  const double scale = 1 / (1 + z * z / n);
  const double centre = scale * (share + 0.5 * z * z / n);
  const double half = scale * z * std::sqrt(share * (1 - share) / n + 0.25 * z * z / (n * n));
  // Exact at the ends, where rounding would leave a last bit.
  return {successes == 0 ? 0 : centre - half, successes == total ? 1 : centre + half,
          IntervalMethod::kWilson};
}

}  // namespace selfcure
