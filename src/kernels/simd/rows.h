// What is done to rows of floats around a matrix product.
#pragma once

#include "../kernel_table.h"
#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

/// KernelTable::finish_rows
inline void finish_rows(const float* from, Index from_stride, Index rows, Index columns,
                        const Epilogue& epilogue, float* to, Index to_stride) {
  for (Index row = 0; row < rows; ++row)
    for_each_vector(columns, [&](Index column, Index count) {
      const Index at = row * to_stride + column;
      Vector value = load_some(from + row * from_stride + column, count);
      if (epilogue.bias != nullptr) value = value + load_some(epilogue.bias + column, count);
      if (epilogue.residual != nullptr) value = value + load_some(epilogue.residual + at, count);
      if (epilogue.relu) value = max(Vector::zero(), value);
      store_some(value, to + at, count);
    });
}

/// KernelTable::add
inline void add(const float* from, Index count, float* to) {
  for_each_vector(count, [&](Index at, Index some) {
    store_some(load_some(to + at, some) + load_some(from + at, some), to + at, some);
  });
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
