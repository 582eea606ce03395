#pragma once

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>
#include <torch/nn/modules/batchnorm.h>
#include <torch/nn/modules/container/sequential.h>
#include <torch/nn/modules/conv.h>
#include <torch/nn/pimpl.h>

#include <cstdint>
#include <memory>

namespace selfcure {

// The layers of our networks. They are LibTorch's, with LibTorch's parameter names, and compute the
// same; but on a CPU in float32 they use the project's kernels if kernel_use() says so, and what
// belongs together is computed together. Everywhere else, and while a graph is traced, LibTorch
// computes.

struct FoldedConvolution;

/// A 2-d convolution. Square kernels without groups and dilation have kernels of their own.
class Conv2dImpl : public torch::nn::Conv2dImpl {
 public:
  using torch::nn::Conv2dImpl::Conv2dImpl;
  at::Tensor forward(const at::Tensor& input);

  /// Of conv_norm(): weights with folded batch norm, made anew when one of their sources changes.
  std::shared_ptr<FoldedConvolution> folded;
};
TORCH_MODULE(Conv2d);

/// Batch norm over [B, C, H, W]; it always learns a scale and keeps running statistics.
///
/// Not a class on top of torch::nn::BatchNorm2dImpl: LibTorch hides a function that its vtable
/// needs.
class BatchNorm2dImpl
    : public torch::nn::NormImplBase<2, BatchNorm2dImpl, torch::nn::BatchNormOptions> {
 public:
  explicit BatchNorm2dImpl(std::int64_t channels);
  at::Tensor forward(const at::Tensor& input);

 protected:
  void _check_input_dim(const at::Tensor& input) override;
};
TORCH_MODULE(BatchNorm2d);

/// A square window of max pooling, in pixels. Own kernels serve sides up to 15.
struct PoolWindow {
  /// At least 1.
  std::int64_t kernel = 1;
  /// At least 1.
  std::int64_t stride = 1;
  /// On every side; at most half of the kernel. What lies there never wins.
  std::int64_t padding = 0;
};

/// What follows a batch norm, in this order. In training, ReLU and pooling without a residual are
/// one with it: what lies between them is not kept for the backward pass.
struct AfterNorm {
  /// Added, as the norm's output; undefined: nothing.
  at::Tensor residual = at::Tensor();
  bool relu = false;
  /// Of max_pool().
  c10::optional<PoolWindow> pool = c10::nullopt;
};

/// norm(input), then `after`. In evaluation mode too.
/// @throws ShapeError unless the input is [B, C, H, W], in training with more than one value per
/// channel, and the residual, which is not broadcast, of its size
at::Tensor norm_then(BatchNorm2dImpl& norm, const at::Tensor& input, const AfterNorm& after);

/// norm(convolution(input)), then `after`. In evaluation mode without gradients the batch norm is
/// folded into the weights, which are kept in the form that the kernel reads until a parameter, a
/// running statistic or its storage changes. Values written through `.data()` into the same storage
/// do not show: LibTorch does not count them.
at::Tensor conv_norm(Conv2dImpl& convolution, BatchNorm2dImpl& norm, const at::Tensor& input,
                     const AfterNorm& after);

/// conv_norm() of the first two layers of a Sequential: a projection, or a stem.
at::Tensor conv_norm(torch::nn::Sequential& layers, const at::Tensor& input);

/// Max pooling of [B, C, H, W], floor of the output size.
at::Tensor max_pool(const at::Tensor& input, const PoolWindow& window);

/// The images in the memory layout that the layers after them compute in.
at::Tensor in_layer_layout(const at::Tensor& images);

}  // namespace selfcure
