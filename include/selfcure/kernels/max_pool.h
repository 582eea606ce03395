#pragma once

#include <cstdint>

namespace selfcure::kernels {

/// A square max pooling of channels-last images; padding never wins.
struct MaxPoolShape {
  std::int64_t batch = 1;
  std::int64_t channels = 1;
  std::int64_t height = 1;
  std::int64_t width = 1;
  std::int64_t kernel = 3;
  std::int64_t stride = 2;
  std::int64_t padding = 1;

  std::int64_t out_height() const { return (height + 2 * padding - kernel) / stride + 1; }
  std::int64_t out_width() const { return (width + 2 * padding - kernel) / stride + 1; }
};

/// On this processor, and with a kernel of at most 15 x 15 and padding below it? Otherwise the
/// functions below must not be called.
bool has_max_pool(const MaxPoolShape& shape);

/// The same bits for every team size.
///
/// @param input   [batch, height, width, channels]
/// @param output  [batch, out_height, out_width, channels]
/// @param winners as output: place of the largest value within its window, row by row; the first of
///                equal ones and the last NaN, as LibTorch has it. Null: not wanted
void max_pool_forward(const MaxPoolShape& shape, const float* input, float* output,
                      std::uint8_t* winners);

/// Every element of the input's gradient is written once: no zero-fill goes before it. The same
/// bits for every team size, and as LibTorch has them.
///
/// @param output_gradient  [batch, out_height, out_width, channels]
/// @param input_gradient   [batch, height, width, channels], overwritten
void max_pool_backward(const MaxPoolShape& shape, const float* output_gradient,
                       const std::uint8_t* winners, float* input_gradient);

}  // namespace selfcure::kernels
