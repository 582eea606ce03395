#include "selfcure/engine/cpu_memory.h"

#include <c10/core/CPUAllocator.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <list>
#include <mutex>
#include <unordered_map>

namespace selfcure {
namespace {

constexpr std::size_t kBigBlock = 1 << 20;
constexpr std::size_t kHugePage = 2 << 20;
constexpr std::size_t kPage = 4096;
constexpr std::size_t kAlignment = 64;  // as LibTorch's own allocator

std::size_t rounded_up(std::size_t bytes, std::size_t unit) {
  return (bytes + unit - 1) / unit * unit;
}

/// A mapping that begins at a huge page's border, or null. Its last, partial huge page is made of
/// small pages, so that no memory beyond `bytes` is used.
void* map_block(std::size_t bytes) {
  const std::size_t reserved = bytes + kHugePage;
  void* const start =
      mmap(nullptr, reserved, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (start == MAP_FAILED) return nullptr;
  char* const begin = static_cast<char*>(start);
  char* const block = begin + (rounded_up(reinterpret_cast<std::uintptr_t>(begin), kHugePage) -
                               reinterpret_cast<std::uintptr_t>(begin));
  if (block > begin) munmap(begin, static_cast<std::size_t>(block - begin));
  if (const std::size_t rest = static_cast<std::size_t>(begin + reserved - (block + bytes)))
    munmap(block + bytes, rest);
  madvise(block, bytes, MADV_HUGEPAGE);  // refused on some systems: slower, not wrong
  return block;
}

class BlockPool {
 public:
  /// @return null when the system has no memory left, kept blocks included
  void* take(std::size_t bytes) {
    bytes = rounded_up(bytes, kPage);
    const std::lock_guard<std::mutex> lock(mutex_);
    void* block = nullptr;
    // Newest first: its pages are the likeliest to be in the processor's cache.
    const auto kept = std::find_if(kept_.rbegin(), kept_.rend(),
                                   [bytes](const Block& b) { return b.bytes == bytes; });
    if (kept != kept_.rend()) {
      block = kept->address;
      kept_.erase(std::next(kept).base());
      use_.kept -= bytes;
    } else {
      const std::size_t peak = std::max(use_.peak_in_use, use_.in_use + bytes);
      shrink_to(peak + peak / 16, use_.in_use + bytes);
      block = map_block(bytes);
      if (block == nullptr) {
        shrink_to(0, 0);
        block = map_block(bytes);
      }
      if (block == nullptr) return nullptr;
    }
    in_use_.emplace(block, bytes);
    use_.in_use += bytes;
    use_.peak_in_use = std::max(use_.peak_in_use, use_.in_use);
    return block;
  }

  /// @return false if the address is none of this pool's blocks in use
  bool give_back(void* address) {
    const std::lock_guard<std::mutex> lock(mutex_);
    const auto found = in_use_.find(address);
    if (found == in_use_.end()) return false;
    kept_.push_back({address, found->second});
    use_.in_use -= found->second;
    use_.kept += found->second;
    in_use_.erase(found);
    return true;
  }

  CpuMemoryUse use() {
    const std::lock_guard<std::mutex> lock(mutex_);
    return use_;
  }

 private:
  struct Block {
    void* address;
    std::size_t bytes;
  };

  /// Unmaps kept blocks, oldest first, until they and `others` bytes are at most `limit`.
  void shrink_to(std::size_t limit, std::size_t others) {
    while (!kept_.empty() && use_.kept + others > limit) {
      munmap(kept_.front().address, kept_.front().bytes);
      use_.kept -= kept_.front().bytes;
      kept_.pop_front();
    }
  }

  std::mutex mutex_;
  std::unordered_map<void*, std::size_t> in_use_;
  std::list<Block> kept_;  // oldest first
  CpuMemoryUse use_;
};

/// Never destroyed: tensors with static lifetime are freed after everything else.
BlockPool& pool() {
  static BlockPool* const instance = new BlockPool;
  return *instance;
}

void release(void* address) {
  // Only a block of the pool begins at a huge page's border, but for rare chance; others skip the
  // lock.
  const bool may_be_ours = reinterpret_cast<std::uintptr_t>(address) % kHugePage == 0;
  if (address != nullptr && may_be_ours && pool().give_back(address)) return;
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
    if (bytes >= kBigBlock)
      block = pool().take(bytes);
    else if (bytes > 0 && posix_memalign(&block, kAlignment, bytes) != 0)
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

CpuMemoryUse cpu_memory_use() { return pool().use(); }

}  // namespace selfcure
