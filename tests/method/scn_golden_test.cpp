// Twenty training steps of SCN against the Python reference, see tests/golden/README.md.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "selfcure/engine/optimizer.h"
#include "selfcure/method/scn.h"
#include "support/golden.h"

namespace selfcure {
namespace {

struct Case {
  std::string configuration;
  at::ScalarType type;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.configuration; }

class ScnGolden : public ::testing::TestWithParam<Case> {};

ScnOptions options_of(const nlohmann::json& json) {
  ScnOptions options;
  options.weighting = json.at("weighting").get<bool>();
  options.rank = json.at("rank").get<bool>();
  options.relabel = json.at("relabel").get<bool>();
  options.bias_under_alpha = json.at("bias_under_alpha").get<bool>();
  options.attention_bias = json.at("attention_bias").get<bool>();
  options.beta = json.at("beta").get<double>();
  options.margin = json.at("margin").get<double>();
  options.learnable_margin = json.at("learnable_margin").get<bool>();
  options.loss = json.at("loss") == "gamma" ? LossForm::kGamma : LossForm::kSum;
  options.gamma = json.at("gamma").get<double>();
  options.relabel_scope =
      json.at("relabel_scope") == "batch" ? RelabelScope::kBatch : RelabelScope::kLowGroup;
  options.relabel_threshold = json.at("relabel_threshold").get<double>();
  options.relabel_start_epoch = json.at("relabel_start_epoch").get<int>();
  return options;
}

TEST_P(ScnGolden, TwentyStepsAgreeWithThePythonReference) {
  const nlohmann::json golden = testing::read_golden("scn_golden.json");
  const auto& expected = golden.at("configurations").at(GetParam().configuration);
  const double tolerance = GetParam().type == at::kDouble ? 1e-9 : 1e-4;
  // One ReLU input of the 10^5 on the other side of 0 moves a float32 gradient far more than its
  // loss.
  const double gradient_tolerance = GetParam().type == at::kDouble ? 1e-9 : 1e-2;
  const auto samples = golden.at("samples").get<std::int64_t>();
  const auto size = golden.at("size").get<std::int64_t>();
  const auto batch_size = golden.at("batch").get<std::int64_t>();

  Scn method(options_of(expected.at("options")), {}, 7);
  method.module().to(GetParam().type);
  testing::fill_by_formula(method.module());
  if (expected.at("options").at("learnable_margin").get<bool>()) {
    const at::NoGradGuard no_grad;  // 0.1f is not 0.1
    method.module().named_parameters()["margin"].fill_(
        expected.at("options").at("margin").get<double>());
  }
  method.module().train();
  const at::Tensor images =
      (1.5 * testing::formula(golden.at("images").get<std::string>(), samples * 3 * size * size))
          .view({samples, 3, size, size})
          .to(GetParam().type);
  at::Tensor labels = testing::formula_labels(samples, 7);

  const auto& recipe = expected.at("optimizer");
  OptimizerOptions optimizer_options;
  optimizer_options.kind = recipe.at("name") == "adam" ? OptimizerKind::kAdam : OptimizerKind::kSgd;
  optimizer_options.lr = recipe.at("lr").get<double>();
  optimizer_options.weight_decay = recipe.at("weight_decay").get<double>();
  Optimizer optimizer(optimizer_options, method.module());

  std::size_t index = 0;
  std::vector<std::int64_t> relabels;
  for (int epoch = 1; epoch <= golden.at("epochs").get<int>(); ++epoch) {
    at::Tensor next_labels = labels.clone();
    for (std::int64_t first = 0; first < samples; first += batch_size, ++index) {
      const auto& step = expected.at("steps").at(index);
      const Batch batch{images.narrow(0, first, batch_size), labels.narrow(0, first, batch_size)};
      optimizer.zero_grad();
      const StepOutput output = method.step(batch, {epoch});
      output.loss.backward();
      if (index == 0)
        for (const auto& [name, summary] : expected.at("first_step_gradients").items())
          testing::expect_summary(method.module().named_parameters()[name].grad(), summary,
                                  gradient_tolerance, name);
      optimizer.step(optimizer_options.lr);

      EXPECT_NEAR(output.loss.item<double>(), step.at("loss").get<double>(), tolerance);
      EXPECT_NEAR(output.statistics[0].item<double>(), step.at("wce").get<double>(), tolerance);
      EXPECT_NEAR(output.statistics[1].item<double>(), step.at("rank").get<double>(), tolerance);
      for (std::int64_t i = 0; i < batch_size; ++i) {
        EXPECT_NEAR(output.importance[i].item<double>(), step.at("alpha")[i].get<double>(),
                    tolerance);
        EXPECT_EQ(batch.labels[i].item<std::int64_t>(), step.at("labels")[i].get<std::int64_t>());
        const at::Tensor& proposed =
            output.proposed_labels.defined() ? output.proposed_labels : batch.labels;
        EXPECT_EQ(proposed[i].item<std::int64_t>(), step.at("proposed")[i].get<std::int64_t>())
            << "epoch " << epoch << ", sample " << first + i;
        next_labels[first + i] = proposed[i];
      }
    }
    relabels.push_back(next_labels.ne(labels).sum().item<std::int64_t>());
    labels = next_labels;
  }
  EXPECT_EQ(index, 20U);
  EXPECT_EQ(nlohmann::json(relabels), expected.at("relabels_per_epoch"));
  EXPECT_NEAR(testing::parameter_norm_sum(method.module()) /
                  expected.at("final_parameter_norm_sum").get<double>(),
              1.0, tolerance);
  if (method.module().named_parameters().contains("margin")) {
    EXPECT_NEAR(method.module().named_parameters()["margin"].item<double>(),
                expected.at("final_margin").get<double>(), tolerance);
  }
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const char* name : {"paper", "published_code", "learnable_margin", "rank_without_weighting"})
    for (const at::ScalarType type : {at::kDouble, at::kFloat}) cases.push_back({name, type});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Configurations, ScnGolden, ::testing::ValuesIn(all_cases()),
                         [](const auto& param_info) {
                           return param_info.param.configuration +
                                  (param_info.param.type == at::kDouble ? "_float64" : "_float32");
                         });

}  // namespace
}  // namespace selfcure
