#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace selfcure {

/// What a random number is for (initial weights come from LibTorch's generator). Streams never
/// overlap, so that adding a use changes no other one.
enum class RandomStream : std::uint64_t {
  kShuffle = 2,
  kNoise = 3,
  kGeometry = 4,
  kColour = 5,
  kPixelNoise = 6,
  kErasing = 7,
  kLabelDraw = 8,
  kBootstrap = 0x626F6F74,
  kClipSplit = 0x636C6970,
};

/// Random numbers as a pure function of their key.
///
/// There is no shared generator: a number depends on the key and on how many were drawn from this
/// object, never on what other threads did. The same key gives the same numbers on every machine
/// (no std distribution is used, because the standard leaves their algorithms open).
/// Source: splitmix64 (Steele, Lea, Flood, OOPSLA 2014) as mixing function and sequence.
class KeyedRandom {
 public:
  /// @param key  for example {seed, epoch, row, view}; missing places count as 0
  KeyedRandom(RandomStream stream, const std::array<std::uint64_t, 4>& key);

  /// 64 uniform bits.
  std::uint64_t bits();
  /// Uniform in [0, 1), 53 bits.
  double uniform();
  /// Uniform in [low, high).
  double uniform(double low, double high);
  /// Uniform integer in [0, bound), without modulo bias. @param bound at least 1
  std::uint64_t below(std::uint64_t bound);
  /// Standard normal (Box-Muller; one number a call).
  double normal();
  /// True with this probability.
  bool chance(double probability);

 private:
  std::uint64_t state_;
};

/// Fisher-Yates permutation of 0..count-1.
std::vector<std::int64_t> random_permutation(std::int64_t count, KeyedRandom random);

}  // namespace selfcure
