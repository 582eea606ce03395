#include "selfcure/data/face_alignment.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr double kLeastEyeDistance = 0.2;
/// Below this scale, bilinear sampling would skip pixels.
constexpr double kAveragingScale = 0.75;

void require_range(const char* what, double value, double low, double high) {
  if (value >= low && value <= high) return;  // false for NaN too
  char text[160];
  std::snprintf(text, sizeof(text), "align: %s: expected %g..%g, got %g", what, low, high, value);
  throw DataError(text);
}

/// A square of the picture, given by its middle, into the crop.
Similarity crop_by_square(double middle_x, double middle_y, double square, int side) {
  const double scale = side / square;
  return {scale, 0, side / 2.0 - scale * middle_x, side / 2.0 - scale * middle_y};
}

}  // namespace

void check_crop_options(const CropOptions& options) {
  require_range("side", options.side, 16, 2048);
  require_range("eye distance", options.eye_distance, 0.1, 0.9);
  require_range("eye height", options.eye_height, 0.1, 0.9);
  require_range("box margin", options.box_margin, 0, 2);
}

double Similarity::scale() const { return std::hypot(a, b); }

double roll_degrees(const EyePair& eyes) {
  return std::atan2(eyes.right.y - eyes.left.y, eyes.right.x - eyes.left.x) * 180 / CV_PI;
}

bool has_usable_eyes(const DetectedFace& face) {
  if (!face.eyes) return false;
  const double distance =
      std::hypot(face.eyes->right.x - face.eyes->left.x, face.eyes->right.y - face.eyes->left.y);
  return std::isfinite(distance) && distance > 0 &&
         distance >= kLeastEyeDistance * std::min(face.width, face.height);
}

Similarity crop_by_eyes(const EyePair& eyes, const CropOptions& options) {
  const double dx = eyes.right.x - eyes.left.x, dy = eyes.right.y - eyes.left.y;
  // As complex numbers, turning and scaling is the quotient of the wanted and the given difference.
  const double wanted = options.eye_distance * options.side;
  const double square = dx * dx + dy * dy;
  Similarity place{wanted * dx / square, -wanted * dy / square, 0, 0};
  const FacePoint moved =
      place({(eyes.left.x + eyes.right.x) / 2, (eyes.left.y + eyes.right.y) / 2});
  place.shift_x = options.side / 2.0 - moved.x;
  place.shift_y = options.eye_height * options.side - moved.y;
  return place;
}

Similarity crop_by_box(const DetectedFace& face, const CropOptions& options) {
  const double square = std::max(face.width, face.height) * (1 + 2 * options.box_margin);
  return crop_by_square(face.x + face.width / 2, face.y + face.height / 2, square, options.side);
}

Similarity crop_by_centre(int width, int height, const CropOptions& options) {
  return crop_by_square(width / 2.0, height / 2.0, std::min(width, height), options.side);
}

Picture cut_crop(const PictureView& picture, const Similarity& place, int side) {
  // OpenCV takes no view of constant pixels; these are only read.
  const cv::Mat given(picture.height, picture.width, CV_8UC(picture.channels),
                      const_cast<std::uint8_t*>(picture.pixels));
  cv::Mat source = given;
  const double scale = place.scale();
  if (scale < kAveragingScale) {
    const cv::Size size(std::max(1, cvRound(given.cols * scale)),
                        std::max(1, cvRound(given.rows * scale)));
    cv::resize(given, source, size, 0, 0, cv::INTER_AREA);
  }
  const double step_x = static_cast<double>(given.cols) / source.cols;
  const double step_y = static_cast<double>(given.rows) / source.rows;
  // Places count from a pixel's outer corner, OpenCV's from its centre.
  const double a_x = place.a * step_x, b_x = place.b * step_x;
  const double a_y = place.a * step_y, b_y = place.b * step_y;
  const cv::Matx23d matrix(a_x, -b_y, place.shift_x + (a_x - b_y - 1) / 2,  //
                           b_x, a_y, place.shift_y + (b_x + a_y - 1) / 2);
  Picture crop;
  crop.width = crop.height = side;
  crop.channels = picture.channels;
  crop.pixels.resize(crop.view().bytes());
  cv::Mat out(side, side, given.type(), crop.pixels.data());
  cv::warpAffine(source, out, matrix, out.size(), cv::INTER_LINEAR, cv::BORDER_REPLICATE);
  return crop;
}

std::optional<std::size_t> choose_face(const std::vector<DetectedFace>& faces, int width,
                                       int height, FaceChoice choice) {
  std::optional<std::size_t> chosen;
  double best = 0;
  for (std::size_t i = 0; i < faces.size(); ++i) {
    const DetectedFace& face = faces[i];
    const double area = face.width * face.height;
    if (!(face.width > 0 && face.height > 0 && std::isfinite(area + face.x + face.y))) continue;
    const double value = choice == FaceChoice::kLargest
                             ? area
                             : -std::hypot(face.x + face.width / 2 - width / 2.0,
                                           face.y + face.height / 2 - height / 2.0);
    if (chosen && value <= best) continue;
    chosen = i;
    best = value;
  }
  return chosen;
}

}  // namespace selfcure
