#include "selfcure/data/confusion_picture.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <opencv2/imgcodecs.hpp>

#include "selfcure/core/errors.h"
#include "selfcure/data/png.h"

namespace selfcure {
namespace {

/// Grey level of a point in a cell's corner, where no text is, counted from the lower right.
int brightness(const Picture& picture, int rows_from_below, int columns_from_right) {
  constexpr int kCell = 76, kEdge = 8, kInside = 6;
  const int x = picture.width - kEdge - columns_from_right * kCell - kInside;
  const int y = picture.height - kEdge - rows_from_below * kCell - kInside;
  const std::size_t first = (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
                             static_cast<std::size_t>(x)) *
                            3;
  return picture.pixels[first] + picture.pixels[first + 1] + picture.pixels[first + 2];
}

TEST(ConfusionPicture, ACellIsTheDarkerTheLargerItsShareOfTheRow) {
  ConfusionMatrix confusion(5);
  for (int i = 0; i < 3; ++i) confusion.add(3, 3);
  confusion.add(3, 4);
  for (int i = 0; i < 500; ++i) confusion.add(4, 4);
  const Picture picture = draw_confusion_matrix(
      confusion, {"anger", "fear", "joy", "sadness", "überrascht"}, "epoch 1");
  const int empty = brightness(picture, 0, 1);
  const int quarter = brightness(picture, 1, 0);
  const int most = brightness(picture, 1, 1);
  const int all = brightness(picture, 0, 0);
  EXPECT_GT(empty, quarter);
  EXPECT_GT(quarter, most);
  EXPECT_GT(most, all);
  // Linear in the share.
  EXPECT_NEAR(empty - quarter, (empty - all) / 4.0, 4);
}

TEST(ConfusionPicture, RefusesWhatCannotBeDrawn) {
  EXPECT_THROW(draw_confusion_matrix(ConfusionMatrix(2), {"a"}, ""), ShapeError);
  EXPECT_THROW(draw_confusion_matrix(ConfusionMatrix(kMostDrawnClasses + 1),
                                     std::vector<std::string>(kMostDrawnClasses + 1, "x"), ""),
               ShapeError);
}

TEST(Png, HoldsThePixels) {
  Picture picture;
  picture.width = 2;
  picture.height = 1;
  picture.channels = 3;
  picture.pixels = {1, 2, 3, 250, 251, 252};
  const std::string png = encode_png(picture);
  const cv::Mat read =
      cv::imdecode(std::vector<std::uint8_t>(png.begin(), png.end()), cv::IMREAD_UNCHANGED);
  ASSERT_EQ(read.cols, 2);
  ASSERT_EQ(read.type(), CV_8UC3);
  EXPECT_EQ(std::vector<std::uint8_t>(read.datastart, read.dataend), picture.pixels);
  EXPECT_THROW(encode_png({}), DataError);
}

}  // namespace
}  // namespace selfcure
