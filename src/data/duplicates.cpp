#include "selfcure/data/duplicates.h"

#include <xxhash.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <sstream>
#include <string>
#include <tuple>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr double kPi = 3.14159265358979323846;
constexpr int kHashSide = 8;
constexpr int kHashBits = 64;
constexpr int kMostDistance = 8;
/// Hashes of one band pair that each is compared with: far more than 450,000 different faces bring
/// together, and few enough that a million copies of one picture do not take for ever.
constexpr std::size_t kMostNeighbours = 4096;
/// Standard deviation in grey levels below which compression and rounding decide the hash.
constexpr double kLeastDeviation = 2.0;

/// cos(pi (2 x + 1) u / 64) for u in 1..8, [8][32].
const std::array<std::array<double, kFingerprintSide>, kHashSide>& cosines() {
  static const auto table = [] {
    std::array<std::array<double, kFingerprintSide>, kHashSide> values{};
    for (int u = 0; u < kHashSide; ++u) {
      for (int x = 0; x < kFingerprintSide; ++x) {
        values[static_cast<std::size_t>(u)][static_cast<std::size_t>(x)] =
            std::cos(kPi * (2 * x + 1) * (u + 1) / (2.0 * kFingerprintSide));
      }
    }
    return values;
  }();
  return table;
}

std::uint64_t perceptual_hash(const std::uint8_t* grey) {
  std::array<std::array<double, kHashSide>, kFingerprintSide> rows{};
  for (std::size_t y = 0; y < kFingerprintSide; ++y) {
    for (std::size_t u = 0; u < kHashSide; ++u) {
      for (std::size_t x = 0; x < kFingerprintSide; ++x)
        rows[y][u] += cosines()[u][x] * grey[y * kFingerprintSide + x];
    }
  }
  std::array<double, kHashBits> coefficients{};
  for (std::size_t v = 0; v < kHashSide; ++v) {
    for (std::size_t u = 0; u < kHashSide; ++u) {
      for (std::size_t y = 0; y < kFingerprintSide; ++y)
        coefficients[v * kHashSide + u] += cosines()[v][y] * rows[y][u];
    }
  }
  std::array<double, kHashBits> sorted = coefficients;
  std::sort(sorted.begin(), sorted.end());
  const double median = (sorted[kHashBits / 2 - 1] + sorted[kHashBits / 2]) / 2;
  std::uint64_t hash = 0;
  for (std::size_t bit = 0; bit < kHashBits; ++bit) {
    if (coefficients[bit] > median) hash |= std::uint64_t{1} << bit;
  }
  return hash;
}

double standard_deviation(const std::uint8_t* values, std::size_t count) {
  double sum = 0;
  double squares = 0;
  for (std::size_t i = 0; i < count; ++i) {
    sum += values[i];
    squares += static_cast<double>(values[i]) * values[i];
  }
  const double mean = sum / static_cast<double>(count);
  return std::sqrt(std::max(0.0, squares / static_cast<double>(count) - mean * mean));
}

/// Sets of indices that are merged two by two.
class DisjointSets {
 public:
  explicit DisjointSets(std::size_t count) : parents_(count) {
    std::iota(parents_.begin(), parents_.end(), std::size_t{0});
  }

  std::size_t find(std::size_t index) {
    while (parents_[index] != index) {
      parents_[index] = parents_[parents_[index]];
      index = parents_[index];
    }
    return index;
  }

  /// The smaller root stays, so that a set's root is its first member.
  void merge(std::size_t a, std::size_t b) {
    a = find(a);
    b = find(b);
    parents_[std::max(a, b)] = std::min(a, b);
  }

  std::vector<IndexGroup> groups() {
    std::vector<IndexGroup> of_root(parents_.size());
    for (std::size_t i = 0; i < parents_.size(); ++i)
      of_root[find(i)].push_back(static_cast<std::int64_t>(i));
    std::vector<IndexGroup> groups;
    for (IndexGroup& group : of_root) {
      if (group.size() > 1) groups.push_back(std::move(group));
    }
    return groups;
  }

 private:
  std::vector<std::size_t> parents_;
};

/// For each pair of max_distance + 2 bands, the mask of the bits in both.
std::vector<std::uint64_t> band_pairs(int max_distance) {
  const int count = max_distance + 2;
  std::vector<std::uint64_t> bands(static_cast<std::size_t>(count), 0);
  for (int bit = 0; bit < kHashBits; ++bit)
    bands[static_cast<std::size_t>(bit % count)] |= std::uint64_t{1} << bit;
  std::vector<std::uint64_t> pairs;
  for (std::size_t a = 0; a < bands.size(); ++a) {
    for (std::size_t b = a + 1; b < bands.size(); ++b) pairs.push_back(bands[a] | bands[b]);
  }
  return pairs;
}

void check(const NearDuplicateOptions& options) {
  if (options.max_distance < 0 || options.max_distance > kMostDistance) {
    throw ConfigError("near duplicates: expected a distance in 0.." +
                      std::to_string(kMostDistance) + ", got " +
                      std::to_string(options.max_distance));
  }
  // Written so that NaN fails as well.
  if (!(options.min_correlation >= -1.0 && options.min_correlation <= 1.0)) {
    std::ostringstream text;
    text << "near duplicates: expected a correlation in [-1, 1], got " << options.min_correlation;
    throw ConfigError(text.str());
  }
}

}  // namespace

struct ByteHasher::State {
  XXH3_state_t xxh;
};

ByteHasher::ByteHasher() : state_(std::make_unique<State>()) { XXH3_128bits_reset(&state_->xxh); }

ByteHasher::~ByteHasher() = default;

void ByteHasher::add(const void* data, std::size_t size) {
  if (size > 0) XXH3_128bits_update(&state_->xxh, data, size);
}

