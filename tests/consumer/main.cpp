#include <ATen/ATen.h>

#include <cstdio>

#include "selfcure/core/version.h"
#include "selfcure/nn/losses.h"

int main() {
  const at::Tensor alpha = at::tensor(std::vector<double>{0.9, 0.1}, at::kDouble);
  const at::Tensor loss = selfcure::rank_regularization(
      alpha, selfcure::rank_by_importance(alpha, 0.5), at::full({}, 1.0, at::kDouble));
  std::printf("selfcure %s: rank loss %.2f\n", selfcure::version(), loss.item<double>());
  return loss.item<double>() > 0.19 && loss.item<double>() < 0.21 ? 0 : 1;
}
