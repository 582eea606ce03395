#include "selfcure/engine/run_directory.h"

#include <gtest/gtest.h>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;

template <class F>
std::string message_of(F&& action) {
  try {
    action();
  } catch (const RunError& error) {
    return error.what();
  }
  return "";
}

TEST(RunDirectory, IsMadeWithItsParentsAndWritesWholeFiles) {
  const TemporaryDirectory folder;
  const RunDirectory run = RunDirectory::create(folder.path() / "a" / "b");
  run.write("summary.json", "{}\n");
  EXPECT_EQ(read_file(folder.path() / "a/b/summary.json"), "{}\n");
  EXPECT_TRUE(run.has("summary.json"));
  EXPECT_EQ(run.checkpoint("last"), folder.path() / "a/b/checkpoints/last.pt");
}

TEST(RunDirectory, AFolderThatHoldsSomethingIsNotOverwritten) {
  const TemporaryDirectory folder;
  testing::write_file(folder.path() / "thesis.tex", "x");
  EXPECT_NE(message_of([&] { RunDirectory::create(folder.path()); }).find("--resume"),
            std::string::npos);
  EXPECT_NE(
      message_of([&] { RunDirectory::create(folder.path() / "thesis.tex"); }).find("got a file"),
      std::string::npos);
}

TEST(RunDirectory, TheRemainsOfARunThatNeverSavedAreReused) {
  const TemporaryDirectory folder;
  const auto path = folder.path() / "run";
  { RunDirectory::create(path).write("config.resolved.yaml", "name: x\n"); }
  testing::write_file(path / "checkpoints/last.pt.tmp", "half");
  testing::write_file(path / "checkpoints/best.pt", "x");
  testing::write_file(path / "tensorboard/events.out.tfevents.1700000000.host", "x");
  testing::write_file(path / "weights.csv", "x");  // of model.weights, before the first epoch
  EXPECT_EQ(message_of([&] { RunDirectory::create(path); }), "");
  EXPECT_TRUE(std::filesystem::is_empty(path / "tensorboard"));
  testing::write_file(path / "tensorboard/notes.txt", "x");
  EXPECT_NE(message_of([&] { RunDirectory::create(path); }), "");
  std::filesystem::remove(path / "tensorboard/notes.txt");
  testing::write_file(path / "checkpoints/last.pt", "x");
  EXPECT_NE(message_of([&] { RunDirectory::create(path); }), "");
}

TEST(RunDirectory, NoRightToWriteIsNamed) {
  EXPECT_NE(message_of([] {
              RunDirectory::create("/proc/run");
            }).find("/proc/run: run directory cannot be made"),
            std::string::npos);
}

TEST(RunDirectory, TwoProcessesNeverShareOne) {
  const TemporaryDirectory folder;
  const RunDirectory run = RunDirectory::create(folder.path() / "run");
  EXPECT_NE(message_of([&] {
              RunDirectory::open(folder.path() / "run");
            }).find("in use by another process"),
            std::string::npos);
}

TEST(RunDirectory, OpensOnlyWhatIsOne) {
  const TemporaryDirectory folder;
  EXPECT_NE(message_of([&] { RunDirectory::open(folder.path()); }).find("without checkpoints"),
            std::string::npos);
  EXPECT_NE(message_of([&] { RunDirectory::open(folder.path() / "none"); }).find("nothing there"),
            std::string::npos);
  { RunDirectory::create(folder.path() / "run"); }
  EXPECT_EQ(message_of([&] { RunDirectory::open(folder.path() / "run"); }), "");
}

}  // namespace
}  // namespace selfcure
