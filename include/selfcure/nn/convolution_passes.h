#pragma once

#include <ATen/core/Tensor.h>

#include "selfcure/kernels/convolution.h"

namespace selfcure {

// The passes of a convolution on the CPU, each by the kernel that choose_kernel() has for its
// shape. Images are float32 and channels-last, [B, C, H, W]; weights contiguous, [K, C, kernel,
// kernel].

/// @param bias  [K], or undefined
at::Tensor convolution_output(const kernels::ConvolutionShape& shape, const at::Tensor& input,
                              const at::Tensor& weight, const at::Tensor& bias);

at::Tensor convolution_input_gradient(const kernels::ConvolutionShape& shape,
                                      const at::Tensor& output_gradient, const at::Tensor& input,
                                      const at::Tensor& weight);

at::Tensor convolution_weight_gradient(const kernels::ConvolutionShape& shape,
                                       const at::Tensor& output_gradient, const at::Tensor& input,
                                       const at::Tensor& weight);

}  // namespace selfcure
