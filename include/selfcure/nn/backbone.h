#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "selfcure/nn/feature_network.h"
#include "selfcure/nn/resnet.h"
#include "selfcure/nn/weights/weight_import.h"

namespace selfcure {

/// The networks that make features.
enum class Backbone { kResNet18, kResNet34, kResNet50, kVgg16, kIr50, kIresnet50 };

/// As in configs: "resnet18".
const char* backbone_name(Backbone backbone);
/// Pixels a side that a backbone takes; 0: any size.
std::int64_t backbone_input_size(Backbone backbone);
/// Is it a ResNet, which can begin in two ways?
bool has_stem(Backbone backbone);

struct ModelOptions {
  Backbone backbone = Backbone::kResNet18;
  /// Of ResNets.
  Stem stem = Stem::kImageNet;
  /// Weight file whose backbone is taken over; empty: initial weights.
  std::filesystem::path weights;
  /// Place of the weights in the file, as find_weights() takes it; "auto": chosen.
  std::string weights_key = "auto";
  /// How names of the file become the network's.
  WeightImportOptions weights_import;
};

/// The network of a name and a stem ("imagenet", "small").
/// @throws CheckpointError for names that this version does not know
ModelOptions model_of_names(const std::string& backbone, const std::string& stem);
const char* stem_name(Stem stem);

/// A backbone with initial weights.
std::shared_ptr<FeatureNetwork> make_backbone(const ModelOptions& model);

/// Backbone and linear classifier: what the baseline trains.
///
/// Parameter names: `backbone.` + the backbone's names, `fc.weight`, `fc.bias`.
class ClassifierImpl : public torch::nn::Module {
 public:
  ClassifierImpl(const ModelOptions& model, std::int64_t class_count);
  /// [B, 3, H, W] -> logits [B, K].
  at::Tensor forward(const at::Tensor& images);

  std::shared_ptr<FeatureNetwork> backbone;
  torch::nn::Linear fc{nullptr};
};
TORCH_MODULE(Classifier);

/// Backbone, linear classifier and self-attention head: what SCN trains.
///
/// Parameter names: those of Classifier, `attention.weight` [1, D], `attention.bias` [1] if it has
/// one, `margin` (0-d) if it is learned.
class ScnNetworkImpl : public torch::nn::Module {
 public:
  ScnNetworkImpl(const ModelOptions& model, std::int64_t class_count, bool attention_bias,
                 bool learnable_margin, double margin);

  struct Output {
    /// [B, K], W x without the bias.
    at::Tensor scores;
    /// [B], importance weights.
    at::Tensor alpha;
  };
  /// [B, 3, H, W] -> scores and importance weights.
  Output forward(const at::Tensor& images);

  std::shared_ptr<FeatureNetwork> backbone;
  torch::nn::Linear fc{nullptr};
  torch::nn::Linear attention{nullptr};
  /// Learned delta_1, 0-d; undefined where it is a constant.
  at::Tensor margin;
};
TORCH_MODULE(ScnNetwork);

}  // namespace selfcure
