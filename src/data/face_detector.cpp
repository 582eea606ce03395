#include "selfcure/data/face_detector.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <utility>

#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/objdetect.hpp>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

/// Sides of the picture that is searched: below the first, eyes are too small to be seen; above
/// the second, the search takes long without finding more.
constexpr int kShortSide = 150;
constexpr int kLongSide = 800;
constexpr double kRoomAround = 0.25;
constexpr double kTiltDegrees = 25;
constexpr int kNeighbours = 3;

/// Eyes are looked for in the upper part of the box, brought to this width.
constexpr int kEyeSearchWidth = 200;
constexpr double kEyeSearchShare = 0.62;
/// Where a cascade's face box has the eyes, in shares of its side.
constexpr double kUsualEyeDistance = 0.40;
constexpr double kUsualEyeHeight = 0.39;

void require_range(const char* what, double value, double low, double high) {
  if (value >= low && value <= high) return;  // false for NaN too
  char text[160];
  std::snprintf(text, sizeof(text), "face detector: %s: expected %g..%g, got %g", what, low, high,
                value);
  throw DataError(text);
}

/// A pipe or a device would be read for ever.
bool is_file(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

std::string checksum(const std::string& bytes) {
  char text[20];
  std::snprintf(text, sizeof(text), "%016llx",
                static_cast<unsigned long long>(XXH3_64bits(bytes.data(), bytes.size())));
  return text;
}

/// OpenCV reports on stderr what it also throws; a user's mistake is one line.
class QuietOpenCv {
 public:
  QuietOpenCv() : before_(cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT)) {}
  ~QuietOpenCv() { cv::utils::logging::setLogLevel(before_); }
  QuietOpenCv(const QuietOpenCv&) = delete;
  QuietOpenCv& operator=(const QuietOpenCv&) = delete;

 private:
  cv::utils::logging::LogLevel before_;
};

/// OpenCV's messages span lines; the first says enough.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// OpenCV takes no view of constant pixels; these are only read.
cv::Mat matrix_of(const PictureView& picture) {
  return cv::Mat(picture.height, picture.width, CV_8UC(picture.channels),
                 const_cast<std::uint8_t*>(picture.pixels));
}

/// OpenCV's own threads would give the faces in any order, and fight those that call for the cores.
void keep_opencv_to_one_thread() {
  [[maybe_unused]] static const bool done = (cv::setNumThreads(0), true);
}

/// Factor that brings a picture between the two sides; the longer side has the last word.
double search_scale(const cv::Size& size) {
  const int shorter = std::min(size.width, size.height);
  const int longer = std::max(size.width, size.height);
  const double scale = std::max(1.0, static_cast<double>(kShortSide) / shorter);
  return std::min(scale, static_cast<double>(kLongSide) / longer);
}

cv::Mat scaled(const cv::Mat& picture, double scale) {
  const auto side = [scale](int pixels) { return std::max(1, cvRound(pixels * scale)); };
  cv::Mat out;
  cv::resize(picture, out, cv::Size(side(picture.cols), side(picture.rows)), 0, 0,
             scale < 1 ? cv::INTER_AREA : cv::INTER_LINEAR);
  return out;
}

/// A picture to search and the way back from its places to those of the given picture.
struct View {
  cv::Mat grey;
  cv::Matx23d to_picture;

  FacePoint back(double x, double y) const {
    const auto& m = to_picture;
    return {m(0, 0) * x + m(0, 1) * y + m(0, 2), m(1, 0) * x + m(1, 1) * y + m(1, 2)};
  }
};

View plain_view(const cv::Mat& grey, const cv::Size& picture) {
  View view;
  cv::equalizeHist(grey, view.grey);
  view.to_picture = {static_cast<double>(picture.width) / grey.cols,  0, 0, 0,
                     static_cast<double>(picture.height) / grey.rows, 0};
  return view;
}

/// The plain view with room around it, turned about its centre.
View roomy_view(const View& plain, double degrees) {
  const double angle = degrees * CV_PI / 180;
  const double c = std::cos(angle), s = std::sin(angle);
  const int room = cvRound(kRoomAround * std::max(plain.grey.cols, plain.grey.rows));
  const cv::Size size(plain.grey.cols + 2 * room, plain.grey.rows + 2 * room);
  // Places of the view -> places of the plain one, both measured from the outer corner.
  const double middle_x = size.width / 2.0, middle_y = size.height / 2.0;
  const double to_x = plain.grey.cols / 2.0, to_y = plain.grey.rows / 2.0;
  const cv::Matx23d corner(c, -s, to_x - c * middle_x + s * middle_y,  //
                           s, c, to_y - s * middle_x - c * middle_y);
  // OpenCV measures from the centre of the first pixel.
  cv::Matx23d centre = corner;
  centre(0, 2) += (c - s) / 2 - 0.5;
  centre(1, 2) += (s + c) / 2 - 0.5;
  View view;
  cv::warpAffine(plain.grey, view.grey, centre, size, cv::INTER_LINEAR | cv::WARP_INVERSE_MAP,
                 cv::BORDER_REPLICATE);
  const auto& p = plain.to_picture;
  for (int column = 0; column < 3; ++column) {
    view.to_picture(0, column) = p(0, 0) * corner(0, column);
    view.to_picture(1, column) = p(1, 1) * corner(1, column);
  }
  return view;
}

