#include "selfcure/data/demo_faces.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <sstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

constexpr int kSide = 48;

DemoFaceKey key_of(std::int64_t index, std::uint64_t seed = 1) {
  DemoFaceKey key;
  key.seed = seed;
  key.index = index;
  return key;
}

DemoDataOptions small_set(const fs::path& root) {
  DemoDataOptions options;
  options.root = root;
  options.train_count = 9;
  options.test_count = 4;
  options.side = 32;
  return options;
}

bool same_pixels(const cv::Mat& a, const cv::Mat& b) {
  return a.size() == b.size() && a.type() == b.type() && cv::norm(a, b, cv::NORM_INF) == 0;
}

std::string bytes_of(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::map<std::string, std::string> files_of(const fs::path& root) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_regular_file()) continue;
    files[fs::relative(entry.path(), root).generic_string()] = bytes_of(entry.path());
  }
  return files;
}

std::vector<std::vector<std::string>> table_of(const fs::path& path, char separator) {
  std::vector<std::vector<std::string>> rows;
  std::istringstream text(bytes_of(path));
  for (std::string line; std::getline(text, line);) {
    std::istringstream fields(line);
    rows.emplace_back();
    for (std::string field; std::getline(fields, field, separator);) rows.back().push_back(field);
  }
  return rows;
}

std::string message_of(const DemoDataOptions& options) {
  try {
    write_demo_data(options);
  } catch (const DataError& error) {
    return error.what();
  }
  return "";
}

TEST(DemoFaces, SameKeyGivesSamePixels) {
  const DemoFace first = draw_demo_face(key_of(3), kSide);
  draw_demo_face(key_of(11), kSide);
  const DemoFace again = draw_demo_face(key_of(3), kSide);
  EXPECT_EQ(first.image.size(), cv::Size(kSide, kSide));
  EXPECT_EQ(first.image.type(), CV_8UC3);
  EXPECT_TRUE(same_pixels(first.image, again.image));
  EXPECT_EQ(first.truth.intensity, again.truth.intensity);
}

TEST(DemoFaces, EveryPartOfTheKeyMatters) {
  const DemoFace face = draw_demo_face(key_of(3), kSide);
  DemoFaceKey test_face = key_of(3);
  test_face.split = DemoSplit::kTest;
  EXPECT_FALSE(same_pixels(face.image, draw_demo_face(key_of(4), kSide).image));
  EXPECT_FALSE(same_pixels(face.image, draw_demo_face(key_of(3, 2), kSide).image));
  EXPECT_FALSE(same_pixels(face.image, draw_demo_face(test_face, kSide).image));
}

TEST(DemoFaces, AnotherSideShowsTheSameFace) {
  for (std::int64_t index = 0; index < 4; ++index) {
    const DemoFace large = draw_demo_face(key_of(index), 128);
    const DemoFace small = draw_demo_face(key_of(index), 64);
    EXPECT_EQ(large.truth.label, small.truth.label);
    const double level = cv::mean(small.image)[1];
    EXPECT_NEAR(cv::mean(large.image)[1], level, 4.0);
  }
}

TEST(DemoFaces, PicturesHaveContrast) {
  for (std::int64_t index = 0; index < 10; ++index) {
    cv::Scalar mean, deviation;
    cv::meanStdDev(draw_demo_face(key_of(index), kSide).image, mean, deviation);
    EXPECT_GT(deviation[1], 10.0) << index;
    EXPECT_GT(mean[1], 15.0) << index;
    EXPECT_LT(mean[1], 240.0) << index;
  }
}

TEST(DemoFaces, TruthIsInRange) {
  int ambiguous = 0;
  for (std::int64_t index = 0; index < 40; ++index) {
    const DemoTruth truth = draw_demo_face(key_of(index), 32).truth;
    EXPECT_GE(truth.label, 1);
    EXPECT_LE(truth.label, 7);
    EXPECT_GE(truth.second_label, 1);
    EXPECT_LE(truth.second_label, 7);
    EXPECT_NE(truth.label, truth.second_label);
    EXPECT_GT(truth.intensity, 0.0);
    EXPECT_LE(truth.intensity, 1.0);
    EXPECT_GE(truth.ambiguity, 0.0);
    EXPECT_LT(truth.ambiguity, 0.5);
    EXPECT_LT(std::abs(truth.yaw_degrees), 45.0);
    EXPECT_GE(truth.light_contrast, 0.0);
    EXPECT_LE(truth.light_contrast, 1.0);
    ambiguous += truth.ambiguity > 0.2 ? 1 : 0;
  }
  EXPECT_GT(ambiguous, 1);
  EXPECT_LT(ambiguous, 20);
}

