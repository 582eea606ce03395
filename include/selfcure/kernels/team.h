#pragma once

#include <cstdint>
#include <functional>

namespace selfcure::kernels {

/// Threads that run_tasks() uses when called from here: as many as LibTorch has for an operation
/// (at::set_num_threads), and 1 within a task or one of LibTorch's parallel regions.
int team_size();

/// Runs `task(index, slot)` for each index in [0, count).
///
/// Each thread begins with an equal, contiguous share and then takes what others have left of
/// theirs. So a thread finds in its caches what it wrote in the job before, if both deal the batch
/// from its first image to its last: from the caches of a processor with which it shares none,
/// reading takes two to four times as long.
///
/// Two tasks that run at the same time have different slots, all in [0, team_size()): a slot may
/// own scratch memory. Which index gets which slot is left to chance, so that results must not
/// depend on it. Returns when all are done. Where two threads call it at the same time, one of them
/// works alone. Tasks must not throw.
void run_tasks(std::int64_t count, const std::function<void(std::int64_t index, int slot)>& task);

/// The same, each thread from the last task of its share to the first: in the caches is what the
/// job before did last.
void run_tasks_backwards(std::int64_t count,
                         const std::function<void(std::int64_t index, int slot)>& task);

/// First index of part `part` when `count` things are dealt to `parts` in equal, contiguous parts.
inline std::int64_t part_begin(std::int64_t count, std::int64_t parts, std::int64_t part) {
  return count * part / parts;
}

}  // namespace selfcure::kernels
