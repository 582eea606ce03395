#include "selfcure/nn/weights/tensor_difference.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace selfcure {
namespace {

/// Numbers of two contiguous tensors that differ in a bit: 0 and -0 do, a NaN and itself do not.
std::int64_t count_different(const at::Tensor& first, const at::Tensor& second) {
  const auto* left = static_cast<const char*>(first.data_ptr());
  const auto* right = static_cast<const char*>(second.data_ptr());
  const auto bytes = static_cast<std::size_t>(first.element_size());
  std::int64_t count = 0;
  for (std::int64_t i = 0; i < first.numel(); ++i, left += bytes, right += bytes)
    count += std::memcmp(left, right, bytes) != 0 ? 1 : 0;
  return count;
}

}  // namespace

std::string describe_difference(const at::Tensor& first, const at::Tensor& second) {
  std::ostringstream text;
  if (first.sizes() != second.sizes()) {
    text << "shape " << first.sizes() << " and " << second.sizes();
    return text.str();
  }
  if (first.scalar_type() != second.scalar_type()) {
    text << "type " << first.scalar_type() << " and " << second.scalar_type();
    return text.str();
  }
  const at::Tensor left = first.contiguous();
  const at::Tensor right = second.contiguous();
  if (left.nbytes() == 0 || std::memcmp(left.data_ptr(), right.data_ptr(), left.nbytes()) == 0)
    return "";
  // In parts: float64 copies of two large tensors would take four times their memory.
  constexpr std::int64_t kChunk = std::int64_t{1} << 20;
  const at::Tensor flat_left = left.flatten(), flat_right = right.flatten();
  const std::int64_t count = flat_left.numel();
  std::int64_t differing = 0;
  double largest = 0, sum = 0;
  for (std::int64_t begin = 0; begin < count; begin += kChunk) {
    const std::int64_t size = std::min(kChunk, count - begin);
    const at::Tensor ours = flat_left.narrow(0, begin, size);
    const at::Tensor theirs = flat_right.narrow(0, begin, size);
    differing += count_different(ours, theirs);
    const at::Tensor gap = (ours.to(at::kDouble) - theirs.to(at::kDouble))
                               .abs_()
                               .masked_fill_(ours.isnan().logical_and_(theirs.isnan()), 0);
    const double part = gap.max().item<double>();
    if (std::isnan(part) || part > largest) largest = part;
    sum += gap.sum().item<double>();
  }
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "%lld of %lld numbers, by at most %.3g (mean %.3g)",
                static_cast<long long>(differing), static_cast<long long>(count), largest,
                sum / static_cast<double>(count));
  return line.data();
}

}  // namespace selfcure
