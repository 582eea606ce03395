#include "kernel_layers.h"

#include <ATen/ATen.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <mutex>
#include <sstream>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/kernels/instruction_set.h"

namespace selfcure {

bool uses_kernels(const at::Tensor& input) {
  return kernel_use() == KernelUse::kAuto &&
         kernels::instruction_set() != kernels::InstructionSet::kNone && input.dim() == 4 &&
         input.device().is_cpu() && input.scalar_type() == at::kFloat && input.numel() > 0 &&
         !torch::jit::tracer::isTracing() &&
         // Autocast would choose another precision.
         c10::impl::tls_is_dispatch_key_excluded(c10::DispatchKey::AutocastCPU);
}

bool is_kernel_parameter(const at::Tensor& parameter) {
  return parameter.device().is_cpu() && parameter.scalar_type() == at::kFloat &&
         parameter.is_contiguous();
}

bool fits_kernel(const kernels::ConvolutionShape& shape) {
  return shape.height + 2 * shape.padding >= shape.kernel &&
         shape.width + 2 * shape.padding >= shape.kernel;
}

void check_residual(const at::Tensor& residual, at::IntArrayRef sizes) {
  if (!residual.defined() || residual.sizes() == sizes) return;
  std::ostringstream text;
  text << "residual: expected " << sizes << ", got " << residual.sizes();
  throw ShapeError(text.str());
}

void refuse_second_gradient() {
  TORCH_CHECK(!at::GradMode::is_enabled(),
              "the CPU kernels have no second derivative; set KernelUse::kLibTorch for it");
}

at::Tensor channels_last(const at::Tensor& tensor) {
  return tensor.contiguous(at::MemoryFormat::ChannelsLast);
}

namespace {

struct KeptScratch {
  std::mutex mutex;
  /// The largest buffer that no call uses; undefined while one does.
  at::Tensor buffer;
};

/// Never destroyed: it may be freed after the allocator otherwise.
KeptScratch& kept_scratch() {
  static auto* const kept = new KeptScratch;
  return *kept;
}

}  // namespace

Scratch::Scratch(std::size_t floats) {
  const auto wanted = static_cast<std::int64_t>(floats);
  {
    KeptScratch& kept = kept_scratch();
    const std::lock_guard<std::mutex> lock(kept.mutex);
    std::swap(buffer_, kept.buffer);
  }
  if (buffer_.defined() && buffer_.numel() >= wanted) return;
  buffer_.reset();  // before the larger one is there
  buffer_ = at::empty({wanted}, at::kFloat);
}

Scratch::~Scratch() {
  KeptScratch& kept = kept_scratch();
  const std::lock_guard<std::mutex> lock(kept.mutex);
  if (!kept.buffer.defined() || kept.buffer.numel() < buffer_.numel())
    std::swap(buffer_, kept.buffer);
}

at::Tensor empty_images(std::int64_t batch, std::int64_t channels, std::int64_t height,
                        std::int64_t width) {
  return at::empty({batch, channels, height, width}, at::kFloat, at::kStrided, at::kCPU,
                   /*pin_memory=*/false, at::MemoryFormat::ChannelsLast);
}

kernels::MaxPoolShape shape_of(at::IntArrayRef sizes, const PoolWindow& window) {
  return {sizes[0], sizes[1], sizes[2], sizes[3], window.kernel, window.stride, window.padding};
}

at::Tensor pooled(const at::Tensor& input, const AfterNorm& after) {
  return after.pool ? max_pool(input, *after.pool) : input;
}

kernels::ConvolutionMethod method_of(ConvolutionKernel kernel) {
  return kernel == ConvolutionKernel::kWinograd ? kernels::ConvolutionMethod::kWinograd
                                                : kernels::ConvolutionMethod::kIm2col;
}

std::vector<ConvolutionKernel> own_kernels(const kernels::ConvolutionShape& shape) {
  std::vector<ConvolutionKernel> own;
  // With stride 2 Winograd's weights become 11 times as many. Where they serve few tiles of 4 x 4
  // outputs that costs more than it spares, and measuring a layer alone, its weights in a cache,
  // does not show it.
  constexpr std::int64_t kFewTiles = 48;
  const std::int64_t tiles =
      shape.batch * ((shape.out_height() + 3) / 4) * ((shape.out_width() + 3) / 4);
  const bool winograd = kernels::has_convolution(kernels::ConvolutionMethod::kWinograd, shape) &&
                        (shape.stride == 1 || tiles >= kFewTiles);
  if (winograd) own.push_back(ConvolutionKernel::kWinograd);
  // Tiles pay where images fill them; patches never win there. With stride 2 that was measured from
  // 64 channels on.
  constexpr std::int64_t kFullTiles = 7;
  constexpr std::int64_t kManyChannels = 64;
  const bool full_tiles = shape.out_height() >= kFullTiles && shape.out_width() >= kFullTiles;
  const bool many_channels = shape.stride == 1 || shape.in_channels >= kManyChannels;
  if (!(winograd && full_tiles && many_channels && shape.batch > 1) &&
      kernels::has_convolution(kernels::ConvolutionMethod::kIm2col, shape))
    own.push_back(ConvolutionKernel::kIm2col);
  return own;
}

at::Tensor in_layer_layout(const at::Tensor& images) {
  return uses_kernels(images) ? channels_last(images) : images;
}

}  // namespace selfcure
