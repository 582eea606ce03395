// Parts of a scratch buffer, counted the same way by the functions that size it and that use it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace selfcure::kernels {

inline std::int64_t rounded_up(std::int64_t count, std::int64_t unit) {
  return (count + unit - 1) / unit * unit;
}

inline std::int64_t divided_up(std::int64_t count, std::int64_t by) {
  return (count + by - 1) / by;
}

/// Hands out parts of a buffer one after the other; without a buffer it only counts.
class ScratchParts {
 public:
  explicit ScratchParts(float* buffer) : buffer_(buffer) {}

  /// The next `count` floats, aligned to a cache line; null without a buffer.
  float* take(std::int64_t count) {
    float* const part = buffer_ == nullptr ? nullptr : buffer_ + used_;
    used_ += static_cast<std::size_t>(rounded_up(count, kLineFloats));
    return part;
  }
  std::size_t used() const { return used_; }

 private:
  static constexpr std::int64_t kLineFloats = 16;
  float* buffer_;
  std::size_t used_ = 0;
};

}  // namespace selfcure::kernels
