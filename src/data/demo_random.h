#pragma once

#include <cstdint>

namespace selfcure {

/// Keyed stream of numbers for the demo faces: the same on every platform and standard library.
///
/// splitmix64, started from a hash of the key. Every aspect of a face (person, pose, ...) has its
/// own stream, so that one more draw for the hair does not move the light.
class DemoRandom {
 public:
  DemoRandom(std::uint64_t seed, std::uint64_t split, std::uint64_t index, std::uint64_t field)
      : state_(mix(mix(mix(mix(seed) ^ split) ^ index) ^ field)) {}

  std::uint64_t next() {
    state_ += kStep;
    return finish(state_);
  }

  /// In [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }

  /// In [0, count); the bias of the remainder is far below what a picture can show.
  int below(int count) { return static_cast<int>(next() % static_cast<std::uint64_t>(count)); }
  bool chance(double probability) { return uniform() < probability; }

  /// Mean 0, standard deviation 1, within +-3.5: a sum of four uniforms, free of libm.
  double bell() {
    return (uniform() + uniform() + uniform() + uniform() - 2.0) * 1.7320508075688772;
  }

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15ULL;

  static std::uint64_t finish(std::uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
  }
  static std::uint64_t mix(std::uint64_t value) { return finish(value + kStep); }

  std::uint64_t state_;
};

}  // namespace selfcure
