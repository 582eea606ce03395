#pragma once

#include <cstddef>
#include <cstdint>

namespace selfcure::kernels {

/// A square convolution without groups and dilation. Tensors are float32 and dense; images are
/// channels-last (NHWC), weights [out_channels, in_channels, kernel, kernel].
struct ConvolutionShape {
  std::int64_t batch = 1;
  std::int64_t in_channels = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t out_channels = 1;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  std::int64_t padding = 1;

  std::int64_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
};

/// Ways to compute a convolution.
enum class ConvolutionMethod {
  /// Winograd's convolution: 3x3 with padding 1. Source: Lavin, Gray, CVPR 2016.
  /// Stride 1: F(4x4, 3x3), a quarter of the multiplications, at the points 0, +-5/8, +-3/2 and
  /// infinity, which round half as much as 0, +-1, +-2.
  /// Stride 2: F(4x4, 2x2) on the odd and even rows and columns, 81 multiplications of 144, at the
  /// points +-3/8, +-5/4 and infinity.
  kWinograd,
  /// Patches copied to rows, then matrix products: any kernel, stride and padding. Short patches of
  /// long lines are not copied for the weights' gradient.
  kIm2col,
};

/// "winograd", "im2col".
const char* convolution_method_name(ConvolutionMethod method);

/// Does `method` compute this shape on this processor? Otherwise the functions below must not be
/// called for it.
bool has_convolution(ConvolutionMethod method, const ConvolutionShape& shape);

/// What is done to each output value on its way to memory, in this order.
struct Epilogue {
  /// [out_channels], added; null: nothing.
  const float* bias = nullptr;
  /// As the output, added; null: nothing.
  const float* residual = nullptr;
  /// Negative values become 0.
  bool relu = false;
};

/// Floats of the weights in the form that convolution_forward() reads. Depends on the instruction
/// set in use.
std::size_t packed_weight_floats(ConvolutionMethod method, const ConvolutionShape& shape);
/// Brings weights into that form. It can be kept as long as the weights do not change.
void pack_weights(ConvolutionMethod method, const ConvolutionShape& shape, const float* weight,
                  float* packed);

// Scratch memory belongs to the caller: one buffer for each call in progress makes the functions
// re-entrant. Its size is fixed by shape and team size: for each thread one block of tiles (or
// rows), up to 20 MiB with 512 channels on both sides, 33 MiB with
// stride 2; the transformed weights, 4 times the
// weights, 11 times with stride 2, once for all threads or a part of them for each; and where
// weights are larger than tiles, the tiles of the whole batch. For ResNet-18 at 224 x 224, batch 32
// and two threads: at most 32 MiB.

std::size_t forward_scratch_floats(ConvolutionMethod method, const ConvolutionShape& shape);
/// output = epilogue(input * weight). The same bits for every team size.
///
/// @param input    [batch, height, width, in_channels]
/// @param packed   from pack_weights()
/// @param output   [batch, out_height, out_width, out_channels]; may not overlap anything read
/// @param scratch  forward_scratch_floats(), aligned to 64 bytes
void convolution_forward(ConvolutionMethod method, const ConvolutionShape& shape,
                         const float* input, const float* packed, const Epilogue& epilogue,
                         float* output, float* scratch);

std::size_t unpacked_scratch_floats(ConvolutionMethod method, const ConvolutionShape& shape);
/// As convolution_forward(), for weights that are used once: they are packed on the way, if there
/// is much of them group by group, so that the packed form stays in a cache.
///
/// @param weight   [out_channels, in_channels, kernel, kernel]
/// @param scratch  unpacked_scratch_floats(), aligned to 64 bytes
void convolution_forward_unpacked(ConvolutionMethod method, const ConvolutionShape& shape,
                                  const float* input, const float* weight, const Epilogue& epilogue,
                                  float* output, float* scratch);

std::size_t backward_data_scratch_floats(ConvolutionMethod method, const ConvolutionShape& shape);
/// Gradient of the input. The same bits for every team size.
///
/// @param output_gradient  [batch, out_height, out_width, out_channels]
/// @param input_gradient   [batch, height, width, in_channels], overwritten
void convolution_backward_data(ConvolutionMethod method, const ConvolutionShape& shape,
                               const float* output_gradient, const float* weight,
                               float* input_gradient, float* scratch);

std::size_t backward_weights_scratch_floats(ConvolutionMethod method,
                                            const ConvolutionShape& shape);
/// Gradient of the weights. The same bits for equal team sizes.
///
/// @param weight_gradient  [out_channels, in_channels, kernel, kernel], overwritten
void convolution_backward_weights(ConvolutionMethod method, const ConvolutionShape& shape,
                                  const float* input, const float* output_gradient,
                                  float* weight_gradient, float* scratch);

}  // namespace selfcure::kernels
