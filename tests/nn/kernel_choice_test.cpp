#include "selfcure/nn/kernel_choice.h"

#include <ATen/ATen.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/kernel_settings.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TeamSizeSetting;

constexpr kernels::ConvolutionShape kShape = {32, 64, 56, 56, 64};

/// Choices of one test: none before it, none left behind.
class KernelChoice : public ::testing::Test {
 protected:
  KernelChoice() {
    forget_kernel_choices();
    set_choice_clock([this] { return seconds_; });
    set_choice_listener([this](const std::string& line) { told_.push_back(line); });
  }
  ~KernelChoice() override {
    set_choice_listener({});
    set_choice_clock({});
    forget_kernel_choices();
  }

  /// A candidate that takes its time on the clock of the test, and counts its runs.
  KernelCandidate candidate(ConvolutionKernel kernel, double milliseconds) {
    return {kernel, [this, kernel, milliseconds] {
              ++runs_[static_cast<std::size_t>(kernel)];
              seconds_ += 1e-3 * milliseconds;
            }};
  }
  ConvolutionKernel choose(const ConvolutionKey& key, double libtorch, double winograd,
                           double im2col) {
    return choose_kernel(key, {candidate(ConvolutionKernel::kLibTorch, libtorch),
                               candidate(ConvolutionKernel::kWinograd, winograd),
                               candidate(ConvolutionKernel::kIm2col, im2col)});
  }
  int all_runs() const { return runs_[0] + runs_[1] + runs_[2]; }

  double seconds_ = 0;
  TeamSizeSetting team_{2};
  std::vector<std::string> told_;
  std::array<int, 3> runs_{};
};

/// Choices that are kept in a file of this test.
class KeptKernelChoice : public KernelChoice {
 protected:
  KeptKernelChoice() { keep_kernel_choices(file_); }
  ~KeptKernelChoice() override { keep_kernel_choices(""); }

  testing::TemporaryDirectory folder_;
  std::filesystem::path file_ = folder_.path() / "cache/choices.txt";
  const ConvolutionKey key_{ConvolutionPass::kForward, kShape};
};

TEST_F(KeptKernelChoice, HoldsInTheNextProcess) {
  EXPECT_EQ(choose(key_, 1, 0.2, 2), ConvolutionKernel::kWinograd);
  EXPECT_EQ(read_file(file_), key_.text() + ": winograd\n");
  forget_kernel_choices();
  told_.clear();
  runs_ = {};
  EXPECT_EQ(choose(key_, 0.2, 1, 2), ConvolutionKernel::kWinograd);
  EXPECT_EQ(all_runs(), 0);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0], key_.text() + ": winograd (measured before)");
  EXPECT_EQ(kernel_choices(), key_.text() + ": winograd\n");
}

TEST_F(KeptKernelChoice, IsMeasuredAgainAfterALineThatWasCut) {
  for (const std::string kept : {": wino", ": winograd", ": cudnn\n"}) {
    forget_kernel_choices();
    std::filesystem::create_directories(file_.parent_path());
    testing::write_file(file_, key_.text() + kept);
    EXPECT_EQ(choose(key_, 1, 2, 0.2), ConvolutionKernel::kIm2col) << kept;
    const std::string text = read_file(file_);
    const std::string added = "\n" + key_.text() + ": im2col\n";
    ASSERT_GT(text.size(), added.size());
    EXPECT_EQ(text.substr(text.size() - added.size()), added) << kept;
    forget_kernel_choices();
    runs_ = {};
    EXPECT_EQ(choose(key_, 0.2, 1, 2), ConvolutionKernel::kIm2col) << kept;
    EXPECT_EQ(all_runs(), 0) << kept;
  }
}

