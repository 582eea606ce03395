#pragma once

#include <c10/core/Device.h>
#include <torch/nn/module.h>

#include <string>
#include <vector>

namespace selfcure {

/// "auto", "cpu", "cuda" or "cuda:<index>" as a device of this machine.
/// @throws ConfigError when the device is not there or the name is none of these
c10::Device resolve_device(const std::string& name);

/// Moves a network to a device, for CUDA with the channels of convolution weights together, which
/// is what its fastest kernels read. To be called before an optimizer takes the parameters.
void move_to_device(torch::nn::Module& module, const c10::Device& device);

/// Sets LibTorch's CPU threads; 0 means one per core that this process may use. Debian's LibTorch
/// starts with one. @return the number in force
int set_cpu_threads(int threads);

/// Cores that this process may use, at least 1.
int usable_cores();

/// One line per usable device, for --version and environment.json.
std::vector<std::string> device_descriptions();

/// Version of the LibTorch that the library was compiled with, for example "1.13.1".
std::string libtorch_version();

/// The processor's name as Linux gives it, "unknown CPU" where it gives none.
std::string cpu_model();

}  // namespace selfcure