ByteHash ByteHasher::result() const {
  const XXH128_hash_t hash = XXH3_128bits_digest(&state_->xxh);
  return {hash.high64, hash.low64};
}

Fingerprint take_fingerprint(const std::uint8_t* grey) {
  constexpr std::size_t kSide = kFingerprintSide;
  constexpr std::size_t kThumb = kThumbnailSide;
  static_assert(kSide == 2 * kThumb, "a thumbnail pixel is the mean of 2 x 2 pixels");
  Fingerprint print;
  print.hash = perceptual_hash(grey);
  for (std::size_t y = 0; y < kThumb; ++y) {
    for (std::size_t x = 0; x < kThumb; ++x) {
      const std::uint8_t* const at = grey + 2 * y * kSide + 2 * x;
      print.thumbnail[y * kThumb + x] =
          static_cast<std::uint8_t>((at[0] + at[1] + at[kSide] + at[kSide + 1] + 2) / 4);
    }
  }
  print.flat = standard_deviation(grey, kSide * kSide) < kLeastDeviation;
  return print;
}

int hash_distance(std::uint64_t a, std::uint64_t b) {
  std::uint64_t bits = a ^ b;
  bits -= (bits >> 1) & 0x5555555555555555ULL;
  bits = (bits & 0x3333333333333333ULL) + ((bits >> 2) & 0x3333333333333333ULL);
  bits = (bits + (bits >> 4)) & 0x0F0F0F0F0F0F0F0FULL;
  return static_cast<int>((bits * 0x0101010101010101ULL) >> 56);
}

double thumbnail_correlation(const Fingerprint& a, const Fingerprint& b) {
  constexpr std::int64_t kCount = kThumbnailSide * kThumbnailSide;
  std::int64_t sum_a = 0, sum_b = 0, squares_a = 0, squares_b = 0, products = 0;
  for (std::size_t i = 0; i < static_cast<std::size_t>(kCount); ++i) {
    const std::int64_t pixel_a = a.thumbnail[i];
    const std::int64_t pixel_b = b.thumbnail[i];
    sum_a += pixel_a;
    sum_b += pixel_b;
    squares_a += pixel_a * pixel_a;
    squares_b += pixel_b * pixel_b;
    products += pixel_a * pixel_b;
  }
  const auto spread_a = static_cast<double>(kCount * squares_a - sum_a * sum_a);
  const auto spread_b = static_cast<double>(kCount * squares_b - sum_b * sum_b);
  if (spread_a <= 0 || spread_b <= 0) return 0;
  return static_cast<double>(kCount * products - sum_a * sum_b) / std::sqrt(spread_a * spread_b);
}

std::vector<IndexGroup> equal_hash_groups(const std::vector<ByteHash>& hashes) {
  std::vector<std::size_t> order(hashes.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return hashes[a] == hashes[b] ? a < b : hashes[a] < hashes[b];
  });
  DisjointSets sets(hashes.size());
  for (std::size_t i = 1; i < order.size(); ++i) {
    if (hashes[order[i]] == hashes[order[i - 1]]) sets.merge(order[i], order[i - 1]);
  }
  return sets.groups();
}

std::vector<IndexGroup> near_duplicate_groups(
    const std::vector<Fingerprint>& fingerprints, const NearDuplicateOptions& options,
    const std::function<bool(std::int64_t, std::int64_t)>& may_pair) {
  check(options);
  struct Entry {
    std::uint64_t hash;
    std::size_t index;
  };
  std::vector<Entry> entries;
  entries.reserve(fingerprints.size());
  for (std::size_t i = 0; i < fingerprints.size(); ++i) {
    if (!fingerprints[i].flat) entries.push_back({fingerprints[i].hash, i});
  }

  DisjointSets sets(fingerprints.size());
  const std::vector<std::uint64_t> masks = band_pairs(options.max_distance);
  const auto join_if_near = [&](const Entry& a, const Entry& b, std::size_t table) {
    const std::uint64_t difference = a.hash ^ b.hash;
    if (hash_distance(difference, 0) > options.max_distance) return;
    // A pair that agrees in other bands too was seen in their table.
    for (std::size_t earlier = 0; earlier < table; ++earlier) {
      if ((difference & masks[earlier]) == 0) return;
    }
    if (sets.find(a.index) == sets.find(b.index)) return;
    const auto [first, second] = std::minmax(a.index, b.index);
    if (may_pair && !may_pair(static_cast<std::int64_t>(first), static_cast<std::int64_t>(second)))
      return;
    if (thumbnail_correlation(fingerprints[a.index], fingerprints[b.index]) <
        options.min_correlation)
      return;
    sets.merge(a.index, b.index);
  };
  for (std::size_t table = 0; table < masks.size(); ++table) {
    const std::uint64_t mask = masks[table];
    std::sort(entries.begin(), entries.end(), [mask](const Entry& a, const Entry& b) {
      return std::make_tuple(a.hash & mask, a.hash, a.index) <
             std::make_tuple(b.hash & mask, b.hash, b.index);
    });
    for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
      while (end < entries.size() && (entries[end].hash & mask) == (entries[begin].hash & mask))
        ++end;
      std::size_t others = begin;  // where the hashes that equal the entry's end
      for (std::size_t i = begin; i < end; ++i) {
        while (others < end && entries[others].hash == entries[i].hash) ++others;
        // Equal hashes agree in every pair of bands: once is enough.
        const std::size_t first = table == 0 ? i + 1 : others;
        const std::size_t last = std::min(end, first + kMostNeighbours);
        for (std::size_t k = first; k < last; ++k) join_if_near(entries[i], entries[k], table);
      }
    }
  }
  return sets.groups();
}

}  // namespace selfcure
