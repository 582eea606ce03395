#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>

#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

/// Numbers that say whether weights look right; of the finite ones, NaN where there are none.
struct TensorStatistics {
  double mean;
  /// Of the population.
  double standard_deviation;
  double min;
  double max;
  /// NaN and infinite numbers.
  std::int64_t not_finite = 0;
};

/// NaN and infinite numbers, without a copy of the tensor.
std::int64_t count_not_finite(const at::Tensor& tensor);

/// @param tensor  of any type; computed in float64
TensorStatistics tensor_statistics(const at::Tensor& tensor);

/// Reads tensors of a file one by one, keeping the last storage only.
class TensorReader {
 public:
  /// @param file  has to outlive the reader
  explicit TensorReader(const WeightFile& file) : file_(file) {}
  /// @return a view of the storage, with the file's strides
  /// @throws CheckpointError when the file changed or its checksum does not fit
  at::Tensor read(const StoredTensor& tensor);

 private:
  const WeightFile& file_;
  std::size_t storage_ = 0;
  at::Tensor bytes_;
};

}  // namespace selfcure
