// Batch norm, ReLU and max pooling in one, against the kernels that do them one after the other,
// which have tests of their own.

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "selfcure/kernels/batch_norm.h"
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

std::string name_of(const MaxPoolShape& s) {
  return std::to_string(s.batch) + " images of " + std::to_string(s.channels) + "x" +
         std::to_string(s.height) + "x" + std::to_string(s.width) + ", kernel " +
         std::to_string(s.kernel) + ", stride " + std::to_string(s.stride) + ", padding " +
         std::to_string(s.padding);
}

struct Inputs {
  at::Tensor images, gradient, weight, bias;

  explicit Inputs(const MaxPoolShape& s) {
    at::manual_seed(static_cast<std::uint64_t>(s.channels * 100 + s.height));
    images = at::randn({s.batch, s.height, s.width, s.channels}) * 2 + at::randn({s.channels});
    gradient = at::randn({s.batch, s.out_height(), s.out_width(), s.channels}) + 0.25;
    // Negative factors turn the order of the pixels round.
    weight = at::randn({s.channels});
    bias = at::randn({s.channels});
  }
  BatchNormLayer layer() const { return {weight.data_ptr<float>(), bias.data_ptr<float>(), 1e-5}; }
};

struct Results {
  at::Tensor output, winners, running_mean, running_variance;
  at::Tensor input_gradient, weight_gradient, bias_gradient;
};

Results in_one(const MaxPoolShape& shape, const Inputs& inputs) {
  const std::int64_t channels = shape.channels;
  const auto data = [](const at::Tensor& tensor) { return tensor.data_ptr<float>(); };
  const at::Tensor mean = guarded({channels}), inverse = guarded({channels});
  const at::Tensor scratch = guarded({static_cast<std::int64_t>(norm_pool_scratch_floats(shape))});
  const at::Tensor without_winners = guarded(inputs.gradient.sizes());
  Results results;
  results.output = guarded(inputs.gradient.sizes());
  results.input_gradient = guarded(inputs.images.sizes());
  results.weight_gradient = guarded({channels});
  results.bias_gradient = guarded({channels});
  results.running_mean = at::zeros({channels});
  results.running_variance = at::ones({channels});
  results.winners = at::full(inputs.gradient.sizes(), 255, at::kByte);
  norm_pool_forward(shape, inputs.layer(), data(inputs.images), data(results.output),
                    results.winners.data_ptr<std::uint8_t>(), data(mean), data(inverse),
                    data(results.running_mean), data(results.running_variance), kMomentum,
                    data(scratch));
  norm_pool_backward(shape, inputs.layer(), data(inputs.gradient),
                     results.winners.data_ptr<std::uint8_t>(), data(inputs.images), data(mean),
                     data(inverse),
                     {data(results.input_gradient), nullptr, data(results.weight_gradient),
                      data(results.bias_gradient)},
                     data(scratch));
  norm_pool_forward(shape, inputs.layer(), data(inputs.images), data(without_winners), nullptr,
                    data(mean), data(inverse), nullptr, nullptr, kMomentum, data(scratch));
  EXPECT_TRUE(without_winners.equal(results.output));
  for (const at::Tensor& tensor :
       {mean, inverse, scratch, without_winners, results.output, results.input_gradient,
        results.weight_gradient, results.bias_gradient})
    EXPECT_TRUE(guards_are_whole(tensor));
  return results;
}

