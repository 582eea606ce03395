#pragma once

#include <torch/nn/module.h>

#include <memory>
#include <vector>

#include "selfcure/method/step.h"
#include "selfcure/nn/backbone.h"

namespace selfcure {

/// Plain cross-entropy. It has no options of its own.
struct BaselineOptions {};

/// The network that every other method is compared with, under an equal recipe.
///
/// Where a batch has label distributions it learns these, as FERPlus's vote modes ask.
class Baseline : public Method {
 public:
  Baseline(const BaselineOptions& options, const ModelOptions& model, std::int64_t class_count);

  StepOutput step(const Batch& batch, const EpochContext& context) override;
  Prediction predict(const at::Tensor& images) override;
  torch::nn::Module& module() override { return *classifier_; }
  const std::vector<Statistic>& statistics() const override;

 private:
  Classifier classifier_;
};

}  // namespace selfcure
