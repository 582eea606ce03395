#pragma once

#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>

#include "selfcure/nn/feature_network.h"
#include "selfcure/nn/layers.h"

namespace selfcure {

/// Pixels a side that the IR networks take.
inline constexpr std::int64_t kIrInputSize = 112;

/// The residual unit of IR networks: batch norm, 3x3, PReLU, 3x3 with the stride, batch norm.
/// Source: face.evoLVe, backbone/model_irse.py, `bottleneck_IR`; names as there.
class IrUnitImpl : public torch::nn::Module {
 public:
  /// @param stride  where widths are equal the shortcut takes each stride-th pixel, otherwise it is
  ///                a 1x1 convolution with batch norm
  IrUnitImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride);
  /// [B, in, H, W] -> [B, width, ceil(H / stride), ceil(W / stride)].
  at::Tensor forward(const at::Tensor& input);

  torch::nn::Sequential shortcut_layer{nullptr}, res_layer{nullptr};
};
TORCH_MODULE(IrUnit);

/// IR-50, the backbone of ArcFace as face.evoLVe and InsightFace_Pytorch have it: 512 features.
///
/// Initialisation is theirs: convolutions and linear layers Xavier uniform with biases of 0, batch
/// norm 1 and 0. Its last part has a dropout of 0.5.
/// Source: Deng et al., ArcFace, CVPR 2019; face.evoLVe, backbone/model_irse.py, `IR_50`.
class Ir50Impl : public FeatureNetwork {
 public:
  Ir50Impl();
  /// [B, 3, 112, 112] -> [B, 512]. @throws ShapeError for another size
  at::Tensor forward(const at::Tensor& images) override;
  std::int64_t feature_count() const override { return 512; }

  torch::nn::Sequential input_layer{nullptr}, output_layer{nullptr}, body{nullptr};
};
TORCH_MODULE(Ir50);

/// The residual unit of insightface's networks: batch norm also between 3x3 and PReLU.
/// Source: insightface, recognition/arcface_torch/backbones/iresnet.py, `IBasicBlock`.
class IresnetBlockImpl : public torch::nn::Module {
 public:
  IresnetBlockImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride);
  /// [B, in, H, W] -> [B, width, ceil(H / stride), ceil(W / stride)].
  at::Tensor forward(const at::Tensor& input);

  BatchNorm2d bn1{nullptr}, bn2{nullptr}, bn3{nullptr};
  Conv2d conv1{nullptr}, conv2{nullptr};
  torch::nn::PReLU prelu{nullptr};
  torch::nn::Sequential downsample{nullptr};
};
TORCH_MODULE(IresnetBlock);

/// insightface's iResNet-50, which its ArcFace weights are for: 512 features.
///
/// Initialisation is theirs: convolutions normal with 0.1, batch norm 1 and 0; the weight of
/// `features` stays 1.
/// Source: insightface, recognition/arcface_torch/backbones/iresnet.py, `iresnet50`.
class Iresnet50Impl : public FeatureNetwork {
 public:
  Iresnet50Impl();
  /// [B, 3, 112, 112] -> [B, 512]. @throws ShapeError for another size
  at::Tensor forward(const at::Tensor& images) override;
  std::int64_t feature_count() const override { return 512; }

  Conv2d conv1{nullptr};
  BatchNorm2d bn1{nullptr}, bn2{nullptr};
  torch::nn::PReLU prelu{nullptr};
  torch::nn::Sequential layer1{nullptr}, layer2{nullptr}, layer3{nullptr}, layer4{nullptr};
  torch::nn::Linear fc{nullptr};
  torch::nn::BatchNorm1d features{nullptr};
};
TORCH_MODULE(Iresnet50);

}  // namespace selfcure
