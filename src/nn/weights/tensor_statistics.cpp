#include "selfcure/nn/weights/tensor_statistics.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "element_types.h"

namespace selfcure {

namespace {

/// Numbers that are looked at together: their copies in float64 stay small beside a large file.
constexpr std::int64_t kChunk = std::int64_t{1} << 20;

/// Calls `use` with the finite numbers of each chunk in float64.
/// @return how many are not finite
template <class Use>
std::int64_t for_each_chunk(const at::Tensor& flat, const Use& use) {
  std::int64_t not_finite = 0;
  for (std::int64_t begin = 0; begin < flat.numel(); begin += kChunk) {
    at::Tensor values =
        flat.narrow(0, begin, std::min(kChunk, flat.numel() - begin)).to(at::kDouble);
    const at::Tensor finite = at::isfinite(values);
    const std::int64_t wrong = values.numel() - finite.sum().item<std::int64_t>();
    not_finite += wrong;
    if (wrong > 0) values = values.masked_select(finite);
    if (values.numel() > 0) use(values);
  }
  return not_finite;
}

}  // namespace

std::int64_t count_not_finite(const at::Tensor& tensor) {
  return for_each_chunk(tensor.flatten(), [](const at::Tensor&) {});
}

TensorStatistics tensor_statistics(const at::Tensor& tensor) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  TensorStatistics statistics{kNaN, kNaN, kNaN, kNaN, 0};
  const at::Tensor flat = tensor.flatten();
  std::int64_t count = 0;
  double sum = 0;
  statistics.not_finite = for_each_chunk(flat, [&](const at::Tensor& values) {
    const double low = values.min().item<double>(), high = values.max().item<double>();
    statistics.min = count == 0 ? low : std::min(statistics.min, low);
    statistics.max = count == 0 ? high : std::max(statistics.max, high);
    sum += values.sum().item<double>();
    count += values.numel();
  });
  if (count == 0) return statistics;
  statistics.mean = sum / static_cast<double>(count);
  double squares = 0;
  for_each_chunk(flat, [&](const at::Tensor& values) {
    squares += (values - statistics.mean).square_().sum().item<double>();
  });
  statistics.standard_deviation = std::sqrt(squares / static_cast<double>(count));
  return statistics;
}

at::Tensor TensorReader::read(const StoredTensor& tensor) {
  if (!bytes_.defined() || storage_ != tensor.storage) {
    bytes_ = at::Tensor();  // gives its memory back before more is taken
    at::Tensor bytes = at::empty(
        {static_cast<std::int64_t>(file_.index().storages.at(tensor.storage).bytes)}, at::kByte);
    file_.read_storage(tensor.storage, bytes.data_ptr<std::uint8_t>());
    bytes_ = bytes;
    storage_ = tensor.storage;
  }
  at::Tensor view = at::empty({0}, scalar_type(tensor.type));
  view.set_(bytes_.storage(), tensor.storage_offset, tensor.shape, tensor.strides);
  return view;
}

}  // namespace selfcure
