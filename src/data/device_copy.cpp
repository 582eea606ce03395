#include "selfcure/data/device_copy.h"

#include <ATen/ATen.h>

namespace selfcure {

at::Tensor copy_to_device(const at::Tensor& values, const c10::Device& device) {
  if (device.is_cpu()) return values;
  return values.pin_memory().to(device, /*non_blocking=*/true);
}

}  // namespace selfcure
