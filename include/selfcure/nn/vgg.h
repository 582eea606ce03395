#pragma once

#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "selfcure/nn/feature_network.h"

namespace selfcure {

/// VGG-16 without batch norm, up to its last linear layer but one: 4096 features.
///
/// Parameter names (`features.N`, `classifier.0`, `classifier.3`), initialisation and the average
/// pooling to 7x7 before the linear layers are torchvision's. Dropout of 0.5 in training.
/// Source: Simonyan, Zisserman, ICLR 2015, configuration D.
class Vgg16Impl : public FeatureNetwork {
 public:
  Vgg16Impl();
  /// Height and width at least 32.
  at::Tensor forward(const at::Tensor& images) override;
  std::int64_t feature_count() const override { return 4096; }

  torch::nn::Sequential features{nullptr}, classifier{nullptr};
};
TORCH_MODULE(Vgg16);

}  // namespace selfcure
