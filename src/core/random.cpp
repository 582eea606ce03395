#include "selfcure/core/random.h"

#include <cmath>
#include <numeric>
#include <utility>

namespace selfcure {
namespace {

constexpr std::uint64_t kGolden = 0x9E3779B97F4A7C15ULL;
constexpr double kTwoPi = 6.283185307179586;

std::uint64_t mix(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

}  // namespace

KeyedRandom::KeyedRandom(RandomStream stream, const std::array<std::uint64_t, 4>& key)
    : state_(mix(static_cast<std::uint64_t>(stream) * kGolden)) {
  for (const std::uint64_t part : key) state_ = mix(state_ + kGolden + mix(part + kGolden));
}

std::uint64_t KeyedRandom::bits() {
  state_ += kGolden;
  return mix(state_);
}

double KeyedRandom::uniform() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; }

double KeyedRandom::uniform(double low, double high) { return low + (high - low) * uniform(); }

std::uint64_t KeyedRandom::below(std::uint64_t bound) {
  const std::uint64_t rejected = (0 - bound) % bound;  // 2^64 mod bound
  std::uint64_t x = bits();
  while (x < rejected) x = bits();
  return x % bound;
}

double KeyedRandom::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(kTwoPi * uniform());
}

bool KeyedRandom::chance(double probability) { return uniform() < probability; }

std::vector<std::int64_t> random_permutation(std::int64_t count, KeyedRandom random) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[random.below(i)]);
  return order;
}

}  // namespace selfcure
