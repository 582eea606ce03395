#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace selfcure {

/// Fused multiply-adds per second that one set of instructions reaches in registers alone.
struct FmaPeak {
  /// "AVX-512", "AVX2" or "portable" (what the compiler makes of plain C++).
  std::string instructions;
  /// float32, a multiply-add counted as two operations; of one thread, and of `threads` together.
  double one_thread_flops = 0;
  double all_threads_flops = 0;
};

/// What a processor can do at most, measured.
struct MachineSpeed {
  /// Threads of the figures for all threads.
  int threads = 1;
  /// The instruction sets that matter here and that this processor has: "AVX2", "FMA", "AVX-512F".
  std::vector<std::string> instruction_sets;
  /// As measure_fma_peaks() returns them.
  std::vector<FmaPeak> peaks;
  /// Bytes per second of a[i] = b[i] + s * c[i] over arrays that no cache holds; three arrays are
  /// counted (STREAM's triad), not the reading of the one that is written.
  double one_thread_bandwidth = 0;
  double all_threads_bandwidth = 0;
};

/// Measures arithmetic alone, a few tenths of a second.
/// @return one for each set of instructions that can be used, the fastest first; never empty
std::vector<FmaPeak> measure_fma_peaks(int threads, bool quick = false);

/// Measures arithmetic and memory, about a second; best of several trials, since other programs can
/// only slow a trial down. Threads are plain ones, not LibTorch's.
///
/// @param threads  at least 1
/// @param quick    fewer trials and smaller arrays: a third of the time, less exact
MachineSpeed measure_machine(int threads, bool quick = false);

}  // namespace selfcure
