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

/// Panels of output channels in equal parts, so that each thread has work where there are few
/// blocks of rows: a part repeats what a block does before its product.
struct PanelParts {
  std::int64_t panels;
  std::int64_t panel_width;
  std::int64_t columns;
  std::int64_t parts;

  PanelParts(std::int64_t column_count, std::int64_t width, std::int64_t blocks,
             std::int64_t threads)
      : panels(divided_up(column_count, width)),
        panel_width(width),
        columns(column_count),
        parts(blocks >= threads ? 1 : divided_up(threads, blocks)) {
    if (parts > panels) parts = panels;
  }
  std::int64_t first_panel(std::int64_t part) const { return panels * part / parts; }
  std::int64_t first_column(std::int64_t part) const {
    return part == parts ? columns : first_panel(part) * panel_width;
  }
};

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
