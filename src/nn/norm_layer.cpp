// Batch norm with what follows it, as one differentiable function.

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <sstream>

#include "kernel_layers.h"
#include "selfcure/core/errors.h"
#include "selfcure/kernels/batch_norm.h"
#include "selfcure/nn/layers.h"

namespace selfcure {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

kernels::BatchNormShape rows_of(const at::Tensor& images) {
  return {images.size(0) * images.size(2) * images.size(3), images.size(1)};
}

float* data_or_null(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
}

/// New tensors for the gradients of the input, the weight and the bias, which `saved` begins with;
/// `results` begins with them then.
kernels::BatchNormGradients new_gradients(const variable_list& saved, variable_list& results) {
  for (std::size_t i = 0; i < 3; ++i) results[i] = at::empty_like(saved[i]);
  kernels::BatchNormGradients gradients;
  gradients.input = results[0].data_ptr<float>();
  gradients.weight = results[1].data_ptr<float>();
  gradients.bias = results[2].data_ptr<float>();
  return gradients;
}

class NormFunction : public torch::autograd::Function<NormFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const c10::optional<at::Tensor>& residual,
                            const at::Tensor& running_mean, const at::Tensor& running_variance,
                            bool relu, double momentum, double epsilon) {
    const kernels::BatchNormShape shape = rows_of(input);
    const at::Tensor after = residual.value_or(at::Tensor());
    at::Tensor output = at::empty_like(input);
    const at::Tensor mean = at::empty_like(weight);
    const at::Tensor inverse_deviation = at::empty_like(weight);
    const Scratch work(kernels::batch_norm_scratch_floats(shape));
    kernels::batch_norm_forward(shape, {weight.data_ptr<float>(), bias.data_ptr<float>(), epsilon},
                                input.data_ptr<float>(), data_or_null(after), relu,
                                output.data_ptr<float>(), mean.data_ptr<float>(),
                                inverse_deviation.data_ptr<float>(), data_or_null(running_mean),
                                data_or_null(running_variance), momentum, work.data());
    // The output tells what ReLU let through; without a residual the input tells as well.
    const bool needs_output = relu && after.defined();
    context->save_for_backward(
        {input, weight, bias, mean, inverse_deviation, needs_output ? output : at::Tensor()});
    context->saved_data["relu"] = relu;
    context->saved_data["residual"] = after.defined();
    context->saved_data["epsilon"] = epsilon;
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved[0];
    const at::Tensor gradient = channels_last(gradients[0]);
    const bool relu = context->saved_data["relu"].toBool();
    const kernels::BatchNormShape shape = rows_of(input);
    variable_list results(9);
    kernels::BatchNormGradients wanted = new_gradients(saved, results);
    if (context->saved_data["residual"].toBool()) {
      if (relu) {
        results[3] = at::empty_like(input);
        wanted.residual = results[3].data_ptr<float>();
      } else {
        results[3] = gradient;
      }
    }
    const Scratch work(kernels::batch_norm_scratch_floats(shape));
    kernels::batch_norm_backward(shape,
                                 {saved[1].data_ptr<float>(), saved[2].data_ptr<float>(),
                                  context->saved_data["epsilon"].toDouble()},
                                 gradient.data_ptr<float>(), input.data_ptr<float>(),
                                 data_or_null(saved[5]), relu, saved[3].data_ptr<float>(),
                                 saved[4].data_ptr<float>(), wanted, work.data());
    return results;
  }
};

