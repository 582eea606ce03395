#pragma once

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <functional>
#include <vector>

namespace selfcure::testing {

/// Compares autograd's gradients of a scalar function with central differences, in float64.
///
/// @param inputs  float64 leaves; each element is moved by 1e-6
inline void expect_gradients(
    const std::function<at::Tensor(const std::vector<at::Tensor>&)>& function,
    const std::vector<at::Tensor>& inputs, double tolerance = 1e-7) {
  std::vector<at::Tensor> leaves;
  for (const at::Tensor& input : inputs) leaves.push_back(input.clone().requires_grad_(true));
  function(leaves).backward();
  constexpr double kStep = 1e-6;
  for (std::size_t n = 0; n < inputs.size(); ++n) {
    ASSERT_EQ(inputs[n].scalar_type(), at::kDouble);
    const at::Tensor gradient = leaves[n].grad().view({-1});
    for (std::int64_t i = 0; i < inputs[n].numel(); ++i) {
      const auto value_at = [&](double offset) {
        std::vector<at::Tensor> moved;
        for (const at::Tensor& input : inputs) moved.push_back(input.clone());
        moved[n].view({-1})[i] += offset;
        return function(moved).item<double>();
      };
      const double numeric = (value_at(kStep) - value_at(-kStep)) / (2 * kStep);
      EXPECT_NEAR(gradient[i].item<double>(), numeric, tolerance)
          << "input " << n << ", element " << i;
    }
  }
}

}  // namespace selfcure::testing
