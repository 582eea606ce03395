#include "selfcure/kernels/optimizer_step.h"

#include <algorithm>
#include <cmath>

#include "kernel_table.h"
#include "scratch.h"
#include "selfcure/kernels/team.h"
#include "simd/update_rules.h"

namespace selfcure::kernels {
namespace {

/// Floats that a task updates: all of them take equally long.
constexpr std::int64_t kTaskFloats = std::int64_t{1} << 15;

/// Calls body(slice) for parts of slices that together are all of them, many at a time.
template <class Body>
void for_each_part(const ParameterSlice* slices, std::int64_t slice_count, Body body) {
  std::int64_t all = 0;
  for (std::int64_t i = 0; i < slice_count; ++i) all += slices[i].count;
  run_tasks(divided_up(all, kTaskFloats), [&](std::int64_t task, int) {
    // Of all slices laid end to end.
    const std::int64_t first = task * kTaskFloats;
    const std::int64_t last = std::min(all, first + kTaskFloats);
    std::int64_t begin = 0;
    for (std::int64_t i = 0; i < slice_count && begin < last; begin += slices[i++].count) {
      const std::int64_t from = std::max<std::int64_t>(first - begin, 0);
      const std::int64_t to = std::min(last - begin, slices[i].count);
      if (from >= to) continue;
      ParameterSlice part = slices[i];
      part.parameter += from;
      part.gradient += from;
      if (part.first != nullptr) part.first += from;
      if (part.second != nullptr) part.second += from;
      part.count = to - from;
      body(part);
    }
  });
}

/// A vector of one float, for processors that the vector kernels are not for.
struct Single {
  float value;

  static Single of(float x) { return {x}; }
};

Single operator+(Single a, Single b) { return {a.value + b.value}; }
Single operator*(Single a, Single b) { return {a.value * b.value}; }
Single operator/(Single a, Single b) { return {a.value / b.value}; }
Single multiply_add(Single a, Single b, Single c) { return {a.value * b.value + c.value}; }
Single square_root(Single a) { return {std::sqrt(a.value)}; }

void sgd_slice(const ParameterSlice& slice, const SgdStep& step) {
  const SgdRule<Single> rule(step);
  for (std::int64_t i = 0; i < slice.count; ++i) {
    const Single parameter{slice.parameter[i]};
    const Single gradient{slice.gradient[i]};
    if (slice.first == nullptr) {
      slice.parameter[i] = rule(parameter, gradient, nullptr).value;
      continue;
    }
    Single buffer{rule.first ? 0.0F : slice.first[i]};
    slice.parameter[i] = rule(parameter, gradient, &buffer).value;
    slice.first[i] = buffer.value;
  }
}

void adam_slice(const ParameterSlice& slice, const AdamFactors& factors) {
  const AdamRule<Single> rule(factors);
  for (std::int64_t i = 0; i < slice.count; ++i) {
    Single mean{slice.first[i]};
    Single square{slice.second[i]};
    slice.parameter[i] =
        rule(Single{slice.parameter[i]}, Single{slice.gradient[i]}, &mean, &square).value;
    slice.first[i] = mean.value;
    slice.second[i] = square.value;
  }
}

}  // namespace

void sgd_step(const ParameterSlice* slices, std::int64_t slice_count, const SgdStep& step) {
  const KernelTable* const table = kernel_table();
  const auto update = table != nullptr ? table->sgd_slice : sgd_slice;
  for_each_part(slices, slice_count, [&](const ParameterSlice& part) { update(part, step); });
}

void adam_step(const ParameterSlice* slices, std::int64_t slice_count, const AdamStep& step) {
  const auto number = static_cast<double>(step.step);
  const double correction1 = 1.0 - std::pow(step.beta1, number);
  const double correction2 = 1.0 - std::pow(step.beta2, number);
  AdamFactors factors{};
  factors.weight_decay = static_cast<float>(step.weight_decay);
  factors.beta1 = static_cast<float>(step.beta1);
  factors.one_minus_beta1 = static_cast<float>(1.0 - step.beta1);
  factors.beta2 = static_cast<float>(step.beta2);
  factors.one_minus_beta2 = static_cast<float>(1.0 - step.beta2);
  factors.root_scale = static_cast<float>(1.0 / std::sqrt(correction2));
  factors.epsilon = static_cast<float>(step.epsilon);
  factors.minus_lr = static_cast<float>(-step.lr / correction1);
  const KernelTable* const table = kernel_table();
  const auto update = table != nullptr ? table->adam_slice : adam_slice;
  for_each_part(slices, slice_count, [&](const ParameterSlice& part) { update(part, factors); });
}

}  // namespace selfcure::kernels
