#include "selfcure/data/face_alignment.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// A picture whose grey levels are a function of the place of each pixel's centre.
template <typename Function>
Picture painted(int width, int height, int channels, Function&& level) {
  Picture picture;
  picture.width = width;
  picture.height = height;
  picture.channels = channels;
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < channels; ++c)
        picture.pixels.push_back(
            static_cast<std::uint8_t>(std::lround(level(x + 0.5, y + 0.5, c))));
    }
  }
  return picture;
}

DetectedFace box(double x, double y, double width, double height) {
  DetectedFace face;
  face.x = x;
  face.y = y;
  face.width = width;
  face.height = height;
  return face;
}

std::string error_of(const CropOptions& options) {
  try {
    check_crop_options(options);
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

TEST(CropOptionsCheck, SaysWhichOptionIsOutOfRange) {
  CropOptions options;
  EXPECT_EQ(error_of(options), "no DataError");
  options.side = 15;
  EXPECT_EQ(error_of(options), "align: side: expected 16..2048, got 15");
  options = {};
  options.eye_distance = 0.95;
  EXPECT_EQ(error_of(options), "align: eye distance: expected 0.1..0.9, got 0.95");
  options = {};
  options.eye_height = std::nan("");
  EXPECT_EQ(error_of(options), "align: eye height: expected 0.1..0.9, got nan");
  options = {};
  options.box_margin = -0.5;
  EXPECT_EQ(error_of(options), "align: box margin: expected 0..2, got -0.5");
}

TEST(CropByEyes, PutsTheEyesAtTheirPlaces) {
  const CropOptions options;
  for (const EyePair& eyes : {EyePair{{30, 40}, {70, 40}}, EyePair{{12.5, 80}, {33, 61}},
                              EyePair{{200, 20}, {190, -9}}}) {
    const Similarity place = crop_by_eyes(eyes, options);
    const FacePoint left = place(eyes.left), right = place(eyes.right);
    EXPECT_NEAR(left.x, 30, 1e-9);
    EXPECT_NEAR(left.y, 38, 1e-9);
    EXPECT_NEAR(right.x, 70, 1e-9);
    EXPECT_NEAR(right.y, 38, 1e-9);
  }
}

TEST(CropByEyes, FollowsTheWantedGeometry) {
  CropOptions options;
  options.side = 224;
  options.eye_distance = 0.5;
  options.eye_height = 0.25;
  const EyePair eyes{{10, 10}, {10, 66}};
  const Similarity place = crop_by_eyes(eyes, options);
  EXPECT_NEAR(place.scale(), 2, 1e-12);
  EXPECT_NEAR(place(eyes.left).x, 56, 1e-9);
  EXPECT_NEAR(place(eyes.left).y, 56, 1e-9);
  EXPECT_NEAR(place(eyes.right).x, 168, 1e-9);
}

TEST(RollDegrees, IsPositiveClockwise) {
  EXPECT_DOUBLE_EQ(roll_degrees({{0, 0}, {10, 0}}), 0);
  EXPECT_DOUBLE_EQ(roll_degrees({{0, 0}, {10, 10}}), 45);
  EXPECT_DOUBLE_EQ(roll_degrees({{0, 0}, {0, -3}}), -90);
  EXPECT_DOUBLE_EQ(roll_degrees({{0, 0}, {-5, 0}}), 180);
}

TEST(UsableEyes, AreApartAndFinite) {
  DetectedFace face = box(0, 0, 100, 50);
  EXPECT_FALSE(has_usable_eyes(face));
  face.eyes = EyePair{{20, 20}, {30, 20}};
  EXPECT_TRUE(has_usable_eyes(face)) << "a fifth of the shorter side";
  face.eyes = EyePair{{20, 20}, {29.9, 20}};
  EXPECT_FALSE(has_usable_eyes(face));
  face.eyes = EyePair{{20, 20}, {kInfinity, 20}};
  EXPECT_FALSE(has_usable_eyes(face));
  face = box(0, 0, 0, 0);
  face.eyes = EyePair{{20, 20}, {20, 20}};
  EXPECT_FALSE(has_usable_eyes(face)) << "nothing to turn by";
}

TEST(CropByBox, ShowsASquareAroundTheBox) {
  CropOptions options;
  const Similarity tight = crop_by_box(box(10, 20, 40, 30), options);
  EXPECT_NEAR(tight({10, 15}).x, 0, 1e-9);
  EXPECT_NEAR(tight({10, 15}).y, 0, 1e-9);
  EXPECT_NEAR(tight({50, 55}).x, 100, 1e-9);
  options.box_margin = 0.5;
  const Similarity wide = crop_by_box(box(10, 20, 40, 30), options);
  EXPECT_NEAR(wide({-10, -5}).x, 0, 1e-9);
  EXPECT_NEAR(wide({70, 75}).y, 100, 1e-9);
}

TEST(CropByCentre, ShowsTheLargestSquareInTheMiddle) {
  const Similarity place = crop_by_centre(300, 100, {});
  EXPECT_NEAR(place({100, 0}).x, 0, 1e-9);
  EXPECT_NEAR(place({200, 100}).x, 100, 1e-9);
  EXPECT_NEAR(place({200, 100}).y, 100, 1e-9);
}

TEST(CutCrop, CopiesPixelsThatAreNotScaled) {
  const Picture picture = painted(40, 30, 3, [](double x, double y, int c) {
    return std::fmod(37 * x + 91 * y + 53 * c, 256.0);
  });
  const Picture crop = cut_crop(picture.view(), {1, 0, -5, -7}, 16);
  ASSERT_EQ(crop.width, 16);
  ASSERT_EQ(crop.height, 16);
  ASSERT_EQ(crop.channels, 3);
  for (std::size_t y = 0; y < 16; ++y) {
    for (std::size_t i = 0; i < 48; ++i)
      ASSERT_EQ(crop.pixels[48 * y + i], picture.pixels[(y + 7) * 120 + 15 + i]);
  }
}

TEST(CutCrop, ShowsEachPlaceWhereTheSimilarityTakesIt) {
  // A plane of grey levels tells for each pixel where it came from.
  const Picture picture =
      painted(200, 200, 1, [](double x, double y, int) { return 0.7 * x + 0.5 * y; });
  for (const double scale : {2.0, 1.0, 0.8, 0.5, 0.3}) {
    const double angle = 0.3;
    const Similarity place{scale * std::cos(angle), scale * std::sin(angle), 20 - 100 * scale, 4};
    const Picture crop = cut_crop(picture.view(), place, 32);
    const double square = scale * scale;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        const double u = x + 0.5 - place.shift_x, v = y + 0.5 - place.shift_y;
        const double from_x = (place.a * u + place.b * v) / square;
        const double from_y = (place.a * v - place.b * u) / square;
        // Beyond the edge the outermost pixels go on.
        if (from_x < 3 || from_y < 3 || from_x > 197 || from_y > 197) continue;
        ASSERT_NEAR(crop.pixels[static_cast<std::size_t>(32 * y + x)], 0.7 * from_x + 0.5 * from_y,
                    1.6)
            << "scale " << scale << " at " << x << ", " << y;
      }
    }
  }
}

