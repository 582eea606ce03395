#include "selfcure/data/pixel_pack.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/image_store.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;
using testing::write_file;
using Pixels = std::vector<std::uint8_t>;

constexpr int kSide = 16;

/// Runs something in a process of its own. @return its id
pid_t in_child(const std::function<bool()>& action) {
  const pid_t child = fork();
  if (child != 0) return child;
  bool passed = false;
  try {
    passed = action();
  } catch (...) {
    // Seen by the parent as a failure.
  }
  _exit(passed ? 0 : 1);
}

bool child_passed(pid_t child) {
  int status = -1;
  return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

class PixelPacks : public ::testing::Test {
 protected:
  PixelPacks() : manifest_(testing::write_picture_set(root(), 6, 12)) {
    options_.folder = packs();
    options_.threads = 2;
    options_.warn = [this](const std::string& message) { warnings_.push_back(message); };
    options_.progress = [this](std::int64_t done, std::int64_t) { rows_made_ = done; };
  }

  const fs::path& root() const { return images_.path(); }
  fs::path packs() const { return folder_.path() / "packs"; }

  std::unique_ptr<PixelPack> open(int side = kSide) {
    rows_made_ = 0;
    return open_or_build_pack(manifest_, side, options_);
  }

  std::vector<std::string> files() const {
    std::vector<std::string> names;
    for (const fs::directory_entry& entry : fs::directory_iterator(packs()))
      names.push_back(entry.path().filename().string());
    std::sort(names.begin(), names.end());
    return names;
  }

  /// Whether the pack gives for every row what decoding gives.
  bool is_true(const PixelPack& pack, int side = kSide) const {
    for (std::int64_t row = 0; row < manifest_.size(); ++row) {
      const Picture expected = decode_row(manifest_, row, side);
      const std::optional<PictureView> view = pack.view(row);
      if (!view || view->width != expected.width || view->height != expected.height ||
          view->channels != expected.channels ||
          Pixels(view->pixels, view->pixels + view->bytes()) != expected.pixels)
        return false;
    }
    return true;
  }

  /// Changes one byte of a pack. @param at  from the end if negative
  static void change_byte(const fs::path& path, std::int64_t at) {
    std::string content = read_file(path);
    const auto size = static_cast<std::int64_t>(content.size());
    content[static_cast<std::size_t>(at < 0 ? size + at : at)] ^= 0x20;
    write_file(path, content);
  }

  TemporaryDirectory images_;
  TemporaryDirectory folder_;
  Manifest manifest_;
  PixelPackOptions options_;
  std::vector<std::string> warnings_;
  std::int64_t rows_made_ = 0;
};

TEST_F(PixelPacks, HoldWhatDecodingGives) {
  cv::imwrite((root() / "0.png").string(), cv::Mat(9, 7, CV_8UC1, cv::Scalar(5)));
  cv::imwrite((root() / "1.png").string(), testing::picture(1, 40));  // reduced
  manifest_.rows[2].box = {3, 4, 5, 6};
  cv::VideoWriter writer((root() / "v.avi").string(), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'),
                         10, cv::Size(32, 32));
  for (int i = 0; i < 6; ++i) writer.write(testing::picture(i, 32));
  writer.release();
  manifest_.frames_per_video = 3;
  for (const int frame : {2, 0, 1}) {
    ManifestRow row;
    row.image = "v.avi";
    row.given = 0;
    row.frame = frame;
    manifest_.rows.push_back(row);
  }
  const auto pack = open();
  ASSERT_NE(pack, nullptr);
  EXPECT_EQ(pack->size(), 9);
  EXPECT_EQ(pack->bytes(), static_cast<std::int64_t>(fs::file_size(pack->path())));
  EXPECT_TRUE(is_true(*pack));
  EXPECT_EQ(rows_made_, 9);
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(PixelPacks, AreMadeOnce) {
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(rows_made_, 6);
  const auto again = open();
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(rows_made_, 0);
  EXPECT_TRUE(is_true(*again));
}

TEST_F(PixelPacks, OfOtherSizesOrRowsAreOtherFiles) {
  const fs::path first = open()->path();
  EXPECT_NE(open(8)->path(), first);
  manifest_.rows[3].box = {0, 0, 4, 4};
  EXPECT_NE(open()->path(), first);
  EXPECT_EQ(rows_made_, 6);
  manifest_.rows[3].box = {};
  EXPECT_EQ(open()->path(), first);
  EXPECT_EQ(rows_made_, 0);
}

TEST_F(PixelPacks, AreReplacedWhenAnImageChanges) {
  const auto old = open();
  const auto time = fs::last_write_time(root() / "2.png");
  cv::imwrite((root() / "2.png").string(), testing::picture(77, 12));
  fs::last_write_time(root() / "2.png", time + std::chrono::seconds(1));
  const auto changed = open();
  ASSERT_NE(changed, nullptr);
  EXPECT_EQ(rows_made_, 6);
  EXPECT_EQ(changed->path(), old->path());
  EXPECT_TRUE(is_true(*changed));
  EXPECT_FALSE(is_true(*old));
  EXPECT_TRUE(old->view(0).has_value()) << "what is open stays as it is";
}

TEST_F(PixelPacks, AreReplacedWhenTheyWereCutShort) {
  const fs::path path = open()->path();
  const std::uintmax_t size = fs::file_size(path);
  for (const std::uintmax_t left : {size - 1, size / 2, std::uintmax_t{40}, std::uintmax_t{0}}) {
    fs::resize_file(path, left);
    const auto pack = open();
    ASSERT_NE(pack, nullptr);
    EXPECT_EQ(rows_made_, 6) << left;
    EXPECT_TRUE(is_true(*pack));
  }
  EXPECT_TRUE(warnings_.empty());
}

TEST_F(PixelPacks, AreReplacedWhenTheirHeaderOrTheirEntriesWereChanged) {
  const fs::path path = open()->path();
  for (const std::int64_t at : {0, 9, 25, 33, 41, 49, 57, -1, -24, -100}) {
    change_byte(path, at);
    const auto pack = open();
    ASSERT_NE(pack, nullptr);
    EXPECT_EQ(rows_made_, 6) << at;
    EXPECT_TRUE(is_true(*pack));
  }
}

TEST_F(PixelPacks, DoNotGiveARowWhosePixelsWereChanged) {
  options_.threads = 1;  // rows lie in the file in their order
  const fs::path path = open()->path();
  change_byte(path, 4096 + 3 * 12 * 12 + 50);  // of row 1
  const auto pack = open();
  ASSERT_NE(pack, nullptr);
  EXPECT_EQ(rows_made_, 0);
  EXPECT_TRUE(pack->view(0).has_value());
  EXPECT_FALSE(pack->view(1).has_value());
  EXPECT_FALSE(pack->view(1).has_value());
  EXPECT_TRUE(pack->view(2).has_value());
  EXPECT_FALSE(fs::exists(path)) << "so that the next run makes it anew";
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(rows_made_, 6);
}

TEST_F(PixelPacks, LackTheRowsThatCannotBeRead) {
  fs::remove(root() / "1.png");
  write_file(root() / "4.png", "no picture");
  const auto pack = open();
  ASSERT_NE(pack, nullptr);
  for (const std::int64_t row : {0, 2, 3, 5}) EXPECT_TRUE(pack->has(row));
  for (const std::int64_t row : {1, 4}) {
    EXPECT_FALSE(pack->has(row));
    EXPECT_FALSE(pack->view(row).has_value());
  }
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(rows_made_, 0);
}

TEST_F(PixelPacks, DropRowsAsTheManifestDoes) {
  const auto pack = open();
  const std::vector<bool> keep = {true, false, true, true, false, true};
  pack->keep_rows(keep);
  manifest_.keep_rows(keep);
  EXPECT_EQ(pack->size(), 4);
  EXPECT_TRUE(is_true(*pack));
}

TEST_F(PixelPacks, TwoProcessesMakeOneTogether) {
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i)
    children.push_back(in_child([&] {
      const auto pack = open();
      // Only one of them made it; the other one waited.
      if (rows_made_ > 0) write_file(folder_.path() / ("made" + std::to_string(i)), "");
      return pack != nullptr && is_true(*pack) && warnings_.empty();
    }));
  for (const pid_t child : children) EXPECT_TRUE(child_passed(child));
  EXPECT_NE(fs::exists(folder_.path() / "made0"), fs::exists(folder_.path() / "made1"));
  ASSERT_EQ(files().size(), 2U);  // the lock and the pack
  const auto pack = open();
  ASSERT_NE(pack, nullptr);
  EXPECT_EQ(rows_made_, 0);
}

TEST_F(PixelPacks, TwoProcessesBothEndWithOneWhereLocksDoNotWork) {
  const fs::path path = open()->path();
  fs::remove(path);
  const fs::path lock = fs::path(path).replace_extension(".lock");
  fs::remove(lock);
  fs::create_directory(lock);
  std::vector<pid_t> children;
  for (int i = 0; i < 2; ++i)
    children.push_back(in_child([&] {
      const auto pack = open();
      return pack != nullptr && is_true(*pack) && warnings_.empty();
    }));
  for (const pid_t child : children) EXPECT_TRUE(child_passed(child));
  EXPECT_EQ(files().size(), 2U);
  ASSERT_NE(open(), nullptr);
  EXPECT_EQ(rows_made_, 0);
}

TEST_F(PixelPacks, AProcessThatDiesLeavesNothingInTheWay) {
  const pid_t child = in_child([&] {
    options_.progress = [](std::int64_t, std::int64_t) { _exit(9); };
    (void)open();
    return true;
  });
  EXPECT_FALSE(child_passed(child));
  ASSERT_EQ(files().size(), 2U);  // the lock and an unfinished file
  const auto pack = open();
  ASSERT_NE(pack, nullptr);
  EXPECT_TRUE(is_true(*pack));
  EXPECT_EQ(files().size(), 2U);  // the lock and the pack
}

TEST_F(PixelPacks, ADiskThatIsFullGivesOneWarningAndNoPack) {
  const pid_t child = in_child([&] {
    // A file that must not grow fails as one on a full disk does.
    std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit = {4096 + 700, 4096 + 700};
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0) return false;
    return open() == nullptr && warnings_.size() == 1 && files().size() == 1 &&
           warnings_[0].find(
               ": the pack of decoded images cannot be written: File too large; "
               "images are decoded without it") != std::string::npos &&
           warnings_[0].find(packs().string() + "/pictures-16-") == 0;
  });
  EXPECT_TRUE(child_passed(child));
}

