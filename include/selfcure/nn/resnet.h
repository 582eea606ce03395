#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/pimpl.h>

#include <array>
#include <cstdint>

#include "selfcure/nn/feature_network.h"
#include "selfcure/nn/layers.h"

namespace selfcure {

/// Two 3x3 convolutions with batch norm around a shortcut.
/// Source: He, Zhang, Ren, Sun, CVPR 2016, figure 2; names as in torchvision.
class BasicBlockImpl : public torch::nn::Module {
 public:
  /// @param stride  of the first convolution; with 2, or when the width changes, the shortcut is a
  ///                1x1 convolution with batch norm (`downsample`)
  BasicBlockImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride);
  /// [B, in, H, W] -> [B, width, ceil(H / stride), ceil(W / stride)].
  at::Tensor forward(const at::Tensor& input);

  Conv2d conv1{nullptr}, conv2{nullptr};
  BatchNorm2d bn1{nullptr}, bn2{nullptr};
  torch::nn::Sequential downsample{nullptr};
};
TORCH_MODULE(BasicBlock);

/// A 1x1, a 3x3 and a 1x1 convolution that widens four times, with batch norm around a shortcut.
/// Source: He, Zhang, Ren, Sun, CVPR 2016, figure 5; the 3x3 has the stride, as in torchvision.
class BottleneckImpl : public torch::nn::Module {
 public:
  /// @param stride  of the 3x3 convolution; with 2, or when the width changes, the shortcut is a
  ///                1x1 convolution with batch norm (`downsample`)
  BottleneckImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride);
  /// [B, in, H, W] -> [B, 4 * width, ceil(H / stride), ceil(W / stride)].
  at::Tensor forward(const at::Tensor& input);

  Conv2d conv1{nullptr}, conv2{nullptr}, conv3{nullptr};
  BatchNorm2d bn1{nullptr}, bn2{nullptr}, bn3{nullptr};
  torch::nn::Sequential downsample{nullptr};
};
TORCH_MODULE(Bottleneck);

/// How a ResNet begins.
enum class Stem {
  /// 7x7 convolution of stride 2, then max pooling: images of 100 pixels and more.
  kImageNet,
  /// 3x3 convolution of stride 1, no pooling: images of 32 to 64 pixels, as for CIFAR.
  kSmall,
};

enum class ResNetBlock { kBasic, kBottleneck };

struct ResNetOptions {
  ResNetBlock block = ResNetBlock::kBasic;
  /// Blocks of each stage.
  std::array<std::int64_t, 4> blocks = {2, 2, 2, 2};
  Stem stem = Stem::kImageNet;
};

/// A ResNet up to its global average pooling: images to features.
///
/// Parameter names and initialisation are torchvision's: convolutions Kaiming normal (fan out,
/// ReLU), batch norm 1 and 0. Features: 512, with bottlenecks 2048.
class ResNetImpl : public FeatureNetwork {
 public:
  /// ResNet-18 by default.
  explicit ResNetImpl(const ResNetOptions& options = {});
  at::Tensor forward(const at::Tensor& images) override;
  std::int64_t feature_count() const override { return feature_count_; }

  Conv2d conv1{nullptr};
  BatchNorm2d bn1{nullptr};
  torch::nn::Sequential layer1{nullptr}, layer2{nullptr}, layer3{nullptr}, layer4{nullptr};

 private:
  Stem stem_;
  std::int64_t feature_count_;
};
TORCH_MODULE(ResNet);

}  // namespace selfcure
