#include "selfcure/method/baseline.h"

#include <ATen/ATen.h>

namespace selfcure {

Baseline::Baseline(const BaselineOptions& /*options*/, const ModelOptions& model,
                   std::int64_t class_count)
    : classifier_(model, class_count) {}

StepOutput Baseline::step(const Batch& batch, const EpochContext& /*context*/) {
  StepOutput output;
  const at::Tensor logits = classifier_->forward(batch.images);
  output.loss = at::cross_entropy_loss(logits, batch.labels);
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
