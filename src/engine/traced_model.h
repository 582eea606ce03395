#pragma once

#include <torch/csrc/jit/api/module.h>

#include <map>
#include <string>
#include <vector>

#include "selfcure/method/step.h"

namespace selfcure {

/// A method's prediction as a program.
struct TracedModel {
  torch::jit::Module module;
  /// Of the tuple that `forward(images)` gives.
  std::vector<std::string> outputs;
};

/// Records what a method does with images in evaluation mode; its weights become the module's.
/// @param image_size  S of the images [B, 3, S, S]; B is free afterwards
TracedModel trace_prediction(Method& method, std::int64_t image_size);

/// A traced model in ONNX's format.
/// @param metadata  for metadata_props
/// @return the serialised model, accepted by ONNX's checker
/// @throws Error for an operation that has no counterpart here, by its name
std::string onnx_bytes(const TracedModel& model, std::int64_t opset,
                       const std::map<std::string, std::string>& metadata);

}  // namespace selfcure
