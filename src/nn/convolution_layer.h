// The convolution of the kernel layer as a differentiable function.
#pragma once

#include <ATen/core/Tensor.h>
#include <torch/nn/modules/conv.h>

#include "selfcure/kernels/convolution.h"

namespace selfcure {

/// Is it a layer that the kernels know: square, no groups, no dilation, zero padding?
bool has_kernel_form(const torch::nn::Conv2dImpl& layer);

kernels::ConvolutionShape shape_of(const torch::nn::Conv2dImpl& layer, const at::Tensor& input);

}  // namespace selfcure
