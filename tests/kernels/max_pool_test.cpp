#include "selfcure/kernels/max_pool.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>
#include <vector>

#include "support/kernel_settings.h"

namespace selfcure::kernels {
namespace {

using selfcure::testing::available_instruction_sets;
using selfcure::testing::InstructionSetLimit;
using selfcure::testing::TeamSizeSetting;

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

std::string name_of(const MaxPoolShape& s) {
  return std::to_string(s.channels) + " channels, " + std::to_string(s.height) + "x" +
         std::to_string(s.width) + ", kernel " + std::to_string(s.kernel) + ", stride " +
         std::to_string(s.stride) + ", padding " + std::to_string(s.padding);
}

/// Images as LibTorch has them, [batch, channels, height, width], and as kernels read them.
at::Tensor channels_last(const at::Tensor& images) {
  return images.permute({0, 2, 3, 1}).contiguous();
}

struct Results {
  /// All channels-last.
  at::Tensor output, winners, input_gradient;
};

Results by_kernels(const MaxPoolShape& shape, const at::Tensor& images,
                   const at::Tensor& gradients) {
  constexpr std::int64_t kGuard = 64;
  const at::IntArrayRef out_sizes = gradients.sizes();
  const std::int64_t out_count = gradients.numel();
  const at::Tensor output = at::full({out_count + kGuard}, kInfinity);
  const at::Tensor winners = at::full({out_count + kGuard}, 255, at::kByte);
  const at::Tensor input_gradient = at::full({images.numel() + kGuard}, kInfinity);
  max_pool_forward(shape, images.data_ptr<float>(), output.data_ptr<float>(),
                   winners.data_ptr<std::uint8_t>());
  max_pool_backward(shape, gradients.data_ptr<float>(), winners.data_ptr<std::uint8_t>(),
                    input_gradient.data_ptr<float>());
  EXPECT_TRUE((output.narrow(0, out_count, kGuard) == kInfinity).all().item<bool>());
  EXPECT_TRUE((winners.narrow(0, out_count, kGuard) == 255).all().item<bool>());
  EXPECT_TRUE((input_gradient.narrow(0, images.numel(), kGuard) == kInfinity).all().item<bool>());
  const at::Tensor without_winners = at::empty_like(gradients);
  max_pool_forward(shape, images.data_ptr<float>(), without_winners.data_ptr<float>(), nullptr);
  const at::Tensor values = output.narrow(0, 0, out_count).view(out_sizes);
  EXPECT_TRUE(at::nan_to_num(without_winners, 77).equal(at::nan_to_num(values, 77)));
  return {values, winners.narrow(0, 0, out_count).view(out_sizes),
          input_gradient.narrow(0, 0, images.numel()).view(images.sizes())};
}

void expect_what_libtorch_gives(const MaxPoolShape& shape, const at::Tensor& images,
                                const at::Tensor& gradients) {
  SCOPED_TRACE(name_of(shape));
  ASSERT_TRUE(has_max_pool(shape));
  const Results ours = by_kernels(shape, channels_last(images), channels_last(gradients));
  // LibTorch refuses paddings of more than half a kernel: it gets images that have a margin then.
  const std::int64_t margin = 2 * shape.padding > shape.kernel ? shape.padding : 0;
  const std::int64_t padding = shape.padding - margin;
  const at::Tensor padded =
      at::constant_pad_nd(images, {margin, margin, margin, margin}, -kInfinity);
  const auto [output, indices] = at::max_pool2d_with_indices(
      padded, {shape.kernel, shape.kernel}, {shape.stride, shape.stride}, {padding, padding});
  ASSERT_EQ(output.sizes(), gradients.sizes());
  EXPECT_TRUE(at::nan_to_num(ours.output, 77).equal(at::nan_to_num(channels_last(output), 77)));

  const at::Tensor top = at::arange(shape.out_height()).view({-1, 1}) * shape.stride - padding;
  const at::Tensor left = at::arange(shape.out_width()) * shape.stride - padding;
  const at::Tensor places =
      (indices.div(padded.size(3), "floor") - top) * shape.kernel + indices % padded.size(3) - left;
  EXPECT_TRUE(ours.winners.equal(channels_last(places).to(at::kByte)));

  const at::Tensor expected = at::max_pool2d_with_indices_backward(
      gradients, padded, {shape.kernel, shape.kernel}, {shape.stride, shape.stride},
      {padding, padding}, {1, 1}, false, indices);
  EXPECT_TRUE(ours.input_gradient.equal(
      channels_last(expected.narrow(2, margin, shape.height).narrow(3, margin, shape.width))));
}

at::Tensor random_gradients(const MaxPoolShape& s) {
  return at::randn({s.batch, s.channels, s.out_height(), s.out_width()});
}

TEST(MaxPoolKernel, GivesLibTorchsBitsForEveryTailOfChannels) {
  at::manual_seed(1);
  for (const InstructionSet set : available_instruction_sets()) {
    SCOPED_TRACE(instruction_set_name(set));
    const InstructionSetLimit limit(set);
    for (const std::int64_t channels : {1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100}) {
      const MaxPoolShape shape{2, channels, 9, 12, 3, 2, 1};
      expect_what_libtorch_gives(shape, at::randn({2, channels, 9, 12}), random_gradients(shape));
    }
  }
}

TEST(MaxPoolKernel, GivesLibTorchsBitsForEveryKernelStrideAndPadding) {
  at::manual_seed(2);
  for (const InstructionSet set : available_instruction_sets()) {
    SCOPED_TRACE(instruction_set_name(set));
    const InstructionSetLimit limit(set);
    for (const std::int64_t kernel : {1, 2, 3, 4, 7, 15})
      for (const std::int64_t stride : {1, 2, 3, 5, 17})
        for (std::int64_t padding = 0; padding<kernel; padding += kernel> 4 ? 3 : 1) {
          const MaxPoolShape shape{1, 5, 16, 19, kernel, stride, padding};
          expect_what_libtorch_gives(shape, at::randn({1, 5, 16, 19}), random_gradients(shape));
        }
    // Images that are smaller than the kernel.
    for (const std::int64_t side : {1, 2}) {
      const MaxPoolShape shape{3, 18, side, side, 3, 2, 1};
      expect_what_libtorch_gives(shape, at::randn({3, 18, side, side}), random_gradients(shape));
    }
  }
}

TEST(MaxPoolKernel, TiesNanAndNegativeValuesWinAsInLibTorch) {
  at::manual_seed(3);
  for (const InstructionSet set : available_instruction_sets()) {
    SCOPED_TRACE(instruction_set_name(set));
    const InstructionSetLimit limit(set);
    const MaxPoolShape shape{2, 20, 11, 11, 3, 2, 1};
    const at::Tensor gradients = random_gradients(shape);
    const at::Tensor few_values = at::randint(-9, -6, {2, 20, 11, 11}).to(at::kFloat);
    expect_what_libtorch_gives(shape, few_values, gradients);
    const at::Tensor some = at::rand({2, 20, 11, 11});
    expect_what_libtorch_gives(shape, few_values.masked_fill(some < 0.2, kNan), gradients);
    expect_what_libtorch_gives(shape, few_values.masked_fill(some < 0.5, kInfinity), gradients);
    expect_what_libtorch_gives(shape, few_values.masked_fill(some < 0.5, -kInfinity), gradients);
  }
}

TEST(MaxPoolKernel, GivesTheSameBitsForEveryTeamSize) {
  at::manual_seed(4);
  const MaxPoolShape shape{3, 33, 21, 17, 3, 1, 1};
  const at::Tensor images = channels_last(at::randn({3, 33, 21, 17}));
  const at::Tensor gradients = channels_last(random_gradients(shape));
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    const TeamSizeSetting one(1);
    const Results alone = by_kernels(shape, images, gradients);
    for (const int threads : {2, 3}) {
      const TeamSizeSetting team(threads);
      const Results results = by_kernels(shape, images, gradients);
      EXPECT_TRUE(results.output.equal(alone.output));
      EXPECT_TRUE(results.winners.equal(alone.winners));
      EXPECT_TRUE(results.input_gradient.equal(alone.input_gradient));
    }
  }
}

TEST(MaxPoolKernel, AHugeGradientGetsTheSameBitsWrittenAroundTheCaches) {
  at::manual_seed(5);
  const MaxPoolShape shape{21, 64, 112, 112, 3, 2, 1};
  const MaxPoolShape image{1, 64, 112, 112, 3, 2, 1};
  const at::Tensor gradients = channels_last(random_gradients(shape));
  const at::Tensor winners = at::randint(0, 9, gradients.sizes(), at::kByte);
  const at::Tensor result = at::empty({21, 112, 112, 64});
  const at::Tensor alone = at::empty({112, 112, 64});
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    max_pool_backward(shape, gradients.data_ptr<float>(), winners.data_ptr<std::uint8_t>(),
                      result.data_ptr<float>());
    for (const std::int64_t i : {0, 20}) {
      max_pool_backward(image, gradients[i].data_ptr<float>(), winners[i].data_ptr<std::uint8_t>(),
                        alone.data_ptr<float>());
      EXPECT_TRUE(result[i].equal(alone));
    }
  }
}

TEST(MaxPoolKernel, SaysWhatItCannotDo) {
  EXPECT_FALSE(has_max_pool({1, 1, 32, 32, 16, 2, 1}));
  EXPECT_FALSE(has_max_pool({1, 1, 32, 32, 3, 2, 3}));
  EXPECT_FALSE(has_max_pool({1, 1, 2, 32, 5, 1, 1}));
  const InstructionSetLimit limit(InstructionSet::kNone);
  EXPECT_FALSE(has_max_pool({1, 1, 32, 32, 3, 2, 1}));
}

}  // namespace
}  // namespace selfcure::kernels
