#include "selfcure/data/face_detector.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/demo_faces.h"
#include "selfcure/data/face_alignment.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;
using testing::write_file;

PictureView view_of(const cv::Mat& image) {
  return {image.data, image.cols, image.rows, image.channels()};
}

/// A frontal face without anything before it. @param index  of the demo set
DemoFace plain_face(std::int64_t index, int side = 100) {
  DemoFaceKey key;
  key.index = index;
  return draw_demo_face(key, side);
}

/// Turned clockwise about its centre.
cv::Mat turned(const cv::Mat& image, double degrees) {
  const cv::Point2f centre(static_cast<float>(image.cols) / 2, static_cast<float>(image.rows) / 2);
  cv::Mat out;
  cv::warpAffine(image, out, cv::getRotationMatrix2D(centre, -degrees, 1), image.size(),
                 cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return out;
}

template <typename Make>
std::string error_of(Make&& make) {
  try {
    (void)make();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

std::string cascade_error(const CascadeDetectorOptions& options) {
  return error_of([&] { return make_cascade_detector(options); });
}

std::string yunet_error(const YuNetDetectorOptions& options) {
  return error_of([&] { return make_yunet_detector(options); });
}

/// One detector for all tests: loading the cascades takes the longest.
FaceDetector& cascade() {
  static const std::unique_ptr<FaceDetector> detector = make_cascade_detector();
  return *detector;
}

TEST(CascadeDetector, FindsOneFaceWithEyesAtTheTrueAngle) {
  int found = 0, aligned = 0;
  double error = 0;
  constexpr int kFaces = 8;
  for (int i = 0; i < kFaces; ++i) {
    const DemoFace face = plain_face(3 * i);
    const std::vector<DetectedFace> faces = cascade().detect(view_of(face.image));
    const auto chosen = choose_face(faces, 100, 100, FaceChoice::kLargest);
    if (!chosen) continue;
    ++found;
    EXPECT_GT(faces[*chosen].width, 40);
    EXPECT_LT(faces[*chosen].width, 110);
    EXPECT_NEAR(faces[*chosen].x + faces[*chosen].width / 2, 50, 20);
    EXPECT_NEAR(faces[*chosen].y + faces[*chosen].height / 2, 55, 20);
    if (!has_usable_eyes(faces[*chosen])) continue;
    ++aligned;
    const EyePair& eyes = *faces[*chosen].eyes;
    const double height =
        ((eyes.left.y + eyes.right.y) / 2 - faces[*chosen].y) / faces[*chosen].height;
    EXPECT_NEAR(height, 0.39, 0.1) << "in the upper half of the box";
    error += std::abs(roll_degrees(eyes) - face.truth.roll_degrees);
  }
  EXPECT_EQ(found, kFaces);
  EXPECT_GE(aligned, kFaces - 2);
  EXPECT_LT(error / aligned, 3.0);
}

TEST(CascadeDetector, FollowsATiltedHead) {
  const DemoFace face = plain_face(0);
  for (const double degrees : {-30.0, 30.0}) {
    const std::vector<DetectedFace> faces = cascade().detect(view_of(turned(face.image, degrees)));
    ASSERT_EQ(faces.size(), 1U) << degrees;
    ASSERT_TRUE(faces[0].eyes) << degrees;
    EXPECT_NEAR(roll_degrees(*faces[0].eyes), face.truth.roll_degrees + degrees, 6);
  }
}

TEST(CascadeDetector, GivesPlacesOfThePictureWhateverItsSize) {
  const DemoFace small = plain_face(2, 100);
  const DemoFace large = plain_face(2, 400);
  cv::Mat wide;
  cv::copyMakeBorder(large.image, wide, 60, 40, 450, 250, cv::BORDER_REPLICATE);
  const auto at_small = cascade().detect(view_of(small.image));
  const auto at_wide = cascade().detect(view_of(wide));
  ASSERT_EQ(at_small.size(), 1U);
  ASSERT_EQ(at_wide.size(), 1U);
  const auto middle = [](const DetectedFace& face) {
    return FacePoint{face.x + face.width / 2, face.y + face.height / 2};
  };
  EXPECT_NEAR(middle(at_wide[0]).x, 450 + 4 * middle(at_small[0]).x, 16);
  EXPECT_NEAR(middle(at_wide[0]).y, 60 + 4 * middle(at_small[0]).y, 16);
  EXPECT_NEAR(at_wide[0].width, 4 * at_small[0].width, 60);
}

TEST(CascadeDetector, TakesGreyPictures) {
  cv::Mat grey;
  cv::cvtColor(plain_face(0).image, grey, cv::COLOR_BGR2GRAY);
  EXPECT_EQ(cascade().detect(view_of(grey)).size(), 1U);
}

TEST(CascadeDetector, AnswersTheSameAgain) {
  const DemoFace face = plain_face(4);
  const auto first = cascade().detect(view_of(face.image));
  const auto second = cascade().detect(view_of(face.image));
  ASSERT_EQ(first.size(), second.size());
  ASSERT_FALSE(first.empty());
  EXPECT_EQ(first[0].x, second[0].x);
  EXPECT_EQ(first[0].score, second[0].score);
}

TEST(CascadeDetector, FindsNothingWhereThereIsNothing) {
  EXPECT_TRUE(cascade().detect({}).empty());
  const cv::Mat dot(1, 1, CV_8UC1, cv::Scalar(9));
  EXPECT_TRUE(cascade().detect(view_of(dot)).empty());
  const cv::Mat line(2, 20000, CV_8UC3, cv::Scalar::all(200));
  EXPECT_TRUE(cascade().detect(view_of(line)).empty());
  const cv::Mat wall(300, 200, CV_8UC3, cv::Scalar::all(128));
  EXPECT_TRUE(cascade().detect(view_of(wall)).empty());
}

TEST(CascadeDetector, DescribesItsFilesAndSettings) {
  const std::string text = cascade().description();
  EXPECT_EQ(text.find("cascade, smallest face 0.15, haarcascade_frontalface_alt2.xml "), 0U);
  EXPECT_NE(text.find(", haarcascade_eye_tree_eyeglasses.xml "), std::string::npos);
}

TEST(CascadeDetector, SaysWhichCascadeIsMissingAndWhereItComesFrom) {
  const TemporaryDirectory folder;
  CascadeDetectorOptions options;
  options.folder = folder.path();
  EXPECT_EQ(cascade_error(options),
            (folder.path() / "haarcascade_frontalface_alt2.xml").string() +
                ": expected a cascade of OpenCV, found no file there (the Debian package "
                "opencv-data has it)");
}

TEST(CascadeDetector, SaysWhichCascadeIsDamaged) {
  const TemporaryDirectory folder;
  CascadeDetectorOptions options;
  options.folder = folder.path();
  const fs::path path = folder.path() / "haarcascade_frontalface_alt2.xml";
  for (const std::string text : {"", "no XML", "<?xml version=\"1.0\"?><opencv_storage>",
                                 "<?xml version=\"1.0\"?>\n<opencv_storage>\n<a>1</a>\n"
                                 "</opencv_storage>\n"}) {
    write_file(path, text);
    EXPECT_EQ(cascade_error(options), path.string() + ": expected a cascade of OpenCV, got " +
                                          std::to_string(text.size()) +
                                          " bytes that OpenCV does not take for one");
  }
}

TEST(CascadeDetector, ChecksItsOption) {
  CascadeDetectorOptions options;
  options.min_face_share = 0.01;
  EXPECT_EQ(cascade_error(options), "face detector: smallest face: expected 0.02..1, got 0.01");
  options.min_face_share = std::nan("");
  EXPECT_EQ(cascade_error(options), "face detector: smallest face: expected 0.02..1, got nan");
}

TEST(YuNetDetector, SaysWhatIsWrongWithItsModel) {
  const TemporaryDirectory folder;
  YuNetDetectorOptions options;
  options.model = folder.path() / "face.onnx";
  EXPECT_EQ(yunet_error(options),
            options.model.string() + ": expected a YuNet model (ONNX), found no file there");
  write_file(options.model, "not a network");
  const std::string start =
      options.model.string() + ": expected a YuNet model that OpenCV " CV_VERSION " runs";
  EXPECT_EQ(yunet_error(options).substr(0, start.size()), start);
  EXPECT_EQ(yunet_error(options).find('\n'), std::string::npos);
  options.model = folder.path();
  EXPECT_EQ(yunet_error(options),
            folder.path().string() + ": expected a YuNet model (ONNX), found no file there");
}

TEST(YuNetDetector, ChecksItsOption) {
  YuNetDetectorOptions options;
  options.min_score = 1.5;
  EXPECT_EQ(yunet_error(options), "face detector: smallest score: expected 0..1, got 1.5");
}

}  // namespace
}  // namespace selfcure
