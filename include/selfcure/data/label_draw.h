#pragma once

#include <cstdint>

namespace selfcure {

/// Draws the class that a row has for one visit, with the probabilities of its distribution.
///
/// A function of its arguments only: the same for any number of workers and after a resume.
///
/// @param distribution  [classes], none negative; it need not sum to 1
/// @param classes       at least 1
/// @param row           index in the manifest
/// @return 0..classes-1, never a class of probability 0; kUnknownLabel if all are 0
/// Source: Barsoum et al., ICMI 2016, section 3.2 (probabilistic label drawing).
std::int32_t draw_label(const float* distribution, std::int64_t classes, std::uint64_t seed,
                        std::uint64_t epoch, std::uint64_t row);

}  // namespace selfcure
