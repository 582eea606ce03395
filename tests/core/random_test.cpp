#include "selfcure/core/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <set>
#include <vector>

namespace selfcure {
namespace {

// Worked out with an implementation in another language. They must never change: every recorded
// run was made from them.
TEST(KeyedRandom, GivesTheSameBitsForever) {
  KeyedRandom shuffle(RandomStream::kShuffle, {1, 2, 3, 4});
  EXPECT_EQ(shuffle.bits(), 0xF27F39944C5F109BULL);
  EXPECT_EQ(shuffle.bits(), 0xC54BE4E8B77EAA52ULL);
  EXPECT_EQ(shuffle.bits(), 0x5419329862B466BAULL);
  KeyedRandom noise(RandomStream::kNoise, {0, 0, 0, 0});
  EXPECT_EQ(noise.bits(), 0xF41C1F7209B68CA5ULL);
  EXPECT_EQ(noise.bits(), 0x7785D7C5E20F6830ULL);
}

TEST(KeyedRandom, EveryPlaceOfTheKeyAndTheStreamMatter) {
  std::set<std::uint64_t> first_bits;
  const auto add = [&](RandomStream stream, const std::array<std::uint64_t, 4>& key) {
    first_bits.insert(KeyedRandom(stream, key).bits());
  };
  add(RandomStream::kNoise, {0, 0, 0, 0});
  add(RandomStream::kShuffle, {0, 0, 0, 0});
  add(RandomStream::kNoise, {1, 0, 0, 0});
  add(RandomStream::kNoise, {0, 1, 0, 0});
  add(RandomStream::kNoise, {0, 0, 1, 0});
  add(RandomStream::kNoise, {0, 0, 0, 1});
  EXPECT_EQ(first_bits.size(), 6U);
}

TEST(KeyedRandom, MissingPlacesOfTheKeyCountAsZero) {
  EXPECT_EQ(KeyedRandom(RandomStream::kNoise, {5}).bits(),
            KeyedRandom(RandomStream::kNoise, {5, 0, 0, 0}).bits());
}

// 20,000 draws: the mean of U[0,1) has a standard error of 0.289 / sqrt(20000) = 0.0020.
TEST(KeyedRandom, UniformFillsItsRangeEvenly) {
  KeyedRandom random(RandomStream::kGeometry, {1});
  std::array<int, 10> bins{};
  double sum = 0.0;
  for (int i = 0; i < 20000; ++i) {
    const double x = random.uniform();
    ASSERT_GE(x, 0.0);
    ASSERT_LT(x, 1.0);
    ++bins[static_cast<std::size_t>(x * 10.0)];
    sum += x;
  }
  EXPECT_NEAR(sum / 20000.0, 0.5, 0.010);
  // Each bin is binomial(20000, 0.1), standard deviation 42.4.
  for (const int count : bins) EXPECT_NEAR(count, 2000, 212);
}

TEST(KeyedRandom, UniformKeepsToTheGivenRange) {
  KeyedRandom random(RandomStream::kColour, {2});
  for (int i = 0; i < 1000; ++i) {
    const double x = random.uniform(-3.0, -2.5);
    ASSERT_GE(x, -3.0);
    ASSERT_LT(x, -2.5);
  }
}

// Chi-square with 6 degrees of freedom: 99.99 % lie below 27.9.
TEST(KeyedRandom, BelowGivesEachNumberEquallyOften) {
  KeyedRandom random(RandomStream::kShuffle, {3});
  std::array<double, 7> counts{};
  for (int i = 0; i < 70000; ++i) {
    const std::uint64_t x = random.below(7);
    ASSERT_LT(x, 7U);
    counts[static_cast<std::size_t>(x)] += 1.0;
  }
  double chi_square = 0.0;
  for (const double count : counts) chi_square += (count - 10000.0) * (count - 10000.0) / 10000.0;
  EXPECT_LT(chi_square, 27.9);
}

// With the bound 3/4 of 2^64, taking the remainder alone would give the lower third of the range
// twice as often as the rest: 1/2 of the numbers instead of 1/3.
TEST(KeyedRandom, BelowHasNoModuloBias) {
  constexpr std::uint64_t kBound = 3ULL << 62;
  KeyedRandom random(RandomStream::kShuffle, {4});
  int lower_third = 0;
  for (int i = 0; i < 9000; ++i) {
    if (random.below(kBound) < kBound / 3) ++lower_third;
  }
  EXPECT_NEAR(lower_third, 3000, 225);  // five standard deviations of 44.7
}

TEST(KeyedRandom, BelowOneIsZero) {
  KeyedRandom random(RandomStream::kShuffle, {5});
  for (int i = 0; i < 10; ++i) EXPECT_EQ(random.below(1), 0U);
}

TEST(KeyedRandom, NormalHasMeanZeroAndVarianceOne) {
  KeyedRandom random(RandomStream::kPixelNoise, {6});
  double sum = 0.0;
  double squares = 0.0;
  int beyond_two = 0;
  for (int i = 0; i < 40000; ++i) {
    const double x = random.normal();
    ASSERT_TRUE(std::isfinite(x));
    sum += x;
    squares += x * x;
    if (std::abs(x) > 2.0) ++beyond_two;
  }
  EXPECT_NEAR(sum / 40000.0, 0.0, 0.025);      // standard error 0.005
  EXPECT_NEAR(squares / 40000.0, 1.0, 0.036);  // standard error sqrt(2 / 40000) = 0.0071
  EXPECT_NEAR(beyond_two / 40000.0, 0.0455, 0.0052);
}

TEST(KeyedRandom, ChanceNeverMissesOneAndNeverHitsZero) {
  KeyedRandom random(RandomStream::kErasing, {7});
  int hits = 0;
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(random.chance(1.0));
    EXPECT_FALSE(random.chance(0.0));
    if (random.chance(0.25)) ++hits;
  }
  EXPECT_NEAR(hits, 250, 69);  // five standard deviations of 13.7
}

TEST(RandomPermutation, GivesTheSameOrderForever) {
  const std::vector<std::int64_t> expected = {6, 2, 5, 1, 7, 0, 4, 3};
  EXPECT_EQ(random_permutation(8, KeyedRandom(RandomStream::kShuffle, {7})), expected);
}

TEST(RandomPermutation, HoldsEachNumberOnce) {
  std::vector<std::int64_t> order =
      random_permutation(1000, KeyedRandom(RandomStream::kShuffle, {8}));
  std::vector<std::int64_t> identity(1000);
  std::iota(identity.begin(), identity.end(), 0);
  EXPECT_NE(order, identity);
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, identity);
}

TEST(RandomPermutation, OfNothingIsEmptyAndOfOneIsZero) {
  EXPECT_TRUE(random_permutation(0, KeyedRandom(RandomStream::kShuffle, {9})).empty());
  EXPECT_EQ(random_permutation(1, KeyedRandom(RandomStream::kShuffle, {9})),
            std::vector<std::int64_t>{0});
}

// All 6 orders of 3, 1000 each expected; standard deviation sqrt(6000 * 1/6 * 5/6) = 28.9.
TEST(RandomPermutation, GivesEachOrderEquallyOften) {
  std::array<int, 27> counts{};
  for (std::uint64_t seed = 0; seed < 6000; ++seed) {
    const auto order = random_permutation(3, KeyedRandom(RandomStream::kShuffle, {seed}));
    ++counts[static_cast<std::size_t>(9 * order[0] + 3 * order[1] + order[2])];
  }
  for (const std::size_t code : {5U, 7U, 11U, 15U, 19U, 21U}) EXPECT_NEAR(counts[code], 1000, 145);
}

}  // namespace
}  // namespace selfcure
