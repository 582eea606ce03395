#include "selfcure/data/image_store.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <thread>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using testing::write_picture_set;

std::vector<std::uint8_t> filled(const ImageStore& store, std::int64_t row) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(store.image_bytes()));
  store.fill(row, pixels.data());
  return pixels;
}

ImageStoreOptions of_size(int side, std::int64_t budget = 1 << 30) {
  ImageStoreOptions options;
  options.image_size = side;
  options.memory_budget_bytes = budget;
  return options;
}

template <class F>
std::string message_of(F&& action) {
  try {
    action();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(ImageStore, GivesRgbPixelsOfAnImageOfTheRightSizeUnchanged) {
  const TemporaryDirectory folder;
  const Manifest manifest = write_picture_set(folder.path(), 2, 12);
  const ImageStore store(manifest, of_size(12));
  const std::vector<std::uint8_t> pixels = filled(store, 1);
  const cv::Mat expected = testing::picture(1, 12);  // BGR
  for (int y = 0; y < 12; ++y)
    for (int x = 0; x < 12; ++x)
      for (int c = 0; c < 3; ++c)
        ASSERT_EQ(pixels[static_cast<std::size_t>((y * 12 + x) * 3 + c)],
                  expected.at<cv::Vec3b>(y, x)[2 - c]);
}

TEST(ImageStore, TheSamePixelsComeWithAndWithoutACache) {
  const TemporaryDirectory folder;
  const Manifest manifest = write_picture_set(folder.path(), 3, 20);
  for (const int side : {8, 20, 33}) {
    const ImageStore cached(manifest, of_size(side));
    const ImageStore uncached(manifest, of_size(side, 0));
    for (int row = 0; row < 3; ++row) {
      EXPECT_EQ(filled(cached, row), filled(uncached, row));
      EXPECT_EQ(filled(cached, row), filled(uncached, row));
    }
    EXPECT_GT(cached.cached_bytes(), 0);
    EXPECT_EQ(uncached.cached_bytes(), 0);
  }
}

TEST(ImageStore, KeepsSmallSourcesSmallAndStaysWithinItsBudget) {
  const TemporaryDirectory folder;
  const Manifest manifest = write_picture_set(folder.path(), 4, 10);
  const ImageStore store(manifest, of_size(100, 2 * 10 * 10 * 3));
  for (int row = 0; row < 4; ++row) filled(store, row);
  EXPECT_EQ(store.cached_bytes(), 2 * 10 * 10 * 3);
}

TEST(ImageStore, GreyImagesAreKeptWithOneChannelAndComeOutInThree) {
  const TemporaryDirectory folder;
  Manifest manifest = write_picture_set(folder.path(), 1, 10);
  cv::Mat grey;
  cv::cvtColor(testing::picture(0, 10), grey, cv::COLOR_BGR2GRAY);
  cv::imwrite((folder.path() / "0.png").string(), grey);
  const ImageStore store(manifest, of_size(10));
  const std::vector<std::uint8_t> pixels = filled(store, 0);
  EXPECT_EQ(store.cached_bytes(), 100);
  EXPECT_EQ(pixels[3 * 57], grey.at<std::uint8_t>(5, 7));
  EXPECT_EQ(pixels[3 * 57], pixels[3 * 57 + 2]);
}

TEST(ImageStore, TakesPixelsThatTheManifestCarries) {
  Manifest manifest;
  manifest.name = "inline";
  manifest.class_names = {"a", "b"};
  manifest.rows = {{"one", 0, kUnknownLabel}, {"two", 1, kUnknownLabel}};
  manifest.inline_side = 2;
  manifest.inline_pixels = {1, 2, 3, 4, 5, 6, 7, 8};
  const ImageStore store(manifest, of_size(2));
  EXPECT_EQ(filled(store, 1), (std::vector<std::uint8_t>{5, 5, 5, 6, 6, 6, 7, 7, 7, 8, 8, 8}));
}

TEST(ImageStore, ManyThreadsMayFillTheSameRows) {
  const TemporaryDirectory folder;
  const Manifest manifest = write_picture_set(folder.path(), 8, 16);
  const ImageStore store(manifest, of_size(16));
  const ImageStore reference(manifest, of_size(16));
  std::vector<std::vector<std::uint8_t>> expected;
  for (int row = 0; row < 8; ++row) expected.push_back(filled(reference, row));
  std::atomic<int> wrong{0};
  std::vector<std::thread> team;
  for (int t = 0; t < 4; ++t)
    team.emplace_back([&] {
      for (int round = 0; round < 20; ++round)
        for (int row = 0; row < 8; ++row)
          if (filled(store, row) != expected[static_cast<std::size_t>(row)]) ++wrong;
    });
  for (std::thread& member : team) member.join();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(store.cached_bytes(), 8 * 16 * 16 * 3);
}

TEST(ImageStore, NamesAMissingAnEmptyAForeignAndATruncatedImage) {
  const TemporaryDirectory folder;
  Manifest manifest = write_picture_set(folder.path(), 4, 32);
  std::filesystem::remove(folder.path() / "0.png");
  write_file_atomically(folder.path() / "1.png", "");
  write_file_atomically(folder.path() / "2.png", "this is no picture");
  const std::string whole = read_file(folder.path() / "3.png");
  write_file_atomically(folder.path() / "3.png", whole.substr(0, whole.size() / 2));
  const ImageStore store(manifest, of_size(32));
  const std::string path = folder.path().string() + "/";
  EXPECT_EQ(message_of([&] { filled(store, 0); }),
            path + "0.png: expected an image, got: No such file or directory");
  EXPECT_EQ(message_of([&] { filled(store, 1); }),
            path + "1.png: expected an image, got an empty file");
  EXPECT_EQ(message_of([&] { filled(store, 2); }),
            path + "2.png: expected an image, got 18 bytes that no decoder reads");
  EXPECT_NE(message_of([&] {
              filled(store, 3);
            }).find("3.png: expected a whole image, got one that is cut short"),
            std::string::npos);
}

TEST(ImageStore, ATruncatedJpegIsRefusedWhereverItIsCut) {
  const TemporaryDirectory folder;
  Manifest manifest = write_picture_set(folder.path(), 1, 40);
  manifest.rows[0].image = "cut.jpg";
  cv::imwrite((folder.path() / "whole.jpg").string(), testing::picture(0, 40));
  const std::string whole = read_file(folder.path() / "whole.jpg");
  for (const std::size_t size :
       {whole.size() - 1, whole.size() * 3 / 4, whole.size() / 4, std::size_t{20}}) {
    write_file_atomically(folder.path() / "cut.jpg", whole.substr(0, size));
    const ImageStore store(manifest, of_size(40));
    EXPECT_NE(message_of([&] { filled(store, 0); }).find("cut.jpg: expected a"), std::string::npos)
        << size;
  }
}

TEST(ImageStore, InlinePixelsTakeNoMemoryASecondTime) {
  Manifest manifest;
  manifest.rows.resize(2);
  manifest.inline_side = 4;
  manifest.inline_pixels.assign(32, 9);
  const ImageStore enlarging(manifest, of_size(8));
  filled(enlarging, 0);
  EXPECT_EQ(enlarging.cached_bytes(), 0);
}

TEST(ImageStore, ARowsBoxIsAllThatIsSeenOfItsImage) {
  const TemporaryDirectory folder;
  Manifest manifest = write_picture_set(folder.path(), 1, 20);
  manifest.rows[0].box = {4, 6, 8, 8};
  const ImageStore store(manifest, of_size(8));
  const std::vector<std::uint8_t> pixels = filled(store, 0);
  const cv::Vec3b expected = testing::picture(0, 20).at<cv::Vec3b>(6 + 2, 4 + 3);
  EXPECT_EQ(pixels[3 * (2 * 8 + 3)], expected[2]);
}

/// Five frames of one video and a picture, in the order 0 3 picture 1 4 2.
class StoreOfVideos : public ::testing::Test {
 protected:
  StoreOfVideos() : manifest_(write_picture_set(folder_.path(), 1, 16)) {
    cv::VideoWriter writer((folder_.path() / "v.avi").string(),
                           cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10, cv::Size(16, 16));
    for (int i = 0; i < 10; ++i) writer.write(cv::Mat(16, 16, CV_8UC3, cv::Scalar::all(20 * i)));
    manifest_.frames_per_video = 5;
    const ManifestRow picture = manifest_.rows[0];
    manifest_.rows.clear();
    for (const int frame : {0, 3, -1, 1, 4, 2}) {
      ManifestRow row;
      row.image = "v.avi";
      row.given = 0;
      row.frame = frame;
      manifest_.rows.push_back(frame < 0 ? picture : row);
    }
  }
  TemporaryDirectory folder_;
  Manifest manifest_;
};

TEST_F(StoreOfVideos, GivesEachRowItsFrameWithAndWithoutACache) {
  const ImageStore cached(manifest_, of_size(16)), uncached(manifest_, of_size(16, 0));
  for (const int row : {4, 0, 1, 2, 3, 5}) {
    EXPECT_EQ(filled(cached, row), filled(uncached, row));
    const int frame = manifest_.rows[static_cast<std::size_t>(row)].frame;
    if (frame < 0) continue;
    EXPECT_NEAR(filled(cached, row)[0], 20 * (2 * frame + 1), 2) << row;
  }
}

TEST_F(StoreOfVideos, DecodesAllFramesOfAVideoAtTheFirstVisit) {
  const ImageStore store(manifest_, of_size(16));
  const std::vector<std::uint8_t> first = filled(store, 3);
  EXPECT_EQ(store.cached_bytes(), 5 * 16 * 16);  // grey
  std::filesystem::remove(folder_.path() / "v.avi");
  for (const int row : {0, 1, 4, 5}) filled(store, row);
  EXPECT_EQ(filled(store, 3), first);
}

TEST_F(StoreOfVideos, ARowIsNotBlamedForAnotherOnesBox) {
  manifest_.rows[1].box = {100, 100, 5, 5};
  const ImageStore store(manifest_, of_size(16));
  EXPECT_EQ(message_of([&] { filled(store, 0); }), "no DataError");
  EXPECT_NE(message_of([&] { filled(store, 1); }).find("v.avi: expected a face box"),
            std::string::npos);
}

TEST_F(StoreOfVideos, OnlyTheRowsThatCannotBeReadAreDropped) {
  manifest_.rows[1].box = {100, 100, 5, 5};
  EXPECT_EQ(drop_unreadable_rows(manifest_, of_size(16), 2, [](const std::string&) {}), 1);
  EXPECT_EQ(manifest_.size(), 5);
  EXPECT_EQ(manifest_.rows[1].frame, -1);
}

TEST(ImageStore, TheAutomaticBudgetIsAQuarterOfTheAvailableMemory) {
  Manifest manifest;
  const std::int64_t before = available_memory_bytes();
  const ImageStore store(manifest, ImageStoreOptions{});
  // Other processes take and give memory meanwhile.
  EXPECT_GT(store.memory_budget_bytes(), before / 8);
  EXPECT_LT(store.memory_budget_bytes(), before / 2);
  const ImageStore given(manifest, of_size(8, 12345));
  EXPECT_EQ(given.memory_budget_bytes(), 12345);
}

/// A system whose files are in a folder. 1000 MiB are available.
class AvailableMemory : public ::testing::Test {
 protected:
  AvailableMemory() {
    write("proc/meminfo", "MemTotal: 9999999 kB\nMemAvailable:   1024000 kB\nCached: 5 kB\n");
  }
  void write(const std::string& path, const std::string& text) {
    write_file(folder_.path() / path, text);
  }
  std::int64_t mebibytes() const { return available_memory_bytes(folder_.path()) >> 20; }

  TemporaryDirectory folder_;
};

TEST_F(AvailableMemory, IsWhatTheSystemCallsAvailable) { EXPECT_EQ(mebibytes(), 1000); }

TEST_F(AvailableMemory, IsNothingWhereNothingIsKnown) {
  std::filesystem::remove_all(folder_.path() / "proc");
  EXPECT_EQ(mebibytes(), 0);
}

TEST_F(AvailableMemory, IsLimitedByTheControlGroupAndThoseAboveIt) {
  write("proc/self/cgroup", "0::/a/b\n");
  write("sys/fs/cgroup/a/b/memory.max", "max\n");
  write("sys/fs/cgroup/a/b/memory.current", "1048576\n");
  EXPECT_EQ(mebibytes(), 1000);
  write("sys/fs/cgroup/a/memory.max", "524288000\n");      // 500 MiB
  write("sys/fs/cgroup/a/memory.current", "314572800\n");  // 300 MiB
  EXPECT_EQ(mebibytes(), 200);
  write("sys/fs/cgroup/a/memory.stat", "anon 1\ninactive_file 104857600\n");  // file cache
  EXPECT_EQ(mebibytes(), 300);
  write("sys/fs/cgroup/a/memory.current", "1048576000\n");  // beyond the limit
  EXPECT_EQ(mebibytes(), 0);
}

TEST_F(AvailableMemory, IsLimitedByControlGroupsOfTheFirstVersion) {
  write("proc/self/cgroup", "9:pids:/x\n4:cpu,memory:/outside/of/the/container\n0::/\n");
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
  write("sys/fs/cgroup/memory/memory.usage_in_bytes", "10485760\n");
  EXPECT_EQ(mebibytes(), 90);
  write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  EXPECT_EQ(mebibytes(), 1000);
}

TEST(DropUnreadableRows, KeepsTheOthersInOrderAndReportsEach) {
  const TemporaryDirectory folder;
  Manifest manifest = write_picture_set(folder.path(), 6, 8);
  std::filesystem::remove(folder.path() / "1.png");
  std::filesystem::remove(folder.path() / "4.png");
  std::vector<std::string> messages;
  EXPECT_EQ(drop_unreadable_rows(manifest, of_size(8), 3,
                                 [&](const std::string& m) { messages.push_back(m); }),
            2);
  ASSERT_EQ(messages.size(), 2U);
  EXPECT_NE(messages[0].find("1.png"), std::string::npos);
  std::vector<std::string> names;
  for (const ManifestRow& row : manifest.rows) names.push_back(row.image);
  EXPECT_EQ(names, (std::vector<std::string>{"0.png", "2.png", "3.png", "5.png"}));
}

}  // namespace
}  // namespace selfcure
