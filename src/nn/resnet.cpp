#include "selfcure/nn/resnet.h"

#include <torch/nn/init.h>

#include <utility>

namespace selfcure {
namespace {

constexpr std::int64_t kExpansion = 4;

Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  return Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

torch::nn::Sequential projection(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return torch::nn::Sequential(convolution(in, out, 1, stride), BatchNorm2d(out));
}

/// What is added to a block's output.
at::Tensor shortcut_of(torch::nn::Sequential& downsample, const at::Tensor& input) {
  if (downsample.is_empty()) return input;
  return conv_norm(downsample, input);
}

constexpr bool kRelu = true;

template <class Block>
torch::nn::Sequential stage(std::int64_t in, std::int64_t width, std::int64_t out,
                            std::int64_t count, std::int64_t stride) {
  torch::nn::Sequential blocks;
  for (std::int64_t i = 0; i < count; ++i)
    blocks->push_back(Block(i == 0 ? in : out, width, i == 0 ? stride : 1));
  return blocks;
}

torch::nn::Sequential stage(ResNetBlock block, std::int64_t in, std::int64_t width,
                            std::int64_t count, std::int64_t stride) {
  return block == ResNetBlock::kBasic
             ? stage<BasicBlock>(in, width, width, count, stride)
             : stage<Bottleneck>(in, width, kExpansion * width, count, stride);
}

}  // namespace

BasicBlockImpl::BasicBlockImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride) {
  conv1 = register_module("conv1", convolution(in_channels, width, 3, stride));
  bn1 = register_module("bn1", BatchNorm2d(width));
  conv2 = register_module("conv2", convolution(width, width, 3, 1));
  bn2 = register_module("bn2", BatchNorm2d(width));
  if (stride != 1 || in_channels != width)
    downsample = register_module("downsample", projection(in_channels, width, stride));
}

at::Tensor BasicBlockImpl::forward(const at::Tensor& input) {
  const at::Tensor x = conv_norm(*conv1, *bn1, input, {{}, kRelu});
  return conv_norm(*conv2, *bn2, x, {shortcut_of(downsample, input), kRelu});
}

BottleneckImpl::BottleneckImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride) {
  const std::int64_t out = kExpansion * width;
  conv1 = register_module("conv1", convolution(in_channels, width, 1, 1));
  bn1 = register_module("bn1", BatchNorm2d(width));
  conv2 = register_module("conv2", convolution(width, width, 3, stride));
  bn2 = register_module("bn2", BatchNorm2d(width));
  conv3 = register_module("conv3", convolution(width, out, 1, 1));
  bn3 = register_module("bn3", BatchNorm2d(out));
  if (stride != 1 || in_channels != out)
    downsample = register_module("downsample", projection(in_channels, out, stride));
}

at::Tensor BottleneckImpl::forward(const at::Tensor& input) {
  at::Tensor x = conv_norm(*conv1, *bn1, input, {{}, kRelu});
  x = conv_norm(*conv2, *bn2, x, {{}, kRelu});
  return conv_norm(*conv3, *bn3, x, {shortcut_of(downsample, input), kRelu});
}

ResNetImpl::ResNetImpl(const ResNetOptions& options) : stem_(options.stem) {
  const std::int64_t expansion = options.block == ResNetBlock::kBasic ? 1 : kExpansion;
  feature_count_ = 512 * expansion;
  conv1 = register_module(
      "conv1", stem_ == Stem::kImageNet ? convolution(3, 64, 7, 2) : convolution(3, 64, 3, 1));
  bn1 = register_module("bn1", BatchNorm2d(64));
  layer1 = register_module("layer1", stage(options.block, 64, 64, options.blocks[0], 1));
  layer2 =
      register_module("layer2", stage(options.block, 64 * expansion, 128, options.blocks[1], 2));
  layer3 =
      register_module("layer3", stage(options.block, 128 * expansion, 256, options.blocks[2], 2));
  layer4 =
      register_module("layer4", stage(options.block, 256 * expansion, 512, options.blocks[3], 2));
  for (const auto& module : modules(/*include_self=*/false))
    if (auto* conv = module->as<Conv2d>())
      torch::nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
}

at::Tensor ResNetImpl::forward(const at::Tensor& images) {
  AfterNorm after = {{}, kRelu};
  if (stem_ == Stem::kImageNet) after.pool = PoolWindow{3, 2, 1};
  at::Tensor x = conv_norm(*conv1, *bn1, in_layer_layout(images), after);
  x = layer1->forward(x);
  x = layer2->forward(x);
  x = layer3->forward(x);
  x = layer4->forward(x);
  return x.mean({2, 3});
}

}  // namespace selfcure
