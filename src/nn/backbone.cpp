#include "selfcure/nn/backbone.h"

namespace selfcure {

ClassifierImpl::ClassifierImpl(const ModelOptions& /*model*/, std::int64_t class_count) {
  backbone = register_module("backbone", ResNet());
  fc = register_module("fc", torch::nn::Linear(backbone->feature_count(), class_count));
}

at::Tensor ClassifierImpl::forward(const at::Tensor& images) {
  return fc->forward(backbone->forward(images));
}

ScnNetworkImpl::ScnNetworkImpl(const ModelOptions& /*model*/, std::int64_t class_count,
                               bool attention_bias, bool learnable_margin, double margin_value) {
  backbone = register_module("backbone", ResNet());
  fc = register_module("fc", torch::nn::Linear(backbone->feature_count(), class_count));
  attention = register_module(
      "attention",
      torch::nn::Linear(
          torch::nn::LinearOptions(backbone->feature_count(), 1).bias(attention_bias)));
  if (learnable_margin)
    margin = register_parameter("margin", at::full({}, margin_value, at::kFloat));
}

ScnNetworkImpl::Output ScnNetworkImpl::forward(const at::Tensor& images) {
  const at::Tensor features = backbone->forward(images);            // [B, D]
  const at::Tensor scores = at::matmul(features, fc->weight.t());   // [B, K]
  const at::Tensor alpha = attention->forward(features).sigmoid();  // [B, 1]
  return {scores, alpha.squeeze(1)};
}

}  // namespace selfcure
