#pragma once

namespace selfcure::kernels {

/// Vector instructions that the CPU kernels are compiled for, each set including those before it.
enum class InstructionSet {
  /// No kernels of our own: LibTorch computes everything.
  kNone,
  /// AVX2 and FMA: eight floats a register.
  kAvx2,
  /// AVX-512 F, DQ, BW and VL: sixteen floats a register.
  kAvx512,
};

/// As in messages: "none", "AVX2", "AVX-512".
const char* instruction_set_name(InstructionSet set);

/// The largest set that this processor, its operating system and this build all have.
InstructionSet available_instruction_set();

/// The set that kernels use now: the available one, or less after limit_instruction_set() or where
/// the environment limits oneDNN (ONEDNN_MAX_CPU_ISA: SSE41, AVX or AVX2).
InstructionSet instruction_set();

/// Makes kernels use at most `set` from now on, to test and to measure the smaller sets.
///
/// Call it while no kernel runs. Weights packed before it must not be used after it.
void limit_instruction_set(InstructionSet set);

}  // namespace selfcure::kernels
