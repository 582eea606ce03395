#include "selfcure/nn/kernel_choice.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>

#include "choice_file.h"
#include "selfcure/core/errors.h"
#include "selfcure/kernels/instruction_set.h"
#include "selfcure/kernels/team.h"

namespace selfcure {
namespace {

/// Rounds of one run each, after one to warm up: few for a layer that takes long.
constexpr int kFewestRounds = 2;
constexpr int kMostRounds = 20;
constexpr double kMeasuredSeconds = 0.01;
/// A candidate this much slower than another in two rounds is not run again: in one of them it may
/// have been interrupted.
constexpr double kHopeless = 2.0;
/// What a kernel of our own must be faster than LibTorch's, so that a tie is no coin toss.
constexpr double kClearlyFaster = 0.97;

/// What a line may say: rounding much more up to a power of two would overflow.
constexpr std::int64_t kLargestBatch = std::int64_t{1} << 40;

constexpr std::array<const char*, 4> kPassNames = {"forward", "backward-data", "backward-weights",
                                                   "inference"};
constexpr std::array<const char*, 3> kKernelNames = {"libtorch", "winograd", "im2col"};

std::atomic<KernelUse>& current_use() {
  static std::atomic<KernelUse> use{KernelUse::kLibTorch};
  return use;
}

double machine_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Choices {
  std::mutex mutex;
  std::map<std::string, ConvolutionKernel> by_key;
  std::function<void(const std::string&)> listener;
  std::function<double()> clock = machine_seconds;
  /// Of keep_kernel_choices().
  std::filesystem::path file;
  /// Of kept_choices_obstacle(), once another process has held the file for too long.
  std::string obstacle;
};

/// A file that another process holds is waited for once: nothing is kept from then on.
void give_up_if_held(const ChoiceFile& file, Choices& all) {
  if (!file.is_held_by_another()) return;
  all.obstacle = file.obstacle();
  all.file.clear();
  if (all.listener) all.listener("kernel choices are no longer kept: " + all.obstacle);
}

Choices& choices() {
  static Choices instance;
  return instance;
}

double seconds_of(const std::function<void()>& run) {
  const std::function<double()>& clock = choices().clock;
  const double begin = clock();
  run();
  return clock() - begin;
}

/// The shortest run of each candidate: interruptions only ever add. They take turns, so that a
/// change of the machine's speed meets all of them.
std::vector<double> shortest_seconds(const std::vector<KernelCandidate>& candidates) {
  std::vector<double> shortest;
  for (const KernelCandidate& candidate : candidates) {
    candidate.run();
    shortest.push_back(seconds_of(candidate.run));
  }
  double spent = 0;
  for (int round = 1; round < kMostRounds && (round < kFewestRounds || spent < kMeasuredSeconds);
       ++round) {
    const double hopeless = kHopeless * *std::min_element(shortest.begin(), shortest.end());
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (round > 1 && shortest[i] > hopeless) continue;
      const double seconds = seconds_of(candidates[i].run);
      shortest[i] = std::min(shortest[i], seconds);
      spent += seconds;
    }
  }
  return shortest;
}

const char* name_of(ConvolutionKernel kernel) {
  return kKernelNames.at(static_cast<std::size_t>(kernel));
}

/// A line of kernel_choices().
std::string line_of(const std::string& key, ConvolutionKernel kernel) {
  return key + ": " + name_of(kernel);
}

std::int64_t next_power_of_two(std::int64_t count) {
  std::int64_t power = 1;
  while (power < count) power *= 2;
  return power;
}

}  // namespace

void set_kernel_use(KernelUse use) { current_use() = use; }

KernelUse kernel_use() { return current_use(); }

ConvolutionKey::ConvolutionKey(ConvolutionPass which, const kernels::ConvolutionShape& of)
    : pass(which), shape(of), threads(kernels::team_size()) {
  shape.batch = next_power_of_two(of.batch);
}

std::string ConvolutionKey::text() const {
  std::ostringstream line;
  line << kPassNames.at(static_cast<std::size_t>(pass)) << " " << shape.batch << "x"
       << shape.in_channels << "x" << shape.height << "x" << shape.width << " to "
       << shape.out_channels << ", " << shape.kernel << "x" << shape.kernel << "/" << shape.stride
       << ", padding " << shape.padding << ", " << threads << " threads";
  return line.str();
}

