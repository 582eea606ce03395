#include "selfcure/data/demo_layouts.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <opencv2/imgcodecs.hpp>
#include <set>

#include "selfcure/core/errors.h"
#include "selfcure/data/image_store.h"
#include "selfcure/data/sources.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

class DemoLayouts : public ::testing::Test {
 protected:
  /// Draws a small set, the reader's name being the layout's.
  SourceOptions draw(DemoLayout layout, Dataset dataset) {
    options_.root = folder_.path() / demo_layout_name(layout);
    options_.train_count = 50;
    options_.test_count = 25;
    options_.side = 32;
    EXPECT_TRUE(write_demo_layout(options_, layout));
    SourceOptions source;
    source.dataset = dataset;
    source.root = options_.root;
    return source;
  }

  /// Every image of a set can be decoded.
  static void expect_readable(const Manifest& manifest) {
    ImageStoreOptions options;
    options.image_size = 16;
    const ImageStore images(manifest, options);
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(images.image_bytes()));
    for (std::int64_t row = 0; row < manifest.size(); ++row) {
      EXPECT_NO_THROW(images.fill(row, pixels.data())) << row;
    }
  }

  testing::TemporaryDirectory folder_;
  DemoDataOptions options_;
};

TEST_F(DemoLayouts, FerPlusIsReadFromFoldersAndFromTables) {
  SourceOptions source = draw(DemoLayout::kFerPlus, Dataset::kFerPlus);
  source.pixels = FerPlusPixels::kFolders;
  const Manifest folders = read_source(source, Split::kTrain);
  source.pixels = FerPlusPixels::kCsv;
  const Manifest tables = read_source(source, Split::kTrain);
  EXPECT_GT(folders.size(), 30);
  EXPECT_LT(folders.size(), 50);  // the face that gets votes for NF, and those without a majority
  ASSERT_EQ(folders.size(), tables.size());
  for (std::size_t i = 0; i < tables.rows.size(); ++i) {
    EXPECT_EQ(folders.rows[i].given, tables.rows[i].given);
  }
  expect_readable(folders);
  // The same pixels in both forms.
  const cv::Mat png =
      cv::imread((folders.root / folders.rows[0].image).string(), cv::IMREAD_UNCHANGED);
  ASSERT_EQ(png.total(), 48U * 48U);
  EXPECT_TRUE(std::equal(png.datastart, png.dataend, tables.inline_pixels.begin()));
  const std::vector<std::int64_t> counts = folders.count_per_class();
  EXPECT_GT(counts[7], 0);  // contempt
  EXPECT_GT(read_source(source, Split::kValid).size(), 15);
  EXPECT_GT(read_source(source, Split::kTest).size(), 15);
}

TEST_F(DemoLayouts, FerPlusHasVotesAndOriginalLabels) {
  SourceOptions source = draw(DemoLayout::kFerPlus, Dataset::kFerPlus);
  source.labels = FerPlusLabels::kProbability;
  const Manifest votes = read_source(source, Split::kTrain);
  EXPECT_EQ(votes.label_use, LabelUse::kDraw);
  EXPECT_EQ(votes.distributions.size(), 8 * votes.rows.size());
  source.labels = FerPlusLabels::kFer2013;
  const Manifest original = read_source(source, Split::kTrain);
  const auto wrong = std::count_if(original.rows.begin(), original.rows.end(),
                                   [](const ManifestRow& row) { return row.given != row.clean; });
  EXPECT_GT(wrong, 5);
  EXPECT_LT(wrong, 30);
}

TEST_F(DemoLayouts, AffectNet2017HasBoxesThatHoldTheFaces) {
  const SourceOptions source = draw(DemoLayout::kAffectNet2017, Dataset::kAffectNet2017);
  const Manifest train = read_source(source, Split::kTrain);
  EXPECT_EQ(train.size(), 47);  // of each 50, three are of no expression or no face
  EXPECT_EQ(train.class_count(), 8);
  std::set<int> corners;
  for (const ManifestRow& row : train.rows) {
    EXPECT_EQ(row.box.width, 32);
    EXPECT_LE(row.box.x + row.box.width, 64);
    corners.insert(row.box.x);
  }
  EXPECT_GT(corners.size(), 10U);
  expect_readable(train);
  EXPECT_EQ(read_source(source, Split::kTest).size(), 25);
}

