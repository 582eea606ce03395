#include "convolution_layer.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <tuple>
#include <utility>
#include <variant>

#include "kernel_layers.h"
#include "selfcure/nn/layers.h"

namespace selfcure {
namespace {

using kernels::ConvolutionShape;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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

at::Tensor forward_pass(const ConvolutionShape& shape, const at::Tensor& input,
                        const at::Tensor& weight, const at::Tensor& bias) {
  return with_chosen_kernel(ConvolutionPass::kForward, shape, [&](ConvolutionKernel kernel) {
    if (kernel == ConvolutionKernel::kLibTorch)
      return at::conv2d(input, weight, bias, shape.stride, shape.padding);
    const kernels::ConvolutionMethod method = method_of(kernel);
    at::Tensor output =
        empty_images(shape.batch, shape.out_channels, shape.out_height(), shape.out_width());
    const std::size_t packed_floats = kernels::packed_weight_floats(method, shape);
    const Scratch packed(packed_floats + kernels::forward_scratch_floats(method, shape));
    kernels::pack_weights(method, shape, weight.data_ptr<float>(), packed.data());
    kernels::Epilogue epilogue;
    if (bias.defined()) epilogue.bias = bias.data_ptr<float>();
    kernels::convolution_forward(method, shape, input.data_ptr<float>(), packed.data(), epilogue,
                                 output.data_ptr<float>(), packed.data() + packed_floats);
    return output;
  });
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

at::Tensor data_pass(const ConvolutionShape& shape, const at::Tensor& gradient,
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

at::Tensor weights_pass(const ConvolutionShape& shape, const at::Tensor& gradient,
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

class ConvolutionFunction : public torch::autograd::Function<ConvolutionFunction> {
 public:
  /// @param input  channels-last; weight contiguous
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const c10::optional<at::Tensor>& bias,
                            std::int64_t stride, std::int64_t padding) {
    const ConvolutionShape shape = {input.size(0),  input.size(1),  input.size(2), input.size(3),
                                    weight.size(0), weight.size(2), stride,        padding};
    context->save_for_backward({input, weight});
    context->saved_data["stride"] = stride;
    context->saved_data["padding"] = padding;
    // Whether they are wanted: LibTorch 1.13 does not tell a function.
    context->saved_data["of_input"] = input.requires_grad();
    context->saved_data["of_weight"] = weight.requires_grad();
    context->saved_data["of_bias"] = bias.has_value() && bias->requires_grad();
    return forward_pass(shape, input, weight, bias.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved[0];
    const at::Tensor& weight = saved[1];
    const at::Tensor gradient = channels_last(gradients[0]);
    const ConvolutionShape shape = {input.size(0),
                                    input.size(1),
                                    input.size(2),
                                    input.size(3),
                                    weight.size(0),
                                    weight.size(2),
                                    context->saved_data["stride"].toInt(),
                                    context->saved_data["padding"].toInt()};
    variable_list results(5);
    if (context->saved_data["of_input"].toBool())
      results[0] = data_pass(shape, gradient, input, weight);
    if (context->saved_data["of_weight"].toBool())
      results[1] = weights_pass(shape, gradient, input, weight);
    if (context->saved_data["of_bias"].toBool()) results[2] = gradient.sum({0, 2, 3});
    return results;
  }
};

}  // namespace

namespace {

/// Zeros on each side, or null where the padding is a word.
const torch::ExpandingArray<2>* padding_of(const torch::nn::Conv2dImpl& layer) {
  // The variant is c10's until LibTorch 2.0 and std's after it: the argument finds the function.
  using std::get_if;
  return get_if<torch::ExpandingArray<2>>(&layer.options.padding());
}

bool pads_with_zeros(const torch::nn::Conv2dImpl& layer) {
  using std::holds_alternative;
  return holds_alternative<torch::enumtype::kZeros>(layer.options.padding_mode());
}

bool is_square(const torch::ExpandingArray<2>& sides) { return (*sides)[0] == (*sides)[1]; }

}  // namespace

bool has_kernel_form(const torch::nn::Conv2dImpl& layer) {
  const auto& options = layer.options;
  return padding_of(layer) != nullptr && is_square(*padding_of(layer)) &&
         is_square(options.kernel_size()) && is_square(options.stride()) &&
         is_square(options.dilation()) && (*options.dilation())[0] == 1 && options.groups() == 1 &&
         !options.transposed() && pads_with_zeros(layer) && layer.weight.is_contiguous();
}

ConvolutionShape shape_of(const torch::nn::Conv2dImpl& layer, const at::Tensor& input) {
  return {input.size(0),
          input.size(1),
          input.size(2),
          input.size(3),
          layer.weight.size(0),
          layer.weight.size(2),
          (*layer.options.stride())[0],
          (**padding_of(layer))[0]};
}

at::Tensor Conv2dImpl::forward(const at::Tensor& input) {
  if (!uses_kernels(input) || !has_kernel_form(*this) || input.size(1) != weight.size(1))
    return torch::nn::Conv2dImpl::forward(input);
  const ConvolutionShape shape = shape_of(*this, input);
  if (shape.out_height() < 1 || shape.out_width() < 1)
    return torch::nn::Conv2dImpl::forward(input);  // which says what is wrong
  return ConvolutionFunction::apply(channels_last(input), weight,
                                    bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt,
                                    shape.stride, shape.padding);
}

}  // namespace selfcure
