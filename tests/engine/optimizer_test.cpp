#include "selfcure/engine/optimizer.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/nn/modules/linear.h>

#include <cmath>

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