TEST_F(PixelPacks, AFolderThatCannotBeMadeGivesOneWarningAndNoPack) {
  write_file(packs(), "a file");
  EXPECT_EQ(open(), nullptr);
  ASSERT_EQ(warnings_.size(), 1U);
  EXPECT_NE(warnings_[0].find(": the pack of decoded images cannot be made: "), std::string::npos);
}

TEST_F(PixelPacks, AreMadeAgainForAnImageOfEqualSizeAndTime) {
  // Stored images: their pixels can change without their size.
  const fs::path image = root() / "1.png";
  const std::vector<int> stored = {cv::IMWRITE_PNG_COMPRESSION, 0};
  cv::imwrite(image.string(), cv::Mat(12, 12, CV_8UC1, cv::Scalar(5)), stored);
  const auto time = fs::last_write_time(image);
  const auto size = fs::file_size(image);
  ASSERT_NE(open(), nullptr);
  cv::imwrite(image.string(), cv::Mat(12, 12, CV_8UC1, cv::Scalar(9)), stored);
  fs::last_write_time(image, time);
  ASSERT_EQ(fs::file_size(image), size);
  const auto pack = open();
  EXPECT_GT(rows_made_, 0);
  EXPECT_TRUE(is_true(*pack));
}

TEST_F(PixelPacks, LeaveAPackAloneThatAnotherRunHasPutInPlace) {
  const auto pack = open();
  const fs::path path = pack->path();
  const std::string content = read_file(path);
  change_byte(path, 4096 + 50);  // in place: the mapped pack sees it
  write_file(path.string() + ".new", content);
  fs::rename(path.string() + ".new", path);
  bool is_complete = true;
  for (std::int64_t row = 0; row < manifest_.size(); ++row)
    is_complete = is_complete && pack->view(row).has_value();
  EXPECT_FALSE(is_complete);
  EXPECT_TRUE(fs::exists(path));
  EXPECT_TRUE(is_true(*open()));
  EXPECT_EQ(rows_made_, 0);
}