TEST_F(KeptKernelChoice, WaitsForAProcessThatMeasures) {
  std::filesystem::create_directories(file_.parent_path());
  const int other = ::open(file_.c_str(), O_RDWR | O_CREAT | O_APPEND, 0644);
  ASSERT_GE(other, 0);
  ASSERT_EQ(::flock(other, LOCK_EX), 0);
  const std::string line = key_.text() + ": im2col\n";
  std::thread measuring([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    EXPECT_EQ(::write(other, line.data(), line.size()), static_cast<ssize_t>(line.size()));
    ::close(other);
  });
  EXPECT_EQ(choose(key_, 1, 0.2, 2), ConvolutionKernel::kIm2col);
  measuring.join();
  EXPECT_EQ(all_runs(), 0);
}

TEST_F(KeptKernelChoice, IsNotKeptWhereNothingCanBeWritten) {
  testing::write_file(folder_.path() / "file", "");
  for (const std::filesystem::path& path : {folder_.path() / "file/choices.txt", folder_.path(),
                                            std::filesystem::path("/proc/none/x")}) {
    forget_kernel_choices();
    keep_kernel_choices(path);
    EXPECT_EQ(choose(key_, 1, 0.2, 2), ConvolutionKernel::kWinograd) << path;
    EXPECT_EQ(kept_choices_obstacle().rfind(path.string() + ": ", 0), 0U)
        << kept_choices_obstacle();
  }
  keep_kernel_choices(folder_.path() / "choices.txt");
  EXPECT_EQ(kept_choices_obstacle(), "");
}

std::string error_of(const std::string& text) {
  try {
    pin_kernel_choices(text, "choices.txt");
  } catch (const ConfigError& error) {
    return error.what();
  }
  return "no error";
}

TEST_F(KernelChoice, TakesTheFastestAndTellsWhatWasMeasured) {
  EXPECT_EQ(choose({ConvolutionPass::kForward, kShape}, 3, 1, 2), ConvolutionKernel::kWinograd);
  ASSERT_EQ(told_.size(), 1U);
  EXPECT_EQ(told_[0],
            "forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: winograd (libtorch 3.000 ms, "
            "winograd 1.000 ms, im2col 2.000 ms)");
}

TEST_F(KernelChoice, IsMadeOnce) {
  const ConvolutionKey key(ConvolutionPass::kForward, kShape);
  choose(key, 2, 1, 4);
  const int runs = all_runs();
  EXPECT_EQ(choose(key, 1, 4, 4), ConvolutionKernel::kWinograd);
  EXPECT_EQ(all_runs(), runs);
  EXPECT_EQ(told_.size(), 1U);
  EXPECT_EQ(chosen_kernel_name(key), "winograd");
  forget_kernel_choices();
  EXPECT_EQ(chosen_kernel_name(key), "libtorch");
  EXPECT_EQ(choose(key, 0.1, 4, 4), ConvolutionKernel::kLibTorch);
}

TEST_F(KernelChoice, RunsEachTwiceAfterAWarmUpAndUpToTwentyTimesWhereItIsShort) {
  const auto runs_of = [this](double milliseconds) {
    forget_kernel_choices();
    runs_ = {};
    choose({ConvolutionPass::kForward, kShape}, milliseconds, milliseconds, milliseconds);
    return runs_;
  };
  EXPECT_EQ(runs_of(15), (std::array<int, 3>{3, 3, 3}));
  // Ten milliseconds are over in the fourth round after the first.
  EXPECT_EQ(runs_of(1), (std::array<int, 3>{6, 6, 6}));
  EXPECT_EQ(runs_of(0.1), (std::array<int, 3>{21, 21, 21}));
}

TEST_F(KernelChoice, RunsTheHopelessThreeTimes) {
  choose({ConvolutionPass::kForward, kShape}, 0.1, 0.15, 0.25);
  EXPECT_EQ(runs_, (std::array<int, 3>{21, 21, 3}));
}

TEST_F(KernelChoice, ForgivesOneInterruption) {
  int run = 0;
  const KernelCandidate slow = candidate(ConvolutionKernel::kWinograd, 30);
  const KernelCandidate fast = candidate(ConvolutionKernel::kWinograd, 1);
  EXPECT_EQ(choose_kernel(
                {ConvolutionPass::kForward, kShape},
                {candidate(ConvolutionKernel::kLibTorch, 3),
                 {ConvolutionKernel::kWinograd, [&] { ++run == 2 ? slow.run() : fast.run(); }}}),
            ConvolutionKernel::kWinograd);
}

