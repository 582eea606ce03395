#pragma once

#include <cstddef>

namespace selfcure {

/// Bytes of the big blocks that `reuse_cpu_memory` manages.
struct CpuMemoryUse {
  std::size_t in_use = 0;       ///< held by tensors now
  std::size_t kept = 0;         ///< given back by tensors, kept for the next ones
  std::size_t peak_in_use = 0;  ///< most that tensors have held at once
};

/// Makes LibTorch keep the big blocks (from 1 MiB) of CPU tensors for reuse instead of handing them
/// back to the system. For the whole process, from now on; a second call does nothing.
///
/// A training step allocates and frees the same blocks as the step before it. Fetched anew from the
/// system they cost a tenth to a third of the step in page faults; left to the heap they fragment
/// it and half of the memory is holes. Here blocks lie in one range of addresses, each in the first
/// gap that holds it, in huge pages where the system grants them; they and the gaps that still
/// occupy memory never exceed what tensors have held at once by more than an eighth: beyond that,
/// the memory of the last gaps goes back first.
void reuse_cpu_memory();

/// Makes glibc's malloc keep freed memory instead of handing it back and fetching it anew, which
/// the work buffers of LibTorch's convolutions otherwise do several hundred times a step. For the
/// whole process: an application's decision, not a library's. Nothing happens with another malloc.
void keep_heap_memory();

/// All 0 before `reuse_cpu_memory`.
CpuMemoryUse cpu_memory_use();

}  // namespace selfcure
