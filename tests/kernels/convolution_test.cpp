// The convolution kernels against LibTorch's convolution in double precision.

#include "selfcure/kernels/convolution.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "selfcure/kernels/team.h"
#include "support/kernel_buffers.h"
#include "support/kernel_settings.h"

namespace selfcure::kernels {
namespace {

using selfcure::testing::available_instruction_sets;
using selfcure::testing::GuardedFloats;
using selfcure::testing::InstructionSetLimit;
using selfcure::testing::TeamSizeSetting;

constexpr std::array<ConvolutionMethod, 2> kMethods = {ConvolutionMethod::kWinograd,
                                                       ConvolutionMethod::kIm2col};

std::string text_of(const ConvolutionShape& s) {
  return std::to_string(s.batch) + "x" + std::to_string(s.in_channels) + "x" +
         std::to_string(s.height) + "x" + std::to_string(s.width) + " to " +
         std::to_string(s.out_channels) + ", kernel " + std::to_string(s.kernel) + "/" +
         std::to_string(s.stride) + ", padding " + std::to_string(s.padding);
}

/// What the passes read, in the kernels' layout.
struct Inputs {
  at::Tensor input, weight, output_gradient, bias, residual;

  explicit Inputs(const ConvolutionShape& s) {
    at::manual_seed(static_cast<std::uint64_t>(s.in_channels * 1000 + s.out_channels * 10 +
                                               s.kernel + 7 * s.height + s.width));
    input = at::randn({s.batch, s.height, s.width, s.in_channels});
    weight = at::randn({s.out_channels, s.in_channels, s.kernel, s.kernel}) /
             std::sqrt(static_cast<double>(s.in_channels * s.kernel * s.kernel));
    output_gradient = at::randn({s.batch, s.out_height(), s.out_width(), s.out_channels});
    bias = at::randn({s.out_channels});
    residual = at::randn_like(output_gradient);
  }
};

/// What they give, in the kernels' layout.
struct Results {
  at::Tensor output, input_gradient, weight_gradient;
};

at::Tensor forward(ConvolutionMethod method, const ConvolutionShape& shape, const Inputs& inputs,
                   const Epilogue& epilogue = {}) {
  const GuardedFloats packed(packed_weight_floats(method, shape));
  const GuardedFloats scratch(forward_scratch_floats(method, shape));
  const GuardedFloats output(
      {shape.batch, shape.out_height(), shape.out_width(), shape.out_channels});
  pack_weights(method, shape, inputs.weight.data_ptr<float>(), packed.data());
  convolution_forward(method, shape, inputs.input.data_ptr<float>(), packed.data(), epilogue,
                      output.data(), scratch.data());
  EXPECT_TRUE(packed.guards_are_whole() && scratch.guards_are_whole() && output.guards_are_whole());
  // Weights that are packed on the way give the same bits.
  const GuardedFloats more_scratch(unpacked_scratch_floats(method, shape));
  const GuardedFloats again(output.tensor().sizes());
  convolution_forward_unpacked(method, shape, inputs.input.data_ptr<float>(),
                               inputs.weight.data_ptr<float>(), epilogue, again.data(),
                               more_scratch.data());
  EXPECT_TRUE(more_scratch.guards_are_whole() && again.guards_are_whole());
  EXPECT_TRUE(at::allclose(again.tensor(), output.tensor(), 0, 0, /*equal_nan=*/true));
  return output.tensor();
}

at::Tensor backward_data(ConvolutionMethod method, const ConvolutionShape& shape,
                         const Inputs& inputs) {
  const GuardedFloats scratch(backward_data_scratch_floats(method, shape));
  const GuardedFloats gradient({shape.batch, shape.height, shape.width, shape.in_channels});
  convolution_backward_data(method, shape, inputs.output_gradient.data_ptr<float>(),
                            inputs.weight.data_ptr<float>(), gradient.data(), scratch.data());
  EXPECT_TRUE(scratch.guards_are_whole() && gradient.guards_are_whole());
  return gradient.tensor();
}

at::Tensor backward_weights(ConvolutionMethod method, const ConvolutionShape& shape,
                            const Inputs& inputs) {
  const GuardedFloats scratch(backward_weights_scratch_floats(method, shape));
  const GuardedFloats gradient(inputs.weight.sizes());
  convolution_backward_weights(method, shape, inputs.input.data_ptr<float>(),
                               inputs.output_gradient.data_ptr<float>(), gradient.data(),
                               scratch.data());
  EXPECT_TRUE(scratch.guards_are_whole() && gradient.guards_are_whole());
  return gradient.tensor();
}

Results by_kernels(ConvolutionMethod method, const ConvolutionShape& shape, const Inputs& inputs) {
  return {forward(method, shape, inputs), backward_data(method, shape, inputs),
          backward_weights(method, shape, inputs)};
}

Results by_libtorch(const ConvolutionShape& shape, const Inputs& inputs, at::ScalarType type) {
  const at::Tensor input = inputs.input.to(type).permute({0, 3, 1, 2});
  const at::Tensor weight = inputs.weight.to(type);
  Results results;
  results.output = at::conv2d(input, weight, {}, shape.stride, shape.padding).permute({0, 2, 3, 1});
  std::tie(results.input_gradient, results.weight_gradient, std::ignore) = at::convolution_backward(
      inputs.output_gradient.to(type).permute({0, 3, 1, 2}), input, weight, c10::nullopt,
      {shape.stride, shape.stride}, {shape.padding, shape.padding}, {1, 1}, false, {0, 0}, 1,
      {true, true, false});
  results.input_gradient = results.input_gradient.permute({0, 2, 3, 1});
  return results;
}

double relative_error(const at::Tensor& tensor, const at::Tensor& exact) {
  const double scale = exact.norm().item<double>();
  const double error = (tensor.to(at::kDouble) - exact).norm().item<double>();
  return scale > 0 ? error / scale : error;
}

/// How far from the exact results a method may be.
struct Bound {
  /// Times LibTorch's own error in single precision.
  double times_libtorch;
  /// Or this, whichever is larger.
  double floor;

