#include "selfcure/engine/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

/// One parameter, set to 1, and a second one that never gets a gradient.
class One : public torch::nn::Module {
 public:
  One() {
    w = register_parameter("w", at::ones({1}, at::kDouble));
    unused = register_parameter("unused", at::ones({1}, at::kDouble));
  }
  at::Tensor w, unused;
};

void step_with_gradient(One& module, Optimizer& optimizer, double gradient, double lr) {
  optimizer.zero_grad();
  (module.w * gradient).sum().backward();
  optimizer.step(lr);
}

TEST(Optimizer, SgdWithMomentumAndDecayMatchesAValueWorkedOutByHand) {
  // Step 1: g = 2 + 0.1 * 1 = 2.1, v = 2.1, w = 1 - 0.5 * 2.1 = -0.05.
  // Step 2: g = 2 + 0.1 * -0.05 = 1.995, v = 0.9 * 2.1 + 1.995 = 3.885, w = -0.05 - 0.5 * 3.885.
  One module;
  OptimizerOptions options;
  options.weight_decay = 0.1;
  Optimizer optimizer(options, module);
  step_with_gradient(module, optimizer, 2, 0.5);
  EXPECT_NEAR(module.w.item<double>(), -0.05, 1e-12);
  step_with_gradient(module, optimizer, 2, 0.5);
  EXPECT_NEAR(module.w.item<double>(), -1.9925, 1e-12);
}

TEST(Optimizer, NesterovLooksAhead) {
  // Step 1: v = 2, g + 0.9 v = 3.8, w = 1 - 0.1 * 3.8.
  One module;
  OptimizerOptions options;
  options.weight_decay = 0;
  options.nesterov = true;
  Optimizer optimizer(options, module);
  step_with_gradient(module, optimizer, 2, 0.1);
  EXPECT_NEAR(module.w.item<double>(), 0.62, 1e-12);
}

TEST(Optimizer, AdamMatchesAValueWorkedOutByHand) {
  // The first step of Adam is lr * g / (|g| + eps), whatever the size of g.
  One module;
  OptimizerOptions options;
  options.kind = OptimizerKind::kAdam;
  options.weight_decay = 0;
  Optimizer optimizer(options, module);
  step_with_gradient(module, optimizer, 0.001, 0.01);
  EXPECT_NEAR(module.w.item<double>(), 1 - 0.01 * 0.001 / (0.001 + 1e-8), 1e-12);
}

/// Weights in both memory formats and a bias, some of which get their first gradient later.
class Several : public torch::nn::Module {
 public:
  explicit Several(at::ScalarType type) {
    at::manual_seed(7);
    weight = register_parameter("weight", at::randn({9, 5, 3, 3}).to(type));
    nhwc = register_parameter(
        "nhwc", at::randn({6, 5, 3, 3}).to(type).contiguous(at::MemoryFormat::ChannelsLast));
    bias = register_parameter("bias", at::randn({17}).to(type));
    late = register_parameter("late", at::randn({33}).to(type));
  }
  void step(Optimizer& optimizer, int i) {
    optimizer.zero_grad();
    at::Tensor loss =
        (weight * weight * (0.3 + i)).sum() + (nhwc.exp() * 0.1).sum() + bias.sin().sum();
    if (i > 0) loss = loss + (late * late).sum();
    loss.backward();
    optimizer.step(0.05);
  }
  at::Tensor weight, nhwc, bias, late;
};

TEST(Optimizer, FloatsTakeTheStepsOfDoublesInEveryMemoryFormat) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam})
    for (const double momentum : {0.0, 0.9}) {
      OptimizerOptions options;
      options.kind = kind;
      options.momentum = momentum;
      options.nesterov = momentum != 0;
      options.weight_decay = 0.1;
      Several floats(at::kFloat), doubles(at::kDouble);
      Optimizer a(options, floats), b(options, doubles);
      for (int i = 0; i < 4; ++i) {
        floats.step(a, i);
        doubles.step(b, i);
      }
      const std::map<std::string, at::Tensor> state = a.state();
      for (const auto& [name, expected] : b.state())
        EXPECT_TRUE(at::allclose(state.at(name).to(expected.scalar_type()), expected, 1e-5, 1e-6))
            << name;
      const auto parameters = floats.named_parameters();
      for (const auto& item : doubles.named_parameters()) {
        const at::Tensor ours = parameters[item.key()];
        EXPECT_TRUE(at::allclose(ours.to(at::kDouble), item.value(), 1e-5, 1e-6)) << item.key();
        EXPECT_TRUE(ours.strides() == item.value().strides());
      }
    }
}

TEST(Optimizer, EveryStepRaisesTheVersionOfWhatItChanged) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam}) {
    OptimizerOptions options;
    options.kind = kind;
    Several module(at::kFloat);
    Optimizer optimizer(options, module);
    module.step(optimizer, 0);
    const auto version = module.weight._version();
    const auto late_version = module.late._version();
    const auto state_version =
        optimizer.state()
            .at(kind == OptimizerKind::kAdam ? "weight.mean" : "weight.momentum")
            ._version();
    module.step(optimizer, 0);
    EXPECT_GT(module.weight._version(), version);
    EXPECT_EQ(module.late._version(), late_version);
    EXPECT_GT(optimizer.state()
                  .at(kind == OptimizerKind::kAdam ? "weight.mean" : "weight.momentum")
                  ._version(),
              state_version);
  }
}

