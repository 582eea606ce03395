// The optimizers' updates of one slice of parameters.
#pragma once

#include "../kernel_table.h"
#include "update_rules.h"
#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

/// KernelTable::sgd_slice
inline void sgd_slice(const ParameterSlice& slice, const SgdStep& step) {
  const SgdRule<Vector> rule(step);
  for_each_vector(slice.count, [&](Index at, Index count) {
    const Vector parameter = load_some(slice.parameter + at, count);
    const Vector gradient = load_some(slice.gradient + at, count);
    if (slice.first == nullptr) {
      store_some(rule(parameter, gradient, nullptr), slice.parameter + at, count);
      return;
    }
    Vector buffer = rule.first ? Vector::zero() : load_some(slice.first + at, count);
    store_some(rule(parameter, gradient, &buffer), slice.parameter + at, count);
    store_some(buffer, slice.first + at, count);
  });
}

/// KernelTable::adam_slice
inline void adam_slice(const ParameterSlice& slice, const AdamFactors& factors) {
  const AdamRule<Vector> rule(factors);
  for_each_vector(slice.count, [&](Index at, Index count) {
    Vector mean = load_some(slice.first + at, count);
    Vector square = load_some(slice.second + at, count);
    const Vector parameter = rule(load_some(slice.parameter + at, count),
                                  load_some(slice.gradient + at, count), &mean, &square);
    store_some(parameter, slice.parameter + at, count);
    store_some(mean, slice.first + at, count);
    store_some(square, slice.second + at, count);
  });
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
