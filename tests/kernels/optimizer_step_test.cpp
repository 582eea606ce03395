#include "selfcure/kernels/optimizer_step.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "support/kernel_settings.h"

namespace selfcure::kernels {
namespace {

using selfcure::testing::available_instruction_sets;
using selfcure::testing::InstructionSetLimit;
using selfcure::testing::TeamSizeSetting;

constexpr int kSteps = 3;
constexpr float kGuard = 12345.0F;
/// Every kind of tail, and one slice that takes several tasks.
const std::vector<std::int64_t> kCounts = {1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100, 70001, 5};

/// Steps need no vectors: the smallest set is none.
std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> sets = available_instruction_sets();
  sets.push_back(InstructionSet::kNone);
  return sets;
}

/// Parameters of all slices, one behind the other with a guard after each, and their state.
struct Training {
  at::Tensor parameter, first, second;
};

std::int64_t total() {
  std::int64_t sum = 0;
  for (const std::int64_t count : kCounts) sum += count + 1;
  return sum;
}

at::Tensor random_values(std::uint64_t seed) {
  at::manual_seed(seed);
  return at::randn({total()});
}
at::Tensor gradient_of(int step) { return random_values(100 + static_cast<std::uint64_t>(step)); }

/// True for parameters, false for guards.
at::Tensor parameter_mask() {
  const at::Tensor mask = at::ones({total()}, at::kBool);
  std::int64_t at = 0;
  for (const std::int64_t count : kCounts) {
    at += count + 1;
    mask[at - 1] = false;
  }
  return mask;
}

std::vector<ParameterSlice> slices_of(const Training& training, const at::Tensor& gradient) {
  std::vector<ParameterSlice> slices;
  std::int64_t at = 0;
  for (const std::int64_t count : kCounts) {
    ParameterSlice slice;
    slice.parameter = training.parameter.data_ptr<float>() + at;
    slice.gradient = gradient.data_ptr<float>() + at;
    if (training.first.defined()) slice.first = training.first.data_ptr<float>() + at;
    if (training.second.defined()) slice.second = training.second.data_ptr<float>() + at;
    slice.count = count;
    slices.push_back(slice);
    at += count + 1;
  }
  return slices;
}

Training guarded_training(bool has_first, bool has_second, float state) {
  const at::Tensor guards = parameter_mask().logical_not();
  Training training;
  training.parameter = random_values(1).masked_fill(guards, kGuard);
  if (has_first) training.first = at::full({total()}, state).masked_fill(guards, kGuard);
  if (has_second) training.second = at::full({total()}, state).masked_fill(guards, kGuard);
  return training;
}

Training sgd_by_kernels(SgdStep step) {
  // What buffers hold before the first step must not matter.
  const Training training = guarded_training(step.momentum != 0, false, 55);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor gradient = gradient_of(i);
    const std::vector<ParameterSlice> slices = slices_of(training, gradient);
    step.first = i == 0;
    sgd_step(slices.data(), static_cast<std::int64_t>(slices.size()), step);
    EXPECT_TRUE(gradient.equal(gradient_of(i)));
  }
  return training;
}

Training adam_by_kernels(AdamStep step) {
  const Training training = guarded_training(true, true, 0);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor gradient = gradient_of(i);
    const std::vector<ParameterSlice> slices = slices_of(training, gradient);
    step.step = i + 1;
    adam_step(slices.data(), static_cast<std::int64_t>(slices.size()), step);
  }
  return training;
}

/// The rules of torch.optim, operator by operator.
Training sgd_by_libtorch(const SgdStep& step, at::ScalarType type) {
  Training training;
  training.parameter = random_values(1).to(type);
  for (int i = 0; i < kSteps; ++i) {
    at::Tensor gradient = gradient_of(i).to(type).add(training.parameter, step.weight_decay);
    if (step.momentum != 0) {
      training.first = i == 0 ? gradient : training.first.mul(step.momentum).add(gradient);
      gradient = step.nesterov ? gradient.add(training.first, step.momentum) : training.first;
    }
    training.parameter = training.parameter.add(gradient, -step.lr);
  }
  return training;
}

