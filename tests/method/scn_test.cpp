#include "selfcure/method/scn.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>

#include "selfcure/method/method.h"

namespace selfcure {
namespace {

Batch random_batch(std::int64_t size) {
  torch::manual_seed(5);
  return {at::randn({size, 3, 64, 64}), at::arange(size, at::kLong).remainder(7)};
}

StepOutput step_with(const ScnOptions& options, const Batch& batch, int epoch = 20) {
  torch::manual_seed(1);
  Scn method(options, {}, 7);
  method.module().train();
  return method.step(batch, {epoch});
}

double statistic(const StepOutput& output, const std::string& name) {
  const Scn method({}, {}, 7);
  for (std::size_t i = 0; i < method.statistics().size(); ++i)
    if (method.statistics()[i].name == name)
      return output.statistics[static_cast<std::int64_t>(i)].item<double>();
  ADD_FAILURE() << name;
  return 0;
}

TEST(Scn, ThePresetsDifferAsDocumented) {
  const ScnOptions paper = scn_preset(ScnPreset::kPaper);
  const ScnOptions code = scn_preset(ScnPreset::kPublishedCode);
  EXPECT_EQ(paper.loss, LossForm::kGamma);
  EXPECT_EQ(code.loss, LossForm::kSum);
  EXPECT_EQ(paper.relabel_scope, RelabelScope::kLowGroup);
  EXPECT_EQ(code.relabel_scope, RelabelScope::kBatch);
  EXPECT_FALSE(paper.bias_under_alpha);
  EXPECT_TRUE(code.bias_under_alpha);
  EXPECT_DOUBLE_EQ(paper.margin, 0.15);
  EXPECT_DOUBLE_EQ(code.margin, 0.07);
}

// The six rows of Table 5 and the other two: what each module adds to the loss.
TEST(Scn, EachModuleCanBeOffOnItsOwn) {
  const Batch batch = random_batch(6);
  for (const bool weighting : {false, true})
    for (const bool rank : {false, true})
      for (const bool relabel : {false, true}) {
        ScnOptions options;
        options.weighting = weighting;
        options.rank = rank;
        options.relabel = relabel;
        options.relabel_threshold = 0.0;
        options.margin = 1.0;  // never reached: the rank loss is positive when it is there
        const StepOutput output = step_with(options, batch);
        const double wce = statistic(output, "cross_entropy");
        const double rank_loss = statistic(output, "rank_loss");
        EXPECT_EQ(std::isnan(rank_loss), !rank);
        EXPECT_EQ(output.proposed_labels.defined(), relabel);
        EXPECT_NEAR(output.loss.item<double>(), rank ? 0.5 * rank_loss + 0.5 * wce : wce, 1e-6);
        const at::Tensor plain = at::cross_entropy_loss(output.logits, batch.labels);
        EXPECT_NEAR(plain.item<double>(), wce, 1e-6);
      }
}

TEST(Scn, TheWeightsScaleTheLogitsOnlyWhenWeightingIsOn) {
  const Batch batch = random_batch(4);
  ScnOptions options;
  options.attention_bias = true;
  options.weighting = false;
  const StepOutput plain = step_with(options, batch);
  options.weighting = true;
  options.bias_under_alpha = true;
  const StepOutput weighted = step_with(options, batch);
  const at::Tensor expected = plain.logits * weighted.importance.unsqueeze(1);
  EXPECT_LT((weighted.logits - expected).abs().max().item<double>(), 1e-5);
}

TEST(Scn, TheSumFormAddsBothTerms) {
  ScnOptions options;
  options.loss = LossForm::kSum;
  options.margin = 1.0;
  const StepOutput output = step_with(options, random_batch(6));
  EXPECT_NEAR(output.loss.item<double>(),
              statistic(output, "cross_entropy") + statistic(output, "rank_loss"), 1e-6);
}

TEST(Scn, ABatchOfOneHasNoRankTermNoGroupsAndAFiniteLoss) {
  ScnOptions options;
  options.relabel_threshold = 0.0;
  const StepOutput output = step_with(options, random_batch(1));
  EXPECT_TRUE(std::isfinite(output.loss.item<double>()));
  EXPECT_NEAR(output.loss.item<double>(), statistic(output, "cross_entropy"), 1e-7);
  EXPECT_TRUE(std::isnan(statistic(output, "rank_loss")));
  EXPECT_TRUE(std::isnan(statistic(output, "alpha_high_mean")));
  EXPECT_EQ(output.proposed_labels[0].item<std::int64_t>(), 0);  // its given label
}

TEST(Scn, ABatchOfOneMayBeRelabelledWhenTheScopeIsTheBatch) {
  ScnOptions options;
  options.relabel_threshold = 0.0;
  options.relabel_scope = RelabelScope::kBatch;
  const StepOutput output = step_with(options, random_batch(1));
  EXPECT_EQ(output.proposed_labels[0].item<std::int64_t>(),
            output.logits.argmax(1)[0].item<std::int64_t>());
}

TEST(Scn, OnlyTheLowGroupIsRelabelledUnlessTheScopeIsTheBatch) {
  const Batch batch = random_batch(10);
  ScnOptions options;
  options.relabel_threshold = 0.0;
  const StepOutput low = step_with(options, batch);
  const at::Tensor order = std::get<1>(low.importance.sort(true, 0, true));
  for (std::int64_t i = 0; i < 7; ++i) {
    const std::int64_t sample = order[i].item<std::int64_t>();
    EXPECT_TRUE(low.proposed_labels[sample].equal(batch.labels[sample]));
  }
  options.relabel_scope = RelabelScope::kBatch;
  const StepOutput all = step_with(options, batch);
  EXPECT_TRUE(all.proposed_labels.equal(all.logits.argmax(1)));
  EXPECT_FALSE(all.proposed_labels.equal(low.proposed_labels));
}

TEST(Scn, WithoutALearnedImportanceTheScopeIsTheBatch) {
  ScnOptions options;
  options.weighting = false;
  options.rank = false;
  options.relabel_threshold = 0.0;
  const StepOutput output = step_with(options, random_batch(10));
  EXPECT_TRUE(output.proposed_labels.equal(output.logits.argmax(1)));
}

TEST(Scn, NothingIsProposedBeforeTheStartEpoch) {
  ScnOptions options;
  options.relabel_start_epoch = 10;
  EXPECT_FALSE(step_with(options, random_batch(4), 9).proposed_labels.defined());
  EXPECT_TRUE(step_with(options, random_batch(4), 10).proposed_labels.defined());
}

TEST(Scn, ALearnedMarginIsAParameterThatGetsAGradient) {
  ScnOptions options;
  options.learnable_margin = true;
  options.margin = 0.9;
  torch::manual_seed(1);
  Scn method(options, {}, 7);
  method.step(random_batch(6), {1}).loss.backward();
  const at::Tensor margin = method.module().named_parameters()["margin"];
  EXPECT_FLOAT_EQ(margin.item<float>(), 0.9F);
  EXPECT_FLOAT_EQ(margin.grad().item<float>(), 0.5F);  // gamma
  EXPECT_FALSE(Scn({}, {}, 7).module().named_parameters().contains("margin"));
}

TEST(Scn, PredictionInEvaluationModeDoesNotDependOnTheBatch) {
  torch::manual_seed(1);
  Scn method({}, {}, 7);
  method.module().eval();
  const at::NoGradGuard no_grad;
  const Batch batch = random_batch(4);
  const Prediction all = method.predict(batch.images);
  const Prediction one = method.predict(batch.images.narrow(0, 2, 1));
  EXPECT_LT((all.logits[2] - one.logits[0]).abs().max().item<double>(), 1e-5);
  EXPECT_LT((all.importance[2] - one.importance[0]).abs().item<double>(), 1e-6);
}

TEST(MakeMethod, TheSeedDecidesTheInitialWeights) {
  const auto weights = [](std::uint64_t seed) {
    return make_method(ScnOptions(), {}, 7, seed)->module().named_parameters()["fc.weight"];
  };
  EXPECT_TRUE(weights(3).equal(weights(3)));
  EXPECT_FALSE(weights(3).equal(weights(4)));
}

}  // namespace
}  // namespace selfcure
