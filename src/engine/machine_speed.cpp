#include "selfcure/engine/machine_speed.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <thread>

#include "selfcure/data/image_store.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace selfcure {
namespace {

using Clock = std::chrono::steady_clock;

/// Independent sums: enough to fill two pipelines of four to five cycles, few enough for registers.
constexpr int kSums = 12;
constexpr float kFactor = 0.999F;
constexpr float kTerm = 0.001F;

/// Operations done are kSums * lanes * 2 per round.
struct FmaLoop {
  const char* instructions;
  int lanes;
  float (*run)(std::int64_t rounds);
};

#if defined(__x86_64__)
__attribute__((target("avx512f"))) float fma_avx512(std::int64_t rounds) {
  __m512 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm512_set1_ps(static_cast<float>(i));
  const __m512 factor = _mm512_set1_ps(kFactor);
  const __m512 term = _mm512_set1_ps(kTerm);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm512_fmadd_ps(sums[i], factor, term);
  }
  for (int i = 1; i < kSums; ++i) sums[0] = _mm512_add_ps(sums[0], sums[i]);
  return _mm512_cvtss_f32(sums[0]);
}

__attribute__((target("avx2,fma"))) float fma_avx2(std::int64_t rounds) {
  __m256 sums[kSums];
  for (int i = 0; i < kSums; ++i) sums[i] = _mm256_set1_ps(static_cast<float>(i));
  const __m256 factor = _mm256_set1_ps(kFactor);
  const __m256 term = _mm256_set1_ps(kTerm);
  for (std::int64_t round = 0; round < rounds; ++round) {
#pragma GCC unroll 12
    for (int i = 0; i < kSums; ++i) sums[i] = _mm256_fmadd_ps(sums[i], factor, term);
  }
  for (int i = 1; i < kSums; ++i) sums[0] = _mm256_add_ps(sums[0], sums[i]);
  return _mm256_cvtss_f32(sums[0]);
}
#endif

float fma_portable(std::int64_t rounds) {
  constexpr int kLanes = 4;
  float sums[kSums][kLanes];
  for (int i = 0; i < kSums; ++i)
    for (float& sum : sums[i]) sum = static_cast<float>(i);
  for (std::int64_t round = 0; round < rounds; ++round)
    for (auto& lanes : sums)
      for (float& sum : lanes) sum = sum * kFactor + kTerm;
  float total = 0;
  for (const auto& lanes : sums)
    for (const float sum : lanes) total += sum;
  return total;
}

std::vector<FmaLoop> usable_loops() {
  std::vector<FmaLoop> loops;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) loops.push_back({"AVX-512", 16, &fma_avx512});
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    loops.push_back({"AVX2", 8, &fma_avx2});
#endif
  if (loops.empty()) loops.push_back({"portable", 4, &fma_portable});
  return loops;
}

std::vector<std::string> known_instruction_sets() {
  std::vector<std::string> names;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx2")) names.emplace_back("AVX2");
  if (__builtin_cpu_supports("fma")) names.emplace_back("FMA");
  if (__builtin_cpu_supports("avx512f")) names.emplace_back("AVX-512F");
#endif
  return names;
}

/// Runs work(thread) on all threads at once. @return seconds from the first start to the last end
double timed_together(int threads, const std::function<void(int)>& work) {
  std::atomic<int> waiting{threads};
  std::vector<Clock::time_point> begins(static_cast<std::size_t>(threads));
  std::vector<Clock::time_point> ends(begins.size());
  const auto run = [&](int thread) {
    waiting.fetch_sub(1);
    while (waiting.load() > 0) std::this_thread::yield();
    const auto place = static_cast<std::size_t>(thread);
    begins[place] = Clock::now();
    work(thread);
    ends[place] = Clock::now();
  };
  std::vector<std::thread> others;
  others.reserve(begins.size());
  for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  run(0);
  for (std::thread& other : others) other.join();
  return std::chrono::duration<double>(*std::max_element(ends.begin(), ends.end()) -
                                       *std::min_element(begins.begin(), begins.end()))
      .count();
}

double best_seconds(int trials, const std::function<double()>& trial) {
  double best = trial();
  for (int i = 1; i < trials; ++i) best = std::min(best, trial());
  return best;
}

double fma_flops(const FmaLoop& loop, int threads, int trials) {
  constexpr std::int64_t kRounds = 3'000'000;  // 5 to 10 ms
  std::atomic<float> sink{0};                  // a result that is used cannot be left out
  const double seconds = best_seconds(trials, [&] {
    return timed_together(threads, [&](int) { sink = sink + loop.run(kRounds); });
  });
  return 2.0 * kSums * loop.lanes * static_cast<double>(kRounds) * threads / seconds;
}

/// Floats in each of the three arrays of a thread.
std::size_t triad_floats(int threads, bool quick) {
  constexpr std::int64_t kFallbackCache = 32 << 20;
  const std::int64_t reported = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const std::int64_t cache = reported > 0 ? reported : kFallbackCache;
  // Beyond these sizes a larger array only takes longer. Never more than an eighth of what is free.
  std::int64_t bytes = quick ? std::min<std::int64_t>(2 * cache, 64 << 20)
                             : std::min<std::int64_t>(4 * cache, 512 << 20);
  if (const std::int64_t available = available_memory_bytes(); available > 0)
    bytes = std::min(bytes, available / 24);
  return static_cast<std::size_t>(std::max<std::int64_t>(bytes, 1 << 20)) / sizeof(float) /
         static_cast<std::size_t>(threads);
}

double triad_bandwidth(int threads, bool quick) {
  struct Arrays {
    std::vector<float> a, b, c;
  };
  const std::size_t count = triad_floats(threads, quick);
  std::vector<Arrays> arrays(static_cast<std::size_t>(threads));
  // Each thread touches its own memory first: it then lies near its core.
  timed_together(threads, [&](int thread) {
    arrays[static_cast<std::size_t>(thread)] = {std::vector<float>(count, 0.0F),
                                                std::vector<float>(count, 1.0F),
                                                std::vector<float>(count, 2.0F)};
  });
  const double seconds = best_seconds(quick ? 3 : 7, [&] {
    return timed_together(threads, [&](int thread) {
      Arrays& own = arrays[static_cast<std::size_t>(thread)];
      float* a = own.a.data();
      const float* b = own.b.data();
      const float* c = own.c.data();
      for (std::size_t i = 0; i < count; ++i) a[i] = b[i] + kFactor * c[i];
    });
  });
  return 3.0 * sizeof(float) * static_cast<double>(count) * threads / seconds;
}

}  // namespace

std::vector<FmaPeak> measure_fma_peaks(int threads, bool quick) {
  const int trials = quick ? 5 : 15;
  std::vector<FmaPeak> peaks;
  for (const FmaLoop& loop : usable_loops())
    peaks.push_back({loop.instructions, fma_flops(loop, 1, trials),
                     fma_flops(loop, std::max(1, threads), trials)});
  std::stable_sort(peaks.begin(), peaks.end(), [](const FmaPeak& a, const FmaPeak& b) {
    return a.all_threads_flops > b.all_threads_flops;
  });
  return peaks;
}

MachineSpeed measure_machine(int threads, bool quick) {
  MachineSpeed speed;
  speed.threads = std::max(1, threads);
  speed.instruction_sets = known_instruction_sets();
  speed.peaks = measure_fma_peaks(speed.threads, quick);
  speed.one_thread_bandwidth = triad_bandwidth(1, quick);
  speed.all_threads_bandwidth = triad_bandwidth(speed.threads, quick);
  return speed;
}

}  // namespace selfcure
