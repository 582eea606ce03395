// Seconds to read a weight file: benchmark_weights FILE [ROUNDS], a line per round.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "selfcure/nn/weights/state_dict.h"

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "benchmark_weights: expected FILE [ROUNDS]\n");
    return 2;
  }
  const int rounds = argc > 2 ? std::atoi(argv[2]) : 5;
  try {
    for (int round = 0; round < rounds; ++round) {
      const auto begin = std::chrono::steady_clock::now();
      const selfcure::StateDict tensors = selfcure::read_state_dict(argv[1]);
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
      std::printf("%.6f\n", seconds.count());
      if (tensors.empty()) return 1;
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
  return 0;
}
