#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/data/image_decoder.h"

namespace selfcure {

/// A place in a picture in pixels, x to the right and y down. (0, 0) is the outer corner of the
/// upper left pixel, whose centre therefore is (0.5, 0.5).
struct FacePoint {
  double x = 0;
  double y = 0;
};

/// Centres of both eyes, named as an upright face shows them: `left` is at the left of the picture
/// (the person's right eye).
struct EyePair {
  FacePoint left;
  FacePoint right;
};

/// One face of a picture, in pixels of that picture.
struct DetectedFace {
  /// Upper left corner and size of the box; it may reach beyond the picture.
  double x = 0;
  double y = 0;
  double width = 0;
  double height = 0;
  /// Nothing when the detector saw no eyes.
  std::optional<EyePair> eyes;
  /// Higher is surer; the scale is the detector's own: the last stage's weight of a cascade, a
  /// confidence in [0, 1] of YuNet.
  double score = 0;
};

/// Finds faces and their eyes. One object serves one thread at a time.
class FaceDetector {
 public:
  FaceDetector() = default;
  virtual ~FaceDetector() = default;
  FaceDetector(const FaceDetector&) = delete;
  FaceDetector& operator=(const FaceDetector&) = delete;

  /// All faces of a picture; the answer depends on the pixels alone.
  ///
  /// @param picture  grey or blue, green, red, of any size; without pixels there are no faces
  virtual std::vector<DetectedFace> detect(const PictureView& picture) = 0;

  /// One line that names the method, its files with a checksum and its settings: equal lines give
  /// equal answers.
  virtual std::string description() const = 0;
};

/// Where Debian's package opencv-data puts the cascades.
inline constexpr const char* kCascadeFolder = "/usr/share/opencv4/haarcascades";

/// Smallest face that is looked for, as a share of the picture's shorter side.
inline constexpr double kMinFaceShare = 0.15;

struct CascadeDetectorOptions {
  /// Folder that holds haarcascade_frontalface_alt2.xml, haarcascade_frontalface_default.xml,
  /// haarcascade_eye.xml and haarcascade_eye_tree_eyeglasses.xml.
  std::filesystem::path folder = kCascadeFolder;
  /// In [0.02, 1]. Smaller finds faces in wide scenes, takes longer and errs more often.
  double min_face_share = kMinFaceShare;
};

/// OpenCV's boosted cascades of Haar features: no model file to get, faces from the front.
///
/// A picture is looked at as it is, then, until there is a face, with more room around it (faces
/// that fill their picture) and tilted by 25 degrees either way. Eyes are the most face-like pair
/// in the upper part of the box. Small pictures are enlarged and large ones shrunk beforehand.
///
/// @throws DataError if an option is out of range or a cascade is missing (says which package has
///         it) or damaged
/// Source: Viola and Jones, CVPR 2001; Lienhart and Maydt, ICIP 2002.
std::unique_ptr<FaceDetector> make_cascade_detector(const CascadeDetectorOptions& options = {});

struct YuNetDetectorOptions {
  /// ONNX file. OpenCV 4.6 runs the models of 2022 (face_detection_yunet_2022mar.onnx); those of
  /// 2023 need OpenCV 4.8.
  std::filesystem::path model;
  /// Faces of less confidence are left out, in [0, 1]. Higher loses faces, lower takes objects for
  /// faces.
  double min_score = 0.6;
};

/// The YuNet network: also turned and hidden faces, and always eyes.
///
/// @throws DataError if the score is out of range or the model is missing, damaged or of a kind
///         that this OpenCV does not run
/// Source: Wu, Peng and Yu, YuNet: A Tiny Millisecond-level Face Detector, MIR 2023.
std::unique_ptr<FaceDetector> make_yunet_detector(const YuNetDetectorOptions& options);

}  // namespace selfcure
