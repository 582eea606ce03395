#pragma once

#include <string>
#include <vector>

#include "selfcure/core/metrics.h"
#include "selfcure/data/image_decoder.h"

namespace selfcure {

/// Classes beyond which a confusion matrix is not drawn: nobody could read it.
inline constexpr std::int64_t kMostDrawnClasses = 64;

/// Draws a confusion matrix: a row per true class, a column per predicted one. A cell shows which
/// percentage of its row it has and is the darker the more; the number of samples of a class stands
/// beside its name. Letters beyond ASCII are shown as '?'.
///
/// @param class_names  [K]
/// @return blue, green, red
/// @throws ShapeError unless there is a name per class and K is at most kMostDrawnClasses
Picture draw_confusion_matrix(const ConfusionMatrix& confusion,
                              const std::vector<std::string>& class_names,
                              const std::string& heading);

}  // namespace selfcure
