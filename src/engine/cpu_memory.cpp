#include "selfcure/engine/cpu_memory.h"

#include <c10/core/CPUAllocator.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iterator>
#include <limits>
#include <map>
#include <mutex>
#include <unordered_map>

namespace selfcure {
namespace {

constexpr std::size_t kBigBlock = 1 << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kAlignment = 64;  // as LibTorch's own allocator

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// Address space for all blocks: more than any machine that trains on a CPU has. It costs nothing
/// until it is touched.
constexpr std::size_t kLargestSpace = std::size_t{1} << 40;
constexpr std::size_t kSmallestSpace = std::size_t{1} << 30;

/// Disjoint ranges of distances from the pool's start; neighbours become one.
class Ranges {
 public:
  struct Range {
    std::size_t begin;
    std::size_t end;
    std::size_t bytes() const { return end - begin; }
  };

  std::size_t bytes() const { return bytes_; }
  /// There must be one.
  Range last() const { return {ends_.rbegin()->first, ends_.rbegin()->second}; }
  /// The first one of at least `bytes`; empty if there is none.
  Range first_of(std::size_t bytes) const {
    for (const auto& [begin, end] : ends_)
      if (end - begin >= bytes) return {begin, end};
    return {0, 0};
  }

  /// Nothing of it may be there yet.
  void add(Range range) {
    bytes_ += range.bytes();
    auto next = ends_.lower_bound(range.begin);
    if (next != ends_.end() && next->first == range.end) {
      range.end = next->second;
      next = ends_.erase(next);
    }
    if (next != ends_.begin() && std::prev(next)->second == range.begin)
      std::prev(next)->second = range.end;
    else
      ends_[range.begin] = range.end;
  }

  void remove(Range range) {
    auto next = ends_.lower_bound(range.begin);
    if (next != ends_.begin() && std::prev(next)->second > range.begin) --next;
    while (next != ends_.end() && next->first < range.end) {
      const Range all = {next->first, next->second};
      next = ends_.erase(next);
      bytes_ -= std::min(all.end, range.end) - std::max(all.begin, range.begin);
      if (all.begin < range.begin) ends_[all.begin] = range.begin;
      if (all.end > range.end) ends_[range.end] = all.end;
    }
  }

 private:
  std::map<std::size_t, std::size_t> ends_;  // by begin
  std::size_t bytes_ = 0;
};

/// Blocks next to each other in one range of addresses. A request gets the first gap that is large
/// enough, so that what is in use stays at the range's beginning; neighbouring gaps become one.
class BlockPool {
 public:
  BlockPool() {
    for (std::size_t bytes = kLargestSpace; bytes >= kSmallestSpace && start_ == nullptr;
         bytes /= 2) {
      void* const space = mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                               MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
      if (space == MAP_FAILED) continue;  // a limit on addresses: try a smaller one
      if (bytes < kLargestSpace) {
        // Near the limit: half is left to threads, malloc and libraries.
        munmap(static_cast<char*>(space) + bytes / 2, bytes / 2);
        bytes /= 2;
      }
      // Refused on some systems: slower, not wrong.
      madvise(space, bytes, MADV_HUGEPAGE);
      start_ = static_cast<char*>(space);
      size_ = bytes;
    }
    if (start_ != nullptr) gaps_.add({0, size_});
  }

  /// @return null when there is no gap that is large enough, and when has_memory_for() says no
  void* take(std::size_t bytes) {
    if (bytes > size_) return nullptr;
    bytes = rounded_up(bytes, kPage);
    const std::lock_guard<std::mutex> lock(mutex_);
    const Ranges::Range gap = gaps_.first_of(bytes);
    if (gap.bytes() < bytes || !may_hold(bytes)) return nullptr;
    const std::size_t place = gap.begin;
    gaps_.remove({place, place + bytes});
    resident_.remove({place, place + bytes});
    in_use_[place] = bytes;
    use_.in_use += bytes;
    use_.peak_in_use = std::max(use_.peak_in_use, use_.in_use);
    drop_beyond(use_.peak_in_use + use_.peak_in_use / 8);
    return start_ + place;
  }

  /// May there be memory for so many bytes more, here or elsewhere?
  bool has_memory_for(std::size_t bytes) {
    const std::lock_guard<std::mutex> lock(mutex_);
    return may_hold(bytes);
  }

  bool owns(const void* address) const {
    return start_ != nullptr && address >= start_ && address < start_ + size_;
  }