TEST_F(PixelPacks, TheWaitForAnotherProcessCanBeStopped) {
  fs::create_directories(packs());
  const fs::path path = open()->path();
  fs::remove(path);
  const int lock = ::open((packs() / (path.stem().string() + ".lock")).c_str(), O_RDWR);
  ASSERT_GE(lock, 0);
  ASSERT_EQ(::flock(lock, LOCK_EX), 0);
  std::vector<std::string> notes;
  options_.note = [&](const std::string& message) { notes.push_back(message); };
  options_.progress = [](std::int64_t, std::int64_t) { throw std::runtime_error("stop"); };
  EXPECT_THROW((void)open(), std::runtime_error);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("waiting for another process"), std::string::npos);
  ::close(lock);
}

TEST_F(PixelPacks, WhatTheProgressThrowsEndsTheMakingWithNothingLeft) {
  options_.progress = [](std::int64_t, std::int64_t) { throw std::runtime_error("stop"); };
  EXPECT_THROW((void)open(), std::runtime_error);
  EXPECT_EQ(files().size(), 1U);  // the lock
}

TEST_F(PixelPacks, PixelsThatTheManifestHasNeedNone) {
  manifest_.inline_side = 2;
  manifest_.inline_pixels.resize(6 * 4);
  EXPECT_EQ(open(), nullptr);
  EXPECT_TRUE(warnings_.empty());
  EXPECT_FALSE(fs::exists(packs()));
}

