#pragma once

#include <ATen/ATen.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

namespace selfcure::testing {

/// Memory that a kernel fills: NaN at first, with guards before and behind it.
class GuardedFloats {
 public:
  explicit GuardedFloats(at::IntArrayRef sizes) : sizes_(sizes.vec()) {
    for (const std::int64_t size : sizes_) count_ *= size;
    all_ = at::full({count_ + 2 * kGuardFloats}, kGuard);
    all_.narrow(0, kGuardFloats, count_).fill_(std::numeric_limits<float>::quiet_NaN());
  }
  explicit GuardedFloats(std::size_t count)
      : GuardedFloats(at::IntArrayRef({static_cast<std::int64_t>(count)})) {}

  /// Aligned to 64 bytes.
  float* data() const { return all_.data_ptr<float>() + kGuardFloats; }
  /// Shares the memory.
  at::Tensor tensor() const { return all_.narrow(0, kGuardFloats, count_).view(sizes_); }
  bool guards_are_whole() const {
    const auto whole = [](const float* guard) {
      return std::all_of(guard, guard + kGuardFloats, [](float value) { return value == kGuard; });
    };
    return whole(all_.data_ptr<float>()) && whole(data() + count_);
  }

 private:
  static constexpr float kGuard = 12345.0F;
  static constexpr std::int64_t kGuardFloats = 64;

  std::vector<std::int64_t> sizes_;
  std::int64_t count_ = 1;
  at::Tensor all_;
};

}  // namespace selfcure::testing
