#include "selfcure/data/inspection.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::picture;
using testing::TemporaryDirectory;
using testing::write_file;
using Bytes = std::vector<std::uint8_t>;

/// Levels that change slowly from place to place, other ones for each number: what is left of it
/// after compression is still the same picture.
cv::Mat scene(int number, int side = 64) {
  cv::Mat coarse = picture(number, 8), smooth;
  cv::resize(coarse, smooth, {side, side}, 0, 0, cv::INTER_CUBIC);
  return smooth;
}

class Inspection : public ::testing::Test {
 protected:
  Inspection() {
    manifest_.name = "set train";
    manifest_.root = folder_.path();
    manifest_.class_names = {"happy", "sad"};
  }

  fs::path at(const std::string& name) const { return folder_.path() / name; }
  void write_image(const std::string& name, const cv::Mat& image,
                   const std::vector<int>& parameters = {}) {
    ASSERT_TRUE(cv::imwrite(at(name).string(), image, parameters)) << name;
  }
  ManifestRow& add(const std::string& name, std::int32_t given = 0) {
    manifest_.rows.push_back({name, given});
    return manifest_.rows.back();
  }
  ImageInspection inspect(int threads = 2) const { return inspect_images(manifest_, threads, {}); }

  static Bytes bytes_of(const std::string& text) { return {text.begin(), text.end()}; }
  ImageFormat format_of(const std::string& name) const {
    return image_format(bytes_of(read_file(at(name))));
  }

  TemporaryDirectory folder_;
  Manifest manifest_;
};

void expect_format(const ImageFormat& format, const ImageFormat& expected, const char* name) {
  EXPECT_TRUE(format == expected) << name << ": got " << format.width << " x " << format.height
                                  << ", " << format.channels << " channels of " << format.bits
                                  << " bits";
}

TEST_F(Inspection, ReadsTheFormatOfFiles) {
  const auto check = [&](const char* name, int type, const ImageFormat& expected) {
    write_image(name, cv::Mat(5, 7, type, cv::Scalar::all(100)));
    expect_format(format_of(name), expected, name);
  };
  check("grey.png", CV_8UC1, {7, 5, 1, 8});
  check("colour.png", CV_8UC3, {7, 5, 3, 8});
  check("alpha.png", CV_8UC4, {7, 5, 4, 8});
  check("sixteen.png", CV_16UC3, {7, 5, 3, 16});
  check("grey.jpg", CV_8UC1, {7, 5, 1, 8});
  check("colour.jpg", CV_8UC3, {7, 5, 3, 8});
  check("colour.bmp", CV_8UC3, {7, 5, 3, 8});
  check("sixteen.tif", CV_16UC1, {7, 5, 1, 16});
  check("grey.pgm", CV_8UC1, {7, 5, 1, 8});
}

TEST_F(Inspection, ReadsTheFormatFromHeadersAlone) {
  std::string png("\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x4e\x20\0\0\0\x01\x01\x03\0\0\0", 29);
  expect_format(image_format(bytes_of(png)), {20000, 1, 3, 8}, "palette of two colours");
  png[24] = 16;
  png[25] = 4;
  expect_format(image_format(bytes_of(png)), {20000, 1, 2, 16}, "grey and alpha");
  const std::string cmyk("\xFF\xD8\xFF\xEE\0\x04xx\xFF\xFF\xC2\0\x14\x08\x01\x02\x03\x04\x04", 19);
  expect_format(image_format(bytes_of(cmyk)), {0x0304, 0x0102, 4, 8}, "CMYK");
  expect_format(image_format(bytes_of("P5 20000 20000 255\n")), {20000, 20000, 0, 0},
                "too large to look into");
}

TEST_F(Inspection, TakesAnyBytesForNoImage) {
  for (const std::string& text :
       {std::string(), std::string("text"), std::string("\xFF\xD8\xFF\xC0", 4),
        std::string("\xFF\xD8\xFF\xEE\0\0\0\0\0\0\0\0\0\0", 14), std::string("\x89PNG\r\n\x1a\n"),
        std::string("P5 99999999999 99999999999 255\n"), std::string("BM")}) {
    expect_format(image_format(bytes_of(text)), {}, text.c_str());
  }
}

