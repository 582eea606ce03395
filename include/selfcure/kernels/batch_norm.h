#pragma once

#include <cstddef>
#include <cstdint>

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

/// Floats of scratch for both passes. It depends on shape and team size alone.
std::size_t batch_norm_scratch_floats(const BatchNormShape& shape);

/// Training pass: output = relu?(normalised(input) * weight + bias + residual?).
///
/// Statistics are summed in float over short runs of rows and in double over those, the same bits
/// for equal team sizes. Running statistics move as in LibTorch: by `momentum` towards the mean and
/// the unbiased variance.
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
  /// [rows, channels]
  float* input = nullptr;
  /// [rows, channels]; must be given if the forward pass had a residual and ReLU.
  float* residual = nullptr;
  /// [channels]
  float* weight = nullptr;
  float* bias = nullptr;
};

/// @param output_gradient  [rows, channels]
/// @param output  of the forward pass: its sign tells what ReLU let through; null where there was
///                no residual (the sign is computed from the input then) or no ReLU
void batch_norm_backward(const BatchNormShape& shape, const BatchNormLayer& layer,
                         const float* output_gradient, const float* input, const float* output,
                         bool relu, const float* mean, const float* inverse_deviation,
                         const BatchNormGradients& gradients, float* scratch);

}  // namespace selfcure::kernels
