#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

#include "selfcure/core/errors.h"
#include "selfcure/engine/cpu_kernels.h"
#include "selfcure/nn/kernel_choice.h"

namespace selfcure::benchmarks {

/// Sets the kernels that the network uses, as `train.kernels` does: "auto", "libtorch" or a file of
/// choices. Choices are kept where the command keeps them.
inline void choose_kernels(const std::string& kernels) {
  keep_kernel_choices(kernel_choice_file());
  try {
    use_cpu_kernels(kernels);
  } catch (const ConfigError& error) {
    std::fprintf(stderr, "--kernels: %s\n", error.what());
    std::exit(2);
  }
}

}  // namespace selfcure::benchmarks