/// How far a pair is from a face's usual one, in shares of the box; large where it cannot be one.
double pair_cost(const cv::Rect& left, const cv::Rect& right) {
  constexpr double kSide = kEyeSearchWidth;
  constexpr double kImpossible = 1e9;
  const double dx = (right.x + right.width / 2.0 - left.x - left.width / 2.0) / kSide;
  const double dy = (right.y + right.height / 2.0 - left.y - left.height / 2.0) / kSide;
  const double off_middle = (left.x + left.width / 2.0) / kSide + dx / 2 - 0.5;
  const double off_height = (left.y + left.height / 2.0) / kSide + dy / 2 - kUsualEyeHeight;
  const double distance = std::hypot(dx, dy);
  if (distance < 0.25 || distance > 0.6 || std::abs(dy) > 0.5 * dx) return kImpossible;
  if (std::abs(off_middle) > 0.12 || std::abs(off_height) > 0.12) return kImpossible;
  return std::abs(distance - kUsualEyeDistance) + std::abs(off_middle) + std::abs(off_height) +
         0.3 * std::abs(std::log(static_cast<double>(left.width) / right.width));
}

class CascadeDetector : public FaceDetector {
 public:
  explicit CascadeDetector(const CascadeDetectorOptions& options) : options_(options) {
    keep_opencv_to_one_thread();
    require_range("smallest face", options.min_face_share, 0.02, 1);
    char text[64];
    std::snprintf(text, sizeof(text), "cascade, smallest face %g", options.min_face_share);
    description_ = text;
    load(first_face_, "haarcascade_frontalface_alt2.xml");
    load(second_face_, "haarcascade_frontalface_default.xml");
    load(eye_, "haarcascade_eye.xml");
    load(glasses_, "haarcascade_eye_tree_eyeglasses.xml");
  }

  std::vector<DetectedFace> detect(const PictureView& view) override {
    if (view.bytes() == 0) return {};
    const cv::Mat picture = matrix_of(view);
    cv::Mat grey = picture;
    if (picture.channels() == 3) cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
    grey = scaled(grey, search_scale(picture.size()));
    smallest_ = cvRound(options_.min_face_share * std::min(grey.cols, grey.rows));
    const View plain = plain_view(grey, picture.size());
    std::vector<DetectedFace> faces = search(first_face_, plain);
    if (!faces.empty()) return faces;
    const View roomy = roomy_view(plain, 0);
    for (cv::CascadeClassifier* cascade : {&second_face_, &first_face_}) {
      faces = search(*cascade, roomy);
      if (!faces.empty()) return faces;
    }
    for (const double degrees : {-kTiltDegrees, kTiltDegrees}) {
      faces = search(first_face_, roomy_view(plain, degrees));
      if (!faces.empty()) return faces;
    }
    return faces;
  }

  std::string description() const override { return description_; }

 private:
  void load(cv::CascadeClassifier& cascade, const char* name) {
    const fs::path path = options_.folder / name;
    if (!is_file(path)) {
      throw DataError(path.string() +
                      ": expected a cascade of OpenCV, found no file there (the Debian package "
                      "opencv-data has it)");
    }
    const std::string bytes = read_file(path);
    bool loaded = false;
    try {
      const QuietOpenCv quiet;
      loaded = cascade.load(path.string());
    } catch (const cv::Exception&) {
      // Reported below, like a file that parses but is something else.
    }
    if (!loaded) {
      throw DataError(path.string() + ": expected a cascade of OpenCV, got " +
                      std::to_string(bytes.size()) + " bytes that OpenCV does not take for one");
    }
    description_ += std::string(", ") + name + " " + checksum(bytes);
  }

  std::vector<DetectedFace> search(cv::CascadeClassifier& cascade, const View& view) {
    std::vector<cv::Rect> boxes;
    std::vector<int> levels;
    std::vector<double> weights;
    cascade.detectMultiScale(view.grey, boxes, levels, weights, 1.1, kNeighbours, 0,
                             cv::Size(smallest_, smallest_), cv::Size(), true);
    std::vector<DetectedFace> faces;
    for (std::size_t i = 0; i < boxes.size(); ++i) {
      const cv::Rect box = boxes[i] & cv::Rect({}, view.grey.size());
      const double scale = std::hypot(view.to_picture(0, 0), view.to_picture(1, 0));
      const FacePoint centre = view.back(box.x + box.width / 2.0, box.y + box.height / 2.0);
      DetectedFace face;
      face.width = box.width * scale;
      face.height = box.height * scale;
      face.x = centre.x - face.width / 2;
      face.y = centre.y - face.height / 2;
      face.score = weights[i];
      face.eyes = eyes_in(view, box);
      faces.push_back(face);
    }
    return faces;
  }

