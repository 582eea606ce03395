#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <string>
#include <vector>

#include "selfcure/core/metrics.h"
#include "selfcure/data/augment.h"
#include "selfcure/data/batch_loader.h"
#include "selfcure/data/manifest.h"
#include "selfcure/method/step.h"

namespace selfcure {

/// What a network says of a labelled set.
struct EvaluationResult {
  ConfusionMatrix confusion;
  /// Per row: predicted class, softmax of the logits [rows * K], importance (empty without).
  std::vector<std::int32_t> predicted;
  std::vector<float> probabilities;
  std::vector<float> importance;
  double seconds = 0;
};

/// Predicts every row of a set, in evaluation mode and without random changes.
///
/// @param loader  over the images of `manifest`, whose given labels are what is scored
/// @throws DataError when an image cannot be read
EvaluationResult evaluate(Method& method, const Manifest& manifest, BatchLoader& loader,
                          const NormalizeOptions& normalize, const c10::Device& device,
                          std::int64_t batch_size);

/// The same as text for people: accuracy, mean class accuracy, the per-class table and the
/// confusion matrix (rows: true class).
std::string evaluation_text(const EvaluationResult& result,
                            const std::vector<std::string>& class_names);

/// The same as a JSON object. `extra` is a JSON object whose entries come first.
std::string evaluation_json(const EvaluationResult& result,
                            const std::vector<std::string>& class_names, const std::string& extra);

/// `image,label,predicted,p_<class>...,importance`, one row per image.
std::string predictions_csv(const EvaluationResult& result, const Manifest& manifest);

}  // namespace selfcure
