#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>

namespace selfcure {

/// A network from images to features: what stands before the classifier.
class FeatureNetwork : public torch::nn::Module {
 public:
  /// [B, 3, H, W] -> [B, feature_count()].
  virtual at::Tensor forward(const at::Tensor& images) = 0;
  /// D.
  virtual std::int64_t feature_count() const = 0;
};

}  // namespace selfcure