  std::optional<EyePair> eyes_in(const View& view, const cv::Rect& box) {
    const cv::Rect upper(box.x, box.y, box.width,
                         std::max(1, cvRound(box.height * kEyeSearchShare)));
    cv::Mat area;
    cv::resize(view.grey(upper), area,
               cv::Size(kEyeSearchWidth, cvRound(kEyeSearchWidth * kEyeSearchShare)));
    std::vector<cv::Rect> found, more;
    eye_.detectMultiScale(area, found, 1.05, kNeighbours, 0, {30, 30}, {90, 90});
    std::optional<EyePair> eyes = best_pair(view, box, found);
    if (eyes) return eyes;
    glasses_.detectMultiScale(area, more, 1.05, kNeighbours, 0, {30, 30}, {90, 90});
    found.insert(found.end(), more.begin(), more.end());
    return best_pair(view, box, found);
  }

  static std::optional<EyePair> best_pair(const View& view, const cv::Rect& box,
                                          const std::vector<cv::Rect>& candidates) {
    double best = 0.4;
    std::optional<EyePair> eyes;
    const double scale = box.width / static_cast<double>(kEyeSearchWidth);
    const auto place = [&](const cv::Rect& eye) {
      return view.back(box.x + (eye.x + eye.width / 2.0) * scale,
                       box.y + (eye.y + eye.height / 2.0) * scale);
    };
    for (const cv::Rect& left : candidates) {
      for (const cv::Rect& right : candidates) {
        const double cost = pair_cost(left, right);
        if (cost >= best) continue;
        best = cost;
        eyes = EyePair{place(left), place(right)};
      }
    }
    return eyes;
  }

  CascadeDetectorOptions options_;
  std::string description_;
  cv::CascadeClassifier first_face_, second_face_, eye_, glasses_;
  int smallest_ = 0;
};

class YuNetDetector : public FaceDetector {
 public:
  explicit YuNetDetector(const YuNetDetectorOptions& options) {
    keep_opencv_to_one_thread();
    require_range("smallest score", options.min_score, 0, 1);
    const std::string path = options.model.string();
    if (!is_file(options.model)) {
      throw DataError(path + ": expected a YuNet model (ONNX), found no file there");
    }
    const std::string bytes = read_file(options.model);
    try {
      const QuietOpenCv quiet;
      const cv::Size size(kShortSide, kShortSide);
      network_ = cv::FaceDetectorYN::create(path, "", size, static_cast<float>(options.min_score));
      // A model of another generation loads and fails at its first picture.
      search(cv::Mat(size, CV_8UC3, cv::Scalar::all(128)));
    } catch (const cv::Exception& error) {
      throw DataError(path +
                      ": expected a YuNet model that OpenCV " CV_VERSION
                      " runs (2022mar does), OpenCV says: " +
                      first_line(error.err));
    }
    char text[64];
    std::snprintf(text, sizeof(text), "yunet, smallest score %g, ", options.min_score);
    description_ = text + options.model.filename().string() + " " + checksum(bytes);
  }

  std::vector<DetectedFace> detect(const PictureView& view) override {
    if (view.bytes() == 0) return {};
    const cv::Mat picture = matrix_of(view);
    cv::Mat colour = picture;
    if (picture.channels() == 1) cv::cvtColor(picture, colour, cv::COLOR_GRAY2BGR);
    const cv::Mat small = scaled(colour, search_scale(picture.size()));
    const cv::Mat found = search(small);
    const double sx = static_cast<double>(picture.cols) / small.cols;
    const double sy = static_cast<double>(picture.rows) / small.rows;
    std::vector<DetectedFace> faces;
    for (int row = 0; row < found.rows; ++row) {
      const float* v = found.ptr<float>(row);
      if (!std::all_of(v, v + found.cols, [](float value) { return std::isfinite(value); }))
        continue;
      DetectedFace face;
      face.x = v[0] * sx;
      face.y = v[1] * sy;
      face.width = v[2] * sx;
      face.height = v[3] * sy;
      // The person's right eye comes first: the left one of the picture.
      face.eyes = EyePair{{v[4] * sx, v[5] * sy}, {v[6] * sx, v[7] * sy}};
      face.score = v[14];
      faces.push_back(face);
    }
    return faces;
  }

  std::string description() const override { return description_; }

 private:
  /// [faces, 15] float32: box, five landmarks, confidence.
  cv::Mat search(const cv::Mat& picture) {
    cv::Mat found;
    network_->setInputSize(picture.size());
    network_->detect(picture, found);
    return found;
  }

  std::string description_;
  cv::Ptr<cv::FaceDetectorYN> network_;
};

}  // namespace

std::unique_ptr<FaceDetector> make_cascade_detector(const CascadeDetectorOptions& options) {
  return std::make_unique<CascadeDetector>(options);
}

std::unique_ptr<FaceDetector> make_yunet_detector(const YuNetDetectorOptions& options) {
  return std::make_unique<YuNetDetector>(options);
}

}  // namespace selfcure