TEST(Optimizer, AParameterWithoutAGradientIsLeftAlone) {
  One module;
  OptimizerOptions options;
  options.weight_decay = 0.5;
  Optimizer optimizer(options, module);
  step_with_gradient(module, optimizer, 1, 0.1);
  EXPECT_EQ(module.unused.item<double>(), 1.0);
}

TEST(Optimizer, ARestoredStateGoesOnWithTheSameBits) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam}) {
    OptimizerOptions options;
    options.kind = kind;
    One straight, resumed;
    Optimizer a(options, straight), b(options, resumed);
    for (int i = 0; i < 3; ++i) {
      step_with_gradient(straight, a, 0.3 + i, 0.1);
      step_with_gradient(resumed, b, 0.3 + i, 0.1);
    }
    std::map<std::string, at::Tensor> state;
    for (const auto& [name, tensor] : b.state()) state[name] = tensor.clone();
    Optimizer c(options, resumed);
    c.load_state(state);
    step_with_gradient(straight, a, 7, 0.1);
    step_with_gradient(resumed, c, 7, 0.1);
    EXPECT_TRUE(straight.w.equal(resumed.w));
    EXPECT_EQ(a.state().count(kind == OptimizerKind::kAdam ? "w.square" : "w.momentum"), 1U);
  }
}

std::vector<OptimizerOptions> every_rule() {
  std::vector<OptimizerOptions> rules(4);
  rules[0].momentum = 0;
  rules[2].nesterov = true;
  rules[3].kind = OptimizerKind::kAdam;
  for (OptimizerOptions& rule : rules) rule.weight_decay = 0.1;
  return rules;
}

at::Tensor scalar(double value) { return at::full({}, value, at::kFloat); }

TEST(Optimizer, NumbersOnTheDeviceGiveTheUpdatesOfNumbersOnTheHost) {
  for (const OptimizerOptions& options : every_rule()) {
    One host, device;
    Optimizer a(options, host), b(options, device);
    for (int i = 0; i < 4; ++i) {
      step_with_gradient(host, a, 0.3 + i, 0.125);  // 0.125: the same number in float32
      b.zero_grad();
      (device.w * (0.3 + i)).sum().backward();
      b.step_on_device(scalar(0.125));
    }
    EXPECT_NEAR(host.w.item<double>(), device.w.item<double>(), 1e-12);
    EXPECT_EQ(device.unused.item<double>(), 1.0);
    const auto state_a = a.state(), state_b = b.state();
    ASSERT_EQ(state_a.size(), state_b.size());
    for (const auto& [name, tensor] : state_a)
      EXPECT_TRUE(tensor.allclose(state_b.at(name), 1e-12, 1e-12)) << name;
    // Either kind of step goes on from the other's state.
    Optimizer c(options, device);
    c.load_state(state_b);
    step_with_gradient(host, a, 2, 0.125);
    step_with_gradient(device, c, 2, 0.125);
    EXPECT_NEAR(host.w.item<double>(), device.w.item<double>(), 1e-12);
  }
}

TEST(Optimizer, ASkippedUpdateOnTheDeviceChangesNothing) {
  for (const OptimizerOptions& options : every_rule()) {
    for (const int steps_before : {0, 2}) {
      One module, other;
      Optimizer a(options, module), b(options, other);
      const auto step = [&](One& one, Optimizer& optimizer, double gradient, double skip) {
        optimizer.zero_grad();
        (one.w * gradient).sum().backward();
        optimizer.step_on_device(scalar(0.125), scalar(skip));
      };
      for (int i = 0; i < steps_before; ++i) {
        step(module, a, 1, 0);
        step(other, b, 1, 0);
      }
      step(module, a, std::numeric_limits<double>::infinity(), 1);
      EXPECT_TRUE(module.w.equal(other.w));
      EXPECT_EQ(a.state().at("steps").item<std::int64_t>(), steps_before);
      step(module, a, 3, 0);
      step(other, b, 3, 0);
      EXPECT_TRUE(module.w.equal(other.w));
    }
  }
}

TEST(Optimizer, AStateOfAnotherModelOrOptimizerIsRefused) {
  One module;
  OptimizerOptions sgd, adam;
  adam.kind = OptimizerKind::kAdam;
  Optimizer a(sgd, module), b(adam, module);
  step_with_gradient(module, a, 1, 0.1);
  EXPECT_THROW(b.load_state(a.state()), CheckpointError);
  std::map<std::string, at::Tensor> misshapen = a.state();
  misshapen["w.momentum"] = at::zeros({2}, at::kDouble);
  EXPECT_THROW(a.load_state(misshapen), CheckpointError);
  EXPECT_THROW(a.load_state({}), CheckpointError);
}

}  // namespace
}  // namespace selfcure
