#include "selfcure/kernels/batch_norm.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include "support/kernel_buffers.h"
#include "support/kernel_settings.h"

namespace selfcure::kernels {
namespace {

using selfcure::testing::available_instruction_sets;
using selfcure::testing::guarded;
using selfcure::testing::guards_are_whole;
using selfcure::testing::InstructionSetLimit;
using selfcure::testing::TeamSizeSetting;

constexpr double kMomentum = 0.1;
constexpr double kEpsilon = 1e-5;

float* data(const at::Tensor& tensor) {
  return tensor.defined() ? tensor.data_ptr<float>() : nullptr;
}

struct Setting {
  std::int64_t rows;
  std::int64_t channels;
  bool residual = false;
  bool relu = true;

  BatchNormShape shape() const { return {rows, channels}; }
  std::string name() const {
    return std::to_string(rows) + " rows, " + std::to_string(channels) + " channels" +
           (residual ? ", residual" : "") + (relu ? ", ReLU" : "");
  }
};

/// What one training pass and its gradients read.
struct Inputs {
  at::Tensor input, residual, gradient, weight, bias, running_mean, running_variance;

  explicit Inputs(const Setting& setting) {
    at::manual_seed(static_cast<std::uint64_t>(setting.rows * 1000 + setting.channels));
    input = at::randn({setting.rows, setting.channels}) * 2 + at::randn({setting.channels});
    if (setting.residual) residual = at::randn({setting.rows, setting.channels});
    gradient = at::randn({setting.rows, setting.channels}) + 0.5;
    weight = at::rand({setting.channels}) + 0.5;
    bias = at::randn({setting.channels});
    running_mean = at::randn({setting.channels});
    running_variance = at::rand({setting.channels}) + 0.5;
  }
  BatchNormLayer layer() const { return {data(weight), data(bias), kEpsilon}; }
};

/// What they give.
struct Results {
  at::Tensor output, mean, inverse_deviation, running_mean, running_variance;
  at::Tensor input_gradient, residual_gradient, weight_gradient, bias_gradient;
};

Results by_kernels(const Setting& setting, const Inputs& inputs) {
  const std::int64_t channels = setting.channels;
  Results results;
  results.output = guarded({setting.rows, channels});
  results.input_gradient = guarded({setting.rows, channels});
  if (setting.residual) results.residual_gradient = guarded({setting.rows, channels});
  for (at::Tensor* const tensor :
       {&results.mean, &results.inverse_deviation, &results.running_mean, &results.running_variance,
        &results.weight_gradient, &results.bias_gradient})
    *tensor = guarded({channels});
  results.running_mean.copy_(inputs.running_mean);
  results.running_variance.copy_(inputs.running_variance);
  const at::Tensor scratch =
      guarded({static_cast<std::int64_t>(batch_norm_scratch_floats(setting.shape()))});
  batch_norm_forward(setting.shape(), inputs.layer(), data(inputs.input), data(inputs.residual),
                     setting.relu, data(results.output), data(results.mean),
                     data(results.inverse_deviation), data(results.running_mean),
                     data(results.running_variance), kMomentum, data(scratch));
  batch_norm_backward(setting.shape(), inputs.layer(), data(inputs.gradient), data(inputs.input),
                      setting.residual && setting.relu ? data(results.output) : nullptr,
                      setting.relu, data(results.mean), data(results.inverse_deviation),
                      {data(results.input_gradient), data(results.residual_gradient),
                       data(results.weight_gradient), data(results.bias_gradient)},
                      data(scratch));
  for (const at::Tensor& tensor :
       {results.output, results.mean, results.inverse_deviation, results.running_mean,
        results.running_variance, results.input_gradient, results.weight_gradient,
        results.bias_gradient, scratch})
    EXPECT_TRUE(guards_are_whole(tensor));
  if (setting.residual) {
    EXPECT_TRUE(guards_are_whole(results.residual_gradient));
  }
  return results;
}

/// @param passed  where ReLU let values through: beside its kink, precisions differ in that
Results by_libtorch(const Setting& setting, const Inputs& inputs, const at::Tensor& passed,
                    at::ScalarType type) {
  const at::Tensor input = inputs.input.to(type);
  const at::Tensor weight = inputs.weight.to(type);
  Results results;
  results.running_mean = inputs.running_mean.to(type, false, true);
  results.running_variance = inputs.running_variance.to(type, false, true);
  std::tie(results.output, results.mean, results.inverse_deviation) =
      at::native_batch_norm(input, weight, inputs.bias.to(type), results.running_mean,
                            results.running_variance, true, kMomentum, kEpsilon);
  if (setting.residual) results.output = results.output + inputs.residual.to(type);
  if (setting.relu) results.output = at::relu(results.output);
  at::Tensor gradient = inputs.gradient.to(type);
  if (setting.relu) gradient = at::where(passed, gradient, at::zeros_like(gradient));
  if (setting.residual) results.residual_gradient = gradient;
  std::tie(results.input_gradient, results.weight_gradient, results.bias_gradient) =
      at::native_batch_norm_backward(gradient, input, weight, results.running_mean,
                                     results.running_variance, results.mean,
                                     results.inverse_deviation, true, kEpsilon, {true, true, true});
  return results;
}

double norm_of(const at::Tensor& tensor) { return tensor.to(at::kDouble).norm().item<double>(); }

/// @param magnitude  of the terms that cancel each other in the result, at least that of the result
void expect_near(const at::Tensor& ours, const at::Tensor& libtorch, const at::Tensor& exact,
                 double magnitude, const std::string& what) {
  // Two to three units in the last place: for few values LibTorch may come out nearer by chance.
  constexpr double kFloor = 3e-7;
  const double scale = std::max({norm_of(exact), magnitude, 1e-30});
  const double error = norm_of(ours.to(at::kDouble) - exact) / scale;
  const double allowed = std::max(kFloor, 2.5 * norm_of(libtorch.to(at::kDouble) - exact) / scale);
  EXPECT_LE(error, allowed) << what;
}

void expect_as_near_as_libtorch(const Setting& setting, const Inputs& inputs) {
  SCOPED_TRACE(setting.name());
  const Results ours = by_kernels(setting, inputs);
  const at::Tensor passed = ours.output > 0;
  const Results libtorch = by_libtorch(setting, inputs, passed, at::kFloat);
  const Results exact = by_libtorch(setting, inputs, passed, at::kDouble);
  const at::Tensor input = inputs.input.to(at::kDouble);
  const double input_scale = norm_of(input) / std::sqrt(static_cast<double>(setting.rows));
  expect_near(ours.output, libtorch.output, exact.output,
              norm_of(input * exact.inverse_deviation * inputs.weight), "output");
  expect_near(ours.mean, libtorch.mean, exact.mean, input_scale, "mean");
  expect_near(ours.inverse_deviation, libtorch.inverse_deviation, exact.inverse_deviation, 0,
              "inverse deviation");
  expect_near(ours.running_mean, libtorch.running_mean, exact.running_mean, kMomentum * input_scale,
              "running mean");
  if (setting.rows > 1)
    expect_near(ours.running_variance, libtorch.running_variance, exact.running_variance, 0,
                "running variance");
  else
    EXPECT_TRUE(ours.running_variance.isnan().equal(libtorch.running_variance.isnan()));
  const at::Tensor gradient = inputs.gradient.to(at::kDouble);
  const at::Tensor normalised = (input - exact.mean) * exact.inverse_deviation;
  expect_near(ours.input_gradient, libtorch.input_gradient, exact.input_gradient,
              norm_of(gradient * exact.inverse_deviation * inputs.weight), "input's gradient");
  expect_near(ours.weight_gradient, libtorch.weight_gradient, exact.weight_gradient,
              norm_of(gradient * normalised), "weight's gradient");
  expect_near(ours.bias_gradient, libtorch.bias_gradient, exact.bias_gradient, norm_of(gradient),
              "bias's gradient");
  if (setting.residual) {
    EXPECT_TRUE(ours.residual_gradient.equal(libtorch.residual_gradient)) << "residual's gradient";
  }
}

void expect_equal(const Results& a, const Results& b) {
  EXPECT_TRUE(a.output.equal(b.output));
  EXPECT_TRUE(a.inverse_deviation.equal(b.inverse_deviation));
  EXPECT_TRUE(a.running_mean.equal(b.running_mean));
  EXPECT_TRUE(a.running_variance.equal(b.running_variance));
  EXPECT_TRUE(a.input_gradient.equal(b.input_gradient));
  EXPECT_TRUE(a.weight_gradient.equal(b.weight_gradient));
  EXPECT_TRUE(a.bias_gradient.equal(b.bias_gradient));
}

TEST(BatchNormKernel, IsAsNearToDoubleAsLibTorchForEveryTail) {
  for (const InstructionSet set : available_instruction_sets()) {
    SCOPED_TRACE(instruction_set_name(set));
    const InstructionSetLimit limit(set);
    for (const std::int64_t channels : {1, 3, 7, 8, 15, 16, 17, 31, 33, 64, 100})
      for (const std::int64_t rows : {1, 2, 5, 65, 1031})
        for (const bool residual : {false, true})
          for (const bool relu : {false, true}) {
            const Setting setting{rows, channels, residual, relu};
            expect_as_near_as_libtorch(setting, Inputs(setting));
          }
  }
}

TEST(BatchNormKernel, IsAsNearWhereRowsAreSummedInManyParts) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const Setting& setting :
         {Setting{4099, 64, true}, Setting{60001, 3}, Setting{1568, 512, true}, Setting{9999, 100}})
      expect_as_near_as_libtorch(setting, Inputs(setting));
  }
}

