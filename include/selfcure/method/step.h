#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <cstdint>
#include <string>
#include <vector>

namespace selfcure {

/// Losses of label distributions; see soft_cross_entropy() and multi_target_loss().
enum class TargetLoss { kCrossEntropy, kMultiTarget };

/// What a method is given for one training step; all tensors on the training device.
struct Batch {
  /// [B, 3, H, W], normalised.
  at::Tensor images;
  /// [B], int64, labels in force.
  at::Tensor labels;
  /// [B, K], float32, what the method is to learn in place of `labels`; undefined where there are
  /// labels alone.
  at::Tensor targets = at::Tensor();
  /// The loss that the targets are made for.
  TargetLoss target_loss = TargetLoss::kCrossEntropy;
};

/// Where a step stands in its training.
struct EpochContext {
  /// From 1.
  int epoch = 1;
};

/// How the values of one statistic are put together over the batches of an epoch.
enum class Reduction { kMean, kMin, kMax };

/// A number that a method reports for every batch.
struct Statistic {
  /// Key in metrics.jsonl, for example "rank_loss".
  std::string name;
  Reduction reduction = Reduction::kMean;
};

/// Result of one training step. Nothing here was copied to the host.
struct StepOutput {
  /// 0-d, attached to the graph.
  at::Tensor loss;
  /// [B, K], detached: the prediction that training accuracy is counted on.
  at::Tensor logits;
  /// [B] in (0, 1), detached; undefined for methods without importance weights.
  at::Tensor importance;
  /// [B], int64: label that each sample should carry from the next epoch on; undefined when the
  /// method proposes none in this epoch.
  at::Tensor proposed_labels;
  /// [S], float32 or float64, detached, in the order of Method::statistics(). NaN: not counted.
  at::Tensor statistics;
};

/// Result of a prediction, both on the device of the images.
struct Prediction {
  /// [B, K].
  at::Tensor logits;
  /// [B] in (0, 1), or undefined.
  at::Tensor importance;
};

/// A way to learn from labels that may be wrong.
///
/// A method owns the network and everything that is trained; it neither knows data sets nor
/// schedules, and it never changes a label: it proposes.
class Method {
 public:
  Method() = default;
  Method(const Method&) = delete;
  Method& operator=(const Method&) = delete;
  virtual ~Method() = default;

  /// Forward pass and loss of one training batch. Does not wait for the device.
  virtual StepOutput step(const Batch& batch, const EpochContext& context) = 0;
  /// Steps of equal phase and batch shape do the same operations, so that a recording of one stands
  /// for the others. It follows from the epoch and changes a few times in a training at most.
  virtual int phase(const EpochContext& /*context*/) const { return 0; }
  /// Evaluation of images, [B, 3, H, W]. The caller sets evaluation mode and turns gradients off.
  virtual Prediction predict(const at::Tensor& images) = 0;
  /// All parameters and buffers of the method.
  virtual torch::nn::Module& module() = 0;
  /// Names of StepOutput::statistics, fixed for the method's life.
  virtual const std::vector<Statistic>& statistics() const = 0;
};

}  // namespace selfcure
