// The optimizers' arithmetic, once for vectors of every instruction set and for single floats.
#pragma once

#include "selfcure/kernels/optimizer_step.h"

namespace selfcure::kernels {

/// @tparam V  has V::of(float), +, *, / and, found beside it, multiply_add(a, b, c) and
///            square_root(a)
template <class V>
struct SgdRule {
  explicit SgdRule(const SgdStep& step)
      : minus_lr(V::of(static_cast<float>(-step.lr))),
        momentum(V::of(static_cast<float>(step.momentum))),
        weight_decay(V::of(static_cast<float>(step.weight_decay))),
        decays(step.weight_decay != 0),
        nesterov(step.nesterov),
        first(step.first) {}

  /// The new parameter. @param buffer  0 in the first step; null: no momentum
  V operator()(V parameter, V gradient, V* buffer) const {
    if (decays) gradient = multiply_add(weight_decay, parameter, gradient);
    if (buffer != nullptr) {
      *buffer = multiply_add(momentum, *buffer, gradient);
      gradient = nesterov ? multiply_add(momentum, *buffer, gradient) : *buffer;
    }
    return multiply_add(minus_lr, gradient, parameter);
  }

  V minus_lr;
  V momentum;
  V weight_decay;
  bool decays;
  bool nesterov;
  bool first;
};

/// What Adam multiplies with in one step.
struct AdamFactors {
  float weight_decay;
  float beta1;
  float one_minus_beta1;
  float beta2;
  float one_minus_beta2;
  /// 1 / sqrt(1 - beta2^step)
  float root_scale;
  float epsilon;
  /// -lr / (1 - beta1^step)
  float minus_lr;
};

/// @tparam V  as for SgdRule
template <class V>
struct AdamRule {
  explicit AdamRule(const AdamFactors& factors)
      : weight_decay(V::of(factors.weight_decay)),
        beta1(V::of(factors.beta1)),
        one_minus_beta1(V::of(factors.one_minus_beta1)),
        beta2(V::of(factors.beta2)),
        one_minus_beta2(V::of(factors.one_minus_beta2)),
        root_scale(V::of(factors.root_scale)),
        epsilon(V::of(factors.epsilon)),
        minus_lr(V::of(factors.minus_lr)),
        decays(factors.weight_decay != 0) {}

  /// The new parameter.
  V operator()(V parameter, V gradient, V* mean, V* square) const {
    if (decays) gradient = multiply_add(weight_decay, parameter, gradient);
    *mean = multiply_add(one_minus_beta1, gradient, beta1 * *mean);
    *square = multiply_add(one_minus_beta2 * gradient, gradient, beta2 * *square);
    const V denominator = multiply_add(square_root(*square), root_scale, epsilon);
    return parameter + minus_lr * *mean / denominator;
  }

  V weight_decay;
  V beta1;
  V one_minus_beta1;
  V beta2;
  V one_minus_beta2;
  V root_scale;
  V epsilon;
  V minus_lr;
  bool decays;
};

}  // namespace selfcure::kernels
