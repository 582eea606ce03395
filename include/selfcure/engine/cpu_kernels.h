#pragma once

#include <filesystem>
#include <string>

namespace selfcure {

/// Sets who computes networks on the CPU, for the whole process from now on. Choices made or pinned
/// before are forgotten. The optimizers of this project have kernels of their own in any case.
///
/// @param kernels  "auto": our own kernels, convolutions by whichever is measured to be faster;
///                 "libtorch": LibTorch's layers; otherwise a file of kernel_choices(): as auto,
///                 but its choices hold
/// @throws ConfigError for a file that cannot be read, that has no choices for as many threads as
/// are set, or one that this processor lacks
void use_cpu_kernels(const std::string& kernels);

/// Where this user's choices on this machine are kept from process to process, for
/// keep_kernel_choices(): in $XDG_CACHE_HOME/selfcure, or ~/.cache/selfcure. The name tells the
/// processor, the instruction set, LibTorch's version and, in digits, the builds of it and of this
/// library. Empty if this user has no home, or this processor no kernel of our own.
std::filesystem::path kernel_choice_file();

/// "LibTorch" or the instruction set of our own kernels, for messages: "AVX2 kernels".
std::string cpu_kernels_text();

}  // namespace selfcure