TEST_F(Inspection, FindsMissingAndUnreadableImages) {
  write_image("good.png", scene(1));
  write_image("cut.jpg", scene(2));
  const std::string whole = read_file(at("cut.jpg"));
  write_file(at("cut.jpg"), whole.substr(0, whole.size() / 2));
  write_file(at("text.png"), "text");
  write_file(at("empty.png"), "");
  fs::create_directories(at("folder.png"));
  ASSERT_EQ(mkfifo(at("pipe.png").c_str(), 0600), 0);
  for (const char* name : {"good.png", "gone.png", "cut.jpg", "text.png", "empty.png", "folder.png",
                           "pipe.png", "no/such/folder.png"})
    add(name);
  for (const int threads : {1, 4}) {
    const ImageInspection inspection = inspect(threads);
    ASSERT_EQ(inspection.images.size(), 8U);
    ASSERT_EQ(inspection.problems.size(), 7U);
    const std::vector<ImageState> states = {ImageState::kMissing,    ImageState::kUnreadable,
                                            ImageState::kUnreadable, ImageState::kUnreadable,
                                            ImageState::kUnreadable, ImageState::kUnreadable,
                                            ImageState::kMissing};
    for (std::size_t i = 0; i < states.size(); ++i) {
      const ImageProblem& problem = inspection.problems[i];
      EXPECT_EQ(problem.row, static_cast<std::int64_t>(i) + 1);
      EXPECT_EQ(problem.state, states[i]) << problem.reason;
      EXPECT_EQ(problem.reason.find(at(manifest_.rows[i + 1].image).string() + ": "), 0U)
          << problem.reason;
      EXPECT_EQ(problem.reason.find('\n'), std::string::npos);
    }
    EXPECT_EQ(inspection.images[0].state, ImageState::kReadable);
  }
}

TEST_F(Inspection, CountsFormatsTheCommonestFirst) {
  for (int i = 0; i < 3; ++i) {
    write_image(std::to_string(i) + ".png", scene(i, 40));
    add(std::to_string(i) + ".png");
  }
  write_image("small.png", scene(7, 20));
  add("small.png");
  write_file(at("bad.png"), read_file(at("small.png")).substr(0, 60));
  add("bad.png");
  const std::vector<FormatCount> formats = count_formats(inspect());
  ASSERT_EQ(formats.size(), 2U) << "images that cannot be read do not count";
  expect_format(formats[0].format, {40, 40, 3, 8}, "first");
  EXPECT_EQ(formats[0].count, 3);
  EXPECT_EQ(formats[1].count, 1);
}

