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
constexpr std::size_t kAlignment = 64;  // as LibTorch's own allocator

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// Address space for all blocks: more than any machine that trains on a CPU has. It costs nothing
/// until it is touched.
constexpr std::size_t kLargestSpace = std::size_t{1} << 40;
constexpr std::size_t kSmallestSpace = std::size_t{1} << 30;

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
    if (start_ != nullptr) gaps_[0] = {size_, 0};
  }

  /// @return null when there is no gap left that is large enough
  void* take(std::size_t bytes) {
    if (bytes > size_) return nullptr;
    bytes = rounded_up(bytes, kPage);
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto gap = std::find_if(gaps_.begin(), gaps_.end(), [bytes](const auto& entry) {
      return entry.second.bytes >= bytes;
    });
    if (gap == gaps_.end() || !may_hold(bytes)) return nullptr;
    const std::size_t place = gap->first;
    const Gap before = gap->second;
    gaps_.erase(gap);
    const std::size_t reused = std::min(before.resident, bytes);
    if (before.bytes > bytes)
      gaps_[place + bytes] = {before.bytes - bytes, before.resident - reused};
    use_.kept -= reused;
    in_use_[place] = bytes;
    use_.in_use += bytes;
    use_.peak_in_use = std::max(use_.peak_in_use, use_.in_use);
    drop_beyond(use_.peak_in_use + use_.peak_in_use / 8);
    return start_ + place;
  }

  bool owns(const void* address) const {
    return start_ != nullptr && address >= start_ && address < start_ + size_;
  }

  /// @param address  of a block of this pool
  void give_back(void* address) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = in_use_.find(static_cast<std::size_t>(static_cast<char*>(address) - start_));
    if (found == in_use_.end()) std::abort();  // freed twice: everything after it would be wrong
    std::size_t place = found->first;
    Gap gap = {found->second, found->second};
    use_.in_use -= gap.bytes;
    use_.kept += gap.bytes;
    in_use_.erase(found);
    auto next = gaps_.lower_bound(place);
    if (next != gaps_.end() && next->first == place + gap.bytes) {
      gap.bytes += next->second.bytes;
      gap.resident += next->second.resident;
      next = gaps_.erase(next);
    }
    if (next != gaps_.begin()) {
      const auto previous = std::prev(next);
      if (previous->first + previous->second.bytes == place) {
        place = previous->first;
        gap.bytes += previous->second.bytes;
        gap.resident += previous->second.resident;
        gaps_.erase(previous);
      }
    }
    gaps_[place] = gap;
  }

  CpuMemoryUse use() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return use_;
  }

 private:
  struct Gap {
    std::size_t bytes;
    /// At most this many of them occupy memory.
    std::size_t resident;
  };

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
    for (auto gap = gaps_.rbegin(); gap != gaps_.rend() && use_.in_use + use_.kept > limit; ++gap) {
      if (gap->second.resident == 0) continue;
      madvise(start_ + gap->first, gap->second.bytes, MADV_DONTNEED);
      use_.kept -= gap->second.resident;
      gap->second.resident = 0;
    }
  }

  char* start_ = nullptr;
  std::size_t size_ = 0;
  std::mutex mutex_;
  /// Size of each block in use, by its distance from the start.
  std::unordered_map<std::size_t, std::size_t> in_use_;
  std::map<std::size_t, Gap> gaps_;
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
    // Small ones, and big ones where the pool has no addresses.
    if (block == nullptr && bytes > 0 && bytes < kLargestSpace &&
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
