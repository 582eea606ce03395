#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>

namespace selfcure {

/// Logits scaled by importance weights, as the logit-weighted cross-entropy takes them.
///
/// bias_under_alpha: alpha_i * (s_i + b); otherwise alpha_i * s_i + b.
///
/// @param scores  [B, K], W x without the bias
/// @param bias    [K]
/// @param alpha   [B], importance weights in (0, 1)
/// @return [B, K]; gradients flow to all three
/// @throws ShapeError when the shapes do not fit
/// Source: Wang et al., CVPR 2020, equation of L_WCE; the published code scales the bias too.
at::Tensor weight_logits(const at::Tensor& scores, const at::Tensor& bias, const at::Tensor& alpha,
                         bool bias_under_alpha);

/// Samples in the high group of a batch: floor(beta * B), at least 1 and at most B - 1.
///
/// @param batch_size  B, at least 2
/// @throws ShapeError for B < 2: one sample cannot be ranked
std::int64_t high_group_size(std::int64_t batch_size, double beta);

/// A batch ranked by importance.
struct Ranking {
  /// [B], int64: positions in the batch, highest weight first; equal weights keep batch order.
  at::Tensor order;
  /// Samples at the front of `order` that form the high group.
  std::int64_t high_count;
};

/// @param alpha  [B], B at least 2   @param beta share of the high group, in (0, 1)
Ranking rank_by_importance(const at::Tensor& alpha, double beta);

/// Hinge that keeps well-trusted samples ahead of doubtful ones.
///
/// max(0, margin - (mean weight of the high group - mean weight of the rest)).
///
/// @param alpha    [B], importance weights in (0, 1); gradients flow back
/// @param ranking  of the same batch
/// @param margin   0-d, delta_1; gradients flow back when it is learned
/// @return 0-d tensor, dtype and device of `alpha`
/// @throws ShapeError unless `alpha` is 1-D and both groups are non-empty
/// Source: Wang et al., CVPR 2020, rank regularization.
at::Tensor rank_regularization(const at::Tensor& alpha, const Ranking& ranking,
                               const at::Tensor& margin);

/// Label that each sample should carry from now on.
///
/// argmax P where P_max - P_given > threshold and the sample may change, otherwise the given one.
///
/// @param logits     [B, K], P is their softmax
/// @param given      [B], int64
/// @param may_change [B], bool; undefined: every sample may
/// @param threshold  delta_2, in [0, 1]
/// @return [B], int64; does not wait for the device
/// Source: Wang et al., CVPR 2020, relabeling.
at::Tensor propose_labels(const at::Tensor& logits, const at::Tensor& given,
                          const at::Tensor& may_change, double threshold);

/// Cross-entropy with label distributions: -sum_k t_k log p_k, mean over the batch.
///
/// @param logits   [B, K], p is their softmax; gradients flow back
/// @param targets  [B, K], t, each row sums to 1
/// @return 0-d
/// @throws ShapeError unless both have the same two dimensions
/// Source: Barsoum et al., ICMI 2016, equation 3 (cross-entropy loss of the vote distribution).
at::Tensor soft_cross_entropy(const at::Tensor& logits, const at::Tensor& targets);

/// Loss that is content with any of several right classes: -log max_k(t_k p_k), batch mean.
///
/// @param logits   [B, K], p is their softmax; gradients flow back through the largest product
/// @param targets  [B, K], t, each row with at least one number above 0
/// @return 0-d
/// @throws ShapeError unless both have the same two dimensions
/// Source: Barsoum et al., ICMI 2016, multi-label learning.
at::Tensor multi_target_loss(const at::Tensor& logits, const at::Tensor& targets);

}  // namespace selfcure