namespace {

/// The key of a text, if it is exactly one's text.
bool read_key(const std::string& text, ConvolutionKey& key) {
  std::array<char, 24> pass{};
  std::array<long, 8> n{};
  int threads = 0;
  const int found = std::sscanf(
      text.c_str(), "%23[a-z-] %ldx%ldx%ldx%ld to %ld, %ldx%*d/%ld, padding %ld, %d threads",
      pass.data(), &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6], &n[7], &threads);
  const auto* const name =
      std::find(kPassNames.begin(), kPassNames.end(), std::string(pass.data()));
  // The smallest of the sizes: padding alone may be 0.
  if (found != 10 || name == kPassNames.end() || n[0] > kLargestBatch ||
      *std::min_element(n.begin(), n.end() - 1) < 1 || n[7] < 0 || threads < 1)
    return false;
  key = ConvolutionKey(static_cast<ConvolutionPass>(name - kPassNames.begin()),
                       {n[0], n[1], n[2], n[3], n[4], n[5], n[6], n[7]});
  key.threads = threads;
  return key.text() == text;
}

}  // namespace

ConvolutionKernel choose_kernel(const ConvolutionKey& key,
                                const std::vector<KernelCandidate>& candidates) {
  if (candidates.size() == 1) return candidates.front().kernel;
  const std::string text = key.text();
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto known = all.by_key.find(text);
  if (known != all.by_key.end()) return known->second;

  ChoiceFile file(all.file);
  give_up_if_held(file, all);
  const std::string kept = file.kernel_of(text);
  for (const KernelCandidate& candidate : candidates)
    if (kept == name_of(candidate.kernel)) {
      all.by_key[text] = candidate.kernel;
      if (all.listener) all.listener(line_of(text, candidate.kernel) + " (measured before)");
      return candidate.kernel;
    }

  const std::vector<double> seconds = shortest_seconds(candidates);
  ConvolutionKernel best = candidates.front().kernel;
  double best_seconds = kClearlyFaster * seconds.front();
  std::string times;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    std::array<char, 64> time{};
    std::snprintf(time.data(), time.size(), "%s%s %.3f ms", i == 0 ? "" : ", ",
                  name_of(candidates[i].kernel), 1e3 * seconds[i]);
    times += time.data();
    if (i > 0 && seconds[i] < best_seconds) {
      best = candidates[i].kernel;
      best_seconds = seconds[i];
    }
  }
  all.by_key[text] = best;
  file.add(text, name_of(best));
  if (all.listener) all.listener(line_of(text, best) + " (" + times + ")");
  return best;
}

std::string chosen_kernel_name(const ConvolutionKey& key) {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  const auto known = all.by_key.find(key.text());
  return name_of(known == all.by_key.end() ? ConvolutionKernel::kLibTorch : known->second);
}

std::string kernel_choices() {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  std::string text;
  for (const auto& [key, kernel] : all.by_key) {
    text += line_of(key, kernel);
    text += "\n";
  }
  return text;
}

void pin_kernel_choices(const std::string& text, const std::string& where) {
  std::map<std::string, ConvolutionKernel> pinned;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    if (line.empty() || line[0] == '#') continue;
    const std::string place = where + ":" + std::to_string(number) + ": ";
    const std::size_t colon = line.rfind(": ");
    ConvolutionKey key(ConvolutionPass::kForward, {});
    if (colon == std::string::npos || !read_key(line.substr(0, colon), key))
      throw ConfigError(place +
                        "expected a choice such as 'forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 "
                        "threads: winograd', got '" +
                        line.substr(0, 100) + "'");
    const std::string name = line.substr(colon + 2);
    const auto* const kernel = std::find(kKernelNames.begin(), kKernelNames.end(), name);
    if (kernel == kKernelNames.end())
      throw ConfigError(place + "expected libtorch, winograd or im2col, got '" +
                        name.substr(0, 100) + "'");
    const auto chosen = static_cast<ConvolutionKernel>(kernel - kKernelNames.begin());
    if (chosen != ConvolutionKernel::kLibTorch &&
        !kernels::has_convolution(chosen == ConvolutionKernel::kWinograd
                                      ? kernels::ConvolutionMethod::kWinograd
                                      : kernels::ConvolutionMethod::kIm2col,
                                  key.shape))
      throw ConfigError(place + "expected a kernel that this processor (" +
                        kernels::instruction_set_name(kernels::instruction_set()) +
                        ") has for this shape, got '" + name.substr(0, 100) + "'");
    pinned[line.substr(0, colon)] = chosen;
  }
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  for (const auto& [key, kernel] : pinned) all.by_key[key] = kernel;
}

void keep_kernel_choices(const std::filesystem::path& file) {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.file = file;
  all.obstacle.clear();
}

std::string kept_choices_obstacle() {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  if (all.file.empty()) return all.obstacle;
  const ChoiceFile file(all.file);
  give_up_if_held(file, all);
  return file.obstacle();
}

void forget_kernel_choices() {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.by_key.clear();
}

void set_choice_listener(std::function<void(const std::string&)> listener) {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.listener = std::move(listener);
}

void set_choice_clock(std::function<double()> clock) {
  Choices& all = choices();
  const std::lock_guard<std::mutex> lock(all.mutex);
  all.clock = clock ? std::move(clock) : machine_seconds;
}

}  // namespace selfcure
