#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <limits>

namespace selfcure::testing {

/// Written before and behind the memory that a kernel fills, and expected to stay.
inline constexpr float kGuard = 12345.0F;
inline constexpr std::int64_t kGuardFloats = 64;

/// A tensor of NaN with guards on both sides, aligned to 64 bytes.
inline at::Tensor guarded(at::IntArrayRef sizes) {
  std::int64_t count = 1;
  for (const std::int64_t size : sizes) count *= size;
  const at::Tensor all = at::full({count + 2 * kGuardFloats}, kGuard);
  return all.narrow(0, kGuardFloats, count)
      .fill_(std::numeric_limits<float>::quiet_NaN())
      .view(sizes);
}

/// @param tensor  from guarded()
inline bool guards_are_whole(const at::Tensor& tensor) {
  const auto whole = [](const float* guard) {
    return std::all_of(guard, guard + kGuardFloats, [](float value) { return value == kGuard; });
  };
  const float* const begin = tensor.data_ptr<float>();
  return whole(begin - kGuardFloats) && whole(begin + tensor.numel());
}

/// Memory that a kernel fills: NaN at first, with guards before and behind it.
class GuardedFloats {
 public:
  explicit GuardedFloats(at::IntArrayRef sizes) : tensor_(guarded(sizes)) {}
  explicit GuardedFloats(std::size_t count)
      : GuardedFloats(at::IntArrayRef({static_cast<std::int64_t>(count)})) {}

  /// Aligned to 64 bytes.
  float* data() const { return tensor_.data_ptr<float>(); }
  /// Shares the memory.
  at::Tensor tensor() const { return tensor_; }
  bool guards_are_whole() const { return testing::guards_are_whole(tensor_); }

 private:
  at::Tensor tensor_;
};

}  // namespace selfcure::testing