  double of(double libtorch_error) const {
    return std::max(floor, times_libtorch * libtorch_error);
  }
};

// One rounding of the result: LibTorch's error is 0 where a sum has one term.
constexpr Bound kAsLibTorch = {2.5, 1.2e-7};
// LibTorch's sum over few channels has few roundings, but Winograd's transforms, which magnify
// them, are the same for all channel counts: measured at 3e-7 to 6e-7.
constexpr Bound kWinogradAlone = {0, 8e-7};

void expect_within(const Results& ours, const Results& libtorch, const Results& exact,
                   const Bound& bound, const Bound& bound_of_weights) {
  const auto check = [&](const char* pass, at::Tensor Results::*member, const Bound& allowed) {
    const double error = relative_error(ours.*member, exact.*member);
    const double theirs = relative_error(libtorch.*member, exact.*member);
    EXPECT_LE(error, allowed.of(theirs))
        << pass << ": " << error / theirs << " times LibTorch's " << theirs;
  };
  check("forward", &Results::output, bound);
  check("backward-data", &Results::input_gradient, bound);
  check("backward-weights", &Results::weight_gradient, bound_of_weights);
}

void expect_within_on_every_instruction_set(ConvolutionMethod method, const ConvolutionShape& shape,
                                            const Bound& bound, const Bound& bound_of_weights) {
  const Inputs inputs(shape);
  const Results exact = by_libtorch(shape, inputs, at::kDouble);
  const Results libtorch = by_libtorch(shape, inputs, at::kFloat);
  for (const InstructionSet set : available_instruction_sets()) {
    SCOPED_TRACE(text_of(shape) + ", " + convolution_method_name(method) + ", " +
                 instruction_set_name(set));
    const InstructionSetLimit limit(set);
    ASSERT_TRUE(has_convolution(method, shape));
    expect_within(by_kernels(method, shape, inputs), libtorch, exact, bound, bound_of_weights);
  }
}

// Each vector width, register tile and panel with one more and one less.
constexpr std::array<std::int64_t, 14> kChannels = {1,  3,  5,  7,  8,  15, 16,
                                                    17, 31, 32, 33, 48, 64, 130};
constexpr std::array<std::array<std::int64_t, 2>, 12> kImages = {{{1, 1},
                                                                  {1, 5},
                                                                  {2, 3},
                                                                  {3, 2},
                                                                  {3, 3},
                                                                  {4, 4},
                                                                  {5, 7},
                                                                  {6, 1},
                                                                  {8, 8},
                                                                  {9, 13},
                                                                  {14, 14},
                                                                  {28, 28}}};

class Im2colTails : public ::testing::TestWithParam<std::int64_t> {};

TEST_P(Im2colTails, IsAsNearToDoubleAsLibTorchForEveryTail) {
  const std::int64_t kernel = GetParam();
  std::size_t turn = static_cast<std::size_t>(kernel);
  for (std::size_t i = 0; i < kChannels.size(); ++i)
    for (const std::int64_t stride : {1, 2, 3}) {
      ++turn;
      ConvolutionShape shape;
      shape.kernel = kernel;
      shape.stride = stride;
      shape.in_channels = kChannels.at(i);
      shape.out_channels = kChannels.at((5 * i + turn) % kChannels.size());
      shape.batch = 1 + static_cast<std::int64_t>(turn % 3);
      shape.padding = static_cast<std::int64_t>(turn / 2) % kernel;
      const auto& image = kImages.at((7 * turn) % kImages.size());
      // At least one window; wide images of many channels belong to the speed, not to tails.
      shape.height = std::max(image[0], kernel - 2 * shape.padding);
      shape.width = std::max(image[1], kernel - 2 * shape.padding);
      expect_within_on_every_instruction_set(ConvolutionMethod::kIm2col, shape, kAsLibTorch,
                                             kAsLibTorch);
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, Im2colTails, ::testing::Values(1, 3, 5, 7),
                         [](const auto& param_info) {
                           return "Side" + std::to_string(param_info.param);
                         });

TEST(Im2colKernel, SumsTheWeightsGradientAlongLinesAsNearToDouble) {
  // Short patches and long lines, which are multiplied without copies of the patches: kernels that
  // skip lines, with no padding or more of it than image, and lines that two threads share.
  for (const ConvolutionShape& shape :
       {ConvolutionShape{2, 3, 70, 66, 32, 7, 2, 3}, ConvolutionShape{1, 5, 34, 33, 64, 3, 1, 1},
        ConvolutionShape{3, 8, 13, 100, 32, 2, 3, 0}, ConvolutionShape{2, 1, 1, 40, 32, 5, 1, 4},
        ConvolutionShape{1, 9, 9, 63, 96, 7, 1, 0}})
    for (const int threads : {1, 2, 3}) {
      const TeamSizeSetting team(threads);
      // Lines that are too short have their patches copied, which takes more room.
      ConvolutionShape narrow = shape;
      narrow.width = 30 * shape.stride + shape.kernel - 2 * shape.padding;
      EXPECT_LT(backward_weights_scratch_floats(ConvolutionMethod::kIm2col, shape),
                backward_weights_scratch_floats(ConvolutionMethod::kIm2col, narrow));
      expect_within_on_every_instruction_set(ConvolutionMethod::kIm2col, shape, kAsLibTorch,
                                             kAsLibTorch);
    }
}

class WinogradKernel : public ::testing::TestWithParam<std::size_t> {};

TEST_P(WinogradKernel, IsNearToDoubleForEveryTail) {
  const auto& image = kImages.at(GetParam());
  for (const std::int64_t stride : {1, 2})
    for (std::size_t i = 0; i < kChannels.size(); ++i)
      expect_within_on_every_instruction_set(
          ConvolutionMethod::kWinograd,
          {1 + static_cast<std::int64_t>((i + GetParam()) % 3), kChannels.at(i), image[0], image[1],
           kChannels.at((5 * i + GetParam()) % kChannels.size()), 3, stride},
          kWinogradAlone, kWinogradAlone);
}

INSTANTIATE_TEST_SUITE_P(Images, WinogradKernel, ::testing::Range(std::size_t{0}, kImages.size()),
                         [](const auto& param_info) {
                           const auto& image = kImages.at(param_info.param);
                           return std::to_string(image[0]) + "x" + std::to_string(image[1]);
                         });

/// A layer of ResNet-18.
class LayerKernel : public ::testing::TestWithParam<ConvolutionShape> {};

TEST_P(LayerKernel, WinogradIsAsNearToDoubleAsLibTorch) {
  // LibTorch's sums over the few pixels of a small batch are the exacter the smaller the images.
  expect_within_on_every_instruction_set(ConvolutionMethod::kWinograd, GetParam(), kAsLibTorch,
                                         kWinogradAlone);
}

TEST_P(LayerKernel, Im2colIsAsNearToDoubleAsLibTorch) {
  expect_within_on_every_instruction_set(ConvolutionMethod::kIm2col, GetParam(), kAsLibTorch,
                                         kAsLibTorch);
}

INSTANTIATE_TEST_SUITE_P(ResNet18, LayerKernel,
                         ::testing::Values(ConvolutionShape{1, 64, 56, 56, 64},
                                           ConvolutionShape{2, 128, 28, 28, 128},
                                           ConvolutionShape{2, 256, 14, 14, 256},
                                           ConvolutionShape{2, 512, 7, 7, 512},
                                           ConvolutionShape{1, 64, 56, 56, 128, 3, 2},
                                           ConvolutionShape{2, 128, 28, 28, 256, 3, 2},
                                           ConvolutionShape{2, 256, 14, 14, 512, 3, 2}),
                         [](const auto& param_info) {
                           return std::to_string(param_info.param.in_channels) +
                                  "ChannelsWithStride" + std::to_string(param_info.param.stride);
                         });

/// Shapes that several threads divide in each way: by blocks, by panels of channels, not at all;
/// those of 25x27 and 52x52 sum the weights' gradient together, that of 34x35 along lines.
const std::array<ConvolutionShape, 12> kDividedShapes = {{{2, 64, 28, 28, 64},
                                                          {1, 130, 7, 7, 100},
                                                          {3, 17, 5, 9, 33},
                                                          {5, 160, 6, 6, 160},
                                                          {1, 3, 2, 2, 5},
                                                          {2, 64, 28, 28, 64, 3, 2},
                                                          {1, 130, 7, 7, 100, 3, 2},
                                                          {3, 17, 5, 9, 33, 3, 2},
                                                          {5, 130, 6, 6, 160, 3, 2},
                                                          {3, 130, 25, 27, 130},
                                                          {2, 3, 34, 35, 32},
                                                          {3, 130, 52, 52, 130, 3, 2}}};

/// Calls body(method, shape) for both methods and shapes that exercise their ways to share work.
template <class Body>
void for_each_divided_shape(Body body) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const ConvolutionMethod method : kMethods)
      for (const ConvolutionShape& shape : kDividedShapes) {
        SCOPED_TRACE(text_of(shape) + ", " + convolution_method_name(method) + ", " +
                     instruction_set_name(set));
        body(method, shape);
      }
  }
}

