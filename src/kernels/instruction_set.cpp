#include "selfcure/kernels/instruction_set.h"

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <string>

#include "kernel_table.h"

namespace selfcure::kernels {
namespace {

InstructionSet detect() {
#ifdef SELFCURE_X86_KERNELS
  // These also ask whether the operating system saves the registers.
  if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma"))
    return InstructionSet::kNone;
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return InstructionSet::kAvx512;
  return InstructionSet::kAvx2;
#else
  return InstructionSet::kNone;
#endif
}

/// oneDNN, which computes LibTorch's convolutions, is limited by a variable; it holds for us too.
InstructionSet wanted_by_user() {
  for (const char* name : {"ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"}) {
    const char* const value = std::getenv(name);
    if (value == nullptr) continue;
    const std::string set = value;
    if (set == "SSE41" || set == "AVX") return InstructionSet::kNone;
    if (set.rfind("AVX2", 0) == 0) return InstructionSet::kAvx2;
  }
  return InstructionSet::kAvx512;
}

std::atomic<InstructionSet>& current() {
  static std::atomic<InstructionSet> set{std::min(wanted_by_user(), available_instruction_set())};
  return set;
}

}  // namespace

const char* instruction_set_name(InstructionSet set) {
  switch (set) {
    case InstructionSet::kAvx2:
      return "AVX2";
    case InstructionSet::kAvx512:
      return "AVX-512";
    case InstructionSet::kNone:
      break;
  }
  return "none";
}

InstructionSet available_instruction_set() {
  static const InstructionSet kSet = detect();
  return kSet;
}

InstructionSet instruction_set() { return current().load(std::memory_order_relaxed); }

void limit_instruction_set(InstructionSet set) {
  current().store(std::min(set, available_instruction_set()), std::memory_order_relaxed);
}

const KernelTable* kernel_table() {
#ifdef SELFCURE_X86_KERNELS
  switch (instruction_set()) {
    case InstructionSet::kAvx512:
      return &avx512_kernels();
    case InstructionSet::kAvx2:
      return &avx2_kernels();
    case InstructionSet::kNone:
      break;
  }
#endif
  return nullptr;
}

}  // namespace selfcure::kernels
