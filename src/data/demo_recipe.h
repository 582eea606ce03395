#pragma once

#include <array>
#include <cstddef>

#include <opencv2/core/types.hpp>

#include "selfcure/data/demo_faces.h"

namespace selfcure {

/// Muscle movements of the Facial Action Coding System that the demo faces can make.
/// Source: Ekman, Friesen and Hager, FACS, 2002.
enum class ActionUnit : std::size_t {
  kInnerBrowRaiser,     // AU 1
  kOuterBrowRaiser,     // AU 2
  kBrowLowerer,         // AU 4
  kUpperLidRaiser,      // AU 5
  kCheekRaiser,         // AU 6
  kLidTightener,        // AU 7
  kNoseWrinkler,        // AU 9
  kUpperLipRaiser,      // AU 10
  kLipCornerPuller,     // AU 12
  kLipCornerDepressor,  // AU 15
  kChinRaiser,          // AU 17
  kLipStretcher,        // AU 20
  kLipTightener,        // AU 23
  kLipPressor,          // AU 24
  kLipsPart,            // AU 25
  kJawDrop,             // AU 26
  kEyesClosed,          // AU 43
  kCount
};

inline constexpr std::size_t kActionUnitCount = static_cast<std::size_t>(ActionUnit::kCount);

/// Strength of every action unit, 0 at rest to about 1 at its strongest.
using ActionUnits = std::array<double, kActionUnitCount>;

enum class HairStyle {
  kBald,
  kCrop,
  kSidePart,
  kFringe,
  kLong,
  kCurly,
  kTiedBack,
  kHeadscarf,
  kKnitCap
};

enum class BeardStyle { kNone, kStubble, kMoustache, kGoatee, kFull };

/// Looks that belong to the person. Factors are 1 for the average face; colours are BGR 0..255.
struct DemoPerson {
  double age = 0.3;          // 0 is about 16, 1 about 80
  double masculinity = 0.5;  // 0..1
  cv::Scalar skin, hair_colour, brow_colour, iris, lips, fabric;
  double face_width = 1, face_height = 1, jaw_width = 1, chin_length = 0;
  double eye_size = 1, eye_spacing = 1, eye_tilt = 0, lid_opening = 1;
  double brow_height = 0, brow_thickness = 1, brow_arch = 1;
  double nose_width = 1, nose_length = 1, nose_depth = 1;
  double mouth_width = 1, mouth_height = 0, lip_fullness = 1;
  double hairline = 0;
  HairStyle hair = HairStyle::kCrop;
  BeardStyle beard = BeardStyle::kNone;
  int glasses = 0;  // 0 none, 1 round, 2 square, 3 thin
  bool freckles = false;
  /// What the face shows at rest: some people look sad or cross when they are neither.
  ActionUnits resting{};
};

/// How the picture was taken.
struct DemoScene {
  double yaw = 0, pitch = 0, roll = 0;  // degrees
  double zoom = 1, shift_x = 0, shift_y = 0;
  double gaze_x = 0, gaze_y = 0;
  double light_azimuth = 0, light_elevation = 0, light_contrast = 0;
  double exposure = 1, warmth = 0;
  int background = 0;
  DemoOcclusion occlusion = DemoOcclusion::kNone;
  double occlusion_side = 1;  // -1 or 1
  double blur = 0, noise = 0;
  bool grey = false;
};

/// Everything needed to draw one face; the painter only adds textures keyed by `key`.
struct DemoRecipe {
  DemoFaceKey key;
  DemoTruth truth;
  DemoPerson person;
  DemoScene scene;
  /// Action units of the left and the right half of the picture: faces are not quite symmetric.
  std::array<ActionUnits, 2> action_units{};
};

/// Fields of the key, one stream of numbers each.
enum class DemoField : std::uint64_t {
  kLabel,
  kPerson,
  kResting,
  kExpression,
  kHabits,
  kScene,
  kBackground,
  kSkinTexture,
  kHairTexture,
  kProps,
  kSensor
};

/// RAF-DB code of the face: each block of consecutive indices holds the exact shares.
int demo_label(const DemoFaceKey& key);

/// Chooses everything about the face that `key` names.
DemoRecipe make_demo_recipe(const DemoFaceKey& key);

/// Gives the face of `recipe` another expression; its person and its scene stay.
///
/// @param intensity  in (0, 1]
/// @param ambiguity  weight of `second_label`, in [0, 0.5)
void set_demo_expression(DemoRecipe& recipe, int label, int second_label, double intensity,
                         double ambiguity);

/// The class most easily mistaken for `label` among the first `class_count` classes.
int likeliest_second_label(int label, int class_count);

}  // namespace selfcure
