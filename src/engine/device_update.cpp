#include "device_update.h"

#include <ATen/ATen.h>
#include <ATen/core/dispatch/Dispatcher.h>
#include <ATen/core/stack.h>

#include <map>
#include <string>

namespace selfcure {
namespace {

/// Calls an operator of LibTorch whose signature differs from version to version.
///
/// @param arguments  by name; those that are not named take their defaults
/// @return false if this LibTorch has no such operator for the device or wants other arguments
bool call_if_there(const char* name, const char* overload, const c10::Device& device,
                   const std::map<std::string, c10::IValue>& arguments) {
  // On the CPU some of them read the learning rate back.
  if (!device.is_cuda()) return false;
  const auto found = c10::Dispatcher::singleton().findSchema({name, overload});
  if (!found.has_value() || !found->hasKernelForDispatchKey(c10::DispatchKey::CUDA)) return false;
  torch::jit::Stack stack;
  std::size_t used = 0;
  for (const c10::Argument& argument : found->schema().arguments()) {
    const auto given = arguments.find(argument.name());
    if (given != arguments.end()) {
      stack.push_back(given->second);
      ++used;
    } else if (argument.default_value().has_value()) {
      stack.push_back(*argument.default_value());
    } else {
      return false;
    }
  }
  if (used != arguments.size()) return false;
  try {
    found->callBoxed(&stack);
  } catch (const c10::Error&) {
    // It refuses tensors that it cannot take before it changes any.
    return false;
  }
  return true;
}

/// A gradient with the strides of its parameter, which fused operators compare even where a
/// dimension has one place only, as in 1x1 convolutions.
at::Tensor with_strides_of(const at::Tensor& parameter, const at::Tensor& gradient) {
  if (gradient.strides() == parameter.strides()) return gradient;
  for (std::int64_t i = 0; i < parameter.dim(); ++i)
    if (parameter.size(i) > 1 && parameter.stride(i) != gradient.stride(i))
      return at::empty_like(parameter).copy_(gradient);
  return gradient.as_strided(parameter.sizes(), parameter.strides());
}

c10::IValue list_of(const std::vector<at::Tensor>& tensors) {
  return c10::List<at::Tensor>(c10::ArrayRef<at::Tensor>(tensors));
}

bool update_fused(const OptimizerOptions& options, DeviceUpdate& update) {
  const c10::Device device = update.parameters[0].device();
  std::vector<at::Tensor> gradients;
  for (std::size_t i = 0; i < update.parameters.size(); ++i)
    gradients.push_back(with_strides_of(update.parameters[i], update.gradients[i]));
  std::map<std::string, c10::IValue> arguments = {{"self", list_of(update.parameters)},
                                                  {"grads", list_of(gradients)},
                                                  {"lr", update.lr},
                                                  {"weight_decay", options.weight_decay},
                                                  {"maximize", false}};
  if (update.skip.defined()) arguments["found_inf"] = update.skip;
  if (options.kind == OptimizerKind::kSgd) {
    arguments["momentum_buffer_list"] = list_of(update.first);
    arguments["momentum"] = options.momentum;
    arguments["dampening"] = 0.0;
    arguments["nesterov"] = options.nesterov;
    // The buffers are 0 at first, which gives what a first step without them does.
    arguments["is_first_step"] = false;
    return call_if_there("aten::_fused_sgd_", "tensor_lr", device, arguments);
  }
  // Fused Adam wants the number of this step, and a count for each parameter, which it only reads.
  const at::Tensor step = update.steps + 1;
  arguments["exp_avgs"] = list_of(update.first);
  arguments["exp_avg_sqs"] = list_of(update.second);
  arguments["max_exp_avg_sqs"] = list_of({});
  arguments["state_steps"] = list_of(std::vector<at::Tensor>(update.parameters.size(), step));
  arguments["beta1"] = options.beta1;
  arguments["beta2"] = options.beta2;
  arguments["eps"] = options.epsilon;
  arguments["amsgrad"] = false;
  return call_if_there("aten::_fused_adam_", "tensor_lr", device, arguments);
}

/// Factors of an update that does nothing where `skip` is 1.
class Skipping {
 public:
  explicit Skipping(const at::Tensor& skip) {
    if (!skip.defined()) return;
    skips_ = skip > 0;
    keeps_ = 1.0 - skip;
  }
  /// Overflowed gradients are no numbers to multiply with 0.
  void clear(std::vector<at::Tensor>& gradients) const {
    if (!skips_.defined()) return;
    for (at::Tensor& gradient : gradients) gradient.masked_fill_(skips_, 0);
  }
  /// Multiplies with `factor`, or 1.
  void decay(std::vector<at::Tensor>& values, double factor) const {
    if (!skips_.defined()) {
      at::_foreach_mul_(values, factor);
      return;
    }
    const at::Tensor rate = factor * keeps_ + (1.0 - keeps_);
    for (at::Tensor& value : values) value.mul_(rate);
  }
  /// `value`, or 0.
  at::Tensor or_nothing(const at::Tensor& value) const {
    return skips_.defined() ? value.masked_fill(skips_, 0) : value;
  }

