#include "selfcure/kernels/team.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <thread>
#include <vector>

#include "support/kernel_settings.h"

namespace selfcure::kernels {
namespace {

using selfcure::testing::TeamSizeSetting;

/// Counts visits of indices and tasks that share a slot.
struct Visits {
  explicit Visits(std::int64_t count) : of_index(static_cast<std::size_t>(count)), of_slot(8) {}

  void visit(std::int64_t index, int slot) {
    std::atomic<int>& occupants = of_slot.at(static_cast<std::size_t>(slot));
    if (++occupants > 1) ++shared_slots;
    ++of_index.at(static_cast<std::size_t>(index));
    --occupants;
  }
  bool each_once() const {
    for (const std::atomic<int>& visits : of_index)
      if (visits != 1) return false;
    return true;
  }

  std::vector<std::atomic<int>> of_index;
  std::vector<std::atomic<int>> of_slot;
  std::atomic<int> shared_slots{0};
};

TEST(Team, RunsEachIndexOnceInSlotsThatNoTwoTasksShare) {
  for (const int threads : {1, 2, 3, 7}) {
    const TeamSizeSetting setting(threads);
    EXPECT_EQ(team_size(), threads);
    for (const std::int64_t count : {0, 1, 2, 3, 5, 1000}) {
      Visits visits(count);
      std::atomic<int> beyond{0};
      run_tasks(count, [&](std::int64_t index, int slot) {
        visits.visit(index, slot);
        beyond += slot >= threads;
      });
      EXPECT_TRUE(visits.each_once()) << count << " tasks, " << threads << " threads";
      EXPECT_EQ(visits.shared_slots, 0);
      EXPECT_EQ(beyond, 0);
    }
  }
}

TEST(Team, WorksInSeveralThreads) {
  const TeamSizeSetting setting(2);
  // Each waits for the other: alone one of them would wait for ever.
  std::atomic<int> present{0};
  run_tasks(2, [&](std::int64_t, int) {
    ++present;
    while (present < 2) std::this_thread::yield();
  });
  EXPECT_EQ(present, 2);
}

TEST(Team, BeginsWithAnEqualContiguousShareInEachThread) {
  const TeamSizeSetting setting(2);
  std::array<std::atomic<bool>, 4> begun{};
  std::atomic<bool> checked{false};
  // The first tasks of both shares wait for each other.
  run_tasks(4, [&](std::int64_t index, int slot) {
    begun.at(static_cast<std::size_t>(index)) = true;
    if (index == 0) {
      while (!begun[2]) std::this_thread::yield();
      EXPECT_FALSE(begun[1]);
      checked = true;
      EXPECT_EQ(slot, 0);
    } else if (index == 2) {
      while (!checked) std::this_thread::yield();
      EXPECT_EQ(slot, 1);
    }
  });
}

TEST(Team, TakesWhatAnotherThreadHasLeft) {
  const TeamSizeSetting setting(2);
  std::array<std::atomic<bool>, 4> done{};
  // Whoever has task 2 is held up until the other has done all else.
  run_tasks(4, [&](std::int64_t index, int) {
    if (index == 2)
      while (!done[0] || !done[1] || !done[3]) std::this_thread::yield();
    done.at(static_cast<std::size_t>(index)) = true;
  });
  for (const std::atomic<bool>& task : done) EXPECT_TRUE(task);
}

TEST(Team, RunsTheSameSharesBackwards) {
  for (const int threads : {1, 2, 3, 7}) {
    const TeamSizeSetting setting(threads);
    for (const std::int64_t count : {0, 1, 2, 5, 7, 1000}) {
      Visits visits(count);
      run_tasks_backwards(count, [&](std::int64_t index, int slot) { visits.visit(index, slot); });
      EXPECT_TRUE(visits.each_once()) << count << " tasks, " << threads << " threads";
    }
  }
  const TeamSizeSetting setting(2);
  std::array<std::atomic<int>, 2> first{-1, -1};
  run_tasks_backwards(5, [&](std::int64_t index, int slot) {
    int none = -1;
    first.at(static_cast<std::size_t>(slot)).compare_exchange_strong(none, static_cast<int>(index));
    // Until both have begun.
    while (first[0] < 0 || first[1] < 0) std::this_thread::yield();
  });
  EXPECT_EQ(first[0], 1);
  EXPECT_EQ(first[1], 4);
}

TEST(Team, ReturnsAfterTheLastTaskOfManySmallJobs) {
  std::int64_t expected = 0;
  std::atomic<std::int64_t> done{0};
  const TeamSizeSetting setting(3);
  for (int job = 0; job < 3000; ++job) {
    // Threads that a small job leaves out must take no part in it and join the next.
    const std::int64_t count = 1 + job % 4;
    run_tasks(count, [&](std::int64_t, int) { ++done; });
    expected += count;
    ASSERT_EQ(done, expected) << "job " << job;
  }
}

TEST(Team, WakesForJobsThatFollowAPause) {
  const TeamSizeSetting setting(3);
  for (int job = 0; job < 20; ++job) {
    Visits visits(64);
    run_tasks(64, [&](std::int64_t index, int slot) { visits.visit(index, slot); });
    EXPECT_TRUE(visits.each_once());
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

TEST(Team, DoesNotWaitForThreadsThatNeverCome) {
  const TeamSizeSetting setting(3);
  run_tasks(64, [](std::int64_t, int) {});                     // the threads are there
  std::this_thread::sleep_for(std::chrono::milliseconds(50));  // and sleep
  const pid_t child = fork();                                  // where they are not
  if (child == 0) {
    int done = 0;
    run_tasks(64, [&](std::int64_t, int) { ++done; });
    _exit(done == 64 ? 0 : 1);
  }
  ASSERT_GT(child, 0);
  int status = 0;
  pid_t ended = 0;
  for (int i = 0; i < 2000 && ended == 0; ++i) {
    ended = waitpid(child, &status, WNOHANG);
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  if (ended == 0) {
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
  }
  ASSERT_EQ(ended, child) << "it waits";
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST(Team, RunsATaskOfATaskInItsOwnThread) {
  const TeamSizeSetting setting(3);
  Visits inner(40);
  std::atomic<int> wrong{0};
  run_tasks(4, [&](std::int64_t outer, int) {
    const std::thread::id here = std::this_thread::get_id();
    wrong += team_size() != 1;
    run_tasks(10, [&](std::int64_t index, int slot) {
      wrong += std::this_thread::get_id() != here || slot != 0 || team_size() != 1;
      inner.visit(10 * outer + index, static_cast<int>(outer));
    });
    wrong += team_size() != 1;
  });
  EXPECT_EQ(wrong, 0);
  EXPECT_TRUE(inner.each_once());
  EXPECT_EQ(team_size(), 3);
}

TEST(Team, ServesCallersInSeveralThreads) {
  const TeamSizeSetting setting(2);
  std::vector<std::thread> callers;
  std::array<int, 4> wrong{};
  for (std::size_t t = 0; t < wrong.size(); ++t)
    callers.emplace_back([t, &wrong] {
      for (int job = 0; job < 200; ++job) {
        Visits visits(1 + job % 17);
        run_tasks(1 + job % 17, [&](std::int64_t index, int slot) { visits.visit(index, slot); });
        wrong.at(t) += !visits.each_once() || visits.shared_slots != 0;
      }
    });
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

TEST(Team, DealsPartsThatTogetherAreAll) {
  for (const std::int64_t count : {0, 1, 7, 100})
    for (const std::int64_t parts : {1, 2, 3, 8}) {
      EXPECT_EQ(part_begin(count, parts, 0), 0);
      EXPECT_EQ(part_begin(count, parts, parts), count);
      for (std::int64_t part = 0; part < parts; ++part) {
        const std::int64_t size =
            part_begin(count, parts, part + 1) - part_begin(count, parts, part);
        EXPECT_TRUE(size == count / parts || size == count / parts + 1);
      }
    }
}

}  // namespace
}  // namespace selfcure::kernels
