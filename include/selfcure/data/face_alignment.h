#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "selfcure/data/face_detector.h"
#include "selfcure/data/image_decoder.h"

namespace selfcure {

/// Where a face ends up in its square crop. Shares are of the crop's side.
///
/// The defaults resemble the 100 x 100 "aligned" images of RAF-DB: from the eyebrows to the chin,
/// eyes at (0.30, 0.38) and (0.70, 0.38).
struct CropOptions {
  /// Pixels, in 16..2048.
  int side = 100;
  /// Distance of the eyes, in [0.1, 0.9]. Larger cuts tighter.
  double eye_distance = 0.40;
  /// Height of the eyes below the upper edge, in [0.1, 0.9].
  double eye_height = 0.38;
  /// Without eyes: what is added on each side of the face box, as a share of its longer side, in
  /// [0, 2]. A cascade's box without margin shows as much as the defaults above.
  double box_margin = 0.0;
};

/// Throws DataError that says which option is out of range.
void check_crop_options(const CropOptions& options);

/// Turning, scaling and moving: takes a place (x, y) of the picture to
/// (a x - b y + shift_x, b x + a y + shift_y) of the crop.
struct Similarity {
  double a = 1;
  double b = 0;
  double shift_x = 0;
  double shift_y = 0;

  FacePoint operator()(const FacePoint& point) const {
    return {a * point.x - b * point.y + shift_x, b * point.x + a * point.y + shift_y};
  }
  /// Pixels of the crop per pixel of the picture.
  double scale() const;
};

/// Angle of the line through the eyes in degrees, in (-180, 180]: clockwise as seen in the picture
/// is positive, as with DemoTruth::roll_degrees.
double roll_degrees(const EyePair& eyes);

/// Whether the eyes can carry an alignment: finite, and at least a fifth of the box's shorter side
/// apart. A face in profile fails: its eyes would blow it up.
bool has_usable_eyes(const DetectedFace& face);

/// Puts the eyes at their places in the crop.
/// @param eyes  must not coincide
Similarity crop_by_eyes(const EyePair& eyes, const CropOptions& options);

/// Puts a square around the face box, not turned, into the crop.
/// @param face  must have a box of positive size
Similarity crop_by_box(const DetectedFace& face, const CropOptions& options);

/// Puts the largest square in the middle of a picture into the crop.
/// @param width,height  of the picture, in pixels, at least 1
Similarity crop_by_centre(int width, int height, const CropOptions& options);

/// Cuts a crop out of a picture: averaged where it shrinks, bilinear otherwise; beyond the
/// picture's edge its outermost pixels go on.
///
/// @param picture  not empty, at most 32,767 pixels on a side
/// @param place    picture to crop, of a scale above 0
/// @return side x side, as many channels as `picture`
Picture cut_crop(const PictureView& picture, const Similarity& place, int side);

/// Which of several faces is the one that the picture is of.
enum class FaceChoice { kLargest, kMostCentral };

/// Index of the wanted face: the one of largest box, or the one whose box centre is nearest to
/// the picture's; the first of equals. Boxes that are empty or not finite do not count.
/// @return nothing if no face counts
std::optional<std::size_t> choose_face(const std::vector<DetectedFace>& faces, int width,
                                       int height, FaceChoice choice);

}  // namespace selfcure