TEST(ConvolutionKernel, AddsBiasThenResidualThenCutsBelowZero) {
  for_each_divided_shape([](ConvolutionMethod method, const ConvolutionShape& shape) {
    const Inputs inputs(shape);
    const at::Tensor plain = forward(method, shape, inputs);
    for (const bool bias : {false, true})
      for (const bool residual : {false, true})
        for (const bool relu : {false, true}) {
          at::Tensor expected = plain;
          if (bias) expected = expected + inputs.bias;
          if (residual) expected = expected + inputs.residual;
          if (relu) expected = at::relu(expected);
          Epilogue epilogue;
          if (bias) epilogue.bias = inputs.bias.data_ptr<float>();
          if (residual) epilogue.residual = inputs.residual.data_ptr<float>();
          epilogue.relu = relu;
          EXPECT_TRUE(forward(method, shape, inputs, epilogue).equal(expected))
              << bias << residual << relu;
        }
  });
}

TEST(ConvolutionKernel, NanOfTheResidualGoesThroughRelu) {
  for_each_divided_shape([](ConvolutionMethod method, const ConvolutionShape& shape) {
    Inputs inputs(shape);
    inputs.residual.view({-1})[7] = std::numeric_limits<float>::quiet_NaN();
    Epilogue epilogue;
    epilogue.residual = inputs.residual.data_ptr<float>();
    epilogue.relu = true;
    EXPECT_TRUE(forward(method, shape, inputs, epilogue).isnan().equal(inputs.residual.isnan()));
  });
}

