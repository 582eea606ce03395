#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/module.h>

#include <map>
#include <string>
#include <vector>

namespace selfcure {

enum class OptimizerKind { kSgd, kAdam };

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::kSgd;
  /// Learning rate before the schedule's factor, above 0.
  double lr = 0.1;
  /// SGD: momentum, in [0, 1).
  double momentum = 0.9;
  /// SGD: Nesterov's form of momentum.
  bool nesterov = false;
  /// Added to the gradient times the parameter (L2 form, as in torch.optim.SGD and Adam).
  double weight_decay = 1e-4;
  /// Adam: decay of both moments, in [0, 1), and the term that keeps the division finite.
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// SGD or Adam with the update rules of torch.optim (1.13), whose state has names.
///
/// An own one because the C++ optimizers of LibTorch key their state by address, differently from
/// version to version, while a checkpoint wants `backbone.conv1.weight.momentum`; and because
/// their zero_grad changes what unused parameters do between 1.13 and 2.x. Here every parameter
/// without a gradient is left alone.
class Optimizer {
 public:
  /// @param module  its parameters that require a gradient are trained; kept by reference
  Optimizer(const OptimizerOptions& options, torch::nn::Module& module);

  /// Forgets all gradients.
  void zero_grad();
  /// One update. @param lr learning rate of this step, factor of the schedule included
  void step(double lr);
  /// One update whose numbers stay on the parameters' device: it waits for nothing and can be
  /// recorded after it was run once. Not to be mixed with the other step().
  ///
  /// @param lr    0-d float32 on that device
  /// @param skip  0-d float32 on that device, 1: do nothing; undefined: never
  void step_on_device(const at::Tensor& lr, const at::Tensor& skip = at::Tensor());
  /// The gradients that are there, in the order of the parameters.
  std::vector<at::Tensor> gradients() const;

  /// Momentum buffers, moments and the step count by "<parameter>.<state>".
  std::map<std::string, at::Tensor> state() const;
  /// @throws CheckpointError when a name, shape or type does not fit
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  struct Slot {
    std::string name;
    at::Tensor parameter;
    at::Tensor first;   // momentum buffer, or mean of gradients
    at::Tensor second;  // mean of squared gradients (Adam)
  };
  void step_sgd(double lr);
  void step_adam(double lr);

  OptimizerOptions options_;
  std::vector<Slot> slots_;
  std::int64_t steps_ = 0;
  at::Tensor device_steps_;  // 0-d float32, in place of steps_ once step_on_device() was called
};

}  // namespace selfcure
