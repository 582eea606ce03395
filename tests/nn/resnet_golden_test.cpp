// ResNet-18 against torchvision's, see tests/golden/README.md.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "selfcure/engine/optimizer.h"
#include "selfcure/nn/backbone.h"
#include "selfcure/nn/kernel_choice.h"
#include "support/golden.h"
#include "support/kernel_settings.h"

namespace selfcure {
namespace {

using testing::expect_summary;
using testing::read_golden;

/// Parity in one precision.
struct Precision {
  at::ScalarType type;
  double forward;
  double gradient;
  double curve;
  const char* name;
  KernelUse use = KernelUse::kLibTorch;
};

// Single precision may claim what the same Python code reaches in it ("float32_deviation" in the
// golden file: 2e-6, 9e-7, 1e-5), with room for another machine's summation order
// (3.7e-4 at the curve's end without vector instructions).
const Precision kDoublePrecision = {at::kDouble, 1e-9, 1e-9, 1e-9, "Float64"};
const Precision kSinglePrecision = {at::kFloat, 2e-5, 2e-4, 1e-3, "Float32"};
const Precision kOwnKernels = {at::kFloat, 2e-5, 2e-4, 1e-3, "Float32OwnKernels", KernelUse::kAuto};

class ResNetGolden : public ::testing::TestWithParam<Precision> {
 protected:
  ResNetGolden() : golden_(read_golden("resnet18_golden.json")), network_(ModelOptions(), 7) {
    const auto batch = golden_.at("batch").get<std::int64_t>();
    const auto size = golden_.at("size").get<std::int64_t>();
    network_->to(GetParam().type);
    testing::fill_by_formula(*network_);
    images_ =
        (1.5 * testing::formula(golden_.at("images").get<std::string>(), batch * 3 * size * size))
            .view({batch, 3, size, size})
            .to(GetParam().type);
    labels_ = testing::formula_labels(batch, 7);
  }
  ~ResNetGolden() override { forget_kernel_choices(); }
  void SetUp() override {
    if (GetParam().use != KernelUse::kAuto) return;
    if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
    testing::pin_own_kernels_of(*network_, images_);
  }

  void expect_logits(const at::Tensor& logits, const nlohmann::json& expected) {
    for (std::int64_t i = 0; i < logits.size(0); ++i)
      for (std::int64_t k = 0; k < logits.size(1); ++k)
        EXPECT_NEAR(logits[i][k].item<double>(), expected[i][k].get<double>(), GetParam().forward);
  }

  void expect_curve(const std::string& name) {
    const auto& curve = golden_.at("curves").at(name);
    const auto& recipe = curve.at("optimizer");
    OptimizerOptions options;
    options.kind = name == "adam" ? OptimizerKind::kAdam : OptimizerKind::kSgd;
    options.lr = recipe.at("lr").get<double>();
    options.weight_decay = recipe.at("weight_decay").get<double>();
    Optimizer optimizer(options, *network_);
    network_->train();
    for (const auto& expected : curve.at("losses")) {
      optimizer.zero_grad();
      const at::Tensor loss = at::cross_entropy_loss(network_->forward(images_), labels_);
      EXPECT_NEAR(loss.item<double>() / expected.get<double>(), 1.0, GetParam().curve);
      loss.backward();
      optimizer.step(options.lr);
    }
    EXPECT_NEAR(
        testing::parameter_norm_sum(*network_) / curve.at("final_parameter_norm_sum").get<double>(),
        1.0, GetParam().curve);
  }

  KernelUseScope use_{GetParam().use};
  nlohmann::json golden_;
  Classifier network_;
  at::Tensor images_;
  at::Tensor labels_;
};

TEST_P(ResNetGolden, EvaluationLogitsAreTorchvisionsWithAndWithoutGradients) {
  network_->eval();
  expect_logits(network_->forward(images_), golden_.at("forward").at("eval_logits"));
  const at::NoGradGuard no_grad;
  expect_logits(network_->forward(images_), golden_.at("forward").at("eval_logits"));
}

TEST_P(ResNetGolden, TrainingPassGivesTorchvisionsGradientsAndRunningStatistics) {
  const auto& forward = golden_.at("forward");
  network_->train();
  const at::Tensor logits = network_->forward(images_);
  expect_logits(logits, forward.at("training_logits"));
  const at::Tensor loss = at::cross_entropy_loss(logits, labels_);
  EXPECT_NEAR(loss.item<double>(), forward.at("loss").get<double>(), GetParam().forward);
  loss.backward();
  std::size_t compared = 0;
  for (const auto& item : network_->named_parameters()) {
    const std::string name =
        item.key().rfind("backbone.", 0) == 0 ? item.key().substr(9) : item.key();
    expect_summary(item.value().grad(), forward.at("gradients").at(name), GetParam().gradient,
                   name);
    ++compared;
  }
  EXPECT_EQ(compared, forward.at("gradients").size());
  compared = 0;
  for (const auto& item : network_->named_buffers()) {
    const std::string name = item.key().substr(9);
    if (testing::ends_with(name, "num_batches_tracked")) {
      EXPECT_EQ(item.value().item<std::int64_t>(), 1);
      continue;
    }
    expect_summary(item.value(), forward.at("running_statistics_after_one_forward").at(name),
                   GetParam().forward, name);
    ++compared;
  }
  EXPECT_EQ(compared, forward.at("running_statistics_after_one_forward").size());
}

TEST_P(ResNetGolden, TenStepsOfSgdFollowTheLossCurve) { expect_curve("sgd"); }

TEST_P(ResNetGolden, TenStepsOfAdamFollowTheLossCurve) { expect_curve("adam"); }

INSTANTIATE_TEST_SUITE_P(Precisions, ResNetGolden,
                         ::testing::Values(kDoublePrecision, kSinglePrecision, kOwnKernels),
                         [](const auto& param_info) { return param_info.param.name; });

TEST(ResNetInitialisation, IsTorchvisions) {
  const auto golden = read_golden("resnet18_golden.json").at("init");
  torch::manual_seed(3);
  const Classifier network(ModelOptions(), 7);
  std::size_t convolutions = 0;
  for (const auto& item : network->named_parameters()) {
    const std::string name =
        item.key().rfind("backbone.", 0) == 0 ? item.key().substr(9) : item.key();
    const at::Tensor& value = item.value();
    if (value.dim() == 4) {
      const double expected =
          golden.at("convolution").at("layers").at(name).at("std").get<double>();
      // The deviation of n normal numbers is itself known to 1 / sqrt(2 n); five of those.
      const double tolerance = 5.0 / std::sqrt(2.0 * static_cast<double>(value.numel()));
      EXPECT_NEAR(value.std().item<double>() / expected, 1.0, tolerance) << name;
      EXPECT_NEAR(value.mean().item<double>() / expected, 0.0, 2 * tolerance) << name;
      ++convolutions;
    } else if (name.rfind("fc.", 0) == 0) {
      const double bound = 1.0 / std::sqrt(512.0);
      EXPECT_LE(value.abs().max().item<double>(), bound) << name;
      EXPECT_GT(value.abs().max().item<double>(), 0.5 * bound) << name;
    } else {
      EXPECT_TRUE(value.eq(testing::ends_with(name, "weight") ? 1 : 0).all().item<bool>()) << name;
    }
  }
  EXPECT_EQ(convolutions, golden.at("convolution").at("layers").size());
}

}  // namespace
}  // namespace selfcure