Results one_after_the_other(const MaxPoolShape& shape, const Inputs& inputs) {
  const BatchNormShape rows = {shape.batch * shape.height * shape.width, shape.channels};
  const at::Tensor scratch =
      at::empty({static_cast<std::int64_t>(batch_norm_scratch_floats(rows))});
  const at::Tensor mean = at::empty({shape.channels});
  const at::Tensor inverse = at::empty({shape.channels});
  const at::Tensor between = at::empty_like(inputs.images);
  Results results;
  results.running_mean = at::zeros({shape.channels});
  results.running_variance = at::ones({shape.channels});
  results.output = at::empty_like(inputs.gradient);
  results.winners = at::empty(inputs.gradient.sizes(), at::kByte);
  results.input_gradient = at::empty_like(inputs.images);
  results.weight_gradient = at::empty({shape.channels});
  results.bias_gradient = at::empty({shape.channels});
  batch_norm_forward(rows, inputs.layer(), inputs.images.data_ptr<float>(), nullptr, true,
                     between.data_ptr<float>(), mean.data_ptr<float>(), inverse.data_ptr<float>(),
                     results.running_mean.data_ptr<float>(),
                     results.running_variance.data_ptr<float>(), kMomentum,
                     scratch.data_ptr<float>());
  max_pool_forward(shape, between.data_ptr<float>(), results.output.data_ptr<float>(),
                   results.winners.data_ptr<std::uint8_t>());
  max_pool_backward(shape, inputs.gradient.data_ptr<float>(),
                    results.winners.data_ptr<std::uint8_t>(), between.data_ptr<float>());
  batch_norm_backward(
      rows, inputs.layer(), between.data_ptr<float>(), inputs.images.data_ptr<float>(), nullptr,
      true, mean.data_ptr<float>(), inverse.data_ptr<float>(),
      {results.input_gradient.data_ptr<float>(), nullptr, results.weight_gradient.data_ptr<float>(),
       results.bias_gradient.data_ptr<float>()},
      scratch.data_ptr<float>());
  return results;
}

/// Only the sums of the parts may round otherwise.
void expect_near(const at::Tensor& ours, const at::Tensor& expected, const std::string& what) {
  const double error = (ours - expected).to(at::kDouble).norm().item<double>() /
                       (expected.to(at::kDouble).norm().item<double>() + 1e-6);
  EXPECT_LE(error, 1e-6) << what;
}

// One strip and many, strips that end within an image, windows that leave pixels out.
const std::vector<MaxPoolShape>& shapes() {
  static const std::vector<MaxPoolShape> shapes = {
      {2, 64, 112, 112, 3, 2, 1}, {3, 5, 9, 7, 3, 2, 1},     {1, 17, 31, 200, 2, 2, 0},
      {2, 33, 64, 90, 3, 1, 1},   {2, 16, 50, 300, 2, 5, 1}, {1, 70, 40, 300, 7, 3, 3},
      {2, 1, 1, 3, 1, 1, 0},      {1, 512, 20, 150, 3, 2, 1}};
  return shapes;
}

TEST(NormPoolKernel, GivesWhatNormAndPoolingGiveOneAfterTheOther) {
  for (const InstructionSet set : available_instruction_sets()) {
    const InstructionSetLimit limit(set);
    for (const MaxPoolShape& shape : shapes()) {
      SCOPED_TRACE(std::string(instruction_set_name(set)) + ", " + name_of(shape));
      const Inputs inputs(shape);
      const Results ours = in_one(shape, inputs);
      const Results expected = one_after_the_other(shape, inputs);
      EXPECT_TRUE(ours.output.equal(expected.output));
      EXPECT_TRUE(ours.winners.equal(expected.winners));
      EXPECT_TRUE(ours.running_mean.equal(expected.running_mean));
      EXPECT_TRUE(ours.running_variance.equal(expected.running_variance));
      expect_near(ours.input_gradient, expected.input_gradient, "input's gradient");
      expect_near(ours.weight_gradient, expected.weight_gradient, "weight's gradient");
      expect_near(ours.bias_gradient, expected.bias_gradient, "bias's gradient");
    }
  }
}

TEST(NormPoolKernel, HasTheSameBitsForEveryTeam) {
  if (available_instruction_sets().empty()) GTEST_SKIP() << "no kernels for this processor";
  for (const MaxPoolShape& shape : shapes()) {
    SCOPED_TRACE(name_of(shape));
    const Inputs inputs(shape);
    const TeamSizeSetting one(1);
    const Results alone = in_one(shape, inputs);
    for (const int size : {2, 3}) {
      const TeamSizeSetting team(size);
      const Results together = in_one(shape, inputs);
      EXPECT_TRUE(together.output.equal(alone.output));
      EXPECT_TRUE(together.winners.equal(alone.winners));
      EXPECT_TRUE(together.input_gradient.equal(alone.input_gradient));
      EXPECT_TRUE(together.weight_gradient.equal(alone.weight_gradient));
      EXPECT_TRUE(together.bias_gradient.equal(alone.bias_gradient));
    }
  }
}

}  // namespace
}  // namespace selfcure::kernels
