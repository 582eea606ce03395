#include "selfcure/engine/cpu_kernels.h"

#include <ATen/Context.h>
#include <pwd.h>
#include <unistd.h>

#include <cctype>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <system_error>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/core/version.h"
#include "selfcure/engine/device.h"
#include "selfcure/kernels/instruction_set.h"
#include "selfcure/kernels/team.h"
#include "selfcure/nn/kernel_choice.h"

namespace selfcure {
namespace {

/// Empty unless it is an absolute path.
std::filesystem::path absolute_or_empty(const char* value) {
  const std::filesystem::path path = value == nullptr ? "" : value;
  return path.is_absolute() ? path : std::filesystem::path();
}

/// The home of this user, also where a service is started without HOME.
std::filesystem::path home() {
  const std::filesystem::path home = absolute_or_empty(std::getenv("HOME"));
  if (!home.empty()) return home;
  const passwd* const user = ::getpwuid(::getuid());
  return absolute_or_empty(user == nullptr ? nullptr : user->pw_dir);
}

/// What else decides how fast kernels are, in hexadecimal digits: this program's code and compiler,
/// and LibTorch's matrix products.
std::string build_digits() {
  std::string text = std::string(version()) + source_revision() + __VERSION__;
  if (at::hasMKL()) text += " MKL";
#ifndef NDEBUG
  text += " with assertions";
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  text += " with sanitizers";
#endif
  // Of libstdc++, which gives the same in every process; where it does not, choices are not found.
  char digits[24];
  std::snprintf(digits, sizeof(digits), "%016zx", std::hash<std::string>()(text));
  return digits;
}

/// @throws ConfigError unless the file has choices for this many threads
void pin_choices_of(const std::string& name) {
  const std::string expected =
      "train.kernels: expected auto, libtorch or a file of choices, got '" + name + "', which ";
  std::string text;
  try {
    // A folder opens as a file does.
    std::error_code ignored;
    if (std::filesystem::is_directory(name, ignored)) throw RunError(name + ": a folder");
    text = read_file(name);
  } catch (const RunError&) {
    throw ConfigError(expected + "cannot be read");
  }
  pin_kernel_choices(text, name);
  const std::string threads = ", " + std::to_string(kernels::team_size()) + " threads: ";
  if (kernel_choices().find(threads) == std::string::npos) {
    forget_kernel_choices();
    throw ConfigError(expected + "has none for " + std::to_string(kernels::team_size()) +
                      " threads (train.threads)");
  }
}

}  // namespace

void use_cpu_kernels(const std::string& kernels) {
  forget_kernel_choices();  // those of another run are not this one's
  if (kernels == "libtorch") {
    set_kernel_use(KernelUse::kLibTorch);
    return;
  }
  if (kernels != "auto") pin_choices_of(kernels);
  set_kernel_use(KernelUse::kAuto);
}

std::filesystem::path kernel_choice_file() {
  const kernels::InstructionSet set = kernels::instruction_set();
  if (set == kernels::InstructionSet::kNone) return "";
  std::filesystem::path folder = absolute_or_empty(std::getenv("XDG_CACHE_HOME"));
  if (folder.empty()) {
    if (home().empty()) return "";
    folder = home() / ".cache";
  }
  std::string name = std::string("kernels ") + cpu_model() + " " +
                     kernels::instruction_set_name(set) + " LibTorch " + libtorch_version() + " " +
                     build_digits();
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
