#include "selfcure/nn/convolution_passes.h"

#include <ATen/ATen.h>

#include <tuple>
#include <vector>

#include "kernel_layers.h"
#include "selfcure/nn/kernel_choice.h"

namespace selfcure {
namespace {

using kernels::ConvolutionShape;

/// Runs the pass with the kernel chosen for it, measuring first if need be.
///
/// @param run  computes the pass with the given kernel
template <class Run>
auto with_chosen_kernel(ConvolutionPass pass, const ConvolutionShape& shape, const Run& run) {
  std::vector<KernelCandidate> candidates = {
      {ConvolutionKernel::kLibTorch, [&run] { run(ConvolutionKernel::kLibTorch); }}};
  for (const ConvolutionKernel kernel : own_kernels(shape))
    candidates.push_back({kernel, [&run, kernel] { run(kernel); }});
  return run(choose_kernel({pass, shape}, candidates));
}

/// LibTorch's gradients of input or weights.
at::Tensor libtorch_gradient(const ConvolutionShape& shape, const at::Tensor& gradient,
                             const at::Tensor& input, const at::Tensor& weight, bool of_input) {
  auto gradients =
      at::convolution_backward(gradient, input, weight, c10::nullopt, {shape.stride, shape.stride},
                               {shape.padding, shape.padding}, {1, 1}, /*transposed=*/false, {0, 0},
                               /*groups=*/1, {of_input, !of_input, false});
  return of_input ? std::get<0>(gradients) : std::get<1>(gradients);
}

}  // namespace

at::Tensor convolution_output(const ConvolutionShape& shape, const at::Tensor& input,
                              const at::Tensor& weight, const at::Tensor& bias) {
  return with_chosen_kernel(ConvolutionPass::kForward, shape, [&](ConvolutionKernel kernel) {
    if (kernel == ConvolutionKernel::kLibTorch)
      return at::conv2d(input, weight, bias, shape.stride, shape.padding);
    const kernels::ConvolutionMethod method = method_of(kernel);
    at::Tensor output =
        empty_images(shape.batch, shape.out_channels, shape.out_height(), shape.out_width());
    const Scratch work(kernels::unpacked_scratch_floats(method, shape));
    kernels::Epilogue epilogue;
    if (bias.defined()) epilogue.bias = bias.data_ptr<float>();
    kernels::convolution_forward_unpacked(method, shape, input.data_ptr<float>(),
                                          weight.data_ptr<float>(), epilogue,
                                          output.data_ptr<float>(), work.data());
    return output;
  });
}

at::Tensor convolution_input_gradient(const ConvolutionShape& shape, const at::Tensor& gradient,
                                      const at::Tensor& input, const at::Tensor& weight) {
  return with_chosen_kernel(ConvolutionPass::kBackwardData, shape, [&](ConvolutionKernel kernel) {
    if (kernel == ConvolutionKernel::kLibTorch)
      return libtorch_gradient(shape, gradient, input, weight, /*of_input=*/true);
    const kernels::ConvolutionMethod method = method_of(kernel);
    at::Tensor result = empty_images(shape.batch, shape.in_channels, shape.height, shape.width);
    const Scratch work(kernels::backward_data_scratch_floats(method, shape));
    kernels::convolution_backward_data(method, shape, gradient.data_ptr<float>(),
                                       weight.data_ptr<float>(), result.data_ptr<float>(),
                                       work.data());
    return result;
  });
}

at::Tensor convolution_weight_gradient(const ConvolutionShape& shape, const at::Tensor& gradient,
                                       const at::Tensor& input, const at::Tensor& weight) {
  return with_chosen_kernel(
      ConvolutionPass::kBackwardWeights, shape, [&](ConvolutionKernel kernel) {
        if (kernel == ConvolutionKernel::kLibTorch)
          return libtorch_gradient(shape, gradient, input, weight, /*of_input=*/false).contiguous();
        const kernels::ConvolutionMethod method = method_of(kernel);
        at::Tensor result = at::empty(weight.sizes(), at::kFloat);
        const Scratch work(kernels::backward_weights_scratch_floats(method, shape));
        kernels::convolution_backward_weights(method, shape, input.data_ptr<float>(),
                                              gradient.data_ptr<float>(), result.data_ptr<float>(),
                                              work.data());
        return result;
      });
}

}  // namespace selfcure
