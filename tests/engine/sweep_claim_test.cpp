#include "selfcure/engine/sweep/claim.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "../support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr double kMinute = 60;
constexpr int kRacers = 24;

/// Runs `body` in a process of its own that ends without cleaning up. @return its exit code
int in_process(const std::function<int()>& body) {
  const pid_t id = ::fork();
  if (id == 0) ::_exit(body());
  int status = 0;
  ::waitpid(id, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/// A pipe; children wait on it until this process closes its end.
struct Gate {
  Gate() { EXPECT_EQ(::pipe(ends), 0); }
  /// In a child.
  void wait() const {
    ::close(ends[1]);
    char nothing = 0;
    (void)!::read(ends[0], &nothing, 1);
  }
  void open() {
    ::close(ends[0]);
    ::close(ends[1]);
  }
  int ends[2] = {-1, -1};
};

/// Starts `count` processes that all try to take the job at once. @return how many got it
int winners_of_race(const fs::path& folder, int count) {
  Gate start;
  Gate finish;
  int results[2];
  EXPECT_EQ(::pipe(results), 0);
  std::vector<pid_t> processes;
  for (int i = 0; i < count; ++i) {
    const pid_t id = ::fork();
    if (id == 0) {
      ::close(finish.ends[1]);
      start.wait();
      std::optional<Claim> claim;
      char result = 'e';
      try {
        claim = Claim::take(folder, kMinute);
        result = claim ? 'w' : 'l';
      } catch (const std::exception&) {
      }
      (void)!::write(results[1], &result, 1);
      finish.wait();  // a winner lives until every other process has tried
      ::_exit(0);
    }
    processes.push_back(id);
  }
  start.open();
  int winners = 0;
  for (int i = 0; i < count; ++i) {
    char result = 'e';
    EXPECT_EQ(::read(results[0], &result, 1), 1);
    EXPECT_NE(result, 'e');
    winners += result == 'w';
  }
  finish.open();
  for (const pid_t id : processes) ::waitpid(id, nullptr, 0);
  ::close(results[0]);
  ::close(results[1]);
  return winners;
}

/// A claim as another machine would have made it.
void write_foreign_claim(const fs::path& folder, int generation, double seconds_ago) {
  const fs::path file = folder / std::to_string(generation);
  testing::write_file(file, R"({"host":"node7","machine":"another","process":1,"started":"1",)"
                            R"("outcome":"held","exit_code":0})");
  timespec times[2];
  ::clock_gettime(CLOCK_REALTIME, &times[0]);
  times[0].tv_sec -= static_cast<time_t>(seconds_ago);
  times[1] = times[0];
  ASSERT_EQ(::utimensat(AT_FDCWD, file.c_str(), times, 0), 0);
}

TEST(SweepClaim, OneOfManyProcessesTakesAFreeJob) {
  const testing::TemporaryDirectory folder;
  EXPECT_EQ(winners_of_race(folder.path() / "job", kRacers), 1);
}

TEST(SweepClaim, OneOfManyProcessesTakesOverWhatADeadProcessHeld) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  ASSERT_EQ(in_process([&] {
              auto claim = Claim::take(claims, kMinute);
              ::_exit(claim ? 0 : 1);
              return 1;
            }),
            0);
  EXPECT_TRUE(Claim::look(claims, kMinute).is_stale);
  EXPECT_EQ(winners_of_race(claims, kRacers), 1);
  EXPECT_EQ(Claim::look(claims, kMinute).generation, 2);
}

TEST(SweepClaim, OneOfManyProcessesTakesOverWhatASilentMachineHeld) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  write_foreign_claim(claims, 3, 10 * kMinute);
  EXPECT_EQ(winners_of_race(claims, kRacers), 1);
  EXPECT_EQ(Claim::look(claims, kMinute).generation, 4);
}

TEST(SweepClaim, MachineThatWasHeardOfKeepsItsJob) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  write_foreign_claim(claims, 1, kMinute / 2);
  EXPECT_FALSE(Claim::take(claims, kMinute));
  const ClaimRecord record = Claim::look(claims, kMinute);
  EXPECT_EQ(record.holder, "node7, process 1");
  EXPECT_EQ(record.outcome, ClaimOutcome::kHeld);
  EXPECT_FALSE(record.is_stale);
}