TEST_F(DemoLayouts, AffectNet2021HasBothFormsOfAnnotations) {
  SourceOptions source = draw(DemoLayout::kAffectNet2021, Dataset::kAffectNet2021);
  const Manifest train = read_source(source, Split::kTrain);
  EXPECT_EQ(train.size(), 50);
  EXPECT_EQ(train.count_per_class()[7], 2);
  expect_readable(train);
  const Manifest test = read_source(source, Split::kTest);
  EXPECT_EQ(test.size(), 25);
  expect_readable(test);
  source.contempt = false;
  EXPECT_EQ(read_source(source, Split::kTrain).size(), 48);
}

TEST_F(DemoLayouts, WebEmotionHasClipsOfEightFramesInFoldersVideosAndTheTable) {
  SourceOptions source = draw(DemoLayout::kWebEmotion, Dataset::kWebEmotion);
  source.test_share = 0.3;
  const Manifest train = read_source(source, Split::kTrain);
  const Manifest test = read_source(source, Split::kTest);
  EXPECT_EQ(train.size() + test.size(), 80);  // ten clips of eight frames
  EXPECT_EQ(train.class_count(), 8);
  EXPECT_EQ(train.size() % 8, 0);
  EXPECT_GT(test.size(), 0);
  expect_readable(train);
  expect_readable(test);
  const auto videos = [](const Manifest& set) {
    return std::count_if(set.rows.begin(), set.rows.end(),
                         [](const ManifestRow& row) { return row.frame == 0; });
  };
  EXPECT_EQ(videos(train) + videos(test), 2);
  source.clip_table = "manifest.csv";
  const Manifest from_table = read_source(source, Split::kTrain);
  EXPECT_EQ(from_table.size(), train.size());
}

TEST_F(DemoLayouts, FoldersAreReadWithTheirClasses) {
  const SourceOptions source = draw(DemoLayout::kFolders, Dataset::kFolders);
  const Manifest train = read_source(source, Split::kTrain);
  EXPECT_EQ(train.size(), 50);
  EXPECT_EQ(train.class_count(), 7);
  expect_readable(train);
  EXPECT_EQ(read_source(source, Split::kTest).size(), 25);
}

TEST_F(DemoLayouts, RafDbIsTheUsualDemoSet) {
  const SourceOptions source = draw(DemoLayout::kRafDb, Dataset::kRafDb);
  EXPECT_EQ(read_source(source, Split::kTrain).size(), 50);
}

TEST_F(DemoLayouts, TheSameSetIsNotDrawnAgainAndAnotherIsRefused) {
  draw(DemoLayout::kFolders, Dataset::kFolders);
  EXPECT_FALSE(write_demo_layout(options_, DemoLayout::kFolders));
  EXPECT_THROW(write_demo_layout(options_, DemoLayout::kAffectNet2021), DataError);
  options_.seed = 2;
  EXPECT_THROW(write_demo_layout(options_, DemoLayout::kFolders), DataError);
}

TEST_F(DemoLayouts, TheSameOptionsGiveTheSameBytesOnAnyNumberOfThreads) {
  const auto bytes_of = [](const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  };
  std::vector<std::string> tables;
  for (const int threads : {1, 3}) {
    DemoDataOptions options;
    options.root = folder_.path() / std::to_string(threads);
    options.train_count = 20;
    options.test_count = 10;
    options.side = 32;
    options.threads = threads;
    write_demo_layout(options, DemoLayout::kFerPlus);
    tables.push_back(bytes_of(options.root / "fer2013.csv") +
                     bytes_of(options.root / "fer2013new.csv") +
                     bytes_of(options.root / "demo_truth.csv"));
  }
  EXPECT_GT(tables[0].size(), 100000U);
  EXPECT_EQ(tables[0], tables[1]);
}

}  // namespace
}  // namespace selfcure
