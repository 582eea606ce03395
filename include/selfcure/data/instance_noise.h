#pragma once

#include <cstdint>

#include "selfcure/data/label_noise.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Makes labels wrong in a way that depends on what each image looks like (NoiseType::kInstance).
///
/// Row i with features x and label y becomes wrong with a probability q_i of its own, drawn from
/// a normal distribution of mean `rate` and standard deviation 0.1, truncated to [0, 1]. What it
/// becomes is drawn from softmax(x W_y) over the other classes, where W_y [D][K] is one matrix of
/// standard normal numbers per class. So P(given = y) = 1 - q_i and P(given = k) = q_i softmax_k.
/// The longer the features, the more one class takes all: scale them if that is not wanted.
///
/// The share that comes out is the mean of the truncated distribution, above a small rate and below
/// a great one: 12.9 % at a rate of 0.1, 20.6 % at 0.2, 30.0 % at 0.3, 92.0 % at 1. A rate of 0
/// changes nothing.
///
/// Row i depends on (seed, i, its label, its features, K) alone. A row wrong at a rate is wrong, in
/// the same way, at every higher rate of the same seed: q_i is the quantile of a uniform number
/// that the rate has no part in, which is the same distribution as drawing again until a number
/// lies in [0, 1], as the published code does.
///
/// @param manifest       as for inject_noise(), which says what changes; unchanged if this throws
/// @param options        type kInstance; rate and seed are used
/// @param features       [size()][feature_count], row after row in the manifest's order
/// @param feature_count  D, at least 1
/// @throws ConfigError for another type, and as check_noise() does
/// @throws DataError as check_noise() does, and for a feature that is not finite
/// @throws ShapeError if feature_count is less than 1
/// Source: Xia et al., NeurIPS 2020, algorithm 2, with features in the place of pixels.
NoiseReport inject_instance_noise(Manifest& manifest, const NoiseOptions& options,
                                  const float* features, std::int64_t feature_count);

}  // namespace selfcure
