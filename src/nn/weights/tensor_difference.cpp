#include "selfcure/nn/weights/tensor_difference.h"

#include <ATen/ATen.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <sstream>

namespace selfcure {

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
  const at::Tensor gap = (left.to(at::kDouble) - right.to(at::kDouble)).abs();
  std::array<char, 160> line{};
  std::snprintf(line.data(), line.size(), "%lld of %lld numbers, by at most %.3g (mean %.3g)",
                static_cast<long long>((gap != 0).sum().item<std::int64_t>()),
                static_cast<long long>(gap.numel()), gap.max().item<double>(),
                gap.mean().item<double>());
  return line.data();
}

}  // namespace selfcure
