#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

namespace selfcure {

/// Two 3x3 convolutions with batch norm around a shortcut.
/// Source: He, Zhang, Ren, Sun, CVPR 2016, figure 2; names as in torchvision.
class BasicBlockImpl : public torch::nn::Module {
 public:
  /// @param stride  of the first convolution; with 2, or when the width changes, the shortcut is a
  ///                1x1 convolution with batch norm (`downsample`)
  BasicBlockImpl(std::int64_t in_channels, std::int64_t out_channels, std::int64_t stride);
  /// [B, in, H, W] -> [B, out, ceil(H / stride), ceil(W / stride)].
  at::Tensor forward(const at::Tensor& input);

  torch::nn::Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr}, bn2{nullptr};
  torch::nn::Sequential downsample{nullptr};
};
TORCH_MODULE(BasicBlock);

/// ResNet-18 up to its global average pooling: images to features.
///
/// Parameter names and initialisation are torchvision's: convolutions Kaiming normal (fan out,
/// ReLU), batch norm 1 and 0.
class ResNetImpl : public torch::nn::Module {
 public:
  ResNetImpl();
  /// [B, 3, H, W] -> [B, feature_count()].
  at::Tensor forward(const at::Tensor& images);
  std::int64_t feature_count() const { return 512; }

  torch::nn::Conv2d conv1{nullptr};
  torch::nn::BatchNorm2d bn1{nullptr};
  torch::nn::Sequential layer1{nullptr}, layer2{nullptr}, layer3{nullptr}, layer4{nullptr};
};
TORCH_MODULE(ResNet);

}  // namespace selfcure
