#include "selfcure/data/contact_sheet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;

/// A tile of one colour.
ContactTile tile(int side, std::uint8_t red, std::uint8_t green, std::uint8_t blue) {
  ContactTile result;
  for (int i = 0; i < side * side; ++i)
    result.pixels.insert(result.pixels.end(), {red, green, blue});
  return result;
}

ContactSheet one_tile(int side) { return {"", side, {{"", {tile(side, 200, 10, 20)}}}}; }

/// Pixels of exactly this colour.
int count_of(Picture picture, const cv::Scalar& bgr) {
  const cv::Mat matrix(picture.height, picture.width, CV_8UC3, picture.pixels.data());
  cv::Mat mask;
  cv::inRange(matrix, bgr, bgr, mask);
  return cv::countNonZero(mask);
}

/// Bytes of a sheet that are neither paper nor of one_tile().
std::int64_t ink_of(const ContactSheet& sheet) {
  const Picture picture = draw_contact_sheet(sheet);
  return std::count_if(picture.pixels.begin(), picture.pixels.end(), [](std::uint8_t level) {
    return level > 20 && level != 200 && level < 250;
  });
}

std::string error_of(const ContactSheet& sheet) {
  try {
    (void)draw_contact_sheet(sheet);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

Manifest labelled(const std::vector<std::int32_t>& labels) {
  Manifest manifest;
  manifest.class_names = {"a", "b", "c"};
  for (const std::int32_t label : labels) {
    manifest.rows.emplace_back();
    manifest.rows.back().given = label;
  }
  return manifest;
}

TEST(ContactSheet, ShowsEveryImageWhole) {
  ContactSheet sheet{"heading", 100, {}};
  sheet.rows.push_back({"happy", {tile(100, 200, 10, 20), tile(100, 0, 150, 0)}});
  sheet.rows.push_back({"sad", {tile(100, 7, 8, 190)}});
  const Picture picture = draw_contact_sheet(sheet);
  EXPECT_EQ(picture.channels, 3);
  EXPECT_EQ(count_of(picture, {20, 10, 200}), 100 * 100);
  EXPECT_EQ(count_of(picture, {0, 150, 0}), 100 * 100);
  EXPECT_EQ(count_of(picture, {190, 8, 7}), 100 * 100);
}

TEST(ContactSheet, EnlargesSmallImagesByWholePixels) {
  EXPECT_EQ(count_of(draw_contact_sheet(one_tile(1)), {20, 10, 200}), 96 * 96);
  EXPECT_EQ(count_of(draw_contact_sheet(one_tile(32)), {20, 10, 200}), 96 * 96);
  EXPECT_EQ(count_of(draw_contact_sheet(one_tile(64)), {20, 10, 200}), 128 * 128);
  EXPECT_EQ(count_of(draw_contact_sheet(one_tile(97)), {20, 10, 200}), 97 * 97);
}

TEST(ContactSheet, FramesWhatItWarnsOfOutsideOfTheImage) {
  const cv::Scalar frame(30, 30, 200);
  ContactSheet sheet = one_tile(100);
  EXPECT_EQ(count_of(draw_contact_sheet(sheet), frame), 0);
  sheet.rows[0].tiles[0].warning = "is sad";
  EXPECT_GE(count_of(draw_contact_sheet(sheet), frame), 4 * 101 + 4 * 103);
  EXPECT_EQ(count_of(draw_contact_sheet(sheet), {20, 10, 200}), 100 * 100);
}

TEST(ContactSheet, WritesHeadingTitlesAndCaptions) {
  ContactSheet sheet = one_tile(100);
  EXPECT_EQ(ink_of(sheet), 0);
  const int narrow = draw_contact_sheet(sheet).width;
  sheet.rows[0].tiles[0].caption = "caption";
  const std::int64_t caption = ink_of(sheet);
  EXPECT_GT(caption, 100);
  sheet.rows[0].title = "a title\nof two lines that is longer";
  const std::int64_t title = ink_of(sheet);
  EXPECT_GT(title, caption + 100);
  const int wide = draw_contact_sheet(sheet).width;
  EXPECT_GT(wide, narrow + 50);
  sheet.heading = std::string(200, 'h');
  EXPECT_GT(ink_of(sheet), title + 100);
  EXPECT_GT(draw_contact_sheet(sheet).width, wide + 200);
}

TEST(ContactSheet, ShowsTheEndOfALongCaption) {
  ContactSheet one = one_tile(100), other = one_tile(100);
  one.rows[0].tiles[0].caption = std::string(100'000, 'w') + "0001.jpg";
  other.rows[0].tiles[0].caption = std::string(100'000, 'm') + std::string(100, 'w') + "0001.jpg";
  EXPECT_EQ(draw_contact_sheet(one).pixels, draw_contact_sheet(other).pixels);
  other.rows[0].tiles[0].caption = std::string(100'000, 'w') + "0002.jpg";
  EXPECT_NE(draw_contact_sheet(one).pixels, draw_contact_sheet(other).pixels);
}

TEST(ContactSheet, TakesAnyText) {
  ContactSheet sheet{"\xC3\xA9\xFF\n\t", 8, {{"\n\n", {tile(8, 1, 2, 3)}}}};
  sheet.rows[0].tiles[0].caption = "\xE5\xA7\x93";
  sheet.rows[0].tiles[0].warning = std::string("\0\x01", 2);
  sheet.rows.push_back({"a row without images", {}});
  EXPECT_EQ(error_of(sheet), "no DataError");
}

TEST(ContactSheet, ChecksWhatItIsGiven) {
  EXPECT_EQ(error_of({"", 0, {}}), "contact sheet: expected images of 1..1024 pixels, got 0");
  EXPECT_EQ(error_of({"", 1025, {}}), "contact sheet: expected images of 1..1024 pixels, got 1025");
  EXPECT_EQ(error_of({"", 8, {{"a", {}}}}), "contact sheet: expected images, got none");
  EXPECT_EQ(error_of({"", 8, {{"a", {tile(7, 1, 2, 3)}}}}),
            "contact sheet: expected images of 192 bytes, got one of 147");
  const ContactSheet large{"", 1, {{"", std::vector<ContactTile>(20'000, tile(1, 1, 2, 3))}}};
  EXPECT_EQ(error_of(large),
            "contact sheet: expected at most 100000000 pixels, got 2080017 x 164; take fewer "
            "images");
}

TEST(ContactSheet, LargeImagesAreReducedWhereAsked) {
  ContactSheet sheet = one_tile(200);
  EXPECT_GT(draw_contact_sheet(sheet).height, 200);
  sheet.most_shown_side = 100;
  const Picture reduced = draw_contact_sheet(sheet);
  EXPECT_EQ(reduced.height, draw_contact_sheet(one_tile(100)).height);
  EXPECT_EQ(reduced.width, draw_contact_sheet(one_tile(100)).width);
  EXPECT_EQ(reduced.pixels, draw_contact_sheet(one_tile(100)).pixels);  // of one colour
}

TEST(ContactSheet, CaptionsMayHaveSeveralLines) {
  ContactSheet sheet = one_tile(96);
  const int height = draw_contact_sheet(sheet).height;
  sheet.rows[0].tiles[0].caption = "one";
  const std::int64_t one_line = ink_of(sheet);
  EXPECT_EQ(draw_contact_sheet(sheet).height, height);
  sheet.rows[0].tiles[0].caption = "one\none\none";
  EXPECT_EQ(ink_of(sheet) - ink_of(one_tile(96)), 3 * (one_line - ink_of(one_tile(96))));
  EXPECT_EQ(draw_contact_sheet(sheet).height, height + 2 * 15);
}

TEST(ContactSheet, IsWrittenAsPng) {
  const TemporaryDirectory folder;
  const ContactSheet sheet = one_tile(8);
  write_contact_sheet(sheet, folder.path() / "sheet.png");
  const Picture drawn = draw_contact_sheet(sheet);
  const cv::Mat read = cv::imread((folder.path() / "sheet.png").string(), cv::IMREAD_UNCHANGED);
  ASSERT_EQ(read.type(), CV_8UC3);
  ASSERT_EQ(read.total() * 3, drawn.pixels.size());
  EXPECT_TRUE(std::equal(drawn.pixels.begin(), drawn.pixels.end(), read.data));
  EXPECT_THROW(write_contact_sheet(sheet, folder.path() / "no/sheet.png"), RunError);
}

TEST(PickRowsOfClass, TakesAllOrSomeOfTheClassInOrder) {
  const Manifest manifest = labelled({0, 1, 1, 2, 1, kUnknownLabel, 1, 1, 1});
  EXPECT_EQ(pick_rows_of_class(manifest, 0, 4, 1), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(pick_rows_of_class(manifest, 1, 6, 1), (std::vector<std::int64_t>{1, 2, 4, 6, 7, 8}));
  std::set<std::vector<std::int64_t>> choices;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::int64_t> rows = pick_rows_of_class(manifest, 1, 3, seed);
    ASSERT_EQ(rows.size(), 3U);
    EXPECT_TRUE(rows[0] < rows[1] && rows[1] < rows[2]);
    for (const std::int64_t row : rows)
      EXPECT_EQ(manifest.rows[static_cast<std::size_t>(row)].given, 1);
    EXPECT_EQ(pick_rows_of_class(manifest, 1, 3, seed), rows);
    choices.insert(rows);
  }
  EXPECT_GT(choices.size(), 5U);
  EXPECT_TRUE(pick_rows_of_class(manifest, 2, 0, 1).empty());
}

}  // namespace
}  // namespace selfcure
