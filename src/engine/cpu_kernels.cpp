#include "selfcure/engine/cpu_kernels.h"

#include <cctype>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "selfcure/core/errors.h"
#include "selfcure/engine/device.h"
#include "selfcure/kernels/instruction_set.h"
#include "selfcure/nn/kernel_choice.h"

namespace selfcure {
namespace {

/// Of an environment variable; empty unless it is an absolute path.
std::filesystem::path folder_in(const char* variable) {
  const char* const value = std::getenv(variable);
  const std::filesystem::path path = value == nullptr ? "" : value;
  return path.is_absolute() ? path : std::filesystem::path();
}

}  // namespace

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

std::filesystem::path kernel_choice_file() {
  const kernels::InstructionSet set = kernels::instruction_set();
  if (set == kernels::InstructionSet::kNone) return "";
  std::filesystem::path folder = folder_in("XDG_CACHE_HOME");
  if (folder.empty()) {
    const std::filesystem::path home = folder_in("HOME");
    if (home.empty()) return "";
    folder = home / ".cache";
  }
  std::string name = std::string("kernels ") + cpu_model() + " " +
                     kernels::instruction_set_name(set) + " LibTorch " + libtorch_version();
  for (char& c : name)
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-') c = '_';
  return folder / "selfcure" / (name + ".txt");
}

std::string cpu_kernels_text() {
  if (kernel_use() == KernelUse::kLibTorch ||
      kernels::instruction_set() == kernels::InstructionSet::kNone)
    return "LibTorch";
  return std::string(kernels::instruction_set_name(kernels::instruction_set())) + " kernels";
}

}  // namespace selfcure
