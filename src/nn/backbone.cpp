#include "selfcure/nn/backbone.h"

#include <algorithm>
#include <array>

#include "selfcure/core/errors.h"
#include "selfcure/nn/autocast.h"
#include "selfcure/nn/ir_resnet.h"
#include "selfcure/nn/vgg.h"

namespace selfcure {
namespace {

constexpr std::array<const char*, 6> kBackboneNames = {"resnet18", "resnet34", "resnet50",
                                                       "vgg16",    "ir50",     "iresnet50"};

}  // namespace

const char* backbone_name(Backbone backbone) {
  return kBackboneNames.at(static_cast<std::size_t>(backbone));
}

const char* stem_name(Stem stem) { return stem == Stem::kSmall ? "small" : "imagenet"; }

ModelOptions model_of_names(const std::string& backbone, const std::string& stem) {
  ModelOptions model;
  const auto* const found = std::find(kBackboneNames.begin(), kBackboneNames.end(), backbone);
  if (found == kBackboneNames.end())
    throw CheckpointError("checkpoint: the backbone '" + backbone + "' is not known");
  model.backbone = static_cast<Backbone>(found - kBackboneNames.begin());
  if (stem == stem_name(Stem::kSmall))
    model.stem = Stem::kSmall;
  else if (stem != stem_name(Stem::kImageNet))
    throw CheckpointError("checkpoint: the stem '" + stem + "' is not known");
  return model;
}

std::int64_t backbone_input_size(Backbone backbone) {
  return backbone == Backbone::kIr50 || backbone == Backbone::kIresnet50 ? kIrInputSize : 0;
}

bool has_stem(Backbone backbone) {
  return backbone == Backbone::kResNet18 || backbone == Backbone::kResNet34 ||
         backbone == Backbone::kResNet50;
}

std::shared_ptr<FeatureNetwork> make_backbone(const ModelOptions& model) {
  ResNetOptions resnet;
  resnet.stem = model.stem;
  switch (model.backbone) {
    case Backbone::kResNet18:
      break;
    case Backbone::kResNet34:
      resnet.blocks = {3, 4, 6, 3};
      break;
    case Backbone::kResNet50:
      resnet.block = ResNetBlock::kBottleneck;
      resnet.blocks = {3, 4, 6, 3};
      break;
    case Backbone::kVgg16:
      return std::make_shared<Vgg16Impl>();
    case Backbone::kIr50:
      return std::make_shared<Ir50Impl>();
    case Backbone::kIresnet50:
      return std::make_shared<Iresnet50Impl>();
  }
  return std::make_shared<ResNetImpl>(resnet);
}

ClassifierImpl::ClassifierImpl(const ModelOptions& model, std::int64_t class_count) {
  backbone = register_module("backbone", make_backbone(model));
  fc = register_module("fc", torch::nn::Linear(backbone->feature_count(), class_count));
}

at::Tensor ClassifierImpl::forward(const at::Tensor& images) {
  const at::Tensor features = backbone->forward(images);
  const AutocastPause heads_in_float32;
  return fc->forward(full_precision(features));
}

ScnNetworkImpl::ScnNetworkImpl(const ModelOptions& model, std::int64_t class_count,
                               bool attention_bias, bool learnable_margin, double margin_value) {
  backbone = register_module("backbone", make_backbone(model));
  fc = register_module("fc", torch::nn::Linear(backbone->feature_count(), class_count));
  attention = register_module(
      "attention",
      torch::nn::Linear(
          torch::nn::LinearOptions(backbone->feature_count(), 1).bias(attention_bias)));
  if (learnable_margin)
    margin = register_parameter("margin", at::full({}, margin_value, at::kFloat));
}

ScnNetworkImpl::Output ScnNetworkImpl::forward(const at::Tensor& images) {
  const at::Tensor backbone_features = backbone->forward(images);
  // Importance weights differ by less than bfloat16 can tell: they and the logits are float32.
  const AutocastPause heads_in_float32;
  const at::Tensor features = full_precision(backbone_features);    // [B, D]
  const at::Tensor scores = at::matmul(features, fc->weight.t());   // [B, K]
  const at::Tensor alpha = attention->forward(features).sigmoid();  // [B, 1]
  return {scores, alpha.squeeze(1)};
}

}  // namespace selfcure