TEST_F(Inspection, ReportsItsProgress) {
  for (int i = 0; i < 5; ++i) {
    write_image(std::to_string(i) + ".png", scene(i));
    add(std::to_string(i) + ".png");
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> calls;
  inspect_images(manifest_, 1,
                 [&](std::int64_t done, std::int64_t total) { calls.emplace_back(done, total); });
  const std::vector<std::pair<std::int64_t, std::int64_t>> expected = {{1, 5}, {2, 5}, {3, 5},
                                                                       {4, 5}, {5, 5}, {5, 5}};
  EXPECT_EQ(calls, expected);
}

TEST_F(Inspection, LooksAtInlinePixels) {
  manifest_.inline_side = 48;
  for (int i = 0; i < 3; ++i) {
    add("row " + std::to_string(i));
    const cv::Mat image = scene(i == 2 ? 0 : i, 48);
    for (int pixel = 0; pixel < 48 * 48; ++pixel)
      manifest_.inline_pixels.push_back(image.data[3 * pixel]);
  }
  const ImageInspection inspection = inspect();
  EXPECT_TRUE(inspection.problems.empty());
  expect_format(inspection.images[1].format, {48, 48, 1, 8}, "inline");
  const DuplicateReport report = find_duplicates({{manifest_, inspection}}, std::nullopt);
  ASSERT_EQ(report.same.size(), 1U);
  EXPECT_EQ(report.same[0].images[0].row, 0);
  EXPECT_EQ(report.same[0].images[1].row, 2);
}

TEST_F(Inspection, TellsPartsOfOneFileApart) {
  write_image("two.png", scene(1, 128));
  add("two.png").box = {0, 0, 64, 64};
  add("two.png").box = {64, 64, 64, 64};
  add("two.png").box = {0, 0, 64, 64};
  add("two.png").box = {500, 500, 9, 9};
  const ImageInspection inspection = inspect();
  ASSERT_EQ(inspection.problems.size(), 1U);
  EXPECT_EQ(inspection.problems[0].row, 3);
  const DuplicateReport report = find_duplicates({{manifest_, inspection}}, NearDuplicateOptions());
  ASSERT_EQ(report.same.size(), 1U);
  EXPECT_EQ(report.same[0].images.size(), 2U);
  EXPECT_EQ(report.same[0].images[1].row, 2);
  EXPECT_TRUE(report.near.empty());
}

TEST_F(Inspection, LooksAtTheFramesOfAVideo) {
  {
    cv::VideoWriter writer(at("clip.avi").string(), cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10,
                           cv::Size(64, 64));
    ASSERT_TRUE(writer.isOpened());
    for (int i = 0; i < 4; ++i) writer.write(scene(i));
  }
  write_file(at("bad.avi"), "no video");
  manifest_.frames_per_video = 4;
  for (const char* name : {"clip.avi", "bad.avi"}) {
    for (std::int32_t frame = 0; frame < 4; ++frame) add(name).frame = frame;
  }
  const ImageInspection inspection = inspect();
  ASSERT_EQ(inspection.problems.size(), 4U);
  EXPECT_EQ(inspection.problems[0].row, 4);
  EXPECT_TRUE(count_formats(inspection).empty()) << "unknown of videos";
  EXPECT_FALSE(inspection.images[0].bytes == inspection.images[1].bytes);
  EXPECT_NE(inspection.images[0].fingerprint.hash, inspection.images[1].fingerprint.hash);
}

TEST_F(Inspection, FindsDuplicatesWithinAndAcrossParts) {
  for (int i = 0; i < 4; ++i) write_image("scene" + std::to_string(i) + ".png", scene(i));
  write_image("again1.jpg", scene(1), {cv::IMWRITE_JPEG_QUALITY, 60});
  fs::copy_file(at("scene0.png"), at("copy0.png"));
  fs::copy_file(at("scene0.png"), at("copy0_of_test.png"));
  fs::copy_file(at("again1.jpg"), at("again1_copy.jpg"));
  add("scene0.png", 0);
  add("scene1.png", 0);
  add("copy0.png", 1);
  add("scene2.png", 0);
  add("again1.jpg", 0);
  add("again1_copy.jpg", 0);
  Manifest test = manifest_;
  test.name = "set test";
  test.class_names = {"sad", "happy"};  // compared by name
  test.rows = {{"scene3.png", 0}, {"copy0_of_test.png", 1}};
  const ImageInspection train_images = inspect();
  const ImageInspection test_images = inspect_images(test, 1, {});
  const std::vector<InspectedPart> parts = {{manifest_, train_images}, {test, test_images}};
  const DuplicateReport report = find_duplicates(parts, NearDuplicateOptions());

  ASSERT_EQ(report.same.size(), 2U);
  ASSERT_EQ(report.same[0].images.size(), 3U);
  EXPECT_EQ(report.same[0].images[1].row, 2);
  EXPECT_EQ(report.same[0].images[2].part, 1U);
  EXPECT_EQ(report.same[0].images[2].row, 1);
  EXPECT_TRUE(report.same[0].conflicting);
  EXPECT_TRUE(report.same[0].leak);
  EXPECT_FALSE(report.same[1].conflicting);
  EXPECT_FALSE(report.same[1].leak);
  EXPECT_EQ(surplus_images(report.same), 3);

  ASSERT_EQ(report.near.size(), 1U) << "with the copies of its images";
  ASSERT_EQ(report.near[0].images.size(), 3U);
  EXPECT_EQ(report.near[0].images[0].row, 1);
  EXPECT_EQ(report.near[0].images[1].row, 4);
  EXPECT_EQ(report.near[0].images[2].row, 5);
  EXPECT_TRUE(find_duplicates(parts, std::nullopt).near.empty());

  const std::vector<LeakCount> leaks = count_leaks(report.same, 2);
  ASSERT_EQ(leaks.size(), 1U);
  EXPECT_EQ(leaks[0].part, 1U);
  EXPECT_EQ(leaks[0].seen, 0U);
  EXPECT_EQ(leaks[0].images_of_part, 1);
  EXPECT_EQ(leaks[0].images_of_seen, 2);
  EXPECT_TRUE(count_leaks(report.near, 2).empty());
}

TEST_F(Inspection, ExpectsFramesOfAClipToLookAlike) {
  write_image("a.png", scene(1));
  fs::copy_file(at("a.png"), at("b.png"));
  write_image("c.jpg", scene(1), {cv::IMWRITE_JPEG_QUALITY, 60});
  add("a.png").clip = 3;
  add("b.png").clip = 3;
  add("c.jpg").clip = 3;
  const ImageInspection one_clip = inspect();
  const DuplicateReport none = find_duplicates({{manifest_, one_clip}}, NearDuplicateOptions());
  EXPECT_TRUE(none.same.empty());
  EXPECT_TRUE(none.near.empty());
  manifest_.rows[1].clip = 4;
  manifest_.rows[2].clip = 5;
  const DuplicateReport some = find_duplicates({{manifest_, one_clip}}, NearDuplicateOptions());
  EXPECT_EQ(some.same.size(), 1U);
  EXPECT_EQ(some.near.size(), 1U);
  // A clip of the other part with the same number is another one.
  manifest_.rows[1].clip = manifest_.rows[2].clip = 3;
  const DuplicateReport across =
      find_duplicates({{manifest_, one_clip}, {manifest_, one_clip}}, std::nullopt);
  ASSERT_EQ(across.same.size(), 2U);
  EXPECT_TRUE(across.same[0].leak);
}

TEST_F(Inspection, ComparesGivenAndCleanLabels) {
  EXPECT_FALSE(label_agreement(manifest_));
  add("a", 0);
  EXPECT_FALSE(label_agreement(manifest_)) << "no clean labels";
  add("b", 1).clean = 0;
  add("c", 1).clean = 1;
  add("d", kUnknownLabel).clean = 1;
  add("e", 0).clean = 0;
  const std::optional<LabelAgreement> labels = label_agreement(manifest_);
  ASSERT_TRUE(labels);
  EXPECT_EQ(labels->compared, 3);
  EXPECT_EQ(labels->agreeing, 2);
  EXPECT_DOUBLE_EQ(labels->share(), 2.0 / 3);
  EXPECT_EQ(labels->confusion, (std::vector<std::vector<std::int64_t>>{{1, 1}, {0, 1}}));
  add("f.png", 2).clean = 0;
  try {
    (void)label_agreement(manifest_);
    FAIL() << "expected a DataError";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "set train: expected a label in 0..1 for 'f.png', got 2");
  }
}

TEST_F(Inspection, GivesTheSameForAnyNumberOfThreads) {
  for (int i = 0; i < 30; ++i) {
    write_image(std::to_string(i) + ".png", scene(i));
    add(std::to_string(i) + ".png");
  }
  const ImageInspection one = inspect(1), many = inspect(6);
  for (std::size_t i = 0; i < one.images.size(); ++i) {
    EXPECT_TRUE(one.images[i].bytes == many.images[i].bytes);
    EXPECT_EQ(one.images[i].fingerprint.hash, many.images[i].fingerprint.hash);
    EXPECT_EQ(one.images[i].fingerprint.thumbnail, many.images[i].fingerprint.thumbnail);
  }
}

}  // namespace
}  // namespace selfcure
