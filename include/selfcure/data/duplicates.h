#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace selfcure {

/// XXH3-128 of some bytes: equal for equal bytes, different for others but by accident.
struct ByteHash {
  std::uint64_t high = 0;
  std::uint64_t low = 0;

  bool operator==(const ByteHash& other) const { return high == other.high && low == other.low; }
  bool operator<(const ByteHash& other) const {
    return high != other.high ? high < other.high : low < other.low;
  }
};

/// Hashes bytes that come in pieces; how they are cut has no influence.
class ByteHasher {
 public:
  ByteHasher();
  ~ByteHasher();
  ByteHasher(const ByteHasher&) = delete;
  ByteHasher& operator=(const ByteHasher&) = delete;

  void add(const void* data, std::size_t size);
  ByteHash result() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Side of the grey image that a fingerprint is taken of, in pixels.
inline constexpr int kFingerprintSide = 32;
/// Side of the thumbnail in a fingerprint, in pixels.
inline constexpr int kThumbnailSide = 16;

/// What an image looks like, whatever its size, compression and brightness.
struct Fingerprint {
  /// Perceptual hash: bit 8 v + u says whether the cosine coefficient (u + 1, v + 1) of the image
  /// is above the median of all 64.
  std::uint64_t hash = 0;
  /// The image at 16 x 16 grey pixels, row after row: tells apart what has the same hash by
  /// accident, as aligned faces often do.
  std::array<std::uint8_t, kThumbnailSide * kThumbnailSide> thumbnail{};
  /// The image has too little contrast to be compared with others.
  bool flat = false;
};

/// Takes the fingerprint of an image.
///
/// @param grey  [32, 32], 8 bit, row after row: the image reduced or enlarged to that size
/// Source: DCT perceptual hash, Zauner, "Implementation and benchmarking of perceptual image hash
///         functions", 2010, section 3.2.1.
Fingerprint take_fingerprint(const std::uint8_t* grey);

/// Bits in which two hashes differ, 0 to 64.
int hash_distance(std::uint64_t a, std::uint64_t b);

/// Correlation of the pixels of two thumbnails, in [-1, 1]; 0 if one of them is of one grey.
double thumbnail_correlation(const Fingerprint& a, const Fingerprint& b);

/// When two images count as nearly the same: both conditions hold.
struct NearDuplicateOptions {
  /// Bits in which the hashes may differ, 0 to 8. More find stronger changes and take longer.
  int max_distance = 6;
  /// Correlation that the thumbnails must reach, in [-1, 1]; less lets through more faces that
  /// only resemble each other.
  double min_correlation = 0.985;
};

/// Indices that belong together, ascending, at least two.
using IndexGroup = std::vector<std::int64_t>;

/// Groups equal hashes. @return groups in the order of their first members
std::vector<IndexGroup> equal_hash_groups(const std::vector<ByteHash>& hashes);

/// Groups images that are nearly the same, without comparing all pairs.
///
/// A group is what hangs together by pairs that fulfil the options: its ends may differ more. The
/// hash is cut into max_distance + 2 bands; two hashes within the distance agree in two bands at
/// least, so that sorting by each pair of bands brings them together. Flat images are in no group.
/// An image is compared with at most 4,096 others per pair of bands: of more than that many images
/// that agree in a quarter of their hash, some that belong together may stay apart.
///
/// @param fingerprints  one per image
/// @param may_pair      asked of pairs whose hashes are near; false keeps them apart, for example
///                      frames of one clip. Empty: all may
/// @return groups in the order of their first members
/// @throws ConfigError if an option is out of range
std::vector<IndexGroup> near_duplicate_groups(
    const std::vector<Fingerprint>& fingerprints, const NearDuplicateOptions& options,
    const std::function<bool(std::int64_t, std::int64_t)>& may_pair = {});

}  // namespace selfcure
