#include "demo_recipe.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <utility>
#include <vector>

#include "demo_random.h"

namespace selfcure {
namespace {

using AU = ActionUnit;

DemoRandom stream(const DemoFaceKey& key, DemoField field) {
  return {key.seed, static_cast<std::uint64_t>(key.split), static_cast<std::uint64_t>(key.index),
          static_cast<std::uint64_t>(field)};
}

double& unit(ActionUnits& units, AU which) { return units[static_cast<std::size_t>(which)]; }

ActionUnits face_of(std::initializer_list<std::pair<AU, double>> units) {
  ActionUnits face{};
  for (const auto& [which, strength] : units) unit(face, which) = strength;
  return face;
}

// Two or three ways to show each emotion: EMFACS prototypes with the mouth open or shut.
std::vector<ActionUnits> prototypes(int label) {
  switch (label) {
    case 1:
      return {face_of({{AU::kInnerBrowRaiser, 1.0},
                       {AU::kOuterBrowRaiser, 1.0},
                       {AU::kUpperLidRaiser, 0.8},
                       {AU::kLipsPart, 0.5},
                       {AU::kJawDrop, 1.0}}),
              face_of({{AU::kInnerBrowRaiser, 0.8},
                       {AU::kOuterBrowRaiser, 0.9},
                       {AU::kUpperLidRaiser, 0.6},
                       {AU::kLipsPart, 0.6},
                       {AU::kJawDrop, 0.65}})};
    case 2:
      return {face_of({{AU::kInnerBrowRaiser, 1.0},
                       {AU::kOuterBrowRaiser, 0.35},
                       {AU::kBrowLowerer, 0.65},
                       {AU::kUpperLidRaiser, 1.0},
                       {AU::kLidTightener, 0.2},
                       {AU::kLipStretcher, 1.0},
                       {AU::kLipsPart, 0.9},
                       {AU::kJawDrop, 0.2}}),
              face_of({{AU::kInnerBrowRaiser, 0.9},
                       {AU::kOuterBrowRaiser, 0.5},
                       {AU::kBrowLowerer, 0.55},
                       {AU::kUpperLidRaiser, 0.9},
                       {AU::kLipStretcher, 0.8},
                       {AU::kLipsPart, 0.8},
                       {AU::kJawDrop, 0.45}})};
    case 3:
      return {face_of({{AU::kBrowLowerer, 0.5},
                       {AU::kLidTightener, 0.5},
                       {AU::kCheekRaiser, 0.4},
                       {AU::kNoseWrinkler, 1.0},
                       {AU::kUpperLipRaiser, 0.9},
                       {AU::kLipCornerDepressor, 0.4},
                       {AU::kChinRaiser, 0.8}}),
              face_of({{AU::kBrowLowerer, 0.4},
                       {AU::kLidTightener, 0.6},
                       {AU::kCheekRaiser, 0.5},
                       {AU::kNoseWrinkler, 1.0},
                       {AU::kUpperLipRaiser, 1.0},
                       {AU::kLipCornerDepressor, 0.5},
                       {AU::kLipsPart, 0.7},
                       {AU::kJawDrop, 0.15}})};
    case 4:
      return {face_of({{AU::kCheekRaiser, 0.9},
                       {AU::kLipCornerPuller, 1.0},
                       {AU::kLipsPart, 1.0},
                       {AU::kJawDrop, 0.1}}),
              face_of({{AU::kCheekRaiser, 0.7}, {AU::kLipCornerPuller, 1.0}}),
              face_of({{AU::kCheekRaiser, 1.0},
                       {AU::kLipCornerPuller, 1.0},
                       {AU::kLipsPart, 1.0},
                       {AU::kJawDrop, 0.5}})};
    case 5:
      return {face_of({{AU::kInnerBrowRaiser, 1.0},
                       {AU::kBrowLowerer, 0.6},
                       {AU::kLipCornerDepressor, 1.0},
                       {AU::kChinRaiser, 0.5},
                       {AU::kEyesClosed, 0.25}}),
              face_of({{AU::kInnerBrowRaiser, 0.9},
                       {AU::kBrowLowerer, 0.7},
                       {AU::kLipCornerDepressor, 1.0},
                       {AU::kChinRaiser, 0.9},
                       {AU::kLidTightener, 0.3},
                       {AU::kEyesClosed, 0.35}})};
    case 6:
      return {face_of({{AU::kBrowLowerer, 1.15},
                       {AU::kUpperLidRaiser, 0.55},
                       {AU::kLidTightener, 0.6},
                       {AU::kLipTightener, 0.8},
                       {AU::kLipPressor, 0.8},
                       {AU::kChinRaiser, 0.3}}),
              face_of({{AU::kBrowLowerer, 1.15},
                       {AU::kUpperLidRaiser, 0.7},
                       {AU::kLidTightener, 0.5},
                       {AU::kUpperLipRaiser, 0.35},
                       {AU::kLipTightener, 0.9},
                       {AU::kLipsPart, 1.0},
                       {AU::kJawDrop, 0.3}})};
    default:
      return {ActionUnits{}};
  }
}

struct SkinTone {
  cv::Scalar skin, lips;
};

SkinTone skin_tone(double darkness) {
  static const std::array<cv::Scalar, 6> kSkin = {
      cv::Scalar(196, 214, 243), cv::Scalar(166, 193, 234), cv::Scalar(130, 165, 214),
      cv::Scalar(94, 128, 182),  cv::Scalar(64, 92, 140),   cv::Scalar(48, 66, 100)};
  static const std::array<cv::Scalar, 6> kLips = {
      cv::Scalar(132, 128, 206), cv::Scalar(112, 110, 190), cv::Scalar(94, 98, 172),
      cv::Scalar(76, 82, 148),   cv::Scalar(64, 64, 116),   cv::Scalar(56, 52, 92)};
  const double position = std::clamp(darkness, 0.0, 1.0) * 4.999;
  const auto low = static_cast<std::size_t>(position);
  const double part = position - static_cast<double>(low);
  return {kSkin[low] * (1 - part) + kSkin[low + 1] * part,
          kLips[low] * (1 - part) + kLips[low + 1] * part};
}

cv::Scalar choose_hair_colour(DemoRandom& random, double skin_darkness, double age) {
  static const std::array<cv::Scalar, 6> kHair = {
      cv::Scalar(28, 24, 24),  cv::Scalar(34, 40, 56),   cv::Scalar(46, 64, 92),
      cv::Scalar(40, 62, 128), cv::Scalar(84, 134, 180), cv::Scalar(128, 178, 214)};
  const int choices = skin_darkness > 0.55 ? 2 : skin_darkness > 0.3 ? 4 : 6;
  cv::Scalar colour = kHair[static_cast<std::size_t>(random.below(choices))];
  colour *= random.uniform(0.85, 1.15);
  const double greyness = std::clamp((age - 0.5) * 2.4 + 0.3 * random.bell(), 0.0, 1.0);
  const double grey = random.uniform(120, 205);
  return colour * (1 - greyness) + cv::Scalar(grey, grey, grey) * greyness;
}

cv::Scalar choose_fabric(DemoRandom& random) {
  static const std::array<cv::Scalar, 8> kFabric = {
      cv::Scalar(120, 64, 40),  cv::Scalar(52, 48, 150),   cv::Scalar(70, 110, 60),
      cv::Scalar(60, 60, 64),   cv::Scalar(200, 196, 190), cv::Scalar(60, 150, 200),
      cv::Scalar(130, 80, 130), cv::Scalar(150, 130, 70)};
  return kFabric[static_cast<std::size_t>(random.below(8))] * random.uniform(0.8, 1.2);
}

HairStyle choose_hair(DemoRandom& random, double masculinity, double age) {
  const double pick = random.uniform();
  if (masculinity > 0.5) {
    if (pick < 0.08 + 0.3 * std::max(0.0, age - 0.4)) return HairStyle::kBald;
    if (pick < 0.48) return HairStyle::kCrop;
    if (pick < 0.72) return HairStyle::kSidePart;
    if (pick < 0.80) return HairStyle::kFringe;
    if (pick < 0.88) return HairStyle::kCurly;
    if (pick < 0.93) return HairStyle::kLong;
    return HairStyle::kKnitCap;
  }
  if (pick < 0.30) return HairStyle::kLong;
  if (pick < 0.46) return HairStyle::kFringe;
  if (pick < 0.60) return HairStyle::kTiedBack;
  if (pick < 0.72) return HairStyle::kCurly;
  if (pick < 0.82) return HairStyle::kSidePart;
  if (pick < 0.90) return HairStyle::kHeadscarf;
  if (pick < 0.95) return HairStyle::kCrop;
  return HairStyle::kKnitCap;
}

BeardStyle choose_beard(DemoRandom& random, double masculinity) {
  const double pick = random.uniform();
  if (masculinity < 0.62 || pick < 0.5) return BeardStyle::kNone;
  if (pick < 0.72) return BeardStyle::kStubble;
  if (pick < 0.81) return BeardStyle::kMoustache;
  if (pick < 0.9) return BeardStyle::kGoatee;
  return BeardStyle::kFull;
}

void choose_shape(DemoPerson& person, DemoRandom& random) {
  const double m = person.masculinity - 0.5;
  person.face_width = 1 + 0.045 * random.bell();
  person.face_height = 1 + 0.035 * random.bell();
  person.jaw_width = 1 + 0.10 * m + 0.05 * random.bell();
  person.chin_length = 0.04 * m + 0.04 * random.bell();
  person.eye_size = 1 - 0.10 * m + 0.07 * random.bell();
  person.eye_spacing = 1 + 0.04 * random.bell();
  person.eye_tilt = -0.02 * m + 0.02 * random.bell();
  person.lid_opening = 1 + 0.10 * random.bell();
  person.brow_height = 0.04 * m + 0.022 * random.bell();
  person.brow_thickness = 1 + 0.55 * m + 0.2 * random.bell();
  person.brow_arch = 1 - 0.5 * m + 0.3 * random.bell();
  person.nose_width = 1 + 0.12 * m + 0.10 * random.bell();
  person.nose_length = 1 + 0.05 * random.bell();
  person.nose_depth = 1 + 0.10 * m + 0.12 * random.bell();
  person.mouth_width = 1 + 0.06 * random.bell();
  person.mouth_height = 0.02 * random.bell();
  person.lip_fullness = std::max(0.6, 1.05 - 0.3 * m + 0.15 * random.bell());
  person.hairline = 0.05 * random.bell();
}

DemoPerson make_person(const DemoFaceKey& key) {
  DemoRandom random = stream(key, DemoField::kPerson);
  static const std::array<cv::Scalar, 5> kIris = {cv::Scalar(30, 48, 74), cv::Scalar(24, 34, 50),
                                                  cv::Scalar(150, 120, 78), cv::Scalar(82, 112, 92),
                                                  cv::Scalar(48, 86, 112)};
  DemoPerson person;
  person.age = random.uniform() * random.uniform(0.4, 1.0);
  // Pushed away from the middle, where no style of hair or beard looks natural.
  person.masculinity = random.chance(0.5) ? random.uniform(0.6, 1.0) : random.uniform(0.0, 0.4);
  const double darkness = random.uniform();
  const SkinTone tone = skin_tone(darkness);
  person.skin = tone.skin * random.uniform(0.95, 1.04);
  const bool painted = person.masculinity < 0.4 && random.chance(0.4);
  person.lips = painted ? tone.lips * 0.6 + cv::Scalar(60, 40, 190) * 0.4 : tone.lips;
  person.hair_colour = choose_hair_colour(random, darkness, person.age);
  person.brow_colour = person.hair_colour * 0.6 + person.skin * 0.08;
  const bool light_eyes = darkness < 0.35 && random.chance(0.6);
  person.iris = kIris[static_cast<std::size_t>(light_eyes ? 2 + random.below(3) : random.below(2))];
  person.fabric = choose_fabric(random);
  person.hair = choose_hair(random, person.masculinity, person.age);
  person.beard = choose_beard(random, person.masculinity);
  person.glasses = random.chance(0.16) ? 1 + random.below(3) : 0;
  person.freckles = darkness < 0.3 && random.chance(0.2);
  choose_shape(person, random);

  DemoRandom rest = stream(key, DemoField::kResting);
  const auto bias = [&rest](double most) { return std::max(0.0, most * 0.5 * rest.bell()); };
  unit(person.resting, AU::kInnerBrowRaiser) = bias(0.18);
  unit(person.resting, AU::kOuterBrowRaiser) = bias(0.20);
  unit(person.resting, AU::kBrowLowerer) = bias(0.22);
  unit(person.resting, AU::kUpperLidRaiser) = bias(0.18);
  unit(person.resting, AU::kLidTightener) = bias(0.20);
  unit(person.resting, AU::kLipCornerPuller) = bias(0.18);
  unit(person.resting, AU::kLipCornerDepressor) = bias(0.20);
  unit(person.resting, AU::kChinRaiser) = bias(0.15);
  unit(person.resting, AU::kLipsPart) = bias(0.30);
  unit(person.resting, AU::kEyesClosed) = bias(0.20);
  return person;
}

DemoOcclusion choose_occlusion(DemoRandom& random) {
  const double pick = random.uniform();
  if (pick < 0.035) return DemoOcclusion::kHand;
  if (pick < 0.065) return DemoOcclusion::kScarf;
  if (pick < 0.09) return DemoOcclusion::kSunglasses;
  if (pick < 0.13) return DemoOcclusion::kHairStrand;
  if (pick < 0.155) return DemoOcclusion::kMicrophone;
  return DemoOcclusion::kNone;
}

DemoScene make_scene(const DemoFaceKey& key) {
  DemoRandom random = stream(key, DemoField::kScene);
  DemoScene scene;
  scene.yaw = 11 * random.bell();
  scene.pitch = 5 * random.bell();
  scene.roll = 4 * random.bell();
  scene.zoom = random.uniform(0.95, 1.10);
  scene.shift_x = 0.05 * random.bell();
  scene.shift_y = 0.04 * random.bell();
  scene.gaze_x = 0.22 * random.bell();
  scene.gaze_y = 0.15 * random.bell();
  scene.light_azimuth = random.uniform(-60, 60);
  scene.light_elevation = random.uniform(5, 50);
  scene.light_contrast = random.uniform(0.15, 0.85);
  scene.exposure = random.uniform(0.85, 1.12);
  scene.warmth = 0.05 * random.bell();
  scene.background = random.below(5);
  scene.occlusion = choose_occlusion(random);
  scene.occlusion_side = random.chance(0.5) ? 1 : -1;
  scene.blur = random.chance(0.3) ? random.uniform(0.4, 1.3) : 0.0;
  scene.noise = random.chance(0.5) ? random.uniform(1.0, 7.0) : 0.5;
  scene.grey = random.chance(0.1);
  return scene;
}

// The classes that people confuse with each, likeliest first.
std::array<int, 3> confusable(int label) {
  switch (label) {
    case 1:
      return {2, 4, 7};
    case 2:
      return {1, 5, 7};
    case 3:
      return {6, 5, 7};
    case 4:
      return {7, 1, 3};
    case 5:
      return {7, 3, 2};
    case 6:
      return {3, 7, 5};
    default:
      return {5, 6, 4};
  }
}

std::vector<int> confusable_among(int label, int class_count) {
  std::vector<int> found;
  const auto last = kDemoClassOrder.begin() + class_count;
  for (const int other : confusable(label)) {
    if (std::find(kDemoClassOrder.begin(), last, other) != last) found.push_back(other);
  }
  if (found.empty()) found.push_back(label == 7 ? 4 : 7);
  return found;
}

void choose_expression(DemoRecipe& recipe) {
  const DemoFaceKey& key = recipe.key;
  DemoRandom random = stream(key, DemoField::kExpression);
  const int label = demo_label(key);
  const std::vector<int> others = confusable_among(label, key.class_count);
  const bool ambiguous = random.chance(key.ambiguity);
  const double pick = random.uniform();
  const std::size_t second =
      pick < 0.55 || others.size() == 1 ? 0 : (pick < 0.8 || others.size() == 2 ? 1 : 2);
  double intensity = ambiguous ? random.uniform(0.4, 0.75) : random.uniform(0.65, 1.0);
  double weight = ambiguous ? random.uniform(0.22, 0.46) : random.uniform(0.0, 0.15);
  if (label == 7) intensity = 1.0;
  set_demo_expression(recipe, label, others[second], intensity, weight);
}

}  // namespace

int demo_label(const DemoFaceKey& key) {
  std::vector<int> block;
  for (std::size_t i = 0; i < static_cast<std::size_t>(key.class_count); ++i) {
    block.insert(block.end(), static_cast<std::size_t>(kDemoClassShares[i]), kDemoClassOrder[i]);
  }
  const auto size = static_cast<std::int64_t>(block.size());
  DemoFaceKey block_key = key;
  block_key.index = key.index / size;
  DemoRandom random = stream(block_key, DemoField::kLabel);
  for (std::size_t i = block.size() - 1; i > 0; --i) {
    std::swap(block[i], block[static_cast<std::size_t>(random.below(static_cast<int>(i) + 1))]);
  }
  return block[static_cast<std::size_t>(key.index % size)];
}

int likeliest_second_label(int label, int class_count) {
  return confusable_among(label, class_count).front();
}

void set_demo_expression(DemoRecipe& recipe, int label, int second_label, double intensity,
                         double ambiguity) {
  DemoRandom random = stream(recipe.key, DemoField::kHabits);
  const auto style = [&random](int which) {
    const std::vector<ActionUnits> ways = prototypes(which);
    return ways[static_cast<std::size_t>(random.below(static_cast<int>(ways.size())))];
  };
  const ActionUnits first = style(label);
  const ActionUnits second = style(second_label);
  recipe.truth.label = label;
  recipe.truth.second_label = second_label;
  recipe.truth.intensity = intensity;
  recipe.truth.ambiguity = ambiguity;
  // A face with a weak trace of another class is still neutral; one with half of it is not.
  const double second_scale = label == 7 ? 0.6 : 1.0;
  const double rest = label == 7 ? 1.0 : 1.0 - 0.5 * intensity;
  for (std::size_t i = 0; i < kActionUnitCount; ++i) {
    const double mixed =
        intensity * ((1 - ambiguity) * first[i] + second_scale * ambiguity * second[i]);
    const double habit = 1 + 0.12 * random.bell();
    const double tilt = 0.08 * random.bell();
    const double whole = mixed * habit + rest * recipe.person.resting[i];
    recipe.action_units[0][i] = std::clamp(whole * (1 - tilt), 0.0, 1.3);
    recipe.action_units[1][i] = std::clamp(whole * (1 + tilt), 0.0, 1.3);
  }
}

DemoRecipe make_demo_recipe(const DemoFaceKey& key) {
  DemoRecipe recipe;
  recipe.key = key;
  recipe.person = make_person(key);
  recipe.scene = make_scene(key);
  DemoScene& scene = recipe.scene;
  const HairStyle hair = recipe.person.hair;
  const bool hidden = hair == HairStyle::kBald || hair == HairStyle::kHeadscarf;
  if (hidden && scene.occlusion == DemoOcclusion::kHairStrand) {
    scene.occlusion = DemoOcclusion::kHand;
  }
  if (scene.occlusion == DemoOcclusion::kSunglasses) recipe.person.glasses = 0;
  choose_expression(recipe);
  DemoTruth& truth = recipe.truth;
  truth.yaw_degrees = scene.yaw;
  truth.pitch_degrees = scene.pitch;
  truth.roll_degrees = scene.roll;
  truth.light_azimuth_degrees = scene.light_azimuth;
  truth.light_elevation_degrees = scene.light_elevation;
  truth.light_contrast = scene.light_contrast;
  truth.occlusion = scene.occlusion;
  truth.blur = scene.blur;
  truth.noise = scene.noise;
  truth.grey = scene.grey;
  truth.glasses = recipe.person.glasses != 0;
  truth.beard = recipe.person.beard != BeardStyle::kNone;
  return recipe;
}

}  // namespace selfcure
