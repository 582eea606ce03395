#include "selfcure/data/image_store.h"

#include <gtest/gtest.h>

#include <opencv2/imgproc.hpp>
#include <thread>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
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