TEST(BatchNormKernel, ALargeMeanDoesNotCancelTheVariance) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const double mean : {300.0, -1e5}) {
      const Setting setting{3001, 33};
      Inputs inputs(setting);
      inputs.input += mean;
      expect_as_near_as_libtorch(setting, inputs);
    }
    // The first row, and every 16th, are no sample of the rest.
    const Setting setting{4096, 17};
    Inputs inputs(setting);
    inputs.input.view({-1, 16, 17}).select(1, 0) += 1000;
    expect_as_near_as_libtorch(setting, inputs);
  }
}

TEST(BatchNormKernel, GivesTheSameBitsForEveryTeamSize) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const Setting& setting : {Setting{7001, 64, true}, Setting{1031, 100}, Setting{3, 7}}) {
      const Inputs inputs(setting);
      const TeamSizeSetting one(1);
      const Results alone = by_kernels(setting, inputs);
      for (const int threads : {1, 2, 3}) {
        const TeamSizeSetting team(threads);
        expect_equal(by_kernels(setting, inputs), alone);
      }
    }
  }
}

TEST(BatchNormKernel, NanGoesThroughReluInItsChannelOnly) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const bool residual : {false, true}) {
      const Setting setting{65, 19, residual};
      Inputs inputs(setting);
      inputs.input[40][17] = std::numeric_limits<float>::quiet_NaN();
      const Results results = by_kernels(setting, inputs);
      const at::Tensor expected = at::zeros({65, 19}, at::kBool);
      expected.select(1, 17).fill_(true);
      EXPECT_TRUE(results.output.isnan().equal(expected));
      EXPECT_TRUE(results.input_gradient.isnan().equal(expected));
      EXPECT_TRUE(results.running_variance.isnan().equal(expected[0]));
      // LibTorch's ReLU passes a gradient on where its result is NaN.
      EXPECT_NEAR(results.bias_gradient[17].item<float>(),
                  inputs.gradient.select(1, 17).sum().item<float>(), 1e-4);
    }
  }
}