TEST(SweepClaim, LivingProcessOfThisMachineKeepsItsJobHoweverLongItIsSilent) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  const auto claim = Claim::take(claims, kMinute);
  ASSERT_TRUE(claim);
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (claims / "1").c_str(), times, 0), 0);
  EXPECT_FALSE(Claim::take(claims, kMinute));
  claim->beat();
  struct stat status {};
  ASSERT_EQ(::stat((claims / "1").c_str(), &status), 0);
  EXPECT_GT(status.st_mtim.tv_sec, 1000);
}

TEST(SweepClaim, ProcessNumberThatWasGivenAgainDoesNotKeepAJob) {
  const testing::TemporaryDirectory folder;
  auto json = nlohmann::ordered_json::parse(own_process_json());
  json["started"] = "1";  // this process, as if another one had had its number before
  json["outcome"] = "held";
  testing::write_file(folder.path() / "job" / "1", json.dump());
  EXPECT_TRUE(Claim::take(folder.path() / "job", kMinute));
}

TEST(SweepClaim, EndedClaimIsFreeAndSaysHowItEnded) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  {
    auto claim = Claim::take(claims, kMinute);
    ASSERT_TRUE(claim);
    claim->end(ClaimOutcome::kFailed, 7);
  }
  ClaimRecord record = Claim::look(claims, kMinute);
  EXPECT_EQ(record.outcome, ClaimOutcome::kFailed);
  EXPECT_EQ(record.exit_code, 7);
  { ASSERT_TRUE(Claim::take(claims, kMinute)); }
  record = Claim::look(claims, kMinute);
  EXPECT_EQ(record.outcome, ClaimOutcome::kStopped);
  EXPECT_EQ(record.generation, 2);
}

TEST(SweepClaim, HolderLearnsThatItsJobWasTakenOver) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  const auto claim = Claim::take(claims, kMinute);
  ASSERT_TRUE(claim);
  EXPECT_FALSE(claim->is_superseded());
  write_foreign_claim(claims, 2, 0);
  EXPECT_TRUE(claim->is_superseded());
}

TEST(SweepClaim, DamagedClaimIsTakenOverOnlyWhenItIsOld) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  testing::write_file(claims / "1", "{half");
  EXPECT_FALSE(Claim::take(claims, kMinute));
  const timespec times[2] = {{1000, 0}, {1000, 0}};
  ASSERT_EQ(::utimensat(AT_FDCWD, (claims / "1").c_str(), times, 0), 0);
  EXPECT_TRUE(Claim::take(claims, kMinute));
}

TEST(SweepClaim, DraftThatAKilledNamesakeLeftIsNoObstacle) {
  const testing::TemporaryDirectory folder;
  char host[256] = "";
  gethostname(host, sizeof(host) - 1);
  std::string boot;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> boot;
  const std::string start = std::string(".claim.") + host + "." + boot.substr(0, 8) + "." +
                            std::to_string(getpid()) + ".";
  constexpr int kMoreThanThisProcessHasMade = 300;
  for (int i = 0; i < kMoreThanThisProcessHasMade; ++i)
    testing::write_file(folder.path() / (start + std::to_string(i)), "");
  EXPECT_TRUE(Claim::take(folder.path(), 60).has_value());
}

TEST(SweepClaim, NothingButClaimsIsLeftInTheFolder) {
  const testing::TemporaryDirectory folder;
  const fs::path claims = folder.path() / "job";
  write_foreign_claim(claims, 1, 10 * kMinute);
  { ASSERT_TRUE(Claim::take(claims, kMinute)); }
  int count = 0;
  for (const auto& entry : fs::directory_iterator(claims)) {
    EXPECT_NE(entry.path().filename().string()[0], '.') << entry.path();
    ++count;
  }
  EXPECT_EQ(count, 2);
}

TEST(SweepClaim, LockOfATrainingIsSeen) {
  const testing::TemporaryDirectory folder;
  EXPECT_FALSE(is_run_locked(folder.path()));
  const int lock = ::open((folder.path() / ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  EXPECT_FALSE(is_run_locked(folder.path()));
  ASSERT_EQ(::flock(lock, LOCK_EX | LOCK_NB), 0);
  EXPECT_TRUE(is_run_locked(folder.path()));
  ::close(lock);
  EXPECT_FALSE(is_run_locked(folder.path()));
}

}  // namespace
}  // namespace selfcure
