#include "selfcure/method/baseline.h"

#include <ATen/ATen.h>

#include "selfcure/nn/losses.h"

namespace selfcure {
namespace {

at::Tensor loss_of(const at::Tensor& logits, const Batch& batch) {
  if (!batch.targets.defined()) return at::cross_entropy_loss(logits, batch.labels);
  return batch.target_loss == TargetLoss::kMultiTarget ? multi_target_loss(logits, batch.targets)
                                                       : soft_cross_entropy(logits, batch.targets);
}

}  // namespace

Baseline::Baseline(const BaselineOptions& /*options*/, const ModelOptions& model,
                   std::int64_t class_count)
    : classifier_(model, class_count) {}

StepOutput Baseline::step(const Batch& batch, const EpochContext& /*context*/) {
  StepOutput output;
  const at::Tensor logits = classifier_->forward(batch.images);
  output.loss = loss_of(logits, batch);
  output.logits = logits.detach();
  output.statistics = output.loss.detach().view({1});
  return output;
}

Prediction Baseline::predict(const at::Tensor& images) {
  return {classifier_->forward(images), at::Tensor()};
}

const std::vector<Statistic>& Baseline::statistics() const {
  static const std::vector<Statistic> kStatistics = {{"cross_entropy", Reduction::kMean}};
  return kStatistics;
}

}  // namespace selfcure
