#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// How the votes of FERPlus become labels.
enum class FerPlusLabels {
  /// The class with more than half of the votes.
  kMajority,
  /// The shares of the most voted classes, of which training draws one at every visit.
  kProbability,
  /// The same shares, which training takes as a soft target.
  kCrossEntropy,
  /// Every class with at least 30 % of the votes is right.
  kMultiTarget,
  /// The single label of FER2013 from before the votes; the majority of the votes is the clean
  /// label.
  kFer2013,
};

/// "majority", "probability", "crossentropy", "multi_target" or "fer2013".
const char* to_string(FerPlusLabels labels);

inline constexpr std::size_t kFerPlusClasses = 8;

/// Votes for the eight classes, for "unknown" and for "NF" (not a face), in this order.
using FerPlusVotes = std::array<std::int64_t, kFerPlusClasses + 2>;

/// What the votes for one image say.
struct FerPlusTarget {
  /// The class with the most votes among those kept; the first one of equals.
  std::int32_t label = kUnknownLabel;
  /// Sums to 1; zero for the classes that are not kept.
  std::array<float, kFerPlusClasses> distribution = {};
};

/// Turns the votes for one image into its target, or into nothing if the image is left out.
///
/// First each class that got only one vote loses it; let S be the sum of what remains.
/// - kMajority and kFer2013: the class with strictly more than S/2.
/// - kProbability and kCrossEntropy: all classes that equal the greatest number of votes left are
///   taken, again and again, until those taken hold at least 0.75 S or are three or more. Unknown
///   and NF end the taking, and if something was taken before are not kept themselves. Left out if
///   those kept hold at most S/2 or are more than three; each gets its share of their votes.
/// - kMultiTarget: the classes with at least 0.3 S; left out if they hold at most S/2. Each gets
///   the same share: the distribution tells which classes are right and nothing else. The loss of
///   the released code, -log max_k(t_k p_k), has t_k = 1 for these and 0.001 for the others.
///
/// In all modes an image is left out if unknown or NF is the first among the most voted of those
/// kept; else unknown and NF are taken off and the rest is renormalised.
///
/// @param votes  none negative, each at most 1000
/// Source: Barsoum et al., ICMI 2016, section 3, as in the released training code.
std::optional<FerPlusTarget> ferplus_target(const FerPlusVotes& votes, FerPlusLabels labels);

/// neutral, happiness, surprise, sadness, anger, disgust, fear, contempt.
const std::vector<std::string>& ferplus_class_names();

/// FERPlus's class of the same name as a label of FER2013: 0 angry, 1 disgust, 2 fear, 3 happy,
/// 4 sad, 5 surprise, 6 neutral.
///
/// @return nothing if `emotion` is not in 0..6
std::optional<std::int32_t> ferplus_class_of_emotion(std::int64_t emotion);

}  // namespace selfcure
