#include "selfcure/kernels/team.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace selfcure::kernels {
namespace {

using Task = std::function<void(std::int64_t, int)>;

/// How often a thread looks for the next job before it sleeps: ten to some tens of microseconds,
/// about what waking it costs. Kernels follow each other more closely than that, and LibTorch's own
/// threads, which need the core in between, do not lose it for long.
constexpr int kLooks = 2000;

void pause_briefly() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#endif
}

/// Threads of our own, asleep between jobs.
///
/// Not LibTorch's parallel_for(): it is an OpenMP region in a header, and would run on whichever
/// OpenMP runtime this file is linked with, which need not be the one of a downloaded LibTorch.
class Team {
 public:
  ~Team() {
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    for (std::thread& thread : threads_) thread.join();
  }

  /// @return false if another thread's job is in progress
  bool run(std::int64_t count, int slots, const Task& task) {
    const std::unique_lock<std::mutex> owner(owner_, std::try_to_lock);
    if (!owner) return false;
    grow(slots - 1);
    task_ = &task;
    count_ = count;
    next_.store(0, std::memory_order_relaxed);
    working_.store(slots - 1, std::memory_order_relaxed);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const std::uint64_t number = job_.load(std::memory_order_relaxed) / kSlotLimit + 1;
      job_.store(number * kSlotLimit + static_cast<std::uint64_t>(slots),
                 std::memory_order_release);
    }
    wake_.notify_all();
    work(0);
    for (int i = 0; i < kLooks && working_.load(std::memory_order_acquire) > 0; ++i)
      pause_briefly();
    if (working_.load(std::memory_order_acquire) > 0) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return working_.load(std::memory_order_acquire) == 0; });
    }
    return true;
  }

 private:
  static constexpr std::uint64_t kSlotLimit = 1U << 16U;

  void grow(int workers) {
    while (static_cast<int>(threads_.size()) < workers) {
      const int slot = static_cast<int>(threads_.size()) + 1;
      // What came before this thread is not for it.
      threads_.emplace_back([this, slot, seen = job_.load()] { serve(slot, seen); });
    }
  }

  void serve(int slot, std::uint64_t seen) {
    for (;;) {
      for (int i = 0; i < kLooks && job_.load(std::memory_order_acquire) == seen; ++i)
        pause_briefly();
      if (job_.load(std::memory_order_acquire) == seen) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || job_.load(std::memory_order_acquire) != seen; });
        if (stop_) return;
      }
      // One number tells the job and who works on it: a thread that is late for a job without it
      // must not take part in the next one twice.
      seen = job_.load(std::memory_order_acquire);
      if (static_cast<std::uint64_t>(slot) >= seen % kSlotLimit) continue;
      work(slot);
      if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
        const std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  void work(int slot) {
    const std::int64_t count = count_;
    for (std::int64_t index = next_++; index < count; index = next_++) (*task_)(index, slot);
  }

  std::mutex owner_;
  std::vector<std::thread> threads_;

  const Task* task_ = nullptr;
  std::int64_t count_ = 0;
  std::atomic<std::int64_t> next_{0};
  /// Threads that have not finished the job.
  std::atomic<int> working_{0};
  /// Number of the job, times kSlotLimit, plus the slots that work on it.
  std::atomic<std::uint64_t> job_{0};

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  bool stop_ = false;
};

Team& team() {
  static Team instance;
  return instance;
}

/// Is this thread within a task?
thread_local bool within_task = false;

}  // namespace

int team_size() {
  return within_task || at::in_parallel_region() ? 1 : std::max(1, at::get_num_threads());
}

void run_tasks(std::int64_t count, const std::function<void(std::int64_t index, int slot)>& task) {
  const auto slots = static_cast<int>(std::min<std::int64_t>(team_size(), count));
  const auto guarded = [&task](std::int64_t index, int slot) {
    within_task = true;
    task(index, slot);
    within_task = false;
  };
  if (slots > 1 && team().run(count, slots, guarded)) return;
  const bool was_within = within_task;
  for (std::int64_t index = 0; index < count; ++index) {
    guarded(index, 0);
    within_task = was_within;
  }
}

}  // namespace selfcure::kernels
