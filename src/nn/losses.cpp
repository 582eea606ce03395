#include "selfcure/nn/losses.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

std::string shape_of(const at::Tensor& tensor) {
  std::string text = "[";
  for (std::int64_t i = 0; i < tensor.dim(); ++i)
    text += (i ? ", " : "") + std::to_string(tensor.size(i));
  return text + "]";
}

void require_targets(const char* name, const at::Tensor& logits, const at::Tensor& targets) {
  if (logits.dim() != 2 || targets.sizes() != logits.sizes())
    throw ShapeError(std::string(name) + ": expected logits and targets [B, K], got " +
                     shape_of(logits) + " and " + shape_of(targets));
}

}  // namespace

at::Tensor weight_logits(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& alpha,
                         bool bias_under_alpha) {
  if (scores.dim() != 2 || alpha.dim() != 1 || bias.dim() != 1 || alpha.size(0) != scores.size(0) ||
      bias.size(0) != scores.size(1))
    throw ShapeError("weight_logits: expected scores [B, K], bias [K], alpha [B], got " +
                     shape_of(scores) + ", " + shape_of(bias) + ", " + shape_of(alpha));
  const at::Tensor weights = alpha.unsqueeze(1);  // [B, 1]
  return bias_under_alpha ? weights * (scores + bias) : weights * scores + bias;
}

std::int64_t high_group_size(std::int64_t batch_size, double beta) {
  if (batch_size < 2)
    throw ShapeError("high_group_size: expected a batch of 2 or more, got " +
                     std::to_string(batch_size));
  // 0.7 * 10 must be 7 whatever the rounding of 0.7.
  const auto count =
      static_cast<std::int64_t>(std::floor(beta * static_cast<double>(batch_size) + 1e-9));
  return std::clamp<std::int64_t>(count, 1, batch_size - 1);
}

Ranking rank_by_importance(const at::Tensor& alpha, double beta) {
  if (alpha.dim() != 1)
    throw ShapeError("rank_by_importance: expected alpha [B], got " + shape_of(alpha));
  const std::int64_t high_count = high_group_size(alpha.size(0), beta);
  return {std::get<1>(alpha.detach().sort(/*stable=*/true, /*dim=*/0, /*descending=*/true)),
          high_count};
}

at::Tensor rank_regularization(const at::Tensor& alpha, const Ranking& ranking,
                               const at::Tensor& margin) {
  if (alpha.dim() != 1 || ranking.order.dim() != 1 || ranking.order.size(0) != alpha.size(0) ||
      ranking.high_count < 1 || ranking.high_count >= alpha.size(0))
    throw ShapeError("rank_regularization: expected alpha [B] and two non-empty groups, got " +
                     shape_of(alpha) + " with " + std::to_string(ranking.high_count) +
                     " samples in the high group");
  const at::Tensor sorted = alpha.index_select(0, ranking.order);
  const at::Tensor high = sorted.narrow(0, 0, ranking.high_count).mean();
  const at::Tensor low =
      sorted.narrow(0, ranking.high_count, alpha.size(0) - ranking.high_count).mean();
  return (margin - (high - low)).relu();
}

at::Tensor propose_labels(const at::Tensor& logits, const at::Tensor& given,
                          const at::Tensor& may_change, double threshold) {
  if (logits.dim() != 2 || given.dim() != 1 || given.size(0) != logits.size(0))
    throw ShapeError("propose_labels: expected logits [B, K] and labels [B], got " +
                     shape_of(logits) + " and " + shape_of(given));
  const at::Tensor probabilities = logits.detach().softmax(1);
  const auto [highest, best] = probabilities.max(1);
  const at::Tensor current = probabilities.gather(1, given.unsqueeze(1)).squeeze(1);
  at::Tensor changes = highest - current > threshold;
  if (may_change.defined()) changes = changes & may_change;
  return at::where(changes, best, given);
}

at::Tensor soft_cross_entropy(const at::Tensor& logits, const at::Tensor& targets) {
  require_targets("soft_cross_entropy", logits, targets);
  return -(targets * logits.log_softmax(1)).sum(1).mean();
}

at::Tensor multi_target_loss(const at::Tensor& logits, const at::Tensor& targets) {
  require_targets("multi_target_loss", logits, targets);
  // log 0 is -infinity, which is never the largest.
  return -std::get<0>((targets.log() + logits.log_softmax(1)).max(1)).mean();
}

}  // namespace selfcure
