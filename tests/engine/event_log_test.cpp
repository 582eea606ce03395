#include "selfcure/engine/event_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

Summary scalar(double value) {
  Summary summary;
  summary.scalar("a", value);
  return summary;
}

Summary picture(const std::string& png) {
  Summary summary;
  summary.image("i", 1, 1, png);
  return summary;
}

std::vector<fs::path> files_of(const fs::path& folder) {
  std::vector<fs::path> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder))
    files.push_back(entry.path());
  return files;
}

/// Steps and summaries of the only file with content, after the two events that every file has.
std::vector<std::pair<std::int64_t, std::string>> logged(const fs::path& folder,
                                                         std::size_t most_empty = 1) {
  std::string content;
  std::size_t empty = 0;
  for (const fs::path& file : files_of(folder)) {
    const std::string text = read_file(file);
    empty += text.empty();
    if (text.empty()) continue;
    EXPECT_TRUE(content.empty()) << file;
    content = text;
  }
  EXPECT_LE(empty, most_empty);
  std::vector<std::pair<std::int64_t, std::string>> steps;
  std::size_t bytes = 0, index = 0;
  for (const std::string_view message : tf_records(content)) {
    bytes += tf_record(message).size();
    const EventHead head = read_event_head(message).value();
    if (index >= 2) steps.emplace_back(head.step, head.summary);
    EXPECT_EQ(message.find("brain.Event:2") != std::string_view::npos, index == 0);
    EXPECT_EQ(head.is_restart, index == 1);
    ++index;
  }
  EXPECT_EQ(bytes, content.size()) << "a damaged record";
  return steps;
}

std::vector<std::pair<std::int64_t, std::string>> expected(
    const std::vector<std::pair<std::int64_t, Summary>>& steps) {
  std::vector<std::pair<std::int64_t, std::string>> messages;
  for (const auto& [step, summary] : steps) messages.emplace_back(step, summary.message());
  return messages;
}

TEST(EventLog, AppendsAndWritesNothingForAnEmptySummary) {
  const TemporaryDirectory folder;
  EventLog log(folder.path() / "a/b", picture("config"), {});
  log.append(1, scalar(1));
  log.append(1, {});
  log.append(2, scalar(2));
  EXPECT_EQ(logged(folder.path() / "a/b"),
            expected({{0, picture("config")}, {1, scalar(1)}, {2, scalar(2)}}));
  EXPECT_TRUE(is_event_log_name(log.path().filename().string()));
}

TEST(EventLog, AResumeDropsTheStepsThatAreDoneAgain) {
  const TemporaryDirectory folder;
  fs::path before;
  {
    EventLog log(folder.path(), picture("config"), {});
    for (int step = 1; step <= 3; ++step) {
      log.append(step, scalar(step));
      log.append(step, picture(std::to_string(step)));
    }
    before = log.path();
  }
  EventLog log(folder.path(), picture("other config"), {{1, scalar(1)}});
  EXPECT_GT(log.path(), before);  // TensorBoard goes from a name to later ones only
  log.append(2, scalar(22));
  EXPECT_EQ(
      logged(folder.path()),
      expected({{0, picture("other config")}, {1, scalar(1)}, {1, picture("1")}, {2, scalar(22)}}));
}

TEST(EventLog, KeepsTheTimeOfWhatIsKept) {
  const TemporaryDirectory folder;
  std::string old_event;
  {
    EventLog log(folder.path(), {}, {});
    log.append(1, scalar(1));
    const std::string content = read_file(log.path());
    old_event = tf_records(content).back();
  }
  const EventLog log(folder.path(), {}, {{1, scalar(1)}});
  EXPECT_EQ(tf_records(read_file(log.path())).size(), 3U);
  const std::string content = read_file(log.path());
  EXPECT_EQ(tf_records(content).back(), old_event);
}

