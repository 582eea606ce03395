#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernel_layers.h"
#include "selfcure/kernels/max_pool.h"
#include "selfcure/nn/layers.h"

namespace selfcure {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::MaxPoolShape shape_of(const at::Tensor& input, std::int64_t kernel, std::int64_t stride,
                               std::int64_t padding) {
  return {input.size(0), input.size(1), input.size(2), input.size(3), kernel, stride, padding};
}

class MaxPoolFunction : public torch::autograd::Function<MaxPoolFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input, std::int64_t kernel,
                            std::int64_t stride, std::int64_t padding) {
    const kernels::MaxPoolShape shape = shape_of(input, kernel, stride, padding);
    at::Tensor output =
        empty_images(shape.batch, shape.channels, shape.out_height(), shape.out_width());
    at::Tensor winners;
    if (input.requires_grad()) {
      winners = at::empty(output.sizes(), at::kByte);  // channels-last as the output, in fact
      context->save_for_backward({winners});
      context->saved_data["sizes"] = input.sizes().vec();
      context->saved_data["window"] = std::vector<std::int64_t>{kernel, stride, padding};
    }
    kernels::max_pool_forward(shape, input.data_ptr<float>(), output.data_ptr<float>(),
                              winners.defined() ? winners.data_ptr<std::uint8_t>() : nullptr);
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const at::Tensor winners = context->get_saved_variables()[0];
    const std::vector<std::int64_t> sizes = context->saved_data["sizes"].toIntVector();
    const std::vector<std::int64_t> window = context->saved_data["window"].toIntVector();
    const kernels::MaxPoolShape shape = {sizes[0],  sizes[1],  sizes[2], sizes[3],
                                         window[0], window[1], window[2]};
    const at::Tensor gradient = channels_last(gradients[0]);
    at::Tensor result = empty_images(sizes[0], sizes[1], sizes[2], sizes[3]);
    kernels::max_pool_backward(shape, gradient.data_ptr<float>(), winners.data_ptr<std::uint8_t>(),
                               result.data_ptr<float>());
    return {result, at::Tensor(), at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor max_pool(const at::Tensor& input, std::int64_t kernel, std::int64_t stride,
                    std::int64_t padding) {
  if (uses_kernels(input)) {
    const kernels::MaxPoolShape shape = shape_of(input, kernel, stride, padding);
    if (kernels::has_max_pool(shape))
      return MaxPoolFunction::apply(channels_last(input), kernel, stride, padding);
  }
  return at::max_pool2d(input, {kernel, kernel}, {stride, stride}, {padding, padding});
}

}  // namespace selfcure
