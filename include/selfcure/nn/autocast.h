#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace selfcure {

/// While it lives, convolutions and matrix products of this thread are computed in a lower
/// precision, with LibTorch's lists of the operators that bear it. Parameters stay float32.
class AutocastScope {
 public:
  /// @param device  whose operators are meant, CPU or CUDA
  /// @param dtype   at::kBFloat16 or at::kHalf; at::kFloat: nothing changes
  AutocastScope(c10::DeviceType device, at::ScalarType dtype);
  ~AutocastScope();
  AutocastScope(const AutocastScope&) = delete;
  AutocastScope& operator=(const AutocastScope&) = delete;

 private:
  const c10::DeviceType device_;
  const bool active_;
  bool was_enabled_ = false;
  at::ScalarType previous_ = at::kFloat;
};

/// While it lives, operators compute in the precision of their arguments.
class AutocastPause {
 public:
  AutocastPause();
  ~AutocastPause();
  AutocastPause(const AutocastPause&) = delete;
  AutocastPause& operator=(const AutocastPause&) = delete;

 private:
  bool cpu_was_enabled_;
  bool cuda_was_enabled_;
};

/// A bfloat16 or float16 tensor as float32; any other as it is. Gradients flow back.
at::Tensor full_precision(const at::Tensor& values);

}  // namespace selfcure
