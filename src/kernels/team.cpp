#include "selfcure/kernels/team.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>

namespace selfcure::kernels {

int team_size() { return at::in_parallel_region() ? 1 : at::get_num_threads(); }

void run_tasks(std::int64_t count, const std::function<void(std::int64_t index, int slot)>& task) {
  const std::int64_t slots = std::min<std::int64_t>(team_size(), count);
  if (slots <= 1) {
    for (std::int64_t index = 0; index < count; ++index) task(index, 0);
    return;
  }
  std::atomic<std::int64_t> next{0};
  at::parallel_for(0, slots, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t slot = begin; slot < end; ++slot)
      for (std::int64_t index = next++; index < count; index = next++)
        task(index, static_cast<int>(slot));
  });
}

}  // namespace selfcure::kernels
