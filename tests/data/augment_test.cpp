#include "selfcure/data/augment.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>
#include <torch/utils.h>

#include <cmath>
#include <set>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

const NormalizeOptions kPlain = {{0, 0, 0}, {1.0 / 255, 1.0 / 255, 1.0 / 255}};  // keeps 0..255

at::Tensor random_pixels(std::int64_t count, std::int64_t side) {
  torch::manual_seed(2);
  return at::randint(0, 256, {count, side, side, 3}, at::kByte);
}

std::vector<std::int64_t> rows_from(std::int64_t first, std::int64_t count) {
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < count; ++i) rows.push_back(first + i);
  return rows;
}

AugmentOptions nothing() {
  AugmentOptions options;
  options.flip = 0;
  return options;
}

AugmentOptions everything() {
  AugmentOptions options;
  options.noise = 0.5;
  options.crop_padding = 3;
  options.brightness = options.contrast = options.saturation = 0.3;
  options.erase = 0.5;
  return options;
}

TEST(Normalize, MatchesAValueWorkedOutByHand) {
  const at::Tensor pixels = at::full({1, 2, 2, 3}, 51, at::kByte);  // 51 / 255 = 0.2
  const at::Tensor images = normalize_images(pixels, {{0.2, 0.1, 0.4}, {0.5, 0.1, 0.4}});
  EXPECT_EQ(images.sizes(), at::IntArrayRef({1, 3, 2, 2}));
  EXPECT_NEAR(images[0][0][1][1].item<double>(), 0.0, 1e-6);
  EXPECT_NEAR(images[0][1][0][1].item<double>(), 1.0, 1e-6);
  EXPECT_NEAR(images[0][2][1][0].item<double>(), -0.5, 1e-6);
}

TEST(Normalize, RefusesOtherShapesAndTypes) {
  EXPECT_THROW(normalize_images(at::zeros({1, 2, 2, 3}), {}), ShapeError);
  EXPECT_THROW(normalize_images(at::zeros({1, 3, 2, 2}, at::kByte), {}), ShapeError);
}

TEST(Normalize, VisiblePixelsAreTheOnesItStartedFrom) {
  const at::Tensor pixels = at::randint(0, 256, {2, 5, 7, 3}, at::kByte);
  const NormalizeOptions normalize;
  EXPECT_TRUE(visible_pixels(normalize_images(pixels, normalize), normalize).equal(pixels));
}

TEST(Augment, WithNothingOnIsNormalisation) {
  const at::Tensor pixels = random_pixels(3, 8);
  EXPECT_TRUE(augment_images(pixels, rows_from(0, 3), nothing(), {}, {1, 1, 0})
                  .equal(normalize_images(pixels, {})));
}

TEST(Augment, AnImageComesOutTheSameInAnyBatch) {
  const at::Tensor pixels = random_pixels(6, 16);
  const at::Tensor all = augment_images(pixels, rows_from(10, 6), everything(), {}, {7, 2, 0});
  for (std::int64_t i = 0; i < 6; ++i)
    EXPECT_TRUE(
        augment_images(pixels.narrow(0, i, 1), {10 + i}, everything(), {}, {7, 2, 0})[0].equal(
            all[i]));
}

TEST(Augment, SeedEpochRowAndViewAllMatter) {
  const at::Tensor pixels = random_pixels(1, 16);
  AugmentOptions options = nothing();
  options.noise = 1.0;
  const auto image = [&](std::int64_t row, const AugmentKey& key) {
    return augment_images(pixels, {row}, options, {}, key);
  };
  const at::Tensor base = image(3, {1, 1, 0});
  EXPECT_TRUE(base.equal(image(3, {1, 1, 0})));
  EXPECT_FALSE(base.equal(image(4, {1, 1, 0})));
  EXPECT_FALSE(base.equal(image(3, {2, 1, 0})));
  EXPECT_FALSE(base.equal(image(3, {1, 2, 0})));
  EXPECT_FALSE(base.equal(image(3, {1, 1, 1})));
}

TEST(Augment, AMirrorIsExact) {
  const at::Tensor pixels = random_pixels(4, 9);
  AugmentOptions options;
  options.flip = 1.0;
  EXPECT_TRUE(augment_images(pixels, rows_from(0, 4), options, {}, {1, 1, 0})
                  .equal(normalize_images(pixels, {}).flip({3})));
}

TEST(Augment, MirrorsComeAtTheirRate) {
  const at::Tensor pixels = random_pixels(1, 4).expand({2000, 4, 4, 3}).contiguous();
  AugmentOptions options;
  options.flip = 0.3;
  const at::Tensor images = augment_images(pixels, rows_from(0, 2000), options, {}, {1, 1, 0});
  const at::Tensor changed = images.ne(normalize_images(pixels, {})).flatten(1).any(1);
  EXPECT_NEAR(changed.to(at::kDouble).mean().item<double>(), 0.3, 0.04);  // 4 deviations
}

