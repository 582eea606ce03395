#include "selfcure/nn/vgg.h"

#include <ATen/ATen.h>
#include <torch/nn/init.h>
#include <torch/nn/modules/activation.h>
#include <torch/nn/modules/container/functional.h>
#include <torch/nn/modules/dropout.h>
#include <torch/nn/modules/linear.h>

#include <array>

#include "selfcure/nn/layers.h"

namespace selfcure {
namespace {

// 0: max pooling.
constexpr std::array<std::int64_t, 18> kWidths = {64, 64,  0,   128, 128, 0,   256, 256, 256,
                                                  0,  512, 512, 512, 0,   512, 512, 512, 0};
constexpr std::int64_t kPooledSize = 7;

torch::nn::ReLU relu() { return torch::nn::ReLU(torch::nn::ReLUOptions().inplace(true)); }

}  // namespace

Vgg16Impl::Vgg16Impl() {
  torch::nn::Sequential convolutions;
  std::int64_t in = 3;
  for (const std::int64_t width : kWidths) {
    if (width == 0) {
      convolutions->push_back(torch::nn::Functional(max_pool, PoolWindow{2, 2, 0}));
      continue;
    }
    convolutions->push_back(Conv2d(torch::nn::Conv2dOptions(in, width, 3).padding(1)));
    convolutions->push_back(relu());
    in = width;
  }
  features = register_module("features", convolutions);
  classifier = register_module(
      "classifier",
      torch::nn::Sequential(torch::nn::Linear(512 * kPooledSize * kPooledSize, 4096), relu(),
                            torch::nn::Dropout(0.5), torch::nn::Linear(4096, 4096), relu(),
                            torch::nn::Dropout(0.5)));
  for (const auto& module : modules(/*include_self=*/false)) {
    if (auto* conv = module->as<Conv2d>()) {
      torch::nn::init::kaiming_normal_(conv->weight, 0.0, torch::kFanOut, torch::kReLU);
      torch::nn::init::zeros_(conv->bias);
    } else if (auto* linear = module->as<torch::nn::Linear>()) {
      torch::nn::init::normal_(linear->weight, 0.0, 0.01);
      torch::nn::init::zeros_(linear->bias);
    }
  }
}

at::Tensor Vgg16Impl::forward(const at::Tensor& images) {
  at::Tensor x = features->forward(in_layer_layout(images));
  x = at::adaptive_avg_pool2d(x, {kPooledSize, kPooledSize});
  return classifier->forward(x.flatten(1));
}

}  // namespace selfcure