TEST(ConvolutionKernel, GivesTheSameBitsForEveryTeamSize) {
  for_each_divided_shape([](ConvolutionMethod method, const ConvolutionShape& shape) {
    const Inputs inputs(shape);
    const TeamSizeSetting one(1);
    const at::Tensor output = forward(method, shape, inputs);
    const at::Tensor gradient = backward_data(method, shape, inputs);
    for (const int threads : {2, 3}) {
      const TeamSizeSetting team(threads);
      EXPECT_TRUE(forward(method, shape, inputs).equal(output)) << threads << " threads";
      EXPECT_TRUE(backward_data(method, shape, inputs).equal(gradient)) << threads << " threads";
    }
  });
}

TEST(ConvolutionKernel, RepeatsTheBitsOfTheWeightsGradientAndStaysNearForEveryTeamSize) {
  for_each_divided_shape([](ConvolutionMethod method, const ConvolutionShape& shape) {
    const Inputs inputs(shape);
    const at::Tensor exact = by_libtorch(shape, inputs, at::kDouble).weight_gradient;
    for (const int threads : {1, 2, 3, 9}) {
      const TeamSizeSetting team(threads);
      const at::Tensor first = backward_weights(method, shape, inputs);
      EXPECT_LE(relative_error(first, exact), kWinogradAlone.floor) << threads << " threads";
      for (int i = 0; i < 3; ++i)
        EXPECT_TRUE(backward_weights(method, shape, inputs).equal(first)) << threads << " threads";
    }
  });
}