TEST_F(KernelChoice, MeasuresNothingWhereThereIsNoAlternative) {
  EXPECT_EQ(choose_kernel({ConvolutionPass::kForward, kShape},
                          {candidate(ConvolutionKernel::kLibTorch, 0)}),
            ConvolutionKernel::kLibTorch);
  EXPECT_EQ(all_runs(), 0);
  EXPECT_EQ(kernel_choices(), "");
}

TEST_F(KernelChoice, IsSharedByBatchesUpToTheSamePowerOfTwo) {
  const auto text = [](std::int64_t batch) {
    kernels::ConvolutionShape shape = kShape;
    shape.batch = batch;
    return ConvolutionKey(ConvolutionPass::kInference, shape).text();
  };
  EXPECT_EQ(text(32), "inference 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads");
  EXPECT_EQ(text(17), text(32));
  EXPECT_NE(text(16), text(32));
  EXPECT_NE(text(33), text(32));
  EXPECT_EQ(text(1), "inference 1x64x56x56 to 64, 3x3/1, padding 1, 2 threads");
}

TEST_F(KernelChoice, DiffersByPassShapeAndThreads) {
  const ConvolutionKey forward(ConvolutionPass::kForward, kShape);
  choose(forward, 2, 1, 4);
  std::vector<ConvolutionKey> others = {{ConvolutionPass::kBackwardData, kShape},
                                        {ConvolutionPass::kBackwardWeights, kShape},
                                        {ConvolutionPass::kInference, kShape},
                                        {ConvolutionPass::kForward, {32, 64, 56, 56, 64, 3, 2, 1}},
                                        {ConvolutionPass::kForward, {32, 64, 56, 56, 64, 3, 1, 0}},
                                        {ConvolutionPass::kForward, {32, 64, 56, 56, 64, 5, 1, 1}},
                                        {ConvolutionPass::kForward, {32, 64, 56, 56, 65}},
                                        {ConvolutionPass::kForward, {32, 64, 56, 55, 64}},
                                        {ConvolutionPass::kForward, {32, 64, 55, 56, 64}},
                                        {ConvolutionPass::kForward, {32, 63, 56, 56, 64}}};
  const TeamSizeSetting three(3);
  others.emplace_back(ConvolutionPass::kForward, kShape);
  for (const ConvolutionKey& other : others)
    EXPECT_EQ(chosen_kernel_name(other), "libtorch") << other.text();
}

TEST_F(KernelChoice, ComesBackFromItsText) {
  if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  choose({ConvolutionPass::kForward, kShape}, 2, 1, 4);
  choose({ConvolutionPass::kBackwardData, kShape}, 0.1, 1, 1);
  choose({ConvolutionPass::kInference, {3, 3, 224, 224, 64, 7, 2, 3}}, 2, 4, 1);
  const std::string text = kernel_choices();
  EXPECT_EQ(text,
            "backward-data 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: libtorch\n"
            "forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: winograd\n"
            "inference 4x3x224x224 to 64, 7x7/2, padding 3, 2 threads: im2col\n");
  forget_kernel_choices();
  pin_kernel_choices("# from another run\n\n" + text, "choices.txt");
  EXPECT_EQ(kernel_choices(), text);
  const int runs = all_runs();
  EXPECT_EQ(choose({ConvolutionPass::kBackwardData, kShape}, 4, 1, 1),
            ConvolutionKernel::kLibTorch);
  EXPECT_EQ(all_runs(), runs);
  EXPECT_EQ(told_.size(), 3U);
}

