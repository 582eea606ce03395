#pragma once

#include <torch/nn/module.h>
#include <torch/nn/modules/linear.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <filesystem>

#include "selfcure/nn/resnet.h"

namespace selfcure {

/// The networks that make features.
enum class Backbone { kResNet18 };

struct ModelOptions {
  Backbone backbone = Backbone::kResNet18;
  /// Checkpoint of an earlier run whose backbone is taken over; empty: initial weights.
  std::filesystem::path weights;
};

/// Backbone and linear classifier: what the baseline trains.
///
/// Parameter names: `backbone.` + torchvision's names, `fc.weight`, `fc.bias`.
class ClassifierImpl : public torch::nn::Module {
 public:
  ClassifierImpl(const ModelOptions& model, std::int64_t class_count);
  /// [B, 3, H, W] -> logits [B, K].
  at::Tensor forward(const at::Tensor& images);

  ResNet backbone{nullptr};
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

  ResNet backbone{nullptr};
  torch::nn::Linear fc{nullptr};
  torch::nn::Linear attention{nullptr};
  /// Learned delta_1, 0-d; undefined where it is a constant.
  at::Tensor margin;
};
TORCH_MODULE(ScnNetwork);

}  // namespace selfcure