TEST(ConvolutionKernel, ServesCallersInSeveralThreads) {
  for (const ConvolutionMethod method : kMethods) {
    std::vector<std::thread> callers;
    std::array<int, 3> wrong{};
    for (std::size_t t = 0; t < wrong.size(); ++t)
      callers.emplace_back([method, t, &wrong] {
        const ConvolutionShape& shape = kDividedShapes.at(t);
        const Inputs inputs(shape);
        const Results first = by_kernels(method, shape, inputs);
        for (int i = 0; i < 6; ++i) {
          const Results again = by_kernels(method, shape, inputs);
          wrong.at(t) += !again.output.equal(first.output);
          wrong.at(t) += !again.input_gradient.equal(first.input_gradient);
          wrong.at(t) += !again.weight_gradient.equal(first.weight_gradient);
        }
      });
    for (std::thread& caller : callers) caller.join();
    EXPECT_EQ(wrong, (std::array<int, 3>{})) << convolution_method_name(method);
  }
}

TEST(ConvolutionKernel, HasAMethodOnlyForShapesThatItComputes) {
  const auto with = [](std::int64_t kernel, std::int64_t stride, std::int64_t padding) {
    return ConvolutionShape{1, 8, 9, 9, 8, kernel, stride, padding};
  };
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    EXPECT_TRUE(has_convolution(ConvolutionMethod::kWinograd, with(3, 1, 1)));
    EXPECT_TRUE(has_convolution(ConvolutionMethod::kWinograd, with(3, 2, 1)));
    EXPECT_FALSE(has_convolution(ConvolutionMethod::kWinograd, with(3, 3, 1)));
    EXPECT_FALSE(has_convolution(ConvolutionMethod::kWinograd, with(3, 1, 0)));
    EXPECT_FALSE(has_convolution(ConvolutionMethod::kWinograd, with(5, 1, 1)));
    EXPECT_TRUE(has_convolution(ConvolutionMethod::kIm2col, with(5, 3, 4)));
    EXPECT_FALSE(has_convolution(ConvolutionMethod::kIm2col, with(1, 1, 1)));
  }
  const InstructionSetLimit none(InstructionSet::kNone);
  for (const ConvolutionMethod method : kMethods)
    EXPECT_FALSE(has_convolution(method, with(3, 1, 1)));
}

}  // namespace
}  // namespace selfcure::kernels