 private:
  at::Tensor skips_;
  at::Tensor keeps_;
};

void move(DeviceUpdate& update, const std::vector<at::Tensor>& directions, const at::Tensor& rate) {
  const at::Tensor factor = rate.neg().to(update.parameters[0].scalar_type());
  for (std::size_t i = 0; i < directions.size(); ++i)
    update.parameters[i].addcmul_(directions[i], factor);
}

void sgd(const OptimizerOptions& options, DeviceUpdate& update, const Skipping& skipping) {
  std::vector<at::Tensor>& gradients = update.gradients;
  if (options.momentum != 0) {
    skipping.decay(update.first, options.momentum);
    at::_foreach_add_(update.first, gradients);
    if (options.nesterov)
      at::_foreach_add_(gradients, update.first, options.momentum);
    else
      gradients = update.first;
  }
  move(update, gradients, skipping.or_nothing(update.lr));
}

void adam(const OptimizerOptions& options, DeviceUpdate& update, const Skipping& skipping) {
  skipping.decay(update.first, options.beta1);
  at::_foreach_add_(update.first, update.gradients, 1.0 - options.beta1);
  skipping.decay(update.second, options.beta2);
  at::_foreach_addcmul_(update.second, update.gradients, update.gradients, 1.0 - options.beta2);
  // In float32, 1 - beta2 would lose four of seven digits.
  const at::Tensor step = (update.steps + 1).to(at::kDouble);
  const at::Tensor correction1 = 1.0 - at::pow(options.beta1, step);
  const at::Tensor correction2 = 1.0 - at::pow(options.beta2, step);
  const at::ScalarType type = update.parameters[0].scalar_type();
  const at::Tensor root = correction2.sqrt().to(type);
  std::vector<at::Tensor> directions = at::_foreach_sqrt(update.second);
  for (at::Tensor& direction : directions) direction.div_(root);
  at::_foreach_add_(directions, options.epsilon);
  directions = at::_foreach_div(update.first, directions);
  move(update, directions, skipping.or_nothing(update.lr.to(at::kDouble) / correction1));
}

void count(DeviceUpdate& update) {
  update.steps.add_(1);
  if (update.skip.defined()) update.steps.sub_(update.skip);
}

}  // namespace

void update_with_foreach(const OptimizerOptions& options, DeviceUpdate& update) {
  const Skipping skipping(update.skip);
  if (options.weight_decay != 0)
    at::_foreach_add_(update.gradients, update.parameters, options.weight_decay);
  skipping.clear(update.gradients);
  if (options.kind == OptimizerKind::kAdam)
    adam(options, update, skipping);
  else
    sgd(options, update, skipping);
  count(update);
}

void update_on_device(const OptimizerOptions& options, DeviceUpdate& update) {
  if (update.parameters.empty()) return;
  if (update_fused(options, update))
    count(update);
  else
    update_with_foreach(options, update);
}

}  // namespace selfcure