TEST(EventLog, MakesUpForMissingScalarsAndDropsPicturesOfAnotherCourse) {
  const TemporaryDirectory folder;
  {
    EventLog log(folder.path(), {}, {});
    for (int step : {1, 2, 4}) {
      log.append(step, scalar(step));
      log.append(step, picture(std::to_string(step)));
    }
  }
  // Step 2 went otherwise when it was done again with the log off; step 3 was not logged.
  const EventLog log(folder.path(), {},
                     {{1, scalar(1)}, {2, scalar(20)}, {3, scalar(3)}, {4, scalar(4)}});
  EXPECT_EQ(logged(folder.path()), expected({{1, scalar(1)},
                                             {1, picture("1")},
                                             {2, scalar(20)},
                                             {3, scalar(3)},
                                             {4, scalar(4)},
                                             {4, picture("4")}}));
}

TEST(EventLog, AKillAnywhereInAResumeLosesAndDoublesNothing) {
  const TemporaryDirectory folder;
  fs::path old_file;
  {
    EventLog log(folder.path(), {}, {});
    log.append(1, scalar(1));
    log.append(1, picture("1"));
    old_file = log.path();
  }
  const std::string old_content = read_file(old_file);
  fs::path new_file;
  {
    const EventLog log(folder.path(), {}, {{1, scalar(1)}});
    new_file = log.path();
  }
  // The new file is in place, with half a record at its end, and the old one is not removed yet;
  // parts of a third one are there.
  testing::write_file(new_file, read_file(new_file) + "half a record");
  testing::write_file(old_file, old_content);
  testing::write_file(folder.path() / "unfinished", old_content);
  testing::write_file(folder.path() / "unfinished.tmp", old_content.substr(0, 20));
  for (const fs::path& file : files_of(folder.path()))
    EXPECT_TRUE(is_event_log_name(file.filename().string())) << file;
  const EventLog log(folder.path(), {}, {{1, scalar(1)}});
  EXPECT_EQ(logged(folder.path(), 2), expected({{1, scalar(1)}, {1, picture("1")}}));
  const EventLog next(folder.path(), {}, {{1, scalar(1)}});
  EXPECT_EQ(logged(folder.path()), expected({{1, scalar(1)}, {1, picture("1")}}));
}

TEST(EventLog, LeavesForeignFilesAlone) {
  const TemporaryDirectory folder;
  testing::write_file(folder.path() / "notes.txt", "x");
  testing::write_file(folder.path() / "events.out.tfevents.x", "x");
  const EventLog log(folder.path(), {}, {});
  EXPECT_EQ(files_of(folder.path()).size(), 3U);
  EXPECT_FALSE(is_event_log_name("notes.txt"));
  EXPECT_FALSE(is_event_log_name("events.out.tfevents.x"));
  EXPECT_FALSE(is_event_log_name("events.out.tfevents.1234567890"));
}

TEST(EventLog, AFolderThatCannotBeWrittenIsNamed) {
  const TemporaryDirectory folder;
  testing::write_file(folder.path() / "tensorboard", "a file");
  try {
    const EventLog log(folder.path() / "tensorboard", {}, {});
    ADD_FAILURE() << "expected an error";
  } catch (const RunError& error) {
    EXPECT_NE(std::string(error.what()).find("tensorboard: cannot be made: "), std::string::npos)
        << error.what();
  }
}

TEST(EventLog, AFullDiskLeavesWholeRecords) {
  const TemporaryDirectory folder;
  EventLog log(folder.path(), {}, {});
  log.append(1, scalar(1));
  // A file system that is full in the middle of a record, as this process sees it.
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit small = before;
  small.rlim_cur = fs::file_size(log.path()) + 1000;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  std::string message;
  try {
    log.append(2, picture(std::string(5000, 'x')));
  } catch (const RunError& error) {
    message = error.what();
  }
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(message, log.path().string() + ": cannot be written: File too large");
  EXPECT_EQ(logged(folder.path()), expected({{1, scalar(1)}}));
  log.append(2, scalar(2));
  EXPECT_EQ(logged(folder.path()), expected({{1, scalar(1)}, {2, scalar(2)}}));
}

}  // namespace
}  // namespace selfcure
