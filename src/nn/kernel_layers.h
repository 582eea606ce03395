// What the layers that use the CPU kernels share.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "selfcure/kernels/convolution.h"
#include "selfcure/kernels/max_pool.h"
#include "selfcure/nn/kernel_choice.h"
#include "selfcure/nn/layers.h"

namespace selfcure {

/// May our kernels compute a layer of this input, [B, C, H, W]?
bool uses_kernels(const at::Tensor& input);

/// Can our kernels read a layer's parameter: float32, contiguous, in host memory?
bool is_kernel_parameter(const at::Tensor& parameter);

/// Is an image, with its padding, as large as the kernel?
bool fits_kernel(const kernels::ConvolutionShape& shape);

/// @throws ShapeError unless `residual` is undefined or of these sizes: it is not broadcast
void check_residual(const at::Tensor& residual, at::IntArrayRef sizes);

/// Our backward passes are not differentiable themselves.
/// @throws c10::Error where a gradient of the gradient is asked for
void refuse_second_gradient();

/// The tensor in channels-last form, itself if it is.
at::Tensor channels_last(const at::Tensor& tensor);

/// Scratch memory of one kernel call, aligned to 64 bytes.
///
/// One buffer serves call after call and grows to what the largest needs; calls at the same time,
/// in other threads, have buffers of their own, which are freed afterwards.
class Scratch {
 public:
  explicit Scratch(std::size_t floats);
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch();
  float* data() const { return buffer_.data_ptr<float>(); }

 private:
  at::Tensor buffer_;
};

/// An uninitialised channels-last tensor.
at::Tensor empty_images(std::int64_t batch, std::int64_t channels, std::int64_t height,
                        std::int64_t width);

kernels::MaxPoolShape shape_of(at::IntArrayRef sizes, const PoolWindow& window);

/// The pooling of an AfterNorm, if it has one.
at::Tensor pooled(const at::Tensor& input, const AfterNorm& after);

kernels::ConvolutionMethod method_of(ConvolutionKernel kernel);

/// The kernels of our own that can compute a shape.
std::vector<ConvolutionKernel> own_kernels(const kernels::ConvolutionShape& shape);

}  // namespace selfcure