TEST_F(KernelChoice, IsRefusedWithItsLineUnlessItIsAChoice) {
  const std::string key = "forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads";
  const auto wrong = [](const std::string& line) {
    return "choices.txt:3: expected a choice such as 'forward 32x64x56x56 to 64, 3x3/1, padding 1, "
           "2 threads: winograd', got '" +
           line + "'";
  };
  for (const std::string& line :
       {std::string("nonsense"), std::string(": winograd"), key,
        "sideways " + key.substr(8) + ": libtorch", key + " or so: libtorch",
        std::string("forward 32x64x56x56 to 64: libtorch"),
        // What no layer of ours would ever ask for.
        std::string("forward 30x64x56x56 to 64, 3x3/1, padding 1, 2 threads: libtorch"),
        std::string("forward 32x64x56x56 to 64, 3x5/1, padding 1, 2 threads: libtorch"),
        std::string("forward  32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: libtorch"),
        std::string("forward 32x-64x56x56 to 64, 3x3/1, padding 1, 2 threads: libtorch"),
        std::string("forward 32x64x56x56 to 64, 3x3/0, padding 1, 2 threads: libtorch"),
        std::string("forward 32x64x56x56 to 64, 3x3/1, padding 1, 0 threads: libtorch"),
        std::string("forward 99999999999999999999x64x56x56 to 64, 3x3/1, padding 1, 2 threads: "
                    "libtorch")})
    EXPECT_EQ(error_of("# a comment\n" + key + ": libtorch\n" + line + "\n"),
              wrong(line.substr(0, 100)));
  EXPECT_EQ(error_of(key + ": cudnn\n"),
            "choices.txt:1: expected libtorch, winograd or im2col, got 'cudnn'");
  EXPECT_EQ(error_of(key + ": libtorch\r\n"),
            "choices.txt:1: expected libtorch, winograd or im2col, got 'libtorch\r'");
  EXPECT_EQ(kernel_choices(), "");
}

TEST_F(KernelChoice, IsRefusedWhereTheProcessorLacksTheKernel) {
  const auto refusal = [](const std::string& processor, const std::string& kernel) {
    return "choices.txt:1: expected a kernel that this processor (" + processor +
           ") has for this shape, got '" + kernel + "'";
  };
  for (const kernels::InstructionSet set : testing::available_instruction_sets()) {
    const testing::InstructionSetLimit limit(set);
    EXPECT_EQ(error_of("forward 32x64x56x56 to 64, 3x3/3, padding 1, 2 threads: winograd"),
              refusal(kernels::instruction_set_name(set), "winograd"));
  }
  const testing::InstructionSetLimit none(kernels::InstructionSet::kNone);
  for (const std::string kernel : {"winograd", "im2col"})
    EXPECT_EQ(error_of("forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: " + kernel),
              refusal("none", kernel));
  EXPECT_EQ(error_of("forward 32x64x56x56 to 64, 3x3/1, padding 1, 2 threads: libtorch"),
            "no error");
}

TEST_F(KernelChoice, IsTheSameForAllThreads) {
  const ConvolutionKey key(ConvolutionPass::kForward, kShape);
  std::vector<std::thread> threads;
  std::array<ConvolutionKernel, 4> answers{};
  for (std::size_t t = 0; t < answers.size(); ++t)
    threads.emplace_back([this, t, &key, &answers] {
      answers[t] = choose(key, t % 2 == 0 ? 0.1 : 2, t % 2 == 0 ? 2 : 0.1, 3);
    });
  for (std::thread& thread : threads) thread.join();
  for (const ConvolutionKernel answer : answers) EXPECT_EQ(answer, answers[0]);
  EXPECT_EQ(told_.size(), 1U);
}

TEST(KernelUseScope, GivesTheUseBack) {
  const KernelUse before = kernel_use();
  {
    const KernelUseScope scope(KernelUse::kAuto);
    EXPECT_EQ(kernel_use(), KernelUse::kAuto);
    const KernelUseScope inner(KernelUse::kLibTorch);
    EXPECT_EQ(kernel_use(), KernelUse::kLibTorch);
  }
  EXPECT_EQ(kernel_use(), before);
}

}  // namespace
}  // namespace selfcure
