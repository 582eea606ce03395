#include "selfcure/engine/precision.h"

#include <ATen/ATen.h>
#include <ATen/Context.h>

#include <array>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::array<const char*, 4> kNames = {"fp32", "tf32", "bf16", "fp16"};

/// Divides in place. @return 0-d float32, 1 if a value is infinite or NaN
at::Tensor divide_and_find_overflow(std::vector<at::Tensor>& gradients, const at::Tensor& inverse) {
  at::Tensor overflow = at::zeros({}, inverse.options());
  if (inverse.is_cuda()) {
    // One pass over all gradients; LibTorch 1.13 has no such operator for the CPU.
    at::_amp_foreach_non_finite_check_and_unscale_(gradients, overflow, inverse);
    return overflow;
  }
  for (at::Tensor& gradient : gradients) {
    overflow = at::maximum(overflow, gradient.isfinite().all().logical_not().to(at::kFloat));
    gradient.mul_(inverse);
  }
  return overflow;
}

}  // namespace

const char* precision_name(Precision precision) {
  return kNames.at(static_cast<std::size_t>(precision));
}

at::ScalarType autocast_type(Precision precision) {
  if (precision == Precision::kBf16) return at::kBFloat16;
  return precision == Precision::kFp16 ? at::kHalf : at::kFloat;
}

void check_precision(Precision precision, const c10::Device& device) {
  if (device.is_cpu() && (precision == Precision::kTf32 || precision == Precision::kFp16))
    throw ConfigError(std::string("train.precision: expected fp32 or bf16 on the CPU, got '") +
                      precision_name(precision) + "', which wants a CUDA device");
}

void set_device_arithmetic(Precision precision, const c10::Device& device) {
  if (!device.is_cuda()) return;
  at::Context& context = at::globalContext();
  context.setAllowTF32CuBLAS(precision == Precision::kTf32);
  context.setAllowTF32CuDNN(precision == Precision::kTf32);
  context.setBenchmarkCuDNN(true);
}

LossScale::LossScale(const c10::Device& device)
    : scale_(at::full({}, kFirst, at::TensorOptions(device).dtype(at::kFloat))),
      good_steps_(at::zeros_like(scale_)) {}

at::Tensor LossScale::scaled(const at::Tensor& loss) const { return loss * scale_; }

at::Tensor LossScale::unscale(std::vector<at::Tensor>& gradients) {
  const at::NoGradGuard no_grad;
  at::Tensor overflow = divide_and_find_overflow(gradients, scale_.reciprocal());
  const at::Tensor overflowed = overflow > 0;
  const at::Tensor good = good_steps_ + 1;
  const at::Tensor grows = good >= kGrowthInterval;
  const at::Tensor unchanged_or_grown = at::where(grows, scale_ * kGrowth, scale_);
  // In place: a recorded step reads them at the same address each time.
  scale_.copy_(at::where(overflowed, scale_ * kBackoff, unchanged_or_grown));
  good_steps_.copy_(good.masked_fill(overflowed.logical_or(grows), 0));
  return overflow;
}

std::map<std::string, at::Tensor> LossScale::state() const {
  return {{"scale", scale_}, {"good_steps", good_steps_}};
}

void LossScale::load_state(const std::map<std::string, at::Tensor>& state) {
  for (const char* name : {"scale", "good_steps"}) {
    const auto entry = state.find(name);
    if (entry == state.end() || entry->second.numel() != 1 || state.size() != 2)
      throw CheckpointError("checkpoint: expected 'scale' and 'good_steps' of the loss scale");
    (std::string(name) == "scale" ? scale_ : good_steps_)
        .copy_(entry->second.reshape(c10::IntArrayRef{}));
  }
}

}  // namespace selfcure
