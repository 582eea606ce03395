#include "selfcure/data/duplicates.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"

namespace selfcure {
namespace {

using Groups = std::vector<IndexGroup>;
using Grey = std::vector<std::uint8_t>;

ByteHash hash_of(const std::string& text) {
  ByteHasher hasher;
  hasher.add(text.data(), text.size());
  return hasher.result();
}

/// 32 x 32 pixels of soft blobs, other ones for each seed.
Grey blobs(std::uint64_t seed) {
  KeyedRandom random(RandomStream::kShuffle, {seed});
  std::vector<double> levels(kFingerprintSide * kFingerprintSide, 128.0);
  for (int blob = 0; blob < 40; ++blob) {
    const double x = random.uniform(0, 32), y = random.uniform(0, 32);
    const double height = random.uniform(-80, 80), width = random.uniform(1, 5);
    for (int i = 0; i < kFingerprintSide * kFingerprintSide; ++i) {
      const double dx = i % 32 - x, dy = i / 32 - y;
      levels[static_cast<std::size_t>(i)] +=
          height * std::exp(-(dx * dx + dy * dy) / (2 * width * width));
    }
  }
  Grey grey;
  for (const double level : levels)
    grey.push_back(static_cast<std::uint8_t>(std::clamp(level, 0.0, 255.0)));
  return grey;
}

/// As strong compression and another exposure would change it.
Grey disturbed(const Grey& grey, std::uint64_t seed) {
  KeyedRandom random(RandomStream::kPixelNoise, {seed});
  Grey result;
  for (const std::uint8_t level : grey) {
    result.push_back(
        static_cast<std::uint8_t>(std::clamp(0.9 * level + 15 + 2 * random.normal(), 0.0, 255.0)));
  }
  return result;
}

Fingerprint print_of(const Grey& grey) { return take_fingerprint(grey.data()); }

/// A fingerprint with this hash that looks like every other of its kind.
Fingerprint with_hash(std::uint64_t hash) {
  Fingerprint print;
  print.hash = hash;
  print.thumbnail[0] = 200;
  return print;
}

std::string error_of(const NearDuplicateOptions& options) {
  try {
    (void)near_duplicate_groups({}, options);
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no ConfigError";
}

TEST(ByteHasher, DependsOnTheBytesAndNotOnHowTheyAreCut) {
  EXPECT_TRUE(hash_of("abc") == hash_of("abc"));
  EXPECT_FALSE(hash_of("abc") == hash_of("abd"));
  EXPECT_FALSE(hash_of("") == hash_of(std::string(1, '\0')));
  ByteHasher hasher;
  hasher.add("ab", 2);
  hasher.add(nullptr, 0);
  hasher.add("c", 1);
  EXPECT_TRUE(hasher.result() == hash_of("abc"));
}

TEST(EqualHashGroups, ListsEachGroupOnceInOrder) {
  const ByteHash a{1, 1}, b{1, 2}, c{2, 1};
  EXPECT_EQ(equal_hash_groups({c, a, b, a, c, c}), (Groups{{0, 4, 5}, {1, 3}}));
  EXPECT_TRUE(equal_hash_groups({a, b, c}).empty());
  EXPECT_TRUE(equal_hash_groups({}).empty());
}

TEST(HashDistance, CountsDifferingBits) {
  EXPECT_EQ(hash_distance(0, 0), 0);
  EXPECT_EQ(hash_distance(~std::uint64_t{0}, 0), 64);
  EXPECT_EQ(hash_distance(0b1011, 0b0110), 3);
  EXPECT_EQ(hash_distance(std::uint64_t{1} << 63, 1), 2);
}

TEST(TakeFingerprint, PutsHalfOfTheBitsAboveTheMedian) {
  for (std::uint64_t seed = 0; seed < 20; ++seed)
    EXPECT_EQ(hash_distance(print_of(blobs(seed)).hash, 0), 32);
}

TEST(TakeFingerprint, TellsWavesByTheirBit) {
  // A cosine across the image is the coefficient u = 1; the hash leaves out the row v = 0, where a
  // wave that is the same in all rows would be, so that it runs in both directions.
  for (int u = 1; u <= 8; ++u) {
    for (int v = 1; v <= 8; ++v) {
      Grey grey;
      for (int y = 0; y < kFingerprintSide; ++y) {
        for (int x = 0; x < kFingerprintSide; ++x) {
          const double wave =
              std::cos(M_PI * (2 * x + 1) * u / 64) * std::cos(M_PI * (2 * y + 1) * v / 64);
          grey.push_back(static_cast<std::uint8_t>(std::lround(128 + 100 * wave)));
        }
      }
      const int bit = 8 * (v - 1) + u - 1;
      EXPECT_EQ(print_of(grey).hash >> bit & 1, 1U) << "u " << u << ", v " << v;
      for (std::uint8_t& level : grey) level = static_cast<std::uint8_t>(255 - level);
      EXPECT_EQ(print_of(grey).hash >> bit & 1, 0U) << "u " << u << ", v " << v;
    }
  }
}

TEST(TakeFingerprint, ReducesTheImageToItsThumbnail) {
  Grey grey(kFingerprintSide * kFingerprintSide, 0);
  grey[0] = 10;
  grey[1] = 20;
  grey[32] = 30;
  grey[33] = 42;
  grey[1023] = 255;
  const Fingerprint print = print_of(grey);
  EXPECT_EQ(print.thumbnail[0], 26) << "the mean, rounded";
  EXPECT_EQ(print.thumbnail[1], 0);
  EXPECT_EQ(print.thumbnail[255], 64);
}

TEST(TakeFingerprint, KnowsImagesWithoutContrast) {
  EXPECT_TRUE(print_of(Grey(1024, 77)).flat);
  Grey grey(1024, 77);
  for (std::size_t i = 0; i < 512; ++i) grey[i] = 80;
  EXPECT_TRUE(print_of(grey).flat) << "standard deviation 1.5";
  for (std::size_t i = 0; i < 512; ++i) grey[i] = 82;
  EXPECT_FALSE(print_of(grey).flat) << "standard deviation 2.5";
}

TEST(ThumbnailCorrelation, IsThatOfThePixels) {
  Fingerprint a = print_of(blobs(1));
  Fingerprint inverse = a;
  for (std::uint8_t& level : inverse.thumbnail) level = static_cast<std::uint8_t>(255 - level);
  EXPECT_DOUBLE_EQ(thumbnail_correlation(a, a), 1);
  EXPECT_DOUBLE_EQ(thumbnail_correlation(a, inverse), -1);
  EXPECT_EQ(thumbnail_correlation(a, Fingerprint()), 0) << "one grey has no correlation";
  EXPECT_LT(thumbnail_correlation(a, print_of(blobs(2))), 0.9);
}

TEST(NearDuplicateGroups, FindDisturbedCopiesAndNothingElse) {
  std::vector<Fingerprint> prints;
  for (std::uint64_t seed = 0; seed < 300; ++seed) prints.push_back(print_of(blobs(seed)));
  Groups expected;
  for (std::int64_t i = 0; i < 40; ++i) {
    prints.push_back(print_of(disturbed(blobs(static_cast<std::uint64_t>(7 * i)), 1)));
    expected.push_back({7 * i, 300 + i});
  }
  EXPECT_EQ(near_duplicate_groups(prints, {}), expected);
}

TEST(NearDuplicateGroups, AreAllPairsWithinTheDistance) {
  // Against comparing all pairs; hashes near one another in every combination of bits.
  KeyedRandom random(RandomStream::kShuffle, {3});
  std::vector<Fingerprint> prints;
  for (int i = 0; i < 60; ++i) {
    const std::uint64_t centre = random.bits();
    for (int copy = 0; copy < 4; ++copy) {
      std::uint64_t hash = centre;
      for (std::uint64_t flips = random.below(8); flips > 0; --flips)
        hash ^= std::uint64_t{1} << random.below(64);
      prints.push_back(with_hash(hash));
    }
  }
  for (int distance = 0; distance <= 8; ++distance) {
    std::vector<std::size_t> root(prints.size());
    for (std::size_t i = 0; i < root.size(); ++i) root[i] = i;
    for (std::size_t pass = 0; pass < 10; ++pass) {
      for (std::size_t a = 0; a < prints.size(); ++a) {
        for (std::size_t b = 0; b < prints.size(); ++b) {
          if (hash_distance(prints[a].hash, prints[b].hash) <= distance)
            root[a] = root[b] = std::min(root[a], root[b]);
        }
      }
    }
    Groups expected;
    for (std::size_t i = 0; i < root.size(); ++i) {
      IndexGroup group;
      for (std::size_t k = i; k < root.size(); ++k) {
        if (root[k] == i) group.push_back(static_cast<std::int64_t>(k));
      }
      if (root[i] == i && group.size() > 1) expected.push_back(group);
    }
    EXPECT_EQ(near_duplicate_groups(prints, {distance, 0.985}), expected) << distance;
  }
}

TEST(NearDuplicateGroups, NeedTheThumbnailsToCorrelate) {
  Fingerprint a = print_of(blobs(1));
  Fingerprint b = print_of(blobs(2));
  b.hash = a.hash;
  EXPECT_TRUE(near_duplicate_groups({a, b}, {}).empty());
  EXPECT_EQ(near_duplicate_groups({a, b}, {6, -1.0}), (Groups{{0, 1}}));
}

TEST(NearDuplicateGroups, LeaveOutFlatImagesAndForbiddenPairs) {
  Fingerprint flat = with_hash(5);
  flat.flat = true;
  EXPECT_TRUE(near_duplicate_groups({flat, flat}, {}).empty());
  const std::vector<Fingerprint> prints(3, with_hash(5));
  const auto not_first_two = [](std::int64_t a, std::int64_t b) { return a + b != 1; };
  EXPECT_EQ(near_duplicate_groups(prints, {}, not_first_two), (Groups{{0, 1, 2}}))
      << "they hang together by the third";
  EXPECT_TRUE(
      near_duplicate_groups(prints, {}, [](std::int64_t, std::int64_t) { return false; }).empty());
}

TEST(NearDuplicateGroups, EndSoonWhereAllLookAlike) {
  const std::vector<Fingerprint> few(100, with_hash(5));
  std::int64_t asked = 0;
  const auto never = [&](std::int64_t, std::int64_t) {
    ++asked;
    return false;
  };
  EXPECT_TRUE(near_duplicate_groups(few, {}, never).empty());
  EXPECT_EQ(asked, 100 * 99 / 2) << "each pair once";
  const std::vector<Fingerprint> many(5000, with_hash(5));
  asked = 0;
  EXPECT_TRUE(near_duplicate_groups(many, {}, never).empty());
  EXPECT_EQ(asked, 904 * 4096 + 4096 * 4095 / 2) << "4,096 others for each, not all";
  EXPECT_EQ(near_duplicate_groups(many, {}).front().size(), 5000U);
}

TEST(NearDuplicateGroups, CheckTheirOptions) {
  EXPECT_EQ(error_of({9, 0.9}), "near duplicates: expected a distance in 0..8, got 9");
  EXPECT_EQ(error_of({-1, 0.9}), "near duplicates: expected a distance in 0..8, got -1");
  EXPECT_EQ(error_of({6, 1.5}), "near duplicates: expected a correlation in [-1, 1], got 1.5");
  EXPECT_EQ(error_of({6, std::nan("")}),
            "near duplicates: expected a correlation in [-1, 1], got nan");
}

}  // namespace
}  // namespace selfcure
