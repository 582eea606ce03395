#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "selfcure/data/manifest.h"
#include "selfcure/data/sources.h"

namespace selfcure {

/// Compares a manifest, as its reader returned it, with the published size of its split.
///
/// A copy that lost or gained a few images still trains but no longer compares with other work;
/// this is worth a warning, not an error. A manifest counts as an attempt at the full set if it
/// has at least half of the published rows; smaller ones (demo data, subsets) are never noted.
/// FERPlus has two published tables of votes that differ: `label.csv` of the image folders, which
/// the literature counts by, and `fer2013new.csv`; agreeing with either is enough. What is kept of
/// them depends on what the votes become (`Manifest::label_use`). The validation set of AffectNet's
/// 2021 release lacks one of its 4,000 images and is not compared.
///
/// @param manifest  one split, before noise and before joining: given labels are counted, of
///                  FERPlus with FER2013's labels the clean ones
/// @return one line that names the numbers expected and found, or nothing if they agree, the
///         manifest is small or the set has no such split
/// Source: RAF-DB, Li et al., CVPR 2017; FERPlus, Barsoum et al., ICMI 2016 (counts are those of
///         the released code's rules on the released vote tables); AffectNet, Mollahosseini et al.,
///         IEEE TAC 2019.
std::optional<std::string> golden_count_difference(const Manifest& manifest, Dataset dataset,
                                                   Split split);

/// Published number of images of one split, as golden_count_difference() compares it.
///
/// @param source         says which data set, whether AffectNet's contempt counts, and what
///                       FERPlus's votes become; its root and its splits are not looked at
/// @param is_trained_on  FERPlus's votes become that only then; what is evaluated has the majority
/// @return nothing where there is none
std::optional<std::int64_t> published_count(const SourceOptions& source, Split split,
                                            bool is_trained_on);

}  // namespace selfcure
