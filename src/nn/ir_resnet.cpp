#include "selfcure/nn/ir_resnet.h"

#include <ATen/ATen.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/pooling.h>

#include <array>
#include <sstream>
#include <string>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::array<std::int64_t, 4> kWidths = {64, 128, 256, 512};
constexpr std::array<std::int64_t, 4> kBlocks = {3, 4, 14, 3};
constexpr std::int64_t kLastPixels = 7 * 7;
constexpr std::int64_t kFeatures = 512;

Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride) {
  return Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

torch::nn::PReLU prelu_of(std::int64_t channels) {
  return torch::nn::PReLU(torch::nn::PReLUOptions().num_parameters(channels));
}

void check_input(const at::Tensor& images, const char* network) {
  if (images.dim() == 4 && images.size(2) == kIrInputSize && images.size(3) == kIrInputSize) return;
  std::ostringstream text;
  text << network << ": expected images [B, 3, 112, 112], got " << images.sizes();
  throw ShapeError(text.str());
}

torch::nn::Sequential iresnet_stage(std::int64_t in, std::int64_t width, std::int64_t count) {
  torch::nn::Sequential blocks;
  for (std::int64_t i = 0; i < count; ++i)
    blocks->push_back(IresnetBlock(i == 0 ? in : width, width, i == 0 ? 2 : 1));
  return blocks;
}

}  // namespace

IrUnitImpl::IrUnitImpl(std::int64_t in_channels, std::int64_t width, std::int64_t stride) {
  torch::nn::Sequential shortcut;
  if (in_channels == width) {
    shortcut->push_back(torch::nn::MaxPool2d(torch::nn::MaxPool2dOptions(1).stride(stride)));
  } else {
    shortcut->push_back(convolution(in_channels, width, 1, stride));
    shortcut->push_back(BatchNorm2d(width));
  }
  shortcut_layer = register_module("shortcut_layer", shortcut);
  res_layer = register_module(
      "res_layer", torch::nn::Sequential(BatchNorm2d(in_channels),
                                         convolution(in_channels, width, 3, 1), prelu_of(width),
                                         convolution(width, width, 3, stride), BatchNorm2d(width)));
}

at::Tensor IrUnitImpl::forward(const at::Tensor& input) {
  const std::int64_t stride = (*res_layer->at<Conv2dImpl>(3).options.stride())[0];
  const at::Tensor shortcut = shortcut_layer->size() == 1 ? max_pool(input, {1, stride, 0})
                                                          : conv_norm(shortcut_layer, input);
  at::Tensor x =
      res_layer->at<Conv2dImpl>(1).forward(res_layer->at<BatchNorm2dImpl>(0).forward(input));
  x = res_layer->at<torch::nn::PReLUImpl>(2).forward(x);
  return conv_norm(res_layer->at<Conv2dImpl>(3), res_layer->at<BatchNorm2dImpl>(4), x, {shortcut});
}

Ir50Impl::Ir50Impl() {
  input_layer = register_module(
      "input_layer",
      torch::nn::Sequential(convolution(3, 64, 3, 1), BatchNorm2d(64), prelu_of(64)));
  output_layer = register_module(
      "output_layer",
      torch::nn::Sequential(BatchNorm2d(512), torch::nn::Dropout(0.5), torch::nn::Flatten(),
                            torch::nn::Linear(512 * kLastPixels, kFeatures),
                            torch::nn::BatchNorm1d(kFeatures)));
  torch::nn::Sequential units;
  std::int64_t in = 64;
  for (std::size_t stage = 0; stage < kWidths.size(); ++stage)
    for (std::int64_t i = 0; i < kBlocks[stage]; ++i) {
      units->push_back(IrUnit(in, kWidths[stage], i == 0 ? 2 : 1));
      in = kWidths[stage];
    }
  body = register_module("body", units);
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* conv = module->as<Conv2d>()) {
      torch::nn::init::xavier_uniform_(conv->weight);
    } else if (auto* linear = module->as<torch::nn::Linear>()) {
      torch::nn::init::xavier_uniform_(linear->weight);
      torch::nn::init::zeros_(linear->bias);
    }
  }
}

at::Tensor Ir50Impl::forward(const at::Tensor& images) {
  check_input(images, "IR-50");
  at::Tensor x = conv_norm(input_layer, in_layer_layout(images));
  x = input_layer->at<torch::nn::PReLUImpl>(2).forward(x);
  return output_layer->forward(body->forward(x));
}

IresnetBlockImpl::IresnetBlockImpl(std::int64_t in_channels, std::int64_t width,
                                   std::int64_t stride) {
  bn1 = register_module("bn1", BatchNorm2d(in_channels));
  conv1 = register_module("conv1", convolution(in_channels, width, 3, 1));
  bn2 = register_module("bn2", BatchNorm2d(width));
  prelu = register_module("prelu", prelu_of(width));
  conv2 = register_module("conv2", convolution(width, width, 3, stride));
  bn3 = register_module("bn3", BatchNorm2d(width));
  if (stride != 1 || in_channels != width)
    downsample = register_module(
        "downsample",
        torch::nn::Sequential(convolution(in_channels, width, 1, stride), BatchNorm2d(width)));
}

at::Tensor IresnetBlockImpl::forward(const at::Tensor& input) {
  const at::Tensor shortcut = downsample.is_empty() ? input : conv_norm(downsample, input);
  const at::Tensor x = prelu->forward(conv_norm(*conv1, *bn2, bn1->forward(input), {}));
  return conv_norm(*conv2, *bn3, x, {shortcut});
}

Iresnet50Impl::Iresnet50Impl() {
  conv1 = register_module("conv1", convolution(3, 64, 3, 1));
  bn1 = register_module("bn1", BatchNorm2d(64));
  prelu = register_module("prelu", prelu_of(64));
  layer1 = register_module("layer1", iresnet_stage(64, kWidths[0], kBlocks[0]));
  layer2 = register_module("layer2", iresnet_stage(64, kWidths[1], kBlocks[1]));
  layer3 = register_module("layer3", iresnet_stage(128, kWidths[2], kBlocks[2]));
  layer4 = register_module("layer4", iresnet_stage(256, kWidths[3], kBlocks[3]));
  bn2 = register_module("bn2", BatchNorm2d(512));
  fc = register_module("fc", torch::nn::Linear(512 * kLastPixels, kFeatures));
  features = register_module("features", torch::nn::BatchNorm1d(kFeatures));
  for (const auto& module : modules(/*include_self=*/false))
    if (auto* conv = module->as<Conv2d>()) torch::nn::init::normal_(conv->weight, 0.0, 0.1);
  features->weight.set_requires_grad(false);
}

at::Tensor Iresnet50Impl::forward(const at::Tensor& images) {
  check_input(images, "iResNet-50");
  at::Tensor x = prelu->forward(conv_norm(*conv1, *bn1, in_layer_layout(images), {}));
  x = layer4->forward(layer3->forward(layer2->forward(layer1->forward(x))));
  x = bn2->forward(x).flatten(1);
  return features->forward(fc->forward(x));
}

}  // namespace selfcure