/// Batch norm, ReLU and max pooling.
class NormPoolFunction : public torch::autograd::Function<NormPoolFunction> {
 public:
  static at::Tensor forward(AutogradContext* context, const at::Tensor& input,
                            const at::Tensor& weight, const at::Tensor& bias,
                            const at::Tensor& running_mean, const at::Tensor& running_variance,
                            const PoolWindow& window, double momentum, double epsilon) {
    const kernels::MaxPoolShape shape = shape_of(input.sizes(), window);
    at::Tensor output =
        empty_images(shape.batch, shape.channels, shape.out_height(), shape.out_width());
    const at::Tensor winners = at::empty(output.sizes(), at::kByte);  // channels-last, in fact
    const at::Tensor mean = at::empty_like(weight);
    const at::Tensor inverse_deviation = at::empty_like(weight);
    const Scratch work(kernels::norm_pool_scratch_floats(shape));
    kernels::norm_pool_forward(shape, {weight.data_ptr<float>(), bias.data_ptr<float>(), epsilon},
                               input.data_ptr<float>(), output.data_ptr<float>(),
                               winners.data_ptr<std::uint8_t>(), mean.data_ptr<float>(),
                               inverse_deviation.data_ptr<float>(), data_or_null(running_mean),
                               data_or_null(running_variance), momentum, work.data());
    context->save_for_backward({input, weight, bias, mean, inverse_deviation, winners});
    context->saved_data["window"] =
        std::vector<std::int64_t>{window.kernel, window.stride, window.padding};
    context->saved_data["epsilon"] = epsilon;
    return output;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    refuse_second_gradient();
    const variable_list saved = context->get_saved_variables();
    const at::Tensor& input = saved[0];
    const at::Tensor gradient = channels_last(gradients[0]);
    const std::vector<std::int64_t> window = context->saved_data["window"].toIntVector();
    const kernels::MaxPoolShape shape = shape_of(input.sizes(), {window[0], window[1], window[2]});
    variable_list results(8);
    const kernels::BatchNormGradients wanted = new_gradients(saved, results);
    const Scratch work(kernels::norm_pool_scratch_floats(shape));
    kernels::norm_pool_backward(shape,
                                {saved[1].data_ptr<float>(), saved[2].data_ptr<float>(),
                                 context->saved_data["epsilon"].toDouble()},
                                gradient.data_ptr<float>(), saved[5].data_ptr<std::uint8_t>(),
                                input.data_ptr<float>(), saved[3].data_ptr<float>(),
                                saved[4].data_ptr<float>(), wanted, work.data());
    return results;
  }
};

/// Does the training pass of our kernels compute this layer?
bool has_kernel(const BatchNorm2dImpl& norm, const at::Tensor& input, const at::Tensor& residual) {
  return norm.is_training() && uses_kernels(input) && kernels::has_batch_norm() &&
         is_kernel_parameter(norm.weight) && is_kernel_parameter(norm.bias) &&
         (!norm.running_mean.defined() || is_kernel_parameter(norm.running_mean)) &&
         (!norm.running_var.defined() || is_kernel_parameter(norm.running_var)) &&
         input.size(1) == norm.weight.size(0) && (!residual.defined() || uses_kernels(residual));
}

void check_images(const at::Tensor& input) {
  if (input.dim() == 4) return;
  std::ostringstream text;
  text << "batch norm: expected [B, C, H, W], got " << input.sizes();
  throw ShapeError(text.str());
}

/// The variance of one value is none, and the running one would be NaN from then on.
void check_sample(const at::Tensor& input) {
  if (input.numel() != input.size(1)) return;
  std::ostringstream text;
  text << "batch norm: expected more than one value per channel in training, got " << input.sizes();
  throw ShapeError(text.str());
}

/// Raw pointers do not tell a tensor that it has changed.
void mark_changed(const at::Tensor& tensor) {
  if (tensor.defined()) tensor.unsafeGetTensorImpl()->bump_version();
}

}  // namespace

BatchNorm2dImpl::BatchNorm2dImpl(std::int64_t channels)
    : NormImplBase(torch::nn::BatchNormOptions(channels)) {}

void BatchNorm2dImpl::_check_input_dim(const at::Tensor& input) { check_images(input); }

at::Tensor BatchNorm2dImpl::forward(const at::Tensor& input) { return norm_then(*this, input, {}); }

at::Tensor norm_then(BatchNorm2dImpl& norm, const at::Tensor& input, const AfterNorm& after) {
  check_images(input);
  check_residual(after.residual, input.sizes());
  if (norm.is_training()) check_sample(input);
  const double momentum = norm.options.momentum().value();
  if (norm.is_training()) norm.num_batches_tracked += 1;
  if (!has_kernel(norm, input, after.residual)) {
    at::Tensor output =
        at::batch_norm(input, norm.weight, norm.bias, norm.running_mean, norm.running_var,
                       norm.is_training(), momentum, norm.options.eps(), /*cudnn_enabled=*/true);
    if (after.residual.defined()) output += after.residual;
    return pooled(after.relu ? output.relu_() : output, after);
  }
  const bool with_pool = after.pool && after.relu && !after.residual.defined() &&
                         kernels::has_max_pool(shape_of(input.sizes(), *after.pool));
  const at::Tensor images = channels_last(input);
  const at::Tensor output =
      with_pool
          ? NormPoolFunction::apply(images, norm.weight, norm.bias, norm.running_mean,
                                    norm.running_var, *after.pool, momentum, norm.options.eps())
          : NormFunction::apply(
                images, norm.weight, norm.bias,
                after.residual.defined() ? c10::optional<at::Tensor>(channels_last(after.residual))
                                         : c10::nullopt,
                norm.running_mean, norm.running_var, after.relu, momentum, norm.options.eps());
  mark_changed(norm.running_mean);
  mark_changed(norm.running_var);
  return with_pool ? output : pooled(output, after);
}

}  // namespace selfcure
