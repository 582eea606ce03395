#include "selfcure/method/scn.h"

#include <ATen/ATen.h>

#include <limits>

#include "selfcure/nn/losses.h"

namespace selfcure {

ScnOptions scn_preset(ScnPreset preset) {
  ScnOptions options;
  options.preset = preset;
  if (preset == ScnPreset::kPublishedCode) {
    options.margin = 0.07;
    options.loss = LossForm::kSum;
    options.relabel_scope = RelabelScope::kBatch;
    options.bias_under_alpha = true;
    options.attention_bias = true;
  }
  return options;
}

Scn::Scn(const ScnOptions& options, const ModelOptions& model, std::int64_t class_count)
    : options_(options),
      network_(model, class_count, options.attention_bias, options.learnable_margin,
               options.margin) {}

StepOutput Scn::step(const Batch& batch, const EpochContext& context) {
  const ScnNetworkImpl::Output forward = network_->forward(batch.images);
  const at::Tensor& alpha = forward.alpha;
  const at::Tensor logits = options_.weighting ? weight_logits(forward.scores, network_->fc->bias,
                                                               alpha, options_.bias_under_alpha)
                                               : forward.scores + network_->fc->bias;
  const at::Tensor cross_entropy = at::cross_entropy_loss(logits, batch.labels);

  const bool ranked = alpha.size(0) > 1;
  Ranking ranking{at::Tensor(), 0};
  if (ranked) ranking = rank_by_importance(alpha, options_.beta);

  StepOutput output;
  output.loss = cross_entropy;
  at::Tensor rank_loss;
  const at::Tensor margin =
      options_.learnable_margin
          ? network_->margin.clamp(0.0, 1.0)
          : at::full({}, options_.margin, alpha.options().requires_grad(false));
  if (options_.rank && ranked) {
    rank_loss = rank_regularization(alpha, ranking, margin);
    output.loss = options_.loss == LossForm::kSum
                      ? rank_loss + cross_entropy
                      : options_.gamma * rank_loss + (1.0 - options_.gamma) * cross_entropy;
  }
  output.logits = logits.detach();
  output.importance = alpha.detach();

  if (phase(context) == 1) {
    // Without weighting and rank nothing trains alpha, and its order means nothing.
    const bool low_group_only =
        options_.relabel_scope == RelabelScope::kLowGroup && (options_.weighting || options_.rank);
    at::Tensor may_change;
    if (low_group_only) {
      may_change = at::zeros_like(batch.labels, at::kBool);
      if (ranked)
        may_change.index_fill_(
            0, ranking.order.narrow(0, ranking.high_count, alpha.size(0) - ranking.high_count), 1);
    }
    output.proposed_labels =
        propose_labels(logits, batch.labels, may_change, options_.relabel_threshold);
  }

  const at::Tensor nothing =
      at::full({}, std::numeric_limits<double>::quiet_NaN(), alpha.options().requires_grad(false));
  std::vector<at::Tensor> values = {
      cross_entropy.detach(), rank_loss.defined() ? rank_loss.detach() : nothing, margin.detach()};
  if (ranked) {
    const at::Tensor sorted = alpha.detach().index_select(0, ranking.order);
    for (const at::Tensor& group :
         {sorted.narrow(0, 0, ranking.high_count),
          sorted.narrow(0, ranking.high_count, alpha.size(0) - ranking.high_count)}) {
      values.push_back(group.mean());
      values.push_back(group.min());
      values.push_back(group.max());
    }
  } else {
    values.insert(values.end(), 6, nothing);
  }
  output.statistics = at::stack(values);
  return output;
}

int Scn::phase(const EpochContext& context) const {
  return options_.relabel && context.epoch >= options_.relabel_start_epoch ? 1 : 0;
}

Prediction Scn::predict(const at::Tensor& images) {
  const ScnNetworkImpl::Output forward = network_->forward(images);
  const at::Tensor logits = options_.weighting
                                ? weight_logits(forward.scores, network_->fc->bias, forward.alpha,
                                                options_.bias_under_alpha)
                                : forward.scores + network_->fc->bias;
  return {logits, forward.alpha};
}

const std::vector<Statistic>& Scn::statistics() const {
  static const std::vector<Statistic> kStatistics = {
      {"cross_entropy", Reduction::kMean},  {"rank_loss", Reduction::kMean},
      {"margin", Reduction::kMean},         {"alpha_high_mean", Reduction::kMean},
      {"alpha_high_min", Reduction::kMin},  {"alpha_high_max", Reduction::kMax},
      {"alpha_low_mean", Reduction::kMean}, {"alpha_low_min", Reduction::kMin},
      {"alpha_low_max", Reduction::kMax}};
  return kStatistics;
}

}  // namespace selfcure
