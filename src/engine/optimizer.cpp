#include "selfcure/engine/optimizer.h"

#include <ATen/ATen.h>
#include <c10/core/GradMode.h>

#include <algorithm>
#include <cmath>
#include <initializer_list>

#include "device_update.h"
#include "selfcure/core/errors.h"
#include "selfcure/kernels/optimizer_step.h"

namespace selfcure {
namespace {

/// Do the CPU kernels take these tensors as arrays of floats in the same order? Undefined ones,
/// which come to be by at::empty_like(parameter), fit.
bool fit_kernels(const at::Tensor& parameter, std::initializer_list<at::Tensor> others) {
  const auto is_array = [&](const at::Tensor& tensor) {
    return tensor.layout() == at::kStrided && tensor.device().is_cpu() &&
           tensor.scalar_type() == at::kFloat && tensor.is_non_overlapping_and_dense() &&
           tensor.sizes() == parameter.sizes() &&
           // Strides of dimensions of one element mean nothing, and differ.
           (tensor.strides() == parameter.strides() ||
            (tensor.is_contiguous() && parameter.is_contiguous()));
  };
  return is_array(parameter) &&
         std::all_of(others.begin(), others.end(), [&](const at::Tensor& tensor) {
           return !tensor.defined() || is_array(tensor);
         });
}

/// A slice of all of a parameter. Who keeps something computed from these tensors learns that they
/// changed.
kernels::ParameterSlice slice_of(const at::Tensor& parameter, const at::Tensor& gradient,
                                 const at::Tensor& first, const at::Tensor& second) {
  const auto written = [](const at::Tensor& tensor) -> float* {
    if (!tensor.defined()) return nullptr;
    tensor.unsafeGetTensorImpl()->bump_version();
    return tensor.data_ptr<float>();
  };
  return {written(parameter), gradient.data_ptr<float>(), written(first), written(second),
          parameter.numel()};
}

void step_by_kernels(const std::vector<kernels::ParameterSlice>& slices,
                     const kernels::SgdStep& step) {
  kernels::sgd_step(slices.data(), static_cast<std::int64_t>(slices.size()), step);
}

}  // namespace

Optimizer::Optimizer(const OptimizerOptions& options, torch::nn::Module& module)
    : options_(options) {
  for (const auto& item : module.named_parameters())
    if (item.value().requires_grad())
      slots_.push_back({item.key(), item.value(), at::Tensor(), at::Tensor()});
}

void Optimizer::zero_grad() {
  for (Slot& slot : slots_) slot.parameter.mutable_grad() = at::Tensor();
}

void Optimizer::step(double lr) {
  const at::NoGradGuard no_grad;
  ++steps_;
  if (options_.kind == OptimizerKind::kAdam)
    step_adam(lr);
  else
    step_sgd(lr);
}

void Optimizer::step_sgd(double lr) {
  std::vector<kernels::ParameterSlice> beginning, going_on;
  for (Slot& slot : slots_) {
    at::Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    if (fit_kernels(slot.parameter, {gradient, slot.first})) {
      const bool has_buffer = options_.momentum != 0;
      const bool begins = has_buffer && !slot.first.defined();
      if (begins) slot.first = at::empty_like(slot.parameter);
      (begins ? beginning : going_on)
          .push_back(slice_of(slot.parameter, gradient, has_buffer ? slot.first : at::Tensor(),
                              at::Tensor()));
      continue;
    }
    // The gradient is this step's own and forgotten before the next: it may be changed in place.
    if (options_.weight_decay != 0) gradient.add_(slot.parameter, options_.weight_decay);
    if (options_.momentum != 0) {
      if (slot.first.defined())
        slot.first.mul_(options_.momentum).add_(gradient);
      else
        slot.first = gradient.clone();
      if (options_.nesterov)
        gradient.add_(slot.first, options_.momentum);
      else
        gradient = slot.first;
    }
    slot.parameter.add_(gradient, -lr);
  }
  kernels::SgdStep step{lr, options_.momentum, options_.weight_decay, options_.nesterov};
  step_by_kernels(going_on, step);
  step.first = true;
  step_by_kernels(beginning, step);
}

void Optimizer::step_adam(double lr) {
  const double correction1 = 1.0 - std::pow(options_.beta1, static_cast<double>(steps_));
  const double correction2 = 1.0 - std::pow(options_.beta2, static_cast<double>(steps_));
  std::vector<kernels::ParameterSlice> slices;
  for (Slot& slot : slots_) {
    at::Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    if (!slot.first.defined()) {
      slot.first = at::zeros_like(slot.parameter);
      slot.second = at::zeros_like(slot.parameter);
    }
    if (fit_kernels(slot.parameter, {gradient, slot.first, slot.second})) {
      slices.push_back(slice_of(slot.parameter, gradient, slot.first, slot.second));
      continue;
    }
    if (options_.weight_decay != 0) gradient.add_(slot.parameter, options_.weight_decay);
    slot.first.mul_(options_.beta1).add_(gradient, 1.0 - options_.beta1);
    slot.second.mul_(options_.beta2).addcmul_(gradient, gradient, 1.0 - options_.beta2);
    const at::Tensor denominator =
        slot.second.sqrt().div_(std::sqrt(correction2)).add_(options_.epsilon);
    slot.parameter.addcdiv_(slot.first, denominator, -lr / correction1);
  }
  kernels::adam_step(
      slices.data(), static_cast<std::int64_t>(slices.size()),
      {lr, options_.beta1, options_.beta2, options_.epsilon, options_.weight_decay, steps_});
}

void Optimizer::step_on_device(const at::Tensor& lr, const at::Tensor& skip) {
  const at::NoGradGuard no_grad;
  const bool adam = options_.kind == OptimizerKind::kAdam;
  // As a float, which fused Adam wants; exact for 16 million steps.
  if (!device_steps_.defined())
    device_steps_ = at::full({}, static_cast<double>(steps_), lr.options());
  DeviceUpdate update;
  update.lr = lr;
  update.steps = device_steps_;
  update.skip = skip;
  for (Slot& slot : slots_) {
    const at::Tensor gradient = slot.parameter.grad();
    if (!gradient.defined()) continue;
    update.parameters.push_back(slot.parameter);
    update.gradients.push_back(gradient);
    if (adam || options_.momentum != 0) {
      if (!slot.first.defined()) slot.first = at::zeros_like(slot.parameter);
      update.first.push_back(slot.first);
    }
    if (adam) {
      if (!slot.second.defined()) slot.second = at::zeros_like(slot.parameter);
      update.second.push_back(slot.second);
    }
  }
  update_on_device(options_, update);
}

std::vector<at::Tensor> Optimizer::gradients() const {
  std::vector<at::Tensor> gradients;
  for (const Slot& slot : slots_)
    if (slot.parameter.grad().defined()) gradients.push_back(slot.parameter.grad());
  return gradients;
}

std::map<std::string, at::Tensor> Optimizer::state() const {
  std::map<std::string, at::Tensor> state;
  state["steps"] = device_steps_.defined() ? device_steps_.to(at::kCPU, at::kLong)
                                           : at::full({}, steps_, at::kLong);
  const bool adam = options_.kind == OptimizerKind::kAdam;
  for (const Slot& slot : slots_) {
    if (slot.first.defined()) state[slot.name + (adam ? ".mean" : ".momentum")] = slot.first;
    if (slot.second.defined()) state[slot.name + ".square"] = slot.second;
  }
  return state;
}

void Optimizer::load_state(const std::map<std::string, at::Tensor>& state) {
  const auto steps = state.find("steps");
  if (steps == state.end()) throw CheckpointError("optimizer state: 'steps' is missing");
  std::size_t used = 1;
  const auto take = [&](const std::string& name, const at::Tensor& parameter) {
    const auto entry = state.find(name);
    if (entry == state.end()) return at::Tensor();
    if (entry->second.sizes() != parameter.sizes() ||
        entry->second.scalar_type() != parameter.scalar_type())
      throw CheckpointError("optimizer state: '" + name +
                            "' has another shape or type than its parameter");
    ++used;
    // With the parameter's strides, which fused updates want.
    return at::empty_like(parameter).detach().copy_(entry->second);
  };
  const bool adam = options_.kind == OptimizerKind::kAdam;
  for (Slot& slot : slots_) {
    slot.first = take(slot.name + (adam ? ".mean" : ".momentum"), slot.parameter);
    slot.second = adam ? take(slot.name + ".square", slot.parameter) : at::Tensor();
  }
  if (used != state.size())
    throw CheckpointError(
        "optimizer state: holds entries for parameters that this model lacks, or of another "
        "optimizer");
  steps_ = steps->second.item<std::int64_t>();
  device_steps_ = at::Tensor();
}

}  // namespace selfcure