Training adam_by_libtorch(const AdamStep& step, at::ScalarType type) {
  Training training;
  training.parameter = random_values(1).to(type);
  training.first = at::zeros_like(training.parameter);
  training.second = at::zeros_like(training.parameter);
  for (int i = 0; i < kSteps; ++i) {
    const at::Tensor gradient = gradient_of(i).to(type).add(training.parameter, step.weight_decay);
    training.first.mul_(step.beta1).add_(gradient, 1 - step.beta1);
    training.second.mul_(step.beta2).addcmul_(gradient, gradient, 1 - step.beta2);
    const at::Tensor denominator =
        training.second.sqrt().div_(std::sqrt(1 - std::pow(step.beta2, i + 1))).add_(step.epsilon);
    training.parameter.addcdiv_(training.first, denominator,
                                -step.lr / (1 - std::pow(step.beta1, i + 1)));
  }
  return training;
}

void expect_near(const at::Tensor& ours, const at::Tensor& libtorch, const at::Tensor& exact) {
  ASSERT_EQ(ours.defined(), exact.defined());
  if (!ours.defined()) return;
  const at::Tensor mask = parameter_mask();
  EXPECT_TRUE((ours.masked_select(mask.logical_not()) == kGuard).all().item<bool>());
  const auto error = [&](const at::Tensor& tensor) {
    const at::Tensor difference = (tensor.to(at::kDouble) - exact).masked_select(mask);
    return difference.norm().item<double>() / exact.masked_select(mask).norm().item<double>();
  };
  EXPECT_LE(error(ours), std::max(6e-8, 2.5 * error(libtorch)));
}

void expect_near(const Training& ours, const Training& libtorch, const Training& exact) {
  expect_near(ours.parameter, libtorch.parameter, exact.parameter);
  expect_near(ours.first, libtorch.first, exact.first);
  expect_near(ours.second, libtorch.second, exact.second);
}

std::vector<SgdStep> sgd_steps() {
  std::vector<SgdStep> steps;
  for (const double momentum : {0.0, 0.9})
    for (const double weight_decay : {0.0, 1e-2})
      for (const bool nesterov : {false, true}) {
        if (nesterov && momentum == 0) continue;
        SgdStep step;
        step.momentum = momentum;
        step.weight_decay = weight_decay;
        step.nesterov = nesterov;
        steps.push_back(step);
      }
  return steps;
}

std::vector<AdamStep> adam_steps() {
  AdamStep decaying;
  decaying.lr = 0.02;
  decaying.weight_decay = 0.1;
  decaying.epsilon = 1e-3;
  return {AdamStep(), decaying};
}

TEST(OptimizerStepKernel, SgdIsAsNearToDoubleAsLibTorch) {
  for (const SgdStep& step : sgd_steps()) {
    const Training libtorch = sgd_by_libtorch(step, at::kFloat);
    const Training exact = sgd_by_libtorch(step, at::kDouble);
    for (const InstructionSet set : instruction_sets()) {
      SCOPED_TRACE(instruction_set_name(set));
      const InstructionSetLimit limit(set);
      expect_near(sgd_by_kernels(step), libtorch, exact);
    }
  }
}

TEST(OptimizerStepKernel, AdamIsAsNearToDoubleAsLibTorch) {
  for (const AdamStep& step : adam_steps()) {
    const Training libtorch = adam_by_libtorch(step, at::kFloat);
    const Training exact = adam_by_libtorch(step, at::kDouble);
    for (const InstructionSet set : instruction_sets()) {
      SCOPED_TRACE(instruction_set_name(set));
      const InstructionSetLimit limit(set);
      expect_near(adam_by_kernels(step), libtorch, exact);
    }
  }
}

TEST(OptimizerStepKernel, GivesTheSameBitsForEveryTeamSize) {
  for (const InstructionSet set : instruction_sets()) {
    const InstructionSetLimit limit(set);
    const TeamSizeSetting one(1);
    const Training sgd = sgd_by_kernels(sgd_steps().back());
    const Training adam = adam_by_kernels(adam_steps().back());
    for (const int threads : {2, 3}) {
      const TeamSizeSetting team(threads);
      EXPECT_TRUE(sgd_by_kernels(sgd_steps().back()).parameter.equal(sgd.parameter));
      EXPECT_TRUE(adam_by_kernels(adam_steps().back()).parameter.equal(adam.parameter));
    }
  }
}

TEST(OptimizerStepKernel, NothingToDoIsNoError) {
  sgd_step(nullptr, 0, SgdStep());
  const ParameterSlice empty;
  adam_step(&empty, 1, AdamStep());
}

}  // namespace
}  // namespace selfcure::kernels
