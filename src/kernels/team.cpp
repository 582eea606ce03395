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
    for (int slot = 0; slot < slots; ++slot) {
      const std::unique_ptr<Share>& share = shares_[static_cast<std::size_t>(slot)];
      share->next.store(part_begin(count, slots, slot), std::memory_order_relaxed);
      share->end = part_begin(count, slots, slot + 1);
    }
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      const std::uint64_t number = number_of(job_.load(std::memory_order_relaxed)) + 1;
      job_.store(number * kJob + kOpen + static_cast<std::uint64_t>(slots) * kSlot,
                 std::memory_order_release);
    }
    wake_.notify_all();
    work(0, slots);
    // No task is left: who has not come yet, perhaps because another program has its core, is not
    // waited for.
    job_.fetch_and(~kOpen, std::memory_order_acq_rel);
    for (int i = 0; i < kLooks && is_worked_on(); ++i) pause_briefly();
    if (is_worked_on()) {
      std::unique_lock<std::mutex> lock(mutex_);
      done_.wait(lock, [this] { return !is_worked_on(); });
    }
    return true;
  }

 private:
  /// What is left of the tasks that a slot begins with, on cache lines of its own.
  struct alignas(128) Share {
    std::atomic<std::int64_t> next{0};
    std::int64_t end = 0;
  };

  // A job in one number, so that a thread joins it in one step: from the low end the threads at
  // work besides the owner (15 bits), the slots (16), whether threads may join (1), which job it
  // is (32).
  static constexpr std::uint64_t kSlot = std::uint64_t{1} << 15U;
  static constexpr std::uint64_t kOpen = std::uint64_t{1} << 31U;
  static constexpr std::uint64_t kJob = std::uint64_t{1} << 32U;

  static std::uint64_t number_of(std::uint64_t job) { return job / kJob; }
  static std::uint64_t slots_of(std::uint64_t job) { return job % kOpen / kSlot; }
  static std::uint64_t workers_of(std::uint64_t job) { return job % kSlot; }

  bool is_worked_on() const { return workers_of(job_.load(std::memory_order_acquire)) > 0; }

  void grow(int workers) {
    while (static_cast<int>(shares_.size()) <= workers)
      shares_.push_back(std::make_unique<Share>());
    while (static_cast<int>(threads_.size()) < workers) {
      const int slot = static_cast<int>(threads_.size()) + 1;
      // What came before this thread is not for it.
      threads_.emplace_back([this, slot, seen = number_of(job_.load())] { serve(slot, seen); });
    }
  }

  void serve(int slot, std::uint64_t seen) {
    const auto is_new = [&] { return number_of(job_.load(std::memory_order_acquire)) != seen; };
    for (;;) {
      for (int i = 0; i < kLooks && !is_new(); ++i) pause_briefly();
      if (!is_new()) {
        std::unique_lock<std::mutex> lock(mutex_);
        wake_.wait(lock, [&] { return stop_ || is_new(); });
        if (stop_) return;
      }
      std::uint64_t job = job_.load(std::memory_order_acquire);
      const bool joined = join(slot, job);
      seen = number_of(job);
      if (!joined) continue;
      work(slot, static_cast<int>(slots_of(job)));
      if (workers_of(job_.fetch_sub(1, std::memory_order_acq_rel)) == 1) {
        const std::lock_guard<std::mutex> lock(mutex_);
        done_.notify_one();
      }
    }
  }

  /// Takes part in a job that has a place for this thread and work left.
  /// @param job  as last seen; the one joined, or the last that could not be
  bool join(int slot, std::uint64_t& job) {
    while ((job & kOpen) != 0 && static_cast<std::uint64_t>(slot) < slots_of(job))
      if (job_.compare_exchange_weak(job, job + 1, std::memory_order_acq_rel,
                                     std::memory_order_acquire))
        return true;
    return false;
  }

  /// A slot's own share, then what the others have left of theirs.
  void work(int slot, int slots) {
    for (int i = 0; i < slots; ++i) {
      Share& share = *shares_[static_cast<std::size_t>((slot + i) % slots)];
      while (share.next.load(std::memory_order_relaxed) < share.end) {
        const std::int64_t index = share.next.fetch_add(1, std::memory_order_relaxed);
        if (index < share.end) (*task_)(index, slot);
      }
    }
  }

  std::mutex owner_;
  std::vector<std::thread> threads_;

  const Task* task_ = nullptr;
  std::vector<std::unique_ptr<Share>> shares_;
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

void run_tasks_backwards(std::int64_t count,
                         const std::function<void(std::int64_t index, int slot)>& task) {
  const std::int64_t shares = std::min<std::int64_t>(team_size(), count);
  run_tasks(count, [&](std::int64_t index, int slot) {
    const std::int64_t share = ((index + 1) * shares - 1) / count;
    task(part_begin(count, shares, share) + part_begin(count, shares, share + 1) - 1 - index, slot);
  });
}

}  // namespace selfcure::kernels
