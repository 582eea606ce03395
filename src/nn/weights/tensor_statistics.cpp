#include "selfcure/nn/weights/tensor_statistics.h"

#include <ATen/ATen.h>

#include <limits>

#include "element_types.h"

namespace selfcure {

TensorStatistics tensor_statistics(const at::Tensor& tensor) {
  constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
  TensorStatistics statistics{kNaN, kNaN, kNaN, kNaN, 0};
  at::Tensor values = tensor.to(at::kDouble).flatten();
  const at::Tensor finite = at::isfinite(values);
  statistics.not_finite = values.numel() - finite.sum().item<std::int64_t>();
  if (statistics.not_finite > 0) values = values.masked_select(finite);
  if (values.numel() == 0) return statistics;
  statistics.mean = values.mean().item<double>();
  statistics.standard_deviation = values.std(/*unbiased=*/false).item<double>();
  statistics.min = values.min().item<double>();
  statistics.max = values.max().item<double>();
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
