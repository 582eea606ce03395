// The allocator that keeps big blocks of CPU tensors for reuse.

#include "selfcure/engine/cpu_memory.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

namespace selfcure {
namespace {

constexpr std::int64_t kMebibyte = 1 << 20;

at::Tensor block(std::int64_t bytes) { return at::empty({bytes}, at::kByte); }

class CpuMemory : public ::testing::Test {
 protected:
  void SetUp() override { reuse_cpu_memory(); }
};

/// Bytes from `from` to the beginning of `to`.
std::ptrdiff_t distance(const at::Tensor& from, const at::Tensor& to) {
  return static_cast<const char*>(to.data_ptr()) - static_cast<const char*>(from.data_ptr());
}

/// Pages of a range that occupy memory, in bytes.
std::int64_t resident_bytes(const void* begin, std::int64_t bytes) {
  constexpr std::int64_t kPage = 4096;
  std::vector<unsigned char> pages(static_cast<std::size_t>(bytes / kPage));
  EXPECT_EQ(mincore(const_cast<void*>(begin), static_cast<std::size_t>(bytes), pages.data()), 0);
  return kPage * std::count_if(pages.begin(), pages.end(), [](int page) { return page & 1; });
}

TEST_F(CpuMemory, GivesABlockItsOldPlaceAgain) {
  const at::Tensor before = block(5 * kMebibyte);
  at::Tensor first = block(5 * kMebibyte);
  const at::Tensor behind = block(5 * kMebibyte);
  const void* const address = first.data_ptr();
  first.reset();
  EXPECT_EQ(block(5 * kMebibyte).data_ptr(), address);
}

TEST_F(CpuMemory, FillsAGapWithSmallerBlocks) {
  at::Tensor first = block(8 * kMebibyte);
  const at::Tensor behind = block(kMebibyte);
  const void* const address = first.data_ptr();
  first.reset();
  const at::Tensor left = block(3 * kMebibyte);
  const at::Tensor right = block(5 * kMebibyte);
  EXPECT_EQ(left.data_ptr(), address);
  EXPECT_EQ(distance(left, right), 3 * kMebibyte);
  // The gap is full: the next one lies behind.
  EXPECT_GE(distance(behind, block(kMebibyte)), kMebibyte);
}

TEST_F(CpuMemory, JoinsGapsInWhicheverOrderTheyCome) {
  const std::vector<std::vector<std::size_t>> orders = {{0, 1, 2}, {0, 2, 1}, {1, 0, 2},
                                                        {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
  for (const std::vector<std::size_t>& order : orders) {
    std::vector<at::Tensor> blocks;
    for (int i = 0; i < 3; ++i) blocks.push_back(block(4 * kMebibyte));
    const at::Tensor behind = block(kMebibyte);
    ASSERT_EQ(distance(blocks[0], behind), 12 * kMebibyte);
    const void* const address = blocks[0].data_ptr();
    for (const std::size_t i : order) blocks[i].reset();
    EXPECT_EQ(block(12 * kMebibyte).data_ptr(), address);
  }
}

TEST_F(CpuMemory, AlignsEveryBlockToACacheLine) {
  for (const std::int64_t bytes :
       {1L, 63L, 1000L, kMebibyte - 1, kMebibyte, kMebibyte + 1, 3 * kMebibyte + 77, 9 * kMebibyte})
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block(bytes).data_ptr()) % 64, 0U) << bytes;
}

TEST_F(CpuMemory, CountsBigBlocksAndLeavesSmallOnesAlone) {
  const CpuMemoryUse before = cpu_memory_use();
  {
    const at::Tensor small = block(kMebibyte - 1);
    EXPECT_EQ(cpu_memory_use().in_use, before.in_use);
    const at::Tensor big = block(kMebibyte + 1);  // a page more than 1 MiB
    EXPECT_EQ(cpu_memory_use().in_use, before.in_use + kMebibyte + 4096);
  }
  EXPECT_EQ(cpu_memory_use().in_use, before.in_use);
}

TEST_F(CpuMemory, KeepsAtMostAnEighthMoreThanTensorsEverHeld) {
  for (std::int64_t size = 20; size < 60; ++size) block(size * kMebibyte).fill_(1);
  const at::Tensor in_use = block(60 * kMebibyte);
  for (const std::int64_t size : {90, 10, 40}) block(size * kMebibyte).fill_(1);
  const CpuMemoryUse use = cpu_memory_use();
  EXPECT_GT(use.kept, 0U);
  EXPECT_LE(use.in_use + use.kept, use.peak_in_use + use.peak_in_use / 8);
}

TEST_F(CpuMemory, KnowsWhatOccupiesMemoryInGapsOfWhichAPartWentBack) {
  const CpuMemoryUse before = cpu_memory_use();
  const auto peak = static_cast<std::int64_t>(before.peak_in_use) / kMebibyte + 8;
  at::Tensor first = block(peak * kMebibyte).fill_(1);
  at::Tensor second = block(peak * kMebibyte).fill_(1);
  const auto* const begin = static_cast<const char*>(first.data_ptr());
  ASSERT_EQ(distance(first, second), peak * kMebibyte);
  first.reset();
  // A new peak behind it takes the first gap's memory, then the second block joins that gap.
  at::Tensor third = block(2 * peak * kMebibyte).fill_(1);
  second.reset();
  first = block(peak * kMebibyte).fill_(1);
  const CpuMemoryUse use = cpu_memory_use();
  const std::int64_t resident = resident_bytes(begin, 4 * peak * kMebibyte);
  EXPECT_LE(resident,
            static_cast<std::int64_t>(use.peak_in_use + use.peak_in_use / 8) + 4 * kMebibyte);
  EXPECT_LE(resident, static_cast<std::int64_t>(use.in_use + use.kept) + 4 * kMebibyte);
}

TEST_F(CpuMemory, FreesBlocksThatAnotherAllocatorMade) {
  c10::Allocator* const own = c10::GetAllocator(c10::kCPU);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{3} << 20})
    own->raw_deallocate(c10::GetDefaultCPUAllocator()->raw_allocate(bytes));
  EXPECT_EQ(block(3 * kMebibyte).numel(), 3 * kMebibyte);
}

TEST_F(CpuMemory, TellsWhenThereIsNotEnoughMemory) {
  const std::int64_t memory = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  for (const std::int64_t bytes : {std::int64_t{1} << 60, memory + 1}) {
    try {
      block(bytes);
      FAIL() << bytes << " bytes were given";
    } catch (const c10::Error& error) {
      EXPECT_EQ(std::string(error.what_without_backtrace()),
                "not enough memory: " + std::to_string(bytes) + " bytes wanted");
    }
  }
  EXPECT_EQ(block(2 * kMebibyte).numel(), 2 * kMebibyte);
}

TEST_F(CpuMemory, ServesManyThreads) {
  std::vector<std::thread> threads;
  std::vector<int> wrong(4, 0);
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([t, &wrong] {
      for (int i = 0; i < 50; ++i) {
        const at::Tensor mine = block((1 + i % 3) * kMebibyte).fill_(t);
        std::this_thread::yield();
        if (mine.ne(t).any().item<bool>()) ++wrong[static_cast<std::size_t>(t)];
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong, std::vector<int>(4, 0));
}

}  // namespace
}  // namespace selfcure
