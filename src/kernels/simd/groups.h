// Channels in groups of some vectors, which are worked on at the same time.
#pragma once

#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

/// `kCount` vectors of channels, whose sums fit into registers. kWhole: the last one is full.
template <int kCount, bool kWhole>
struct Group {
  static constexpr int kVectors = kCount;
  static constexpr bool kLastIsWhole = kWhole;

  static Vector load(const float* p, Index count) {
    return kWhole ? Vector::load(p) : Vector::load(p, count);
  }
  static void store(Vector v, float* p, Index count) {
    if (kWhole)
      v.store(p);
    else
      v.store(p, count);
  }
};

/// Calls body(group, channel, count) for groups of channels that together are all of them; `count`
/// are the channels of the group's last vector.
template <class Body>
inline void for_each_group(Index channels, Body body) {
  constexpr Index kWidth = Vector::kWidth;
  Index channel = 0;
  for (; channel + 4 * kWidth <= channels; channel += 4 * kWidth)
    body(Group<4, true>(), channel, kWidth);
  if (channel + 2 * kWidth <= channels) {
    body(Group<2, true>(), channel, kWidth);
    channel += 2 * kWidth;
  }
  if (channel + kWidth <= channels) {
    body(Group<1, true>(), channel, kWidth);
    channel += kWidth;
  }
  if (channel < channels) body(Group<1, false>(), channel, channels - channel);
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
