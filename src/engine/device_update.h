#pragma once

#include <ATen/core/Tensor.h>

#include <vector>

#include "selfcure/engine/optimizer.h"

namespace selfcure {

/// What one update reads and changes, all on one device.
struct DeviceUpdate {
  /// Of the parameters that have a gradient; the gradients may be changed.
  std::vector<at::Tensor> parameters;
  std::vector<at::Tensor> gradients;
  /// Momentum buffers or means of gradients, of the parameters' shapes and strides, 0 at first.
  std::vector<at::Tensor> first;
  /// Means of squared gradients (Adam).
  std::vector<at::Tensor> second;
  /// 0-d, float32: learning rate of this step.
  at::Tensor lr;
  /// 0-d, float32: updates done; one more afterwards.
  at::Tensor steps;
  /// 0-d, float32: 1 to change nothing, parameters, state and step count included; or undefined.
  at::Tensor skip;
};

/// One update by the rules of Optimizer whose numbers are tensors, so that it can be recorded.
///
/// With LibTorch's fused operators where it has them for the device (2.x, CUDA), else with several
/// multi-tensor operators.
void update_on_device(const OptimizerOptions& options, DeviceUpdate& update);

/// The same without fused operators.
void update_with_foreach(const OptimizerOptions& options, DeviceUpdate& update);

}  // namespace selfcure
