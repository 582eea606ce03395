#include "selfcure/engine/cpu_kernels.h"

#include <fstream>
#include <sstream>

#include "selfcure/core/errors.h"
#include "selfcure/kernels/instruction_set.h"
#include "selfcure/nn/kernel_choice.h"

namespace selfcure {

void use_cpu_kernels(const std::string& kernels) {
  forget_kernel_choices();  // those of another run are not this one's
  if (kernels == "libtorch") {
    set_kernel_use(KernelUse::kLibTorch);
    return;
  }
  if (kernels != "auto") {
    std::ifstream file(kernels);
    std::ostringstream text;
    // A folder opens, but gives nothing.
    if (!file || !(text << file.rdbuf()))
      throw ConfigError("train.kernels: expected auto, libtorch or a file of choices, got '" +
                        kernels + "', which cannot be read");
    pin_kernel_choices(text.str(), kernels);
  }
  set_kernel_use(KernelUse::kAuto);
}

std::string cpu_kernels_text() {
  if (kernel_use() == KernelUse::kLibTorch ||
      kernels::instruction_set() == kernels::InstructionSet::kNone)
    return "LibTorch";
  return std::string(kernels::instruction_set_name(kernels::instruction_set())) + " kernels";
}

}  // namespace selfcure
