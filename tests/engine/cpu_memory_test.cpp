// The allocator that keeps big blocks of CPU tensors for reuse.

#include "selfcure/engine/cpu_memory.h"

#include <ATen/ATen.h>
#include <c10/core/CPUAllocator.h>
#include <gtest/gtest.h>

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

TEST_F(CpuMemory, GivesTheSameBlockAgainForTheSameSizeOnly) {
  block(32 * kMebibyte);  // the peak that leaves room to keep the following
  at::Tensor first = block(5 * kMebibyte);
  const void* const address = first.data_ptr();
  first.reset();
  const at::Tensor other = block(6 * kMebibyte);
  EXPECT_NE(other.data_ptr(), address);
  const at::Tensor same = block(5 * kMebibyte);
  EXPECT_EQ(same.data_ptr(), address);
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

TEST_F(CpuMemory, KeepsAtMostASixteenthMoreThanTensorsEverHeld) {
  for (std::int64_t size = 20; size < 60; ++size) block(size * kMebibyte).fill_(1);
  const CpuMemoryUse use = cpu_memory_use();
  EXPECT_GT(use.kept, 0U);
  EXPECT_LE(use.in_use + use.kept, use.peak_in_use + use.peak_in_use / 16);
}

TEST_F(CpuMemory, FreesBlocksThatAnotherAllocatorMade) {
  c10::Allocator* const own = c10::GetAllocator(c10::kCPU);
  for (const std::size_t bytes : {std::size_t{64}, std::size_t{3} << 20})
    own->raw_deallocate(c10::GetDefaultCPUAllocator()->raw_allocate(bytes));
  EXPECT_EQ(block(3 * kMebibyte).numel(), 3 * kMebibyte);
}

TEST_F(CpuMemory, TellsWhenThereIsNotEnoughMemory) {
  EXPECT_THROW(block(std::int64_t{1} << 60), c10::Error);
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
