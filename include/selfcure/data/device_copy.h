#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

namespace selfcure {

/// A host tensor on a device, without waiting for the device.
///
/// For CUDA the values go through page-locked memory, whose copy the stream orders: the caller may
/// free `values` at once, and the host goes on. For the CPU it is `values` itself.
at::Tensor copy_to_device(const at::Tensor& values, const c10::Device& device);

}  // namespace selfcure