TEST_F(PixelPacks, AStoreGivesTheSameBitsWithAndWithoutOne) {
  manifest_.rows[2].box = {3, 4, 5, 6};
  for (const int side : {8, 12, 20}) {
    ImageStoreOptions options;
    options.image_size = side;
    const ImageStore plain(manifest_, options);
    const ImageStore packed(manifest_, options, open(side));
    Pixels a(static_cast<std::size_t>(plain.image_bytes())), b = a;
    for (std::int64_t row = 0; row < 6; ++row) {
      plain.fill(row, a.data());
      packed.fill(row, b.data());
      EXPECT_EQ(a, b);
    }
    EXPECT_GT(plain.cached_bytes(), 0);
    EXPECT_EQ(packed.cached_bytes(), 0);
  }
}

TEST_F(PixelPacks, AStoreDecodesWhatThePackLacks) {
  options_.threads = 1;
  const fs::path path = open()->path();
  change_byte(path, 4096 + 50);  // of row 0
  ImageStoreOptions options;
  options.image_size = kSide;
  const ImageStore plain(manifest_, options);
  const ImageStore packed(manifest_, options, open());
  Pixels a(static_cast<std::size_t>(plain.image_bytes())), b = a;
  plain.fill(0, a.data());
  packed.fill(0, b.data());
  EXPECT_EQ(a, b);
}

TEST_F(PixelPacks, TellWhichRowsCanBeReadWhenRowsAreDropped) {
  write_file(root() / "4.png", "no picture");
  const auto pack = open();
  fs::remove(root() / "2.png");  // the pack still has it
  ImageStoreOptions options;
  options.image_size = kSide;
  std::vector<std::string> messages;
  EXPECT_EQ(
      drop_unreadable_rows(
          manifest_, options, 2, [&](const std::string& m) { messages.push_back(m); }, pack.get()),
      1);
  ASSERT_EQ(messages.size(), 1U);
  EXPECT_NE(messages[0].find("4.png"), std::string::npos);
  EXPECT_EQ(manifest_.size(), 5);
  EXPECT_EQ(pack->size(), 5);
  EXPECT_TRUE(pack->view(2).has_value());
}

}  // namespace
}  // namespace selfcure
