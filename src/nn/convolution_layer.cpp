#include "convolution_layer.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <tuple>
#include <utility>
#include <variant>

#include "kernel_layers.h"
#include "selfcure/nn/convolution_passes.h"
#include "selfcure/nn/layers.h"

namespace selfcure {
namespace {

using kernels::ConvolutionShape;
using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

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
    return convolution_output(shape, input, weight, bias.value_or(at::Tensor()));
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
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
      results[0] = convolution_input_gradient(shape, gradient, input, weight);
    if (context->saved_data["of_weight"].toBool())
      results[1] = convolution_weight_gradient(shape, gradient, input, weight);
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
         !options.transposed() && pads_with_zeros(layer) && is_kernel_parameter(layer.weight) &&
         (!layer.bias.defined() || is_kernel_parameter(layer.bias)) && (*options.stride())[0] > 0;
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
  if (!fits_kernel(shape))
    return torch::nn::Conv2dImpl::forward(input);  // which says what is wrong
  return ConvolutionFunction::apply(channels_last(input), weight,
                                    bias.defined() ? c10::optional<at::Tensor>(bias) : c10::nullopt,
                                    shape.stride, shape.padding);
}

}  // namespace selfcure
