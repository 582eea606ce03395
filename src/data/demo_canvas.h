#pragma once

#include <utility>
#include <vector>

#include <opencv2/core.hpp>

#include "demo_recipe.h"

namespace selfcure {

/// Points in canvas pixels, or in face units before projection.
using DemoCurve = std::vector<cv::Point2d>;

/// Smooth curve through `knots` (Catmull-Rom), `steps` points per span.
DemoCurve smooth_curve(const DemoCurve& knots, bool closed = false, int steps = 6);

/// Outline of a brush stroke along `spine`: widths[i] at equal shares of its length.
DemoCurve brush_outline(const DemoCurve& spine, const std::vector<double>& widths);

/// 0 below `low`, 1 above `high`, smooth between.
double smooth_step(double low, double high, double value);

inline cv::Scalar mix_colours(const cv::Scalar& a, const cv::Scalar& b, double part) {
  return a * (1 - part) + b * part;
}

/// Places points of the face on the canvas.
///
/// Face units: the head is 2 wide, x to the right of the picture, y down, origin between the eyes
/// and the tip of the nose, z towards the viewer. The face lies on an ellipsoid, which is turned
/// about its middle and projected with a weak perspective.
class FaceProjection {
 public:
  FaceProjection(const DemoPerson& person, const DemoScene& scene, int canvas_side);

  /// Point of the face at (x, y), `lift` units in front of the ellipsoid.
  cv::Point2d on_face(double x, double y, double lift = 0) const;
  cv::Point2d on_face(const cv::Point2d& p) const { return on_face(p.x, p.y); }
  DemoCurve on_face(const DemoCurve& points, double lift = 0) const;

  /// Point at a depth of its own, such as hair behind the face.
  cv::Point2d in_space(double x, double y, double z) const;
  DemoCurve in_space(const DemoCurve& points, double z) const;

  /// Pixels in one face unit.
  double unit() const { return unit_; }
  double roll_radians() const { return roll_; }

 private:
  double unit_, width_, height_;
  double sin_yaw_, cos_yaw_, sin_pitch_, cos_pitch_, sin_roll_, cos_roll_, roll_;
  cv::Point2d centre_;
};

/// 8-bit picture with antialiased filled shapes; coordinates in canvas pixels.
class DemoCanvas {
 public:
  explicit DemoCanvas(int side);

  cv::Mat& pixels() { return pixels_; }
  int side() const { return pixels_.cols; }

  void fill(const DemoCurve& outline, const cv::Scalar& colour);
  /// Fills with an edge `softness` pixels wide (a standard deviation) and `opacity` in [0, 1].
  void fill_soft(const DemoCurve& outline, const cv::Scalar& colour, double opacity,
                 double softness);
  void stroke(const DemoCurve& line, const cv::Scalar& colour, double width);
  void disc(const cv::Point2d& centre, double radius_x, double radius_y, double angle,
            const cv::Scalar& colour);
  /// Copies `other` where `outline` covers the canvas.
  void paste(const cv::Mat& other, const DemoCurve& outline);

 private:
  cv::Rect bounds(const DemoCurve& outline, double margin) const;

  cv::Mat pixels_;
};

/// Shape of the skin as light sees it: bumps and creases over the head's ellipsoid.
///
/// Kept at half of the canvas resolution; positions and sizes are given in canvas pixels.
class DemoRelief {
 public:
  DemoRelief(int canvas_side, double pixels_per_unit);

  /// Adds a Gaussian hill of `amount` face units (negative: a hollow).
  void bump(const cv::Point2d& centre, double sigma_x, double sigma_y, double angle, double amount);
  /// Darkens, as where little light gets in; `amount` is the optical depth at the centre.
  void shade(const cv::Point2d& centre, double sigma_x, double sigma_y, double angle,
             double amount);
  /// Adds blood under the skin.
  void flush(const cv::Point2d& centre, double sigma, double amount);
  /// Draws a wrinkle; `strength` in [0, 1].
  void crease(const DemoCurve& line, double strength, double width);
  /// Marks what the light falls on at all.
  void cover(const DemoCurve& outline);
  /// Marks what lies over the skin: shaded with the head, but without bumps.
  void smooth_over(const DemoCurve& outline);

  /// Lights `canvas` where it was covered.
  void light(cv::Mat& canvas, const DemoScene& scene, const cv::Point2d& head_centre,
             const cv::Size2d& head_radii, double gloss) const;

 private:
  cv::Mat height_, shade_, flush_;  // CV_32F
  cv::Mat crease_, cover_, over_;   // CV_8U
  double unit_;                     // half-resolution pixels in a face unit
};

}  // namespace selfcure