TEST(BatchNormKernel, TheSignOfReluIsTheSameWithAndWithoutTheOutput) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    const Setting setting{500, 33};
    Inputs inputs(setting);
    // Arguments of ReLU that are 0 but for rounding.
    inputs.bias.zero_();
    inputs.input = inputs.input.mean(0) + at::randn({500, 33}) * 1e-6;
    const Results results = by_kernels(setting, inputs);
    const at::Tensor scratch =
        at::empty({static_cast<std::int64_t>(batch_norm_scratch_floats(setting.shape()))});
    const at::Tensor masked = at::empty_like(inputs.input);
    BatchNormGradients gradients;
    gradients.residual = data(masked);
    batch_norm_backward(setting.shape(), inputs.layer(), data(inputs.gradient), data(inputs.input),
                        nullptr, true, data(results.mean), data(results.inverse_deviation),
                        gradients, data(scratch));
    EXPECT_TRUE(
        masked.equal(at::where(results.output > 0, inputs.gradient, at::zeros_like(masked))));
  }
}

TEST(BatchNormKernel, WorksInPlaceAndWithoutWhatIsNotWanted) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    const Setting setting{333, 20, true};
    const Inputs inputs(setting);
    const Results expected = by_kernels(setting, inputs);
    const at::Tensor scratch =
        at::empty({static_cast<std::int64_t>(batch_norm_scratch_floats(setting.shape()))});
    const at::Tensor mean = at::empty({20});
    const at::Tensor inverse_deviation = at::empty({20});
    const at::Tensor in_place = inputs.input.clone();
    batch_norm_forward(setting.shape(), inputs.layer(), data(in_place), data(inputs.residual), true,
                       data(in_place), data(mean), data(inverse_deviation), nullptr, nullptr,
                       kMomentum, data(scratch));
    EXPECT_TRUE(in_place.equal(expected.output));

    // Every gradient in the memory of the output's one.
    const at::Tensor gradient = inputs.gradient.clone();
    BatchNormGradients gradients;
    gradients.input = gradients.residual = data(gradient);
    batch_norm_backward(setting.shape(), inputs.layer(), data(gradient), data(inputs.input),
                        data(expected.output), true, data(mean), data(inverse_deviation), gradients,
                        data(scratch));
    EXPECT_TRUE(gradient.equal(expected.input_gradient));

    const at::Tensor without_residual = at::empty_like(gradient);
    gradients = {};
    gradients.input = data(without_residual);
    batch_norm_backward(setting.shape(), inputs.layer(), data(inputs.gradient), data(inputs.input),
                        data(expected.output), true, data(mean), data(inverse_deviation), gradients,
                        data(scratch));
    EXPECT_TRUE(without_residual.equal(expected.input_gradient));
  }
}

