// Convolution and batch norm in evaluation: one layer, whose weights are kept ready.

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <mutex>
#include <utility>
#include <vector>

#include "convolution_layer.h"
#include "kernel_layers.h"
#include "selfcure/kernels/instruction_set.h"
#include "selfcure/nn/layers.h"

namespace selfcure {

/// Weights with the batch norm folded into them, in the form of each kernel that has asked.
struct FoldedConvolution {
  /// What a tensor held when it was folded.
  struct Source {
    /// As long as it is remembered, no other storage gets its address.
    c10::weak_intrusive_ptr<c10::StorageImpl> storage;
    const void* data = nullptr;
    std::uint32_t version = 0;
    bool operator==(const Source& other) const {
      return storage == other.storage && data == other.data && version == other.version;
    }
  };

  std::vector<Source> sources;
  kernels::InstructionSet instruction_set = kernels::InstructionSet::kNone;
  at::Tensor weight;
  at::Tensor bias;
  /// By ConvolutionKernel; undefined until asked for.
  std::array<at::Tensor, 3> packed;
  /// Of `packed`: the other members do not change.
  std::mutex mutex;

  /// The weights as `kernel` reads them.
  at::Tensor packed_for(ConvolutionKernel kernel, const kernels::ConvolutionShape& shape) {
    const std::lock_guard<std::mutex> lock(mutex);
    at::Tensor& tensor = packed.at(static_cast<std::size_t>(kernel));
    if (!tensor.defined()) {
      const kernels::ConvolutionMethod method = method_of(kernel);
      tensor = at::empty({static_cast<std::int64_t>(kernels::packed_weight_floats(method, shape))},
                         at::kFloat);
      kernels::pack_weights(method, shape, weight.data_ptr<float>(), tensor.data_ptr<float>());
    }
    return tensor;
  }
};

namespace {

std::array<at::Tensor, 6> tensors_of(const Conv2dImpl& convolution, const BatchNorm2dImpl& norm) {
  return {convolution.weight, convolution.bias,  norm.weight,
          norm.bias,          norm.running_mean, norm.running_var};
}

std::vector<FoldedConvolution::Source> sources_of(const Conv2dImpl& convolution,
                                                  const BatchNorm2dImpl& norm) {
  std::vector<FoldedConvolution::Source> sources;
  for (const at::Tensor& tensor : tensors_of(convolution, norm))
    if (tensor.defined())
      sources.push_back({tensor.storage().getWeakStorageImpl(), tensor.data_ptr(),
                         static_cast<std::uint32_t>(tensor._version())});
  return sources;
}

/// The layer's folded weights. A thread that finds them out of date makes new ones; others may
/// still use the old.
std::shared_ptr<FoldedConvolution> fold(Conv2dImpl& convolution, const BatchNorm2dImpl& norm) {
  std::shared_ptr<FoldedConvolution> folded = std::atomic_load(&convolution.folded);
  std::vector<FoldedConvolution::Source> sources = sources_of(convolution, norm);
  if (folded && folded->sources == sources && folded->instruction_set == kernels::instruction_set())
    return folded;
  folded = std::make_shared<FoldedConvolution>();
  folded->sources = std::move(sources);
  folded->instruction_set = kernels::instruction_set();
  const at::Tensor scale =
      norm.weight.to(at::kDouble) / (norm.running_var.to(at::kDouble) + norm.options.eps()).sqrt();
  at::Tensor shift = norm.bias - norm.running_mean * scale;
  if (convolution.bias.defined()) shift = shift + convolution.bias * scale;
  folded->weight = (convolution.weight * scale.view({-1, 1, 1, 1})).to(at::kFloat).contiguous();
  folded->bias = shift.to(at::kFloat).contiguous();
  std::atomic_store(&convolution.folded, folded);
  return folded;
}

at::Tensor run_folded(ConvolutionKernel kernel, const kernels::ConvolutionShape& shape,
                      const at::Tensor& input, FoldedConvolution& folded, const AfterNorm& after) {
  if (kernel == ConvolutionKernel::kLibTorch) {
    at::Tensor output = at::conv2d(input, folded.weight, folded.bias, shape.stride, shape.padding);
    if (after.residual.defined()) output += after.residual;
    return after.relu ? output.relu_() : output;
  }
  const kernels::ConvolutionMethod method = method_of(kernel);
  const at::Tensor packed = folded.packed_for(kernel, shape);
  const Scratch work(kernels::forward_scratch_floats(method, shape));
  at::Tensor output =
      empty_images(shape.batch, shape.out_channels, shape.out_height(), shape.out_width());
  kernels::Epilogue epilogue;
  epilogue.bias = folded.bias.data_ptr<float>();
  if (after.residual.defined()) epilogue.residual = after.residual.data_ptr<float>();
  epilogue.relu = after.relu;
  kernels::convolution_forward(method, shape, input.data_ptr<float>(), packed.data_ptr<float>(),
                               epilogue, output.data_ptr<float>(), work.data());
  return output;
}

/// Do changes of all tensors show? Those of tensors made in inference mode do not.
bool have_versions(const Conv2dImpl& convolution, const BatchNorm2dImpl& norm) {
  const std::array<at::Tensor, 6> tensors = tensors_of(convolution, norm);
  return std::none_of(tensors.begin(), tensors.end(), [](const at::Tensor& tensor) {
    return tensor.defined() && tensor.is_inference();
  });
}

bool can_fold(const Conv2dImpl& convolution, const BatchNorm2dImpl& norm, const at::Tensor& input,
              const at::Tensor& residual) {
  return uses_kernels(input) && !at::GradMode::is_enabled() && !convolution.is_training() &&
         !norm.is_training() && has_kernel_form(convolution) &&
         input.size(1) == convolution.weight.size(1) && fits_kernel(shape_of(convolution, input)) &&
         is_kernel_parameter(norm.weight) && norm.weight.size(0) == convolution.weight.size(0) &&
         have_versions(convolution, norm) && (!residual.defined() || uses_kernels(residual));
}

}  // namespace

at::Tensor conv_norm(Conv2dImpl& convolution, BatchNorm2dImpl& norm, const at::Tensor& input,
                     const AfterNorm& after) {
  // A training changes all of it: no need to keep it meanwhile.
  if (convolution.is_training()) std::atomic_store(&convolution.folded, {});
  if (!can_fold(convolution, norm, input, after.residual))
    return norm_then(norm, convolution.forward(input), after);
  const kernels::ConvolutionShape shape = shape_of(convolution, input);
  check_residual(after.residual,
                 {shape.batch, shape.out_channels, shape.out_height(), shape.out_width()});
  const std::shared_ptr<FoldedConvolution> folded = fold(convolution, norm);
  const at::Tensor images = channels_last(input);
  AfterNorm aligned = after;
  if (aligned.residual.defined()) aligned.residual = channels_last(aligned.residual);
  std::vector<KernelCandidate> candidates;
  const auto run = [&](ConvolutionKernel kernel) {
    return run_folded(kernel, shape, images, *folded, aligned);
  };
  candidates.push_back({ConvolutionKernel::kLibTorch, [&] { run(ConvolutionKernel::kLibTorch); }});
  for (const ConvolutionKernel kernel : own_kernels(shape))
    candidates.push_back({kernel, [&run, kernel] { run(kernel); }});
  return pooled(run(choose_kernel({ConvolutionPass::kInference, shape}, candidates)), after);
}

at::Tensor conv_norm(torch::nn::Sequential& layers, const at::Tensor& input) {
  return conv_norm(layers->at<Conv2dImpl>(0), layers->at<BatchNorm2dImpl>(1), input, {});
}

}  // namespace selfcure
