#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "kernel_layers.h"
#include "selfcure/kernels/max_pool.h"
#include "selfcure/nn/layers.h"

namespace selfcure {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class MaxPoolFunction : public torch::autograd::Function<MaxPoolFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const PoolWindow& window) {
    const kernels::MaxPoolShape shape = shape_of(input.sizes(), window);
    at::Tensor output =
        empty_images(shape.batch, shape.channels, shape.out_height(), shape.out_width());
    at::Tensor winners;
    if (input.requires_grad()) {
      winners = at::empty(output.sizes(), at::kByte);  // channels-last as the output, in fact
      context->save_for_backward({winners});
      context->saved_data["sizes"] = input.sizes().vec();
      context->saved_data["window"] =
          std::vector<std::int64_t>{window.kernel, window.stride, window.padding};
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
    const kernels::MaxPoolShape shape = shape_of(sizes, {window[0], window[1], window[2]});
    const at::Tensor gradient = channels_last(gradients[0]);
    at::Tensor result = empty_images(sizes[0], sizes[1], sizes[2], sizes[3]);
    kernels::max_pool_backward(shape, gradient.data_ptr<float>(), winners.data_ptr<std::uint8_t>(),
                               result.data_ptr<float>());
    return {result, at::Tensor()};
  }
};

}  // namespace

at::Tensor max_pool(const at::Tensor& input, const PoolWindow& window) {
  if (uses_kernels(input) && kernels::has_max_pool(shape_of(input.sizes(), window)))
    return MaxPoolFunction::apply(channels_last(input), window);
  // Both sides are named: a traced graph keeps the lists as they are, and ONNX wants two numbers.
  return at::max_pool2d(input, {window.kernel, window.kernel}, {window.stride, window.stride},
                        {window.padding, window.padding});
}

}  // namespace selfcure