TEST(BatchNormKernel, AHugeTensorGivesTheSameBitsWrittenAroundTheCaches) {
  const Setting setting{(1 << 18) + 1, 64};
  const Inputs inputs(setting);
  const at::Tensor scratch =
      at::empty({static_cast<std::int64_t>(batch_norm_scratch_floats(setting.shape()))});
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    const Results results = by_kernels(setting, inputs);
    // Nothing that is not aligned to vectors can be written that way.
    const at::Tensor unaligned = at::empty({setting.rows * setting.channels + 1}).narrow(0, 1, 1);
    const at::Tensor values = unaligned.as_strided({setting.rows, setting.channels}, {64, 1});
    batch_norm_forward(setting.shape(), inputs.layer(), data(inputs.input), nullptr, true,
                       data(unaligned), data(results.mean), data(results.inverse_deviation),
                       nullptr, nullptr, kMomentum, data(scratch));
    EXPECT_TRUE(values.equal(results.output));
    BatchNormGradients gradients;
    gradients.input = data(unaligned);
    batch_norm_backward(setting.shape(), inputs.layer(), data(inputs.gradient), data(inputs.input),
                        nullptr, true, data(results.mean), data(results.inverse_deviation),
                        gradients, data(scratch));
    EXPECT_TRUE(values.equal(results.input_gradient));
  }
}

}  // namespace
}  // namespace selfcure::kernels
