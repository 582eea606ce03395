#pragma once

#include <cstddef>
#include <cstdint>

#include "selfcure/kernels/max_pool.h"

namespace selfcure::kernels {

/// Rows of channels: an image batch in channels-last form has batch * height * width of them.
struct BatchNormShape {
  std::int64_t rows = 1;
  std::int64_t channels = 1;
};

/// One batch norm layer; all pointers [channels].
struct BatchNormLayer {
  const float* weight = nullptr;
  const float* bias = nullptr;
  double epsilon = 1e-5;
};

/// Is there a kernel for this processor? Otherwise the functions below must not be called.
bool has_batch_norm();

/// Floats of scratch for both passes. It depends on the shape alone.
std::size_t batch_norm_scratch_floats(const BatchNormShape& shape);

/// Training pass: output = relu?(normalised(input) * weight + bias + residual?).
///
/// Statistics are summed in float over short runs of rows and in double over those, less a mean of
/// few rows: a large mean does not cancel the variance. The same bits for every team size. NaN goes
/// through ReLU. Running statistics move as in LibTorch: by `momentum` towards the mean and the
/// unbiased variance, which is NaN for a single row.
///
/// @param input     [rows, channels]
/// @param residual  as input, or null
/// @param output    as input; may be `input` only where the backward pass is not needed
/// @param mean      [channels], of the batch, for the backward pass
/// @param inverse_deviation  [channels], 1 / sqrt(biased variance + epsilon)
/// @param running_mean, running_variance  [channels], updated; null: none are kept
/// @param scratch   batch_norm_scratch_floats(), aligned to 64 bytes
void batch_norm_forward(const BatchNormShape& shape, const BatchNormLayer& layer,
                        const float* input, const float* residual, bool relu, float* output,
                        float* mean, float* inverse_deviation, float* running_mean,
                        float* running_variance, double momentum, float* scratch);

/// What batch_norm_backward() is to find; pointers may be null where a gradient is not wanted.
struct BatchNormGradients {
  /// [rows, channels]; may be the output's gradient itself, or the residual's.
  float* input = nullptr;
  /// [rows, channels]; may be the output's gradient itself. The input's gradient is found faster
  /// with it where the forward pass had a residual and ReLU.
  float* residual = nullptr;
  /// [channels]
  float* weight = nullptr;
  float* bias = nullptr;
};

/// Gradients of the training pass. The same bits for every team size.
///
/// @param output_gradient  [rows, channels]
/// @param output  of the forward pass: its sign tells what ReLU let through; null where there was
///                no residual (the sign is computed from the input then) or no ReLU
void batch_norm_backward(const BatchNormShape& shape, const BatchNormLayer& layer,
                         const float* output_gradient, const float* input, const float* output,
                         bool relu, const float* mean, const float* inverse_deviation,
                         const BatchNormGradients& gradients, float* scratch);

// Batch norm, ReLU and max pooling of images in one: what lies between them, the largest tensor of
// a ResNet, is never in memory as a whole. has_batch_norm() and has_max_pool() must hold.

/// Floats of scratch for both passes; it grows with the team.
std::size_t norm_pool_scratch_floats(const MaxPoolShape& shape);

/// max pooling of relu(batch norm): the bits of batch_norm_forward() and max_pool_forward().
///
/// @param input   [batch, height, width, channels]
/// @param output  [batch, out_height, out_width, channels]
/// @param winners as output, for the backward pass; null: not wanted
/// The rest is as in batch_norm_forward().
void norm_pool_forward(const MaxPoolShape& shape, const BatchNormLayer& layer, const float* input,
                       float* output, std::uint8_t* winners, float* mean, float* inverse_deviation,
                       float* running_mean, float* running_variance, double momentum,
                       float* scratch);

/// Its gradients. The same bits for every team size.
///
/// @param output_gradient, winners  [batch, out_height, out_width, channels]
/// @param gradients  without that of a residual
void norm_pool_backward(const MaxPoolShape& shape, const BatchNormLayer& layer,
                        const float* output_gradient, const std::uint8_t* winners,
                        const float* input, const float* mean, const float* inverse_deviation,
                        const BatchNormGradients& gradients, float* scratch);

}  // namespace selfcure::kernels
