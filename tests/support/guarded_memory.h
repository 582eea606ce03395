#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>

namespace selfcure::testing {

/// Written behind every tensor that a kernel fills, and expected to stay.
inline constexpr float kGuard = 12345.0F;
inline constexpr std::int64_t kGuardFloats = 32;

/// A tensor of float32 with guards behind it.
inline at::Tensor guarded(at::IntArrayRef sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  return at::full({count + kGuardFloats}, kGuard).narrow(0, 0, count).view(sizes);
}

inline bool guard_is_whole(const at::Tensor& tensor) {
  const float* const end = tensor.data_ptr<float>() + tensor.numel();
  return std::all_of(end, end + kGuardFloats, [](float value) { return value == kGuard; });
}

}  // namespace selfcure::testing
