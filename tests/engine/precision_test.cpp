#include "selfcure/engine/precision.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <limits>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

const c10::Device kCpu(c10::kCPU);

double scale_of(const LossScale& scale) { return scale.state().at("scale").item<double>(); }

TEST(Precision, TheCpuRefusesWhatItDoesNotHaveInOneLine) {
  for (const Precision precision : {Precision::kTf32, Precision::kFp16}) {
    try {
      check_precision(precision, kCpu);
      FAIL() << precision_name(precision);
    } catch (const ConfigError& error) {
      EXPECT_EQ(std::string(error.what()),
                std::string("train.precision: expected fp32 or bf16 on the CPU, got '") +
                    precision_name(precision) + "', which wants a CUDA device");
    }
    EXPECT_NO_THROW(check_precision(precision, c10::Device(c10::kCUDA, 0)));
  }
  EXPECT_NO_THROW(check_precision(Precision::kFp32, kCpu));
  EXPECT_NO_THROW(check_precision(Precision::kBf16, kCpu));
}

TEST(LossScale, ScalingAndUnscalingCancelOut) {
  LossScale scale(kCpu);
  EXPECT_EQ(scale.scaled(at::full({}, 0.5)).item<double>(), 0.5 * LossScale::kFirst);
  std::vector<at::Tensor> gradients = {at::full({2}, 3 * LossScale::kFirst), at::zeros({1})};
  EXPECT_EQ(scale.unscale(gradients).item<double>(), 0.0);
  EXPECT_TRUE(gradients[0].equal(at::full({2}, 3.0)));
  EXPECT_EQ(scale_of(scale), LossScale::kFirst);
}

TEST(LossScale, AnOverflowHalvesItAndAsksForASkip) {
  for (const float bad :
       {std::numeric_limits<float>::infinity(), std::numeric_limits<float>::quiet_NaN()}) {
    LossScale scale(kCpu);
    std::vector<at::Tensor> gradients = {at::ones({2}), at::tensor({1.0F, bad})};
    EXPECT_EQ(scale.unscale(gradients).item<double>(), 1.0);
    EXPECT_EQ(scale_of(scale), LossScale::kFirst / 2);
    EXPECT_EQ(scale.state().at("good_steps").item<double>(), 0.0);
  }
}

TEST(LossScale, ItDoublesAfterManyGoodStepsAndASavedOneGoesOn) {
  LossScale scale(kCpu), resumed(kCpu);
  scale.load_state({{"scale", at::full({}, 8.0F)},
                    {"good_steps", at::full({}, LossScale::kGrowthInterval - 2)}});
  std::vector<at::Tensor> gradients = {at::ones({1})};
  scale.unscale(gradients);
  EXPECT_EQ(scale_of(scale), 8.0);
  resumed.load_state(scale.state());
  for (LossScale* one : {&scale, &resumed}) {
    one->unscale(gradients);
    EXPECT_EQ(scale_of(*one), 16.0);
    EXPECT_EQ(one->state().at("good_steps").item<double>(), 0.0);
  }
  EXPECT_THROW(scale.load_state({}), CheckpointError);
}

}  // namespace
}  // namespace selfcure
