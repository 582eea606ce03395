#pragma once

#include <array>

#include <opencv2/core/mat.hpp>

#include "demo_canvas.h"
#include "demo_random.h"
#include "demo_recipe.h"

namespace selfcure {

/// Paints one face from its recipe, back to front, on a canvas that is then scaled down.
class DemoArtist {
 public:
  DemoArtist(const DemoRecipe& recipe, int side);

  /// The finished picture, BGR 8-bit [side, side].
  cv::Mat paint();

 private:
  struct Mouth {
    std::array<cv::Point2d, 2> corner;  // left and right of the picture
    double upper_inner, lower_inner;    // y at the middle
    double upper_outer, lower_outer;
    double gap;
  };

  // demo_artist_head.cpp
  void paint_background();
  void paint_back_hair();
  void paint_neck();
  void paint_head();
  void paint_beard();
  void paint_front_hair();
  void shape_head();
  DemoCurve face_outline() const;
  DemoCurve hair_outline() const;
  void paint_locks(const DemoCurve& from, const DemoCurve& to, int count, double overshoot,
                   double width);

  // demo_artist_features.cpp
  void paint_brow(int half);
  void paint_eye(int half);
  void paint_nose();
  void paint_mouth();
  void paint_moustache();
  void shape_features();
  void shape_creases(int half);
  Mouth make_mouth() const;
  cv::Point2d eye_centre(int half) const;
  /// Heights of the lids above and below the middle of the eye.
  std::array<double, 2> lid_opening(int half) const;

  // demo_artist_props.cpp
  void paint_glasses();
  void paint_sunglasses();
  void paint_occlusion();
  void paint_hand();
  void paint_scarf();
  void paint_hair_strand();
  void paint_microphone();
  cv::Mat photograph();

  DemoRandom random(DemoField field) const;
  /// Strength of an action unit on one half of the picture, or the mean of both.
  double au(ActionUnit which, int half) const;
  double au(ActionUnit which) const;
  /// How far a point at height y goes down with the jaw.
  double jaw_shift(double y) const;
  double px(double units) const { return units * face_.unit(); }

  const DemoRecipe& recipe_;
  const DemoPerson& person_;
  const DemoScene& scene_;
  int side_;
  DemoCanvas canvas_;
  FaceProjection face_;
  DemoRelief relief_;
  double jaw_;
  Mouth mouth_;
};

}  // namespace selfcure