TEST(DemoFaces, AmbiguityDecidesTheShareOfAmbiguousFaces) {
  for (const double share : {0.0, 1.0}) {
    DemoFaceKey key;
    key.ambiguity = share;
    for (key.index = 0; key.index < 12; ++key.index) {
      EXPECT_EQ(draw_demo_face(key, 32).truth.ambiguity > 0.2, share == 1.0);
    }
  }
}

TEST(DemoFaces, EachBlockHoldsTheClassesInTheirShares) {
  std::array<std::int64_t, 8> counts{};
  for (std::int64_t index = 25; index < 50; ++index) {
    ++counts[static_cast<std::size_t>(draw_demo_face(key_of(index), 32).truth.label)];
  }
  for (std::size_t i = 0; i < kDemoClassOrder.size(); ++i) {
    EXPECT_EQ(counts[static_cast<std::size_t>(kDemoClassOrder[i])], kDemoClassShares[i]);
  }
}

// Pins the random numbers: they must not change with the standard library.
TEST(DemoFaces, LabelsOfSeedOneAreTheKnownOnes) {
  std::vector<int> labels;
  for (std::int64_t index = 0; index < 10; ++index) {
    labels.push_back(draw_demo_face(key_of(index), 32).truth.label);
  }
  EXPECT_EQ(labels, (std::vector<int>{1, 1, 4, 7, 3, 6, 1, 4, 3, 5}));
}

TEST(DemoFaces, RefusesWhatIsOutOfRange) {
  EXPECT_THROW(draw_demo_face(key_of(-1), kSide), DataError);
  EXPECT_THROW(draw_demo_face(key_of(0), 31), DataError);
  EXPECT_THROW(draw_demo_face(key_of(0), 513), DataError);
  DemoFaceKey key;
  key.class_count = 8;
  EXPECT_THROW(draw_demo_face(key, kSide), DataError);
  EXPECT_THROW(draw_demo_contact_sheet(1, 1, 4, kSide), DataError);
  EXPECT_THROW(draw_demo_contact_sheet(1, 7, 1, kSide), DataError);
  EXPECT_THROW(demo_class_name(0), DataError);
}

TEST(DemoFaces, ContactSheetHasARowPerClass) {
  const cv::Mat two = draw_demo_contact_sheet(1, 2, 2, 32);
  const cv::Mat three = draw_demo_contact_sheet(1, 3, 2, 32);
  EXPECT_EQ(two.type(), CV_8UC3);
  EXPECT_GE(three.rows, two.rows + 32);
  EXPECT_EQ(three.cols, two.cols);
}

TEST(DemoData, ListTruthAndPicturesAgree) {
  const TemporaryDirectory folder;
  const DemoDataOptions options = small_set(folder.path() / "deep" / "set");
  std::vector<std::int64_t> steps;
  const DemoDataSummary summary =
      write_demo_data(options, [&](std::int64_t done, std::int64_t total) {
        EXPECT_EQ(total, 13);
        steps.push_back(done);
      });
  EXPECT_FALSE(summary.already_there);
  ASSERT_EQ(steps.size(), 13U);
  EXPECT_TRUE(std::is_sorted(steps.begin(), steps.end()));
  EXPECT_EQ(steps.back(), 13);

  const auto list = table_of(summary.list, ' ');
  const auto truth = table_of(summary.truth, ',');
  ASSERT_EQ(list.size(), 13U);
  ASSERT_EQ(truth.size(), 14U);
  EXPECT_EQ(list.front().front(), "train_00001.jpg");
  EXPECT_EQ(list[9].front(), "test_00001.jpg");
  std::array<std::int64_t, 8> counts{};
  for (std::size_t i = 0; i < list.size(); ++i) {
    ASSERT_EQ(list[i].size(), 2U);
    ASSERT_EQ(truth[i + 1].size(), truth[0].size());
    EXPECT_EQ(list[i][0], truth[i + 1][0]);
    EXPECT_EQ(list[i][1], truth[i + 1][1]);
    const int label = std::stoi(list[i][1]);
    EXPECT_EQ(truth[i + 1][2], demo_class_name(label));
    ++counts[static_cast<std::size_t>(label)];
    const std::string stem = list[i][0].substr(0, list[i][0].size() - 4);
    const cv::Mat image =
        cv::imread((options.root / "Image" / "aligned" / (stem + "_aligned.jpg")).string());
    EXPECT_EQ(image.size(), cv::Size(32, 32)) << stem;
  }
  EXPECT_EQ(counts, summary.label_counts);
  EXPECT_EQ(files_of(options.root).size(), 13U + 3U);
}

