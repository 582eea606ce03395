#include "selfcure/data/label_draw.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {
namespace {

TEST(LabelDraw, ClassesComeAsOftenAsTheirProbabilities) {
  const std::array<float, 4> distribution = {0.5F, 0.0F, 0.2F, 0.3F};
  std::array<int, 4> counts = {};
  constexpr int kDraws = 100000;
  for (std::uint64_t row = 0; row < kDraws; ++row)
    ++counts[static_cast<std::size_t>(draw_label(distribution.data(), 4, 7, 1, row))];
  // Five standard deviations of a count of probability p are 5 sqrt(p (1 - p) / n) < 0.008.
  for (std::size_t k = 0; k < 4; ++k)
    EXPECT_NEAR(counts[k] / double{kDraws}, static_cast<double>(distribution[k]), 0.008) << k;
  EXPECT_EQ(counts[1], 0);
}

TEST(LabelDraw, OneRowVisitsItsClassesOverTheEpochs) {
  const std::array<float, 2> distribution = {0.25F, 0.75F};
  int first = 0;
  for (std::uint64_t epoch = 0; epoch < 20000; ++epoch)
    first += draw_label(distribution.data(), 2, 3, epoch, 12) == 0;
  EXPECT_NEAR(first / 20000.0, 0.25, 0.016);
}

TEST(LabelDraw, IsAFunctionOfSeedEpochAndRow) {
  const std::vector<float> even(64, 1.0F / 64);
  const auto draw = [&](std::uint64_t seed, std::uint64_t epoch, std::uint64_t row) {
    return draw_label(even.data(), 64, seed, epoch, row);
  };
  int other_seed = 0, other_epoch = 0, other_row = 0;
  for (std::uint64_t row = 0; row < 100; ++row) {
    EXPECT_EQ(draw(1, 2, row), draw(1, 2, row));
    other_seed += draw(1, 2, row) != draw(2, 2, row);
    other_epoch += draw(1, 2, row) != draw(1, 3, row);
    other_row += draw(1, 2, row) != draw(1, 2, row + 1);
  }
  EXPECT_GT(other_seed, 80);
  EXPECT_GT(other_epoch, 80);
  EXPECT_GT(other_row, 80);
}

TEST(LabelDraw, ACertainLabelIsAlwaysDrawn) {
  const std::array<float, 3> distribution = {0, 0, 1};
  for (std::uint64_t row = 0; row < 100; ++row)
    EXPECT_EQ(draw_label(distribution.data(), 3, 1, 1, row), 2);
}

TEST(LabelDraw, TheSumNeedNotBeOne) {
  const std::array<float, 2> distribution = {3.0F, 3.0F};
  int first = 0;
  for (std::uint64_t row = 0; row < 20000; ++row)
    first += draw_label(distribution.data(), 2, 1, 1, row) == 0;
  EXPECT_NEAR(first / 20000.0, 0.5, 0.018);
}

TEST(LabelDraw, ARowWithoutAnyProbabilityHasNoLabel) {
  const std::array<float, 3> distribution = {};
  EXPECT_EQ(draw_label(distribution.data(), 3, 1, 1, 0), kUnknownLabel);
}

}  // namespace
}  // namespace selfcure
