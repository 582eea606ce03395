#include "selfcure/nn/autocast.h"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/version.h>

namespace selfcure {
namespace {

// LibTorch 2.4 gave the functions a device type and declares the old ones deprecated.
#if TORCH_VERSION_MAJOR > 2 || (TORCH_VERSION_MAJOR == 2 && TORCH_VERSION_MINOR >= 4)

bool enabled(c10::DeviceType device) { return at::autocast::is_autocast_enabled(device); }
void enable(c10::DeviceType device, bool on) { at::autocast::set_autocast_enabled(device, on); }
at::ScalarType dtype_of(c10::DeviceType device) { return at::autocast::get_autocast_dtype(device); }
void set_dtype(c10::DeviceType device, at::ScalarType dtype) {
  at::autocast::set_autocast_dtype(device, dtype);
}

#else

bool enabled(c10::DeviceType device) {
  return device == c10::kCPU ? at::autocast::is_cpu_enabled() : at::autocast::is_enabled();
}
void enable(c10::DeviceType device, bool on) {
  device == c10::kCPU ? at::autocast::set_cpu_enabled(on) : at::autocast::set_enabled(on);
}
at::ScalarType dtype_of(c10::DeviceType device) {
  return device == c10::kCPU ? at::autocast::get_autocast_cpu_dtype()
                             : at::autocast::get_autocast_gpu_dtype();
}
void set_dtype(c10::DeviceType device, at::ScalarType dtype) {
  device == c10::kCPU ? at::autocast::set_autocast_cpu_dtype(dtype)
                      : at::autocast::set_autocast_gpu_dtype(dtype);
}

#endif

}  // namespace

AutocastScope::AutocastScope(c10::DeviceType device, at::ScalarType dtype)
    : device_(device), active_(dtype != at::kFloat) {
  if (!active_) return;
  was_enabled_ = enabled(device_);
  previous_ = dtype_of(device_);
  enable(device_, true);
  set_dtype(device_, dtype);
  at::autocast::increment_nesting();
}

AutocastScope::~AutocastScope() {
  if (!active_) return;
  // The cast weights are those of this step; the next one has others.
  if (at::autocast::decrement_nesting() == 0) at::autocast::clear_cache();
  set_dtype(device_, previous_);
  enable(device_, was_enabled_);
}

AutocastPause::AutocastPause()
    : cpu_was_enabled_(enabled(c10::kCPU)), cuda_was_enabled_(enabled(c10::kCUDA)) {
  if (cpu_was_enabled_) enable(c10::kCPU, false);
  if (cuda_was_enabled_) enable(c10::kCUDA, false);
}

AutocastPause::~AutocastPause() {
  if (cpu_was_enabled_) enable(c10::kCPU, true);
  if (cuda_was_enabled_) enable(c10::kCUDA, true);
}

at::Tensor full_precision(const at::Tensor& values) {
  const at::ScalarType type = values.scalar_type();
  return type == at::kBFloat16 || type == at::kHalf ? values.to(at::kFloat) : values;
}

}  // namespace selfcure