TEST(CutCrop, AveragesWhereItShrinks) {
  // A fine checkerboard is grey from afar; sampling it would show black and white.
  const Picture board = painted(320, 320, 1, [](double x, double y, int) {
    return (static_cast<int>(x) + static_cast<int>(y)) % 2 == 0 ? 255 : 0;
  });
  const Picture crop = cut_crop(board.view(), crop_by_centre(320, 320, {16}), 16);
  for (const std::uint8_t level : crop.pixels) ASSERT_NEAR(level, 127.5, 2);
}

TEST(CutCrop, GoesOnWithTheOutermostPixelsBeyondTheEdge) {
  const Picture white = painted(10, 10, 1, [](double, double, int) { return 255; });
  const Picture crop = cut_crop(white.view(), {1, 0, 100, 100}, 16);
  for (const std::uint8_t level : crop.pixels) ASSERT_EQ(level, 255);
}

TEST(CutCrop, TakesAPictureOfOnePixel) {
  const Picture dot = painted(1, 1, 3, [](double, double, int c) { return 50.0 * c; });
  const Picture crop = cut_crop(dot.view(), crop_by_centre(1, 1, {}), 100);
  ASSERT_EQ(crop.pixels.size(), 30000U);
  EXPECT_EQ(crop.pixels[29999], 100);
}

TEST(ChooseFace, TakesTheLargestOrTheMostCentral) {
  const std::vector<DetectedFace> faces = {box(0, 0, 30, 30), box(40, 40, 20, 20),
                                           box(70, 70, 30, 30)};
  EXPECT_EQ(choose_face(faces, 100, 100, FaceChoice::kLargest), 0U) << "the first of equals";
  EXPECT_EQ(choose_face(faces, 100, 100, FaceChoice::kMostCentral), 1U);
}

TEST(ChooseFace, LeavesOutWhatIsNoFace) {
  EXPECT_FALSE(choose_face({}, 100, 100, FaceChoice::kLargest));
  const std::vector<DetectedFace> faces = {box(0, 0, kInfinity, 30), box(0, 0, 0, 30),
                                           box(std::nan(""), 0, 9, 9), box(5, 5, -4, -4)};
  EXPECT_FALSE(choose_face(faces, 100, 100, FaceChoice::kLargest));
  EXPECT_FALSE(choose_face(faces, 100, 100, FaceChoice::kMostCentral));
}

}  // namespace
}  // namespace selfcure
