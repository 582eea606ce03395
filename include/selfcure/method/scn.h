#pragma once

#include <torch/nn/module.h>

#include <cstdint>
#include <vector>

#include "selfcure/method/step.h"
#include "selfcure/nn/backbone.h"

namespace selfcure {

/// Which of the two descriptions of SCN the defaults come from.
enum class ScnPreset { kPaper, kPublishedCode };

/// How the rank term and the cross-entropy are put together.
enum class LossForm {
  /// gamma * L_RR + (1 - gamma) * L_WCE, as in the paper.
  kGamma,
  /// L_RR + L_WCE, as in the published code.
  kSum,
};

/// Which samples of a batch may get a new label.
enum class RelabelScope { kLowGroup, kBatch };

/// Self-Cure Network. The defaults are the paper's; scn_preset() gives either set.
struct ScnOptions {
  ScnPreset preset = ScnPreset::kPaper;
  /// Module 1: scale the logits by the importance weight inside the cross-entropy.
  bool weighting = true;
  /// Module 2: rank regularization.
  bool rank = true;
  /// Module 3: relabelling.
  bool relabel = true;

  /// Share of a batch in the high group, in (0, 1). High group: floor(beta * B), at least 1 and at
  /// most B - 1 samples; a batch of one has no groups.
  double beta = 0.7;
  /// delta_1: wanted gap between the mean weights of both groups, in [0, 1]. The authors advise
  /// 0.07 for batches of 64.
  double margin = 0.15;
  /// Train delta_1 as a parameter that starts at `margin`, kept in [0, 1].
  bool learnable_margin = false;
  LossForm loss = LossForm::kGamma;
  /// Weight of the rank term in the gamma form, in [0, 1].
  double gamma = 0.5;

  /// delta_2: a label changes when P_max - P_given is larger than this, in [0, 1].
  double relabel_threshold = 0.2;
  /// First epoch (from 1) that proposes labels; they are in force from the epoch after it.
  int relabel_start_epoch = 10;
  /// With weighting and rank both off no importance is learned, and the scope is the batch.
  RelabelScope relabel_scope = RelabelScope::kLowGroup;

  /// Scale the classifier's bias together with its weights: alpha * (W x + b).
  bool bias_under_alpha = false;
  /// Give the attention layer a bias; the paper's formula has none, the published code has.
  bool attention_bias = false;
};

/// The options of a preset: `kPaper` or `kPublishedCode`. Source: scn table in docs/methods.md.
ScnOptions scn_preset(ScnPreset preset);

/// Self-Cure Network.
/// Source: Wang, Peng, Yang, Lu, Qiao, CVPR 2020.
class Scn : public Method {
 public:
  Scn(const ScnOptions& options, const ModelOptions& model, std::int64_t class_count);

  StepOutput step(const Batch& batch, const EpochContext& context) override;
  /// 1 where labels are proposed, else 0.
  int phase(const EpochContext& context) const override;
  Prediction predict(const at::Tensor& images) override;
  torch::nn::Module& module() override { return *network_; }
  const std::vector<Statistic>& statistics() const override;

 private:
  ScnOptions options_;
  ScnNetwork network_;
};

}  // namespace selfcure