TEST(Augment, FlipOrNoiseDoesOneOfBothToHalfOfTheImages) {
  const at::Tensor pixels = at::full({2000, 4, 4, 3}, 128, at::kByte);
  pixels.select(2, 0).fill_(20);  // not symmetric
  AugmentOptions options;
  options.flip_or_noise = true;
  const at::Tensor images = augment_images(pixels, rows_from(0, 2000), options, kPlain, {1, 1, 0});
  const at::Tensor plain = normalize_images(pixels, kPlain);
  const at::Tensor same = images.eq(plain).flatten(1).all(1);
  const at::Tensor mirrored = images.eq(plain.flip({3})).flatten(1).all(1);
  EXPECT_NEAR(same.to(at::kDouble).mean().item<double>(), 0.5, 0.05);
  EXPECT_NEAR(mirrored.to(at::kDouble).mean().item<double>(), 0.25, 0.04);
}

TEST(Augment, NoiseIsNormalWithItsVarianceAndStaysInRange) {
  const at::Tensor pixels = at::full({8, 64, 64, 3}, 128, at::kByte);
  AugmentOptions options = nothing();
  options.noise = 1.0;
  const at::Tensor noise =
      augment_images(pixels, rows_from(0, 8), options, kPlain, {1, 1, 0}).to(at::kDouble) - 128;
  const double deviation = std::sqrt(30.0);
  EXPECT_NEAR(noise.mean().item<double>(), 0, 0.06);
  EXPECT_NEAR(noise.std().item<double>(), deviation, 0.05);
  EXPECT_NEAR(noise.pow(4).mean().item<double>() / std::pow(deviation, 4), 3.0, 0.1);
  EXPECT_NEAR(noise.abs().lt(deviation).to(at::kDouble).mean().item<double>(), 0.6827, 0.005);
  // Neighbours are independent.
  const at::Tensor left = noise.slice(3, 0, 63), right = noise.slice(3, 1, 64);
  EXPECT_NEAR((left * right).mean().item<double>() / 30.0, 0, 0.01);
  const at::Tensor dark =
      augment_images(at::zeros({1, 32, 32, 3}, at::kByte), {0}, options, kPlain, {1, 1, 0});
  EXPECT_GE(dark.min().item<double>(), -1e-3);
}

TEST(Augment, ACropShiftsAndFillsWithZeros) {
  const at::Tensor pixels = (random_pixels(64, 8) / 2 + 1).to(at::kByte);  // no pixel is 0
  AugmentOptions options = nothing();
  options.crop_padding = 2;
  const at::Tensor images =
      augment_images(pixels, rows_from(0, 64), options, kPlain, {1, 1, 0}).round();
  const at::Tensor padded =
      at::constant_pad_nd(normalize_images(pixels, kPlain).round(), {2, 2, 2, 2});
  std::set<std::pair<int, int>> seen;
  for (std::int64_t i = 0; i < 64; ++i) {
    int matches = 0;
    for (int dy = 0; dy < 5; ++dy)
      for (int dx = 0; dx < 5; ++dx)
        if (padded[i].slice(1, dy, dy + 8).slice(2, dx, dx + 8).equal(images[i])) {
          ++matches;
          seen.insert({dy, dx});
        }
    EXPECT_EQ(matches, 1) << i;
  }
  EXPECT_GT(seen.size(), 18U);  // of 25
}

TEST(Augment, ErasingTakesItsShareOfTheArea) {
  const at::Tensor pixels = at::full({200, 40, 40, 3}, 255, at::kByte);
  AugmentOptions options = nothing();
  options.erase = 1.0;
  const at::Tensor images = augment_images(pixels, rows_from(0, 200), options, kPlain, {1, 1, 0});
  const at::Tensor share = images.select(1, 0).eq(0).flatten(1).to(at::kDouble).mean(1);
  EXPECT_GE(share.min().item<double>(), 0.015);
  EXPECT_LE(share.max().item<double>(), 0.26);
  EXPECT_NEAR(share.mean().item<double>(), 0.135, 0.02);
  EXPECT_TRUE(images.select(1, 0).equal(images.select(1, 2)));  // all channels alike
}

TEST(Augment, ColourChangesStayInRangeAndKeepTheMeanUnderContrast) {
  const at::Tensor pixels = (random_pixels(4, 32) / 4 + 96).to(at::kByte);  // far from the clamps
  AugmentOptions options = nothing();
  options.contrast = 0.5;
  const at::Tensor images = augment_images(pixels, rows_from(0, 4), options, kPlain, {1, 1, 0});
  const at::Tensor plain = normalize_images(pixels, kPlain);
  const at::Tensor luma = at::tensor(std::vector<double>{0.299, 0.587, 0.114}, at::kDouble)
                              .to(at::kFloat)
                              .view({1, 3, 1, 1});
  EXPECT_LT(((images - plain) * luma).sum(1).mean({1, 2}).abs().max().item<double>(), 0.02);
  EXPECT_FALSE(images.equal(plain));
  options.brightness = options.saturation = 1.0;
  const at::Tensor wild =
      augment_images(random_pixels(32, 8), rows_from(0, 32), options, kPlain, {1, 1, 0});
  EXPECT_GE(wild.min().item<double>(), -1e-3);
  EXPECT_LE(wild.max().item<double>(), 255.001);
}

TEST(Augment, RefusesAnotherNumberOfRows) {
  EXPECT_THROW(augment_images(random_pixels(2, 4), {1}, nothing(), {}, {}), ShapeError);
}

}  // namespace
}  // namespace selfcure
