#include "selfcure/data/manifest.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

Manifest two_faces(const std::string& name, const std::string& root) {
  Manifest manifest;
  manifest.name = name;
  manifest.class_names = {"calm", "glad"};
  manifest.root = root;
  manifest.rows = {{name + "/0.png", 0, kUnknownLabel}, {name + "/1.png", 1, 0}};
  return manifest;
}

Manifest two_inline_faces(const std::string& name, int side) {
  Manifest manifest = two_faces(name, "root");
  manifest.inline_side = side;
  for (int i = 0; i < 2 * side * side; ++i) {
    manifest.inline_pixels.push_back(static_cast<std::uint8_t>(name[0] + i));
  }
  return manifest;
}

std::string join_error(std::vector<Manifest> parts) {
  try {
    (void)join(std::move(parts));
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(Split, HasANameForEachValue) {
  EXPECT_STREQ(to_string(Split::kTrain), "train");
  EXPECT_STREQ(to_string(Split::kValid), "valid");
  EXPECT_STREQ(to_string(Split::kTest), "test");
}

TEST(Manifest, CountsGivenLabelsPerClassAndSkipsUnknownOnes) {
  Manifest manifest = two_faces("a", "root");
  manifest.rows.push_back({"x", 1, 0});
  manifest.rows.push_back({"y", kUnknownLabel, 1});
  manifest.class_names.push_back("sad");
  EXPECT_EQ(manifest.count_per_class(), (std::vector<std::int64_t>{1, 2, 0}));
  EXPECT_EQ(manifest.class_count(), 3);
  EXPECT_EQ(manifest.size(), 4);
}

TEST(Manifest, NamesARowWhoseLabelIsNoClass) {
  Manifest manifest = two_faces("a", "root");
  manifest.rows[1].given = 2;
  try {
    (void)manifest.count_per_class();
    FAIL() << "no DataError";
  } catch (const DataError& error) {
    EXPECT_STREQ(error.what(), "a: label 2 of 'a/1.png' is not in 0..1");
  }
}

TEST(Join, KeepsRowsInOrderAndTheRootThatAllShare) {
  const Manifest joined = join({two_faces("a", "root"), two_faces("b", "root")});
  EXPECT_EQ(joined.name, "a + b");
  EXPECT_EQ(joined.root, "root");
  EXPECT_EQ(joined.class_names, (std::vector<std::string>{"calm", "glad"}));
  ASSERT_EQ(joined.size(), 4);
  EXPECT_EQ(joined.rows[0].image, "a/0.png");
  EXPECT_EQ(joined.rows[3].image, "b/1.png");
  EXPECT_EQ(joined.rows[3].given, 1);
  EXPECT_EQ(joined.rows[3].clean, 0);
}

TEST(Join, OfOneIsTheSameManifest) {
  const Manifest joined = join({two_faces("a", "root")});
  EXPECT_EQ(joined.name, "a");
  EXPECT_EQ(joined.root, "root");
  EXPECT_EQ(joined.rows[1].image, "a/1.png");
}

TEST(Join, CarriesDifferentRootsInThePaths) {
  const Manifest joined = join({two_faces("a", "here"), two_faces("b", "there")});
  EXPECT_TRUE(joined.root.empty());
  EXPECT_EQ(joined.rows[0].image, "here/a/0.png");
  EXPECT_EQ(joined.rows[2].image, "there/b/0.png");
}

TEST(Join, AppendsInlinePixelsRowAfterRow) {
  const Manifest joined = join({two_inline_faces("a", 2), two_inline_faces("q", 2)});
  EXPECT_EQ(joined.inline_side, 2);
  EXPECT_EQ(joined.inline_pixels,
            (std::vector<std::uint8_t>{'a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'q', 'r', 's', 't',
                                       'u', 'v', 'w', 'x'}));
}

TEST(Join, RejectsInlinePixelsBesideFilesOrOfAnotherSide) {
  EXPECT_EQ(join_error({two_inline_faces("a", 2), two_faces("b", "root")}),
            "b: expected inline pixels of 2x2 as in a, got image files");
  EXPECT_EQ(join_error({two_faces("a", "root"), two_inline_faces("b", 2)}),
            "b: expected image files as in a, got inline pixels of 2x2");
  EXPECT_EQ(join_error({two_inline_faces("a", 2), two_inline_faces("b", 3)}),
            "b: expected inline pixels of 2x2 as in a, got inline pixels of 3x3");
}

TEST(Join, RejectsOtherClassesOrAnotherOrder) {
  Manifest swapped = two_faces("b", "root");
  std::swap(swapped.class_names[0], swapped.class_names[1]);
  EXPECT_EQ(join_error({two_faces("a", "root"), swapped}),
            "b: expected the classes of a, [calm, glad], got [glad, calm]");
}

TEST(Join, RejectsNothing) {
  EXPECT_EQ(join_error({}), "join: expected at least one data set, got none");
}

TEST(Manifest, KeepsRowsWithTheirPixelsAndDistributions) {
  Manifest manifest;
  manifest.class_names = {"a", "b"};
  manifest.rows = {{"x"}, {"y"}, {"z"}};
  manifest.inline_side = 2;
  manifest.inline_pixels = {0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 23};
  manifest.distributions = {1, 0, 0.5F, 0.5F, 0, 1};
  manifest.keep_rows({false, true, true});
  ASSERT_EQ(manifest.size(), 2);
  EXPECT_EQ(manifest.rows[0].image, "y");
  EXPECT_EQ(manifest.inline_pixels, (std::vector<std::uint8_t>{10, 11, 12, 13, 20, 21, 22, 23}));
  EXPECT_EQ(manifest.distributions, (std::vector<float>{0.5F, 0.5F, 0, 1}));
}

TEST(Manifest, JoinRenumbersClipsAndFillsInDistributions) {
  Manifest first;
  first.class_names = {"a", "b"};
  first.rows.resize(2);
  first.rows[0].given = 1;
  first.rows[0].clip = 4;
  first.rows[1].given = 0;
  Manifest second = first;
  second.distributions = {0.25F, 0.75F, 1, 0};
  second.frames_per_video = 8;
  const Manifest joined = join({first, second});
  EXPECT_EQ(joined.rows[0].clip, 4);
  EXPECT_EQ(joined.rows[1].clip, -1);
  EXPECT_EQ(joined.rows[2].clip, 9);
  EXPECT_EQ(joined.frames_per_video, 8);
  EXPECT_EQ(joined.distributions, (std::vector<float>{0, 1, 1, 0, 0.25F, 0.75F, 1, 0}));
  Manifest third = second;
  third.frames_per_video = 4;
  EXPECT_THROW(join({second, third}), DataError);
}

}  // namespace
}  // namespace selfcure