TEST(DemoData, ThreadsDoNotChangeTheBytes) {
  const TemporaryDirectory folder;
  DemoDataOptions options = small_set(folder.path() / "one");
  options.threads = 1;
  write_demo_data(options);
  options.root = folder.path() / "four";
  options.threads = 4;
  write_demo_data(options);
  EXPECT_EQ(files_of(folder.path() / "one"), files_of(folder.path() / "four"));
}

TEST(DemoData, SecondCallWritesNothing) {
  const TemporaryDirectory folder;
  const DemoDataOptions options = small_set(folder.path() / "set");
  const DemoDataSummary first = write_demo_data(options);
  fs::remove(options.root / "Image" / "aligned" / "train_00001_aligned.jpg");
  const DemoDataSummary second =
      write_demo_data(options, [](std::int64_t, std::int64_t) { FAIL(); });
  EXPECT_TRUE(second.already_there);
  EXPECT_EQ(second.label_counts, first.label_counts);
  EXPECT_FALSE(fs::exists(options.root / "Image" / "aligned" / "train_00001_aligned.jpg"));
}

TEST(DemoData, RefusesAFolderThatHoldsAnythingElse) {
  const TemporaryDirectory folder;
  const DemoDataOptions options = small_set(folder.path());
  testing::write_file(folder.path() / "thesis.txt", "years of work");
  EXPECT_NE(message_of(options).find("other files"), std::string::npos);
  EXPECT_EQ(files_of(folder.path()).size(), 1U);
}

TEST(DemoData, RefusesASetOfOtherOptions) {
  const TemporaryDirectory folder;
  DemoDataOptions options = small_set(folder.path() / "set");
  write_demo_data(options);
  const auto before = files_of(options.root);
  options.seed = 2;
  EXPECT_NE(message_of(options).find("other options"), std::string::npos);
  EXPECT_EQ(files_of(options.root), before);
}

TEST(DemoData, FewerClassesAreTheFirstOfTheOrder) {
  const TemporaryDirectory folder;
  DemoDataOptions options = small_set(folder.path() / "set");
  options.class_count = 3;
  options.train_count = 15;
  const DemoDataSummary summary = write_demo_data(options);
  std::set<std::string> labels, seconds;
  for (const auto& row : table_of(summary.list, ' ')) labels.insert(row.at(1));
  auto truth = table_of(summary.truth, ',');
  for (std::size_t i = 1; i < truth.size(); ++i) seconds.insert(truth[i].at(5));
  const std::set<std::string> wanted = {"4", "5", "7"};
  EXPECT_EQ(labels, wanted);
  EXPECT_TRUE(std::includes(wanted.begin(), wanted.end(), seconds.begin(), seconds.end()));
}

TEST(DemoData, SaysWhichPlaceCannotBeWritten) {
  const TemporaryDirectory folder;
  testing::write_file(folder.path() / "file", "not a folder");
  DemoDataOptions options = small_set(folder.path() / "file" / "set");
  EXPECT_NE(message_of(options).find("file"), std::string::npos);
  options.root = folder.path() / "file";
  EXPECT_NE(message_of(options).find("got a file"), std::string::npos);
  options.root.clear();
  EXPECT_NE(message_of(options), "");
}

TEST(DemoData, RefusesOptionsOutOfRange) {
  const TemporaryDirectory folder;
  const auto refused = [&](auto change) {
    DemoDataOptions options = small_set(folder.path() / "set");
    change(options);
    return !message_of(options).empty();
  };
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.train_count = 0; }));
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.test_count = 100000; }));
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.class_count = 1; }));
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.side = 16; }));
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.ambiguity = 1.5; }));
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.jpeg_quality = 0; }));
  EXPECT_TRUE(refused([](DemoDataOptions& o) { o.threads = -1; }));
  EXPECT_FALSE(fs::exists(folder.path() / "set"));
}

TEST(DemoData, ASetThatWasCutShortIsDrawnAgainByTheSameCallAlone) {
  const TemporaryDirectory folder;
  DemoDataOptions options = small_set(folder.path() / "set");
  EXPECT_THROW(write_demo_data(options,
                               [](std::int64_t done, std::int64_t) {
                                 if (done == 3) throw std::runtime_error("stop");
                               }),
               std::runtime_error);
  EXPECT_FALSE(fs::exists(options.root / "demo_data.json"));
  options.seed = 2;
  EXPECT_NE(message_of(options).find("other files"), std::string::npos);
  options.seed = 1;
  write_demo_data(options);
  DemoDataOptions fresh = options;
  fresh.root = folder.path() / "fresh";
  write_demo_data(fresh);
  EXPECT_EQ(files_of(options.root), files_of(fresh.root));
}

}  // namespace
}  // namespace selfcure
