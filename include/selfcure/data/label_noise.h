#pragma once

#include <cstdint>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// How injected noise picks the wrong label.
enum class NoiseType {
  /// Labels stay as the data set gives them.
  kNone,
  /// Another class, uniformly among the K-1 others.
  kSymmetric,
};

/// Noise to inject into the labels of a training set.
struct NoiseOptions {
  /// Default kNone, which also leaves clean labels unknown: nothing vouches for the data set's own.
  NoiseType type = NoiseType::kNone;
  /// Probability of each row, by itself, to get a wrong label: in [0, 1], default 0, which must
  /// stay with kNone. The share that comes out varies around it; NoiseReport says what it is.
  double rate = 0.0;
  /// Default 0. Chooses the rows and their wrong labels; apart from the training seed, so that
  /// several trainings can share one noisy set. Rows wrong at a rate are wrong, in the same way, at
  /// every higher rate of the same seed.
  std::uint64_t seed = 0;
};

/// What noise did to a manifest; K is its number of classes.
struct NoiseReport {
  /// [K][K], rows per true and given label. Rows whose true label is unknown (possible with kNone
  /// only) count as right.
  std::vector<std::vector<std::int64_t>> transitions;
  /// Rows whose given label this injection changed.
  std::int64_t changed = 0;
  /// Share of rows whose given label is not the true one, in [0, 1]; 0 for no rows.
  double realised_rate = 0.0;
};

/// Makes labels wrong on purpose and records the right ones.
///
/// With kSymmetric, row.clean becomes the label before noise unless it was known already, and
/// row.given becomes, with probability `rate`, one of the other K-1 classes. What happens to row i
/// depends on (seed, i, its label, K) alone: not on other rows, their number or the training seed.
/// Inject before joining or subsetting if the noise must not depend on these.
///
/// @param manifest  a training set; every row has a given label. Unchanged if this throws
/// @throws ConfigError if the rate is not in [0, 1], or not 0 with kNone
/// @throws DataError if a row has no label or one outside the classes, or K < 2 with kSymmetric
/// Source: Wang et al., CVPR 2020, the experiments on synthetic noise of 10, 20 and 30 %; each row
/// is drawn by itself, as the realised rates of the authors' lists suggest.
NoiseReport inject_noise(Manifest& manifest, const NoiseOptions& options);

/// Counts the noise that a manifest holds now, for example after rows were left out; `changed` is
/// the number of rows whose given label is not the true one.
NoiseReport report_noise(const Manifest& manifest);

/// Divides each row of counts by its sum: P(given | true), [K][K]. A row of zeros stays zero.
std::vector<std::vector<double>> row_normalised(
    const std::vector<std::vector<std::int64_t>>& counts);

}  // namespace selfcure