  /// @param address  of a block of this pool
  void give_back(void* address) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = in_use_.find(static_cast<std::size_t>(static_cast<char*>(address) - start_));
    if (found == in_use_.end()) std::abort();  // freed twice: everything after it would be wrong
    const Ranges::Range block = {found->first, found->first + found->second};
    use_.in_use -= block.bytes();
    in_use_.erase(found);
    gaps_.add(block);
    resident_.add(block);
  }

  CpuMemoryUse use() {
    const std::lock_guard<std::mutex> lock(mutex_);
    CpuMemoryUse use = use_;
    use.kept = resident_.bytes();
    return use;
  }

 private:
  /// The system promises more than it has; a block that cannot be there is refused here, before
  /// the first touch of it ends the process.
  bool may_hold(std::size_t bytes) const {
    static const std::size_t kMemory = static_cast<std::size_t>(sysconf(_SC_PHYS_PAGES)) *
                                       static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    return use_.in_use + bytes <= kMemory;
  }

  /// Hands the memory of gaps back to the system, the last first, until it and the blocks in use
  /// are at most `limit` bytes.
  void drop_beyond(std::size_t limit) {
    while (resident_.bytes() > 0 && use_.in_use + resident_.bytes() > limit) {
      const Ranges::Range last = resident_.last();
      const std::size_t excess = use_.in_use + resident_.bytes() - limit;
      const std::size_t bytes = std::min(last.bytes(), rounded_up(excess, kHugePage));
      madvise(start_ + last.end - bytes, bytes, MADV_DONTNEED);
      resident_.remove({last.end - bytes, last.end});
    }
  }

  char* start_ = nullptr;
  std::size_t size_ = 0;
  std::mutex mutex_;
  /// Size of each block in use, by its distance from the start.
  std::unordered_map<std::size_t, std::size_t> in_use_;
  Ranges gaps_;
  /// What of the gaps may occupy memory.
  Ranges resident_;
  CpuMemoryUse use_;
};

/// Never destroyed: tensors with static lifetime are freed after everything else.
BlockPool& pool() {
  static BlockPool* const instance = new BlockPool;
  return *instance;
}

void release(void* address) {
  if (pool().owns(address))
    pool().give_back(address);
  else
    std::free(address);
}

/// LibTorch's interface; without `override`, because the signatures differ between its versions:
/// `allocate` is const up to 2.2, `copy_data` exists since 2.3.
// NOLINTBEGIN(modernize-use-override,cppcoreguidelines-explicit-virtual-functions)
class ReusingAllocator : public c10::Allocator {
 public:
  c10::DataPtr allocate(std::size_t bytes) const { return new_block(bytes); }
  c10::DataPtr allocate(std::size_t bytes) { return new_block(bytes); }
  c10::DeleterFnPtr raw_deleter() const { return &release; }
  void copy_data(void* to, const void* from, std::size_t bytes) const {
    std::memcpy(to, from, bytes);
  }

 private:
  static c10::DataPtr new_block(std::size_t bytes) {
    void* block = nullptr;
    if (bytes >= kBigBlock) block = pool().take(bytes);
    // Small ones, and big ones where a limit has left the pool few addresses or none.
    if (block == nullptr && bytes > 0 && (bytes < kBigBlock || pool().has_memory_for(bytes)) &&
        posix_memalign(&block, kAlignment, bytes) != 0)
      block = nullptr;
    TORCH_CHECK(block != nullptr || bytes == 0, "not enough memory: ", bytes, " bytes wanted");
    return {block, block, &release, c10::Device(c10::kCPU)};
  }
};
// NOLINTEND(modernize-use-override,cppcoreguidelines-explicit-virtual-functions)

}  // namespace

void reuse_cpu_memory() {
  static const bool done = [] {
    c10::SetCPUAllocator(new ReusingAllocator);  // NOLINT: never destroyed, as the pool
    return true;
  }();
  static_cast<void>(done);
}

void keep_heap_memory() {
#ifdef __GLIBC__
  constexpr int kPadBytes = 64 << 20;
  mallopt(M_MMAP_MAX, 0);
  mallopt(M_TRIM_THRESHOLD, std::numeric_limits<int>::max());
  mallopt(M_TOP_PAD, kPadBytes);
#endif
}

CpuMemoryUse cpu_memory_use() { return pool().use(); }

}  // namespace selfcure
