#pragma once

#include <cstdio>
#include <cstdlib>
#include <string>

namespace selfcure::benchmarks {

/// Sets the kernels that the network uses, as `train.kernels` does: "auto", "libtorch" or a file of
/// choices. This library has LibTorch's alone, which is what the first two mean.
inline void choose_kernels(const std::string& kernels) {
  if (kernels == "auto" || kernels == "libtorch") return;
  std::fprintf(stderr, "--kernels: expected auto or libtorch, got '%s'\n", kernels.c_str());
  std::exit(2);
}

}  // namespace selfcure::benchmarks
