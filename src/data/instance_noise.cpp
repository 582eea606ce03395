#include "selfcure/data/instance_noise.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"

namespace selfcure {
namespace {

constexpr double kRateDeviation = 0.1;
constexpr double kSqrtTwo = 1.4142135623730951;

/// Third places of the keys of random numbers; 0 is that of the types without features.
constexpr std::uint64_t kRowKey = 0;
constexpr std::uint64_t kProjectionKey = 1;
constexpr std::uint64_t kRateKey = 2;

double normal_share_below(double value, double mean) {
  return 0.5 * std::erfc((mean - value) / (kRateDeviation * kSqrtTwo));
}

/// Number in [0, 1] that this share of the truncated distribution lies below. The greater the mean,
/// the greater it is.
double truncated_normal(double mean, double share) {
  const double below_zero = normal_share_below(0.0, mean);
  const double wanted = below_zero + share * (normal_share_below(1.0, mean) - below_zero);
  double low = 0.0;
  double high = 1.0;
  for (int step = 0; step < 53; ++step) {
    const double middle = 0.5 * (low + high);
    (normal_share_below(middle, mean) < wanted ? low : high) = middle;
  }
  return high;
}

/// [D][K]
std::vector<double> projection_of_class(std::uint64_t seed, std::size_t label, std::size_t size) {
  KeyedRandom random(RandomStream::kNoise, {seed, label, kProjectionKey, 0});
  std::vector<double> projection(size);
  std::generate(projection.begin(), projection.end(), [&random] { return random.normal(); });
  return projection;
}

/// Draws a class other than `label` from the softmax of the scores.
/// @param draw  uniform in [0, 1)
std::int32_t draw_other(const std::vector<double>& scores, std::size_t label, double draw) {
  double greatest = scores[label == 0 ? 1 : 0];
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (k != label) greatest = std::max(greatest, scores[k]);
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (k != label) sum += std::exp(scores[k] - greatest);
  }
  double left = draw * sum;
  std::size_t drawn = label;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    const double part = k == label ? 0.0 : std::exp(scores[k] - greatest);
    if (part == 0.0) continue;
    drawn = k;
    left -= part;
    if (left < 0.0) break;  // rounding may leave a trifle after the last class
  }
  return static_cast<std::int32_t>(drawn);
}

void check(const Manifest& manifest, const NoiseOptions& options, const float* features,
           std::int64_t feature_count) {
  if (options.type != NoiseType::kInstance) {
    throw ConfigError(std::string("noise: expected type instance, got ") + to_string(options.type));
  }
  check_noise(manifest, options);
  if (feature_count < 1) {
    throw ShapeError("instance noise: expected at least 1 feature per image, got " +
                     std::to_string(feature_count));
  }
  const auto width = static_cast<std::size_t>(feature_count);
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const float* const x = features + i * width;
    const float* const bad =
        std::find_if_not(x, x + width, [](float v) { return std::isfinite(v); });
    if (bad == x + width) continue;
    throw DataError(manifest.name + ": expected finite features, got " + std::to_string(*bad) +
                    " for '" + manifest.rows[i].image + "'");
  }
}

}  // namespace

NoiseReport inject_instance_noise(Manifest& manifest, const NoiseOptions& options,
                                  const float* features, std::int64_t feature_count) {
  check(manifest, options, features, feature_count);
  const std::size_t classes = manifest.class_names.size();
  const auto width = static_cast<std::size_t>(feature_count);
  std::vector<std::int32_t> labels;
  labels.reserve(manifest.rows.size());
  std::vector<std::vector<std::size_t>> wrong_rows(classes);
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    labels.push_back(manifest.rows[i].given);
    if (options.rate == 0.0) continue;
    KeyedRandom rate(RandomStream::kNoise, {options.seed, i, kRateKey, 0});
    KeyedRandom random(RandomStream::kNoise, {options.seed, i, kRowKey, 0});
    if (random.chance(truncated_normal(options.rate, rate.uniform()))) {
      wrong_rows[static_cast<std::size_t>(labels[i])].push_back(i);
    }
  }
  std::vector<double> scores(classes);
  for (std::size_t label = 0; label < classes; ++label) {
    if (wrong_rows[label].empty()) continue;
    const std::vector<double> projection =
        projection_of_class(options.seed, label, width * classes);
    for (const std::size_t i : wrong_rows[label]) {
      std::fill(scores.begin(), scores.end(), 0.0);
      for (std::size_t d = 0; d < width; ++d) {
        const auto x = static_cast<double>(features[i * width + d]);
        for (std::size_t k = 0; k < classes; ++k) scores[k] += x * projection[d * classes + k];
      }
      KeyedRandom random(RandomStream::kNoise, {options.seed, i, kRowKey, 0});
      (void)random.uniform();  // said that the row is wrong
      labels[i] = draw_other(scores, label, random.uniform());
    }
  }
  return apply_noisy_labels(manifest, labels);
}

}  // namespace selfcure
