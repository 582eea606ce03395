#pragma once

#include <cstdint>

namespace selfcure::kernels {

/// Update rules of torch.optim (1.13), each in one pass over memory instead of LibTorch's three to
/// eight; on every processor, with vectors where it has them.

/// A parameter tensor and what its update reads and writes, `count` floats each.
struct ParameterSlice {
  float* parameter = nullptr;
  const float* gradient = nullptr;
  /// SGD: momentum buffer, null without momentum. Adam: mean of the gradients.
  float* first = nullptr;
  /// Adam: mean of the squared gradients.
  float* second = nullptr;
  std::int64_t count = 0;
};

struct SgdStep {
  double lr = 0.1;
  double momentum = 0.9;
  double weight_decay = 0;
  bool nesterov = false;
  /// The first step: buffers begin as the gradient, whatever they hold.
  bool first = false;
};

struct AdamStep {
  double lr = 1e-3;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0;
  /// Number of this step, from 1.
  std::int64_t step = 1;
};

/// Updates all slices as one list of work for the team. The same bits for every team size.
void sgd_step(const ParameterSlice* slices, std::int64_t slice_count, const SgdStep& step);
void adam_step(const ParameterSlice* slices, std::int64_t slice_count, const AdamStep& step);

}  // namespace selfcure::kernels
