#include "selfcure/data/thumbnail.h"

#include <gtest/gtest.h>

#include <opencv2/imgcodecs.hpp>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

cv::Mat decoded(const std::string& jpeg) {
  return cv::imdecode(std::vector<std::uint8_t>(jpeg.begin(), jpeg.end()), cv::IMREAD_COLOR);
}

TEST(Thumbnail, ShowsTheFaceBoxInItsColours) {
  const testing::TemporaryDirectory directory;
  cv::Mat image(40, 60, CV_8UC3, cv::Scalar(255, 0, 0));  // blue
  image(cv::Rect(20, 10, 20, 20)) = cv::Scalar(0, 0, 255);
  ASSERT_TRUE(cv::imwrite((directory.path() / "a.png").string(), image));
  Manifest manifest;
  manifest.root = directory.path();
  manifest.rows = {{"a.png"}, {"missing.png"}};
  manifest.rows[0].box = {22, 12, 16, 16};
  const cv::Mat face = decoded(thumbnail_jpeg(manifest, 0, 32));
  ASSERT_EQ(face.size(), cv::Size(32, 32));
  const cv::Vec3b middle = face.at<cv::Vec3b>(16, 16);
  EXPECT_GT(middle[2], 200);
  EXPECT_LT(middle[0], 60);
  EXPECT_THROW(thumbnail_jpeg(manifest, 1, 32), DataError);
}

TEST(Thumbnail, ShowsInlinePixels) {
  Manifest manifest;
  manifest.rows = {{"row"}};
  manifest.inline_side = 4;
  manifest.inline_pixels.assign(16, 200);
  const cv::Mat face = decoded(thumbnail_jpeg(manifest, 0, 16));
  ASSERT_EQ(face.size(), cv::Size(16, 16));
  EXPECT_NEAR(face.at<cv::Vec3b>(8, 8)[1], 200, 5);
}

}  // namespace
}  // namespace selfcure
