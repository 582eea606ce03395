#include "selfcure/nn/resnet.h"

#include <torch/nn/init.h>

namespace selfcure {
namespace {

torch::nn::Conv2d convolution(std::int64_t in, std::int64_t out, std::int64_t kernel,
                              std::int64_t stride) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).padding(kernel / 2).bias(false));
}

torch::nn::Sequential stage(std::int64_t in, std::int64_t out, std::int64_t stride) {
  return torch::nn::Sequential(BasicBlock(in, out, stride), BasicBlock(out, out, 1));
}

}  // namespace

BasicBlockImpl::BasicBlockImpl(std::int64_t in_channels, std::int64_t out_channels,
                               std::int64_t stride) {
  conv1 = register_module("conv1", convolution(in_channels, out_channels, 3, stride));
  bn1 = register_module("bn1", torch::nn::BatchNorm2d(out_channels));
  conv2 = register_module("conv2", convolution(out_channels, out_channels, 3, 1));
  bn2 = register_module("bn2", torch::nn::BatchNorm2d(out_channels));
  if (stride != 1 || in_channels != out_channels)
    downsample = register_module(
        "downsample", torch::nn::Sequential(convolution(in_channels, out_channels, 1, stride),
                                            torch::nn::BatchNorm2d(out_channels)));
}

at::Tensor BasicBlockImpl::forward(const at::Tensor& input) {
  at::Tensor x = bn1->forward(conv1->forward(input)).relu_();
  x = bn2->forward(conv2->forward(x));
  x += downsample.is_empty() ? input : downsample->forward(input);
  return x.relu_();
}

ResNetImpl::ResNetImpl() {
  conv1 = register_module(
      "conv1",
      torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 64, 7).stride(2).padding(3).bias(false)));
  bn1 = register_module("bn1", torch::nn::BatchNorm2d(64));
  layer1 = register_module("layer1", stage(64, 64, 1));
  layer2 = register_module("layer2", stage(64, 128, 2));
  layer3 = register_module("layer3", stage(128, 256, 2));
  layer4 = register_module("layer4", stage(256, 512, 2));
  for (const auto& module : modules(/*include_self=*/false))
    if (auto* conv = module->as<torch::nn::Conv2d>())
      torch::nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
}

at::Tensor ResNetImpl::forward(const at::Tensor& images) {
  at::Tensor x = bn1->forward(conv1->forward(images)).relu_();
  x = at::max_pool2d(x, {3, 3}, {2, 2}, {1, 1});
  x = layer1->forward(x);
  x = layer2->forward(x);
  x = layer3->forward(x);
  x = layer4->forward(x);
  return x.mean({2, 3});
}

}  // namespace selfcure
