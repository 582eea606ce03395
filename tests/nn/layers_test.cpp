// Layers on our own kernels against LibTorch: in double precision one by one, together as blocks.

#include "selfcure/nn/layers.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>
#include <gtest/gtest.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/function.h>
#include <torch/csrc/jit/frontend/tracer.h>

#include <array>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "nn/kernel_layers.h"
#include "selfcure/core/errors.h"
#include "selfcure/engine/optimizer.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/nn/autocast.h"
#include "selfcure/nn/ir_resnet.h"
#include "selfcure/nn/kernel_choice.h"
#include "selfcure/nn/resnet.h"
#include "support/golden.h"
#include "support/kernel_settings.h"

namespace selfcure {
namespace {

constexpr std::array<ConvolutionKernel, 2> kOwnKernels = {ConvolutionKernel::kWinograd,
                                                          ConvolutionKernel::kIm2col};

double relative_error(const at::Tensor& tensor, const at::Tensor& exact) {
  const double scale = exact.to(at::kDouble).norm().item<double>();
  return (tensor.to(at::kDouble) - exact.to(at::kDouble)).norm().item<double>() / scale;
}

/// A convolution, its batch norm and what goes through them.
struct Case {
  std::int64_t in;
  std::int64_t out;
  std::int64_t side;
  std::int64_t kernel = 3;
  std::int64_t stride = 1;
  bool bias = false;
  bool residual = false;
  bool relu = false;

  std::string text() const {
    return std::to_string(in) + " to " + std::to_string(out) + ", side " + std::to_string(side) +
           ", kernel " + std::to_string(kernel) + "/" + std::to_string(stride) +
           (bias ? ", bias" : "") + (residual ? ", residual" : "") + (relu ? ", ReLU" : "");
  }
};

constexpr std::int64_t kBatch = 3;

struct Layer {
  Case settings;
  Conv2d convolution;
  BatchNorm2d norm;
  at::Tensor input, residual, gradient;

  explicit Layer(const Case& of)
      : settings(of),
        convolution(torch::nn::Conv2dOptions(of.in, of.out, of.kernel)
                        .stride(of.stride)
                        .padding(of.kernel / 2)
                        .bias(of.bias)),
        norm(of.out) {
    torch::manual_seed(static_cast<std::uint64_t>(of.in * 100 + of.out + of.side));
    const at::NoGradGuard no_grad;
    convolution->weight.normal_(0, 0.2);
    if (of.bias) convolution->bias.normal_();
    norm->weight.uniform_(0.5, 1.5);
    norm->bias.normal_();
    norm->running_mean.normal_();
    norm->running_var.uniform_(0.5, 1.5);
    input = at::randn({kBatch, of.in, of.side, of.side});
    const std::int64_t out_side = (of.side + 2 * (of.kernel / 2) - of.kernel) / of.stride + 1;
    gradient = at::randn({kBatch, of.out, out_side, out_side});
    if (of.residual) residual = at::randn_like(gradient);
  }
  void set_training(bool training) {
    convolution->train(training);
    norm->train(training);
  }
  at::Tensor forward() { return conv_norm(*convolution, *norm, input, {residual, settings.relu}); }
};

using Tensors = std::map<std::string, at::Tensor>;

/// Output, gradients and running statistics of our layer.
Tensors by_layer(Layer& layer) {
  layer.input.set_requires_grad(true);
  if (layer.residual.defined()) layer.residual.set_requires_grad(true);
  const at::Tensor output = layer.forward();
  output.backward(layer.gradient);
  Tensors results = {{"output", output.detach()},
                     {"input", layer.input.grad()},
                     {"weight", layer.convolution->weight.grad()},
                     {"norm weight", layer.norm->weight.grad()},
                     {"norm bias", layer.norm->bias.grad()},
                     {"running mean", layer.norm->running_mean.clone()},
                     {"running variance", layer.norm->running_var.clone()}};
  if (layer.residual.defined()) results["residual"] = layer.residual.grad();
  if (layer.settings.bias) results["bias"] = layer.convolution->bias.grad();
  return results;
}

/// The same from LibTorch's functions in double precision.
Tensors by_libtorch(const Layer& layer) {
  const auto leaf = [](const at::Tensor& tensor) {
    return tensor.detach().to(at::kDouble).set_requires_grad(true);
  };
  const bool bias = layer.settings.bias;
  at::Tensor input = leaf(layer.input);
  at::Tensor weight = leaf(layer.convolution->weight);
  at::Tensor conv_bias = bias ? leaf(layer.convolution->bias) : at::Tensor();
  at::Tensor norm_weight = leaf(layer.norm->weight);
  at::Tensor norm_bias = leaf(layer.norm->bias);
  at::Tensor mean = layer.norm->running_mean.to(at::kDouble, false, true);
  at::Tensor variance = layer.norm->running_var.to(at::kDouble, false, true);
  at::Tensor x =
      at::conv2d(input, weight, conv_bias, layer.settings.stride, layer.settings.kernel / 2);
  x = at::batch_norm(x, norm_weight, norm_bias, mean, variance, layer.norm->is_training(), 0.1,
                     1e-5, false);
  at::Tensor residual;
  if (layer.residual.defined()) {
    residual = leaf(layer.residual);
    x = x + residual;
  }
  if (layer.settings.relu) x = at::relu(x);
  x.backward(layer.gradient.to(at::kDouble));
  Tensors results = {{"output", x.detach()},          {"input", input.grad()},
                     {"weight", weight.grad()},       {"norm weight", norm_weight.grad()},
                     {"norm bias", norm_bias.grad()}, {"running mean", mean},
                     {"running variance", variance}};
  if (residual.defined()) results["residual"] = residual.grad();
  if (bias) results["bias"] = conv_bias.grad();
  return results;
}

/// Every form of layer that a network of ours has, and channels that are no multiple of anything.
const std::vector<Case>& cases() {
  static const std::vector<Case> all = [] {
    std::vector<Case> list;
    for (const Case& shape : {Case{16, 32, 8}, Case{13, 19, 9}, Case{16, 24, 8, 3, 2},
                              Case{32, 16, 7, 1, 1}, Case{16, 40, 8, 1, 2}, Case{3, 8, 20, 7, 2}})
      for (const bool residual : {false, true})
        for (const bool relu : {false, true}) {
          list.push_back(shape);
          list.back().residual = residual;
          list.back().relu = relu;
          list.back().bias = residual != relu;
        }
    return list;
  }();
  return all;
}

void expect_near(const Tensors& ours, const Tensors& exact, const Case& settings, bool training) {
  ASSERT_EQ(ours.size(), exact.size());
  for (const auto& [name, tensor] : exact) {
    // A bias before a batch norm over batches has a gradient of 0 but for rounding.
    if (name == "bias" && training)
      EXPECT_LE(ours.at(name).abs().max().item<double>(), 1e-4) << settings.text();
    else
      EXPECT_LE(relative_error(ours.at(name), tensor), 2e-6) << name << ", " << settings.text();
  }
}

class LayerGradients : public ::testing::TestWithParam<bool> {
 protected:
  ~LayerGradients() override { forget_kernel_choices(); }
};

TEST_P(LayerGradients, AreThoseOfLibTorchInDoublePrecision) {
  if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  const bool training = GetParam();
  for (const Case& settings : cases())
    for (const ConvolutionKernel kernel : kOwnKernels) {
      const auto run = [&] {
        Layer layer(settings);
        layer.set_training(training);
        return by_layer(layer);
      };
      testing::pin_own_kernels(kernel, run);
      const KernelUseScope scope(KernelUse::kAuto);
      Layer layer(settings);
      layer.set_training(training);
      expect_near(run(), by_libtorch(layer), settings, training);
    }
}

TEST_P(LayerGradients, AreThoseOfLibTorchWithoutKernelsToo) {
  const KernelUseScope scope(KernelUse::kLibTorch);
  for (const Case& settings : cases()) {
    Layer layer(settings);
    layer.set_training(GetParam());
    const Tensors exact = by_libtorch(layer);
    expect_near(by_layer(layer), exact, settings, GetParam());
  }
}

INSTANTIATE_TEST_SUITE_P(Modes, LayerGradients, ::testing::Bool(), [](const auto& param_info) {
  return param_info.param ? "Training" : "Evaluation";
});

/// Layers with KernelUse::kAuto.
class Layers : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!testing::has_kernels()) GTEST_SKIP() << "no kernels";
  }
  ~Layers() override { forget_kernel_choices(); }

  KernelUseScope scope_{KernelUse::kAuto};
};

TEST_F(Layers, TakeGradientsOfAnyLayout) {
  for (const bool residual : {false, true}) {
    Layer layer({16, 32, 8, 3, 1, false, residual, true});
    const Tensors exact = by_libtorch(layer);
    for (const bool channels_last : {false, true}) {
      Layer again(layer.settings);
      if (channels_last) again.gradient = again.gradient.contiguous(at::MemoryFormat::ChannelsLast);
      expect_near(by_layer(again), exact, layer.settings, true);
    }
    layer.gradient = at::ones({}).expand(layer.gradient.sizes());
    const Tensors exact_of_sum = by_libtorch(layer);
    layer.input.set_requires_grad(true);
    layer.forward().sum().backward();
    EXPECT_LE(relative_error(layer.convolution->weight.grad(), exact_of_sum.at("weight")), 2e-6);
  }
}

TEST_F(Layers, ComputeNoGradientOfWhatIsFrozen) {
  Layer layer({16, 32, 8, 3, 1, true, true, true});
  layer.convolution->weight.set_requires_grad(false);
  layer.convolution->bias.set_requires_grad(false);
  layer.norm->bias.set_requires_grad(false);
  layer.forward().sum().backward();
  EXPECT_FALSE(layer.input.grad().defined());
  EXPECT_FALSE(layer.residual.grad().defined());
  EXPECT_FALSE(layer.convolution->weight.grad().defined());
  EXPECT_FALSE(layer.convolution->bias.grad().defined());
  EXPECT_FALSE(layer.norm->bias.grad().defined());
  EXPECT_TRUE(layer.norm->weight.grad().defined());
}

/// Output, gradients and running statistics of convolution, norm, ReLU and pooling in training.
std::vector<at::Tensor> trained_by(KernelUse use) {
  const KernelUseScope scope(use);
  torch::manual_seed(3);
  Conv2d convolution(torch::nn::Conv2dOptions(4, 8, 3).padding(1));
  BatchNorm2d norm(8);
  {
    const at::NoGradGuard no_grad;
    norm->weight.normal_();
    norm->bias.normal_();
  }
  const at::Tensor input = at::randn({3, 4, 11, 9}).set_requires_grad(true);
  const at::Tensor output = conv_norm(*convolution, *norm, input, {{}, true, PoolWindow{3, 2, 1}});
  EXPECT_EQ(output.grad_fn()->name().find("NormPoolFunction") != std::string::npos,
            use == KernelUse::kAuto)
      << output.grad_fn()->name();
  // Not channels-last.
  output.backward(at::randn(output.sizes()));
  return {
      output.detach(),   input.grad(),       convolution->weight.grad(), norm->weight.grad(),
      norm->bias.grad(), norm->running_mean, norm->running_var,          norm->num_batches_tracked};
}

TEST_F(Layers, NormAndPoolingInOneGiveWhatLibTorchGives) {
  const std::vector<at::Tensor> ours = trained_by(KernelUse::kAuto);
  const std::vector<at::Tensor> libtorch = trained_by(KernelUse::kLibTorch);
  for (std::size_t i = 0; i < ours.size(); ++i)
    EXPECT_LE(relative_error(ours[i], libtorch[i].to(at::kDouble)), 2e-6) << i;
}

// LibTorch's layers have second gradients: a layer that refuses them is computed by our kernels.
TEST_F(Layers, RefuseSecondGradientsWithOurKernelsAlone) {
  Conv2d convolution(torch::nn::Conv2dOptions(4, 8, 3));
  // Groups: LibTorch's, so that it cannot be the one that refuses.
  Conv2d libtorchs(torch::nn::Conv2dOptions(4, 8, 3).groups(2));
  BatchNorm2d norm(4), norm_of_eight(8);
  using Run = std::function<at::Tensor(const at::Tensor&)>;
  const std::map<std::string, Run> layers = {
      {"convolution", [&](const at::Tensor& x) { return convolution->forward(x); }},
      {"norm", [&](const at::Tensor& x) { return norm->forward(x); }},
      {"norm and pool",
       [&](const at::Tensor& x) {
         return conv_norm(*libtorchs, *norm_of_eight, x, {{}, true, PoolWindow{2, 2, 0}});
       }},
      {"pool", [](const at::Tensor& x) {
         return max_pool(x, {2, 2, 0});
       }}};
  const auto error_of = [](const Run& layer) -> std::string {
    const at::Tensor input = at::randn({2, 4, 6, 6}).set_requires_grad(true);
    const at::Tensor output = layer(input);
    try {
      torch::autograd::grad({output.square().sum()}, {input}, {}, /*retain_graph=*/true,
                            /*create_graph=*/true);
    } catch (const c10::Error& error) {
      return error.what_without_backtrace();
    }
    return "no error";
  };
  for (const auto& [name, layer] : layers) {
    EXPECT_EQ(error_of(layer),
              "the CPU kernels have no second derivative; set KernelUse::kLibTorch for it")
        << name;
    const KernelUseScope libtorch(KernelUse::kLibTorch);
    EXPECT_EQ(error_of(layer), "no error") << name;
  }
}

TEST_F(Layers, CountTheBatchesThatTheyTrainOn) {
  Layer layer({4, 8, 5});
  layer.forward();
  layer.forward();
  EXPECT_EQ(layer.norm->num_batches_tracked.item<std::int64_t>(), 2);
  layer.set_training(false);
  layer.forward();
  EXPECT_EQ(layer.norm->num_batches_tracked.item<std::int64_t>(), 2);
}

TEST_F(Layers, KeepTheNamesOfLibTorchs) {
  const auto names = [](const torch::nn::Module& module) {
    std::vector<std::string> all;
    for (const auto& item : module.named_parameters()) all.push_back(item.key());
    for (const auto& item : module.named_buffers()) all.push_back(item.key());
    return all;
  };
  EXPECT_EQ(names(*Conv2d(torch::nn::Conv2dOptions(1, 1, 1))),
            names(*torch::nn::Conv2d(torch::nn::Conv2dOptions(1, 1, 1))));
  EXPECT_EQ(names(*BatchNorm2d(1)), names(*torch::nn::BatchNorm2d(1)));
}

TEST_F(Layers, MaxPoolingHasLibTorchsValuesAndGradients) {
  for (const std::array<std::int64_t, 3>& window :
       {std::array<std::int64_t, 3>{3, 2, 1}, {2, 2, 0}, {1, 2, 0}, {1, 1, 0}, {5, 3, 2}}) {
    at::manual_seed(3);
    at::Tensor input = at::randn({2, 19, 9, 11}).set_requires_grad(true);
    at::Tensor exact = input.detach().to(at::kDouble).set_requires_grad(true);
    const at::Tensor output = max_pool(input, {window[0], window[1], window[2]});
    const at::Tensor expected = at::max_pool2d(exact, {window[0], window[0]},
                                               {window[1], window[1]}, {window[2], window[2]});
    EXPECT_TRUE(output.to(at::kDouble).equal(expected));
    const at::Tensor gradient = at::randn_like(expected);
    output.backward(gradient.to(at::kFloat));
    expected.backward(gradient);
    EXPECT_LE(relative_error(input.grad(), exact.grad()), 1e-7);
  }
}

TEST_F(Layers, WorkInChannelsLastOnlyWhereOurKernelsDo) {
  const at::Tensor images = at::randn({2, 3, 5, 5});
  const auto is_channels_last = [](const at::Tensor& tensor) {
    return in_layer_layout(tensor).is_contiguous(at::MemoryFormat::ChannelsLast);
  };
  EXPECT_TRUE(is_channels_last(images));
  EXPECT_FALSE(is_channels_last(images.to(at::kDouble)));
  const KernelUseScope libtorch(KernelUse::kLibTorch);
  EXPECT_FALSE(is_channels_last(images));
}

TEST_F(Layers, RefuseWhatLibTorchRefuses) {
  Layer layer({4, 8, 5});
  EXPECT_THROW(layer.convolution->forward(at::zeros({1, 5, 5, 5})), c10::Error);
  EXPECT_THROW(layer.norm->forward(at::zeros({1, 8, 1, 1})), ShapeError);  // no variance
  EXPECT_THROW(layer.norm->forward(at::zeros({2, 8})), ShapeError);
  EXPECT_EQ(layer.norm->num_batches_tracked.item<std::int64_t>(), 0);
  EXPECT_THROW(layer.norm->forward(at::zeros({2, 9, 5, 5})), c10::Error);
  Conv2d large(torch::nn::Conv2dOptions(4, 4, 7));
  EXPECT_THROW(large->forward(at::zeros({1, 4, 5, 5})), c10::Error);
  EXPECT_THROW(max_pool(at::zeros({1, 4, 2, 2}), {5, 1, 0}), c10::Error);
}

TEST_F(Layers, RefuseResidualsOfOtherSizes) {
  for (const KernelUse use : {KernelUse::kAuto, KernelUse::kLibTorch})
    for (const bool training : {true, false}) {
      const KernelUseScope scope(use);
      const at::NoGradGuard no_grad;
      Layer layer({4, 8, 5});
      layer.set_training(training);
      for (const at::Tensor& residual : {at::ones({1, 8, 5, 5}), at::ones({kBatch, 8, 4, 5})})
        EXPECT_THROW(conv_norm(*layer.convolution, *layer.norm, layer.input, {residual, true}),
                     ShapeError);
    }
}

/// Runs blocks of networks with and without our kernels.
template <class Block>
void expect_block_is_the_same(const std::function<Block()>& make, std::int64_t channels) {
  struct Pass {
    at::Tensor output, input_gradient;
    Block block;
  };
  const auto run = [&](bool training) {
    Block block = make();
    testing::fill_by_formula(*block);
    block->train(training);
    at::Tensor input = testing::formula("images", 4 * channels * 14 * 14)
                           .view({4, channels, 14, 14})
                           .to(at::kFloat);
    input.set_requires_grad(true);
    const at::Tensor output = block->forward(in_layer_layout(input));
    const at::Tensor gradient =
        testing::formula("gradient", output.numel()).view(output.sizes()).to(at::kFloat);
    output.backward(gradient);
    return Pass{output, input.grad(), block};
  };
  for (const bool training : {true, false})
    for (const ConvolutionKernel kernel : kOwnKernels) {
      testing::pin_own_kernels(kernel, [&] { run(training); });
      const auto with = [&](KernelUse use) {
        const KernelUseScope scope(use);
        return run(training);
      };
      const Pass ours = with(KernelUse::kAuto);
      const Pass libtorch = with(KernelUse::kLibTorch);
      EXPECT_LE(relative_error(ours.output, libtorch.output), 3e-6);
      // A value beside the kink of ReLU may pass on one side only.
      constexpr double kOneGradient = 2e-3;
      EXPECT_LE(relative_error(ours.input_gradient, libtorch.input_gradient), kOneGradient);
      const auto parameters = libtorch.block->named_parameters();
      for (const auto& item : ours.block->named_parameters())
        EXPECT_LE(relative_error(item.value().grad(), parameters[item.key()].grad()), kOneGradient)
            << item.key();
      const auto buffers = libtorch.block->named_buffers();
      for (const auto& item : ours.block->named_buffers()) {
        if (testing::ends_with(item.key(), "num_batches_tracked"))
          EXPECT_TRUE(item.value().equal(buffers[item.key()])) << item.key();
        else
          EXPECT_LE(relative_error(item.value(), buffers[item.key()]), 1e-6) << item.key();
      }
    }
}

TEST_F(Layers, MakeBlocksThatComputeWhatLibTorchComputes) {
  expect_block_is_the_same<BasicBlock>([] { return BasicBlock(24, 32, 2); }, 24);
  expect_block_is_the_same<BasicBlock>([] { return BasicBlock(32, 32, 1); }, 32);
  expect_block_is_the_same<Bottleneck>([] { return Bottleneck(32, 16, 2); }, 32);
  expect_block_is_the_same<IrUnit>([] { return IrUnit(32, 32, 2); }, 32);
  expect_block_is_the_same<IrUnit>([] { return IrUnit(24, 32, 1); }, 24);
  expect_block_is_the_same<IresnetBlock>([] { return IresnetBlock(24, 32, 2); }, 24);
}

/// Layers in evaluation mode without gradients.
class FoldedLayers : public Layers {
 protected:
  static at::Tensor evaluate(Layer& layer, KernelUse use = KernelUse::kAuto) {
    const KernelUseScope scope(use);
    const at::NoGradGuard no_grad;
    layer.set_training(false);
    return layer.forward();
  }
  /// Is the output LibTorch's, after `change` as before it?
  static void expect_renewed(const std::string& what, const std::function<void(Layer&)>& change) {
    Layer layer({16, 32, 8, 3, 1, true, false, false});
    const at::Tensor before = evaluate(layer);
    EXPECT_LE(relative_error(before, evaluate(layer, KernelUse::kLibTorch)), 2e-6) << what;
    {
      const at::NoGradGuard no_grad;
      change(layer);
    }
    const at::Tensor after = evaluate(layer);
    EXPECT_LE(relative_error(after, evaluate(layer, KernelUse::kLibTorch)), 2e-6) << what;
    EXPECT_GT(relative_error(after, before), 1e-4) << what << " changed nothing";
  }
};

TEST_F(FoldedLayers, ComputeWhatLibTorchComputesUnfolded) {
  for (const Case& settings : cases())
    for (const ConvolutionKernel kernel : kOwnKernels) {
      Layer layer(settings);
      testing::pin_own_kernels(kernel, [&] { evaluate(layer); });
      const at::Tensor folded = evaluate(layer);
      ASSERT_NE(layer.convolution->folded, nullptr);
      EXPECT_LE(relative_error(folded, evaluate(layer, KernelUse::kLibTorch)), 2e-6)
          << settings.text();
    }
}

TEST_F(FoldedLayers, ComputeTheSameWithLibTorchsConvolution) {
  for (const Case& settings : cases()) {
    Layer layer(settings);
    evaluate(layer);
    std::string pins;
    std::istringstream choices(kernel_choices());
    for (std::string line; std::getline(choices, line);)
      pins += line.substr(0, line.rfind(": ")) + ": libtorch\n";
    pin_kernel_choices(pins, "test");
    EXPECT_LE(relative_error(evaluate(layer), evaluate(layer, KernelUse::kLibTorch)), 2e-6)
        << settings.text();
  }
}

TEST_F(FoldedLayers, KeepTheirWeightsAsLongAsNothingChanges) {
  Layer layer({16, 32, 8, 3, 1, true, false, true});
  const at::Tensor first = evaluate(layer);
  const std::shared_ptr<FoldedConvolution> folded = layer.convolution->folded;
  EXPECT_TRUE(evaluate(layer).equal(first));
  EXPECT_EQ(layer.convolution->folded, folded);
}

TEST_F(FoldedLayers, AreRenewedWhenASourceChanges) {
  expect_renewed("weight", [](Layer& layer) { layer.convolution->weight.mul_(1.5); });
  expect_renewed("bias", [](Layer& layer) { layer.convolution->bias.add_(1); });
  expect_renewed("norm's weight", [](Layer& layer) { layer.norm->weight.mul_(1.5); });
  expect_renewed("norm's bias", [](Layer& layer) { layer.norm->bias.add_(1); });
  expect_renewed("running mean", [](Layer& layer) { layer.norm->running_mean.add_(1); });
  expect_renewed("running variance", [](Layer& layer) { layer.norm->running_var.mul_(2); });
  expect_renewed("loaded weights", [](Layer& layer) {
    std::map<std::string, at::Tensor> state = module_state(*layer.convolution);
    state.at("weight") = state.at("weight") * 2;
    load_module_state(*layer.convolution, state);
  });
}

TEST_F(FoldedLayers, AreRenewedByATrainingPassWithoutAnUpdate) {
  expect_renewed("a training pass", [](Layer& layer) {
    layer.set_training(true);
    layer.forward();
  });
}

TEST_F(FoldedLayers, AreRenewedByTheOptimizer) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam})
    expect_renewed("a step", [kind](Layer& layer) {
      // The weights' update alone.
      layer.norm->bias.set_requires_grad(false);
      layer.norm->weight.set_requires_grad(false);
      layer.convolution->weight.mutable_grad() = at::ones_like(layer.convolution->weight);
      OptimizerOptions options;
      options.kind = kind;
      Optimizer(options, *layer.convolution).step(0.1);
    });
}

TEST_F(FoldedLayers, AreRenewedWhenTheStorageIsAnother) {
  expect_renewed("another storage", [](Layer& layer) {
    layer.convolution->weight.set_data(at::randn_like(layer.convolution->weight));
  });
  // Another storage at the same address, as an allocator hands it out.
  std::vector<float> memory(32 * 16 * 9, 0.125F);
  const auto tensor = [&memory] { return at::from_blob(memory.data(), {32, 16, 3, 3}); };
  Layer layer({16, 32, 8});
  layer.convolution->weight.set_data(tensor());
  const at::Tensor before = evaluate(layer);
  memory.assign(memory.size(), 0.25F);
  layer.convolution->weight.set_data(tensor());
  EXPECT_LE(relative_error(evaluate(layer), evaluate(layer, KernelUse::kLibTorch)), 2e-6);
  EXPECT_GT(relative_error(evaluate(layer), before), 0.1);
}

TEST_F(FoldedLayers, AreRenewedForAnotherInstructionSet) {
  Layer layer({16, 32, 8});
  testing::pin_own_kernels(ConvolutionKernel::kWinograd, [&] { evaluate(layer); });
  const at::Tensor expected = evaluate(layer, KernelUse::kLibTorch);
  for (const kernels::InstructionSet set : testing::available_instruction_sets()) {
    const testing::InstructionSetLimit limit(set);
    EXPECT_LE(relative_error(evaluate(layer), expected), 2e-6)
        << kernels::instruction_set_name(set);
  }
}

TEST_F(FoldedLayers, AreNotFoldedWhereGradientsOrAnotherPrecisionAreWanted) {
  Layer with_gradients({16, 32, 8});
  with_gradients.set_training(false);
  with_gradients.forward();
  EXPECT_EQ(with_gradients.convolution->folded, nullptr);

  const at::NoGradGuard no_grad;
  Layer training({16, 32, 8});
  training.forward();
  EXPECT_EQ(training.convolution->folded, nullptr);

  Layer exact({16, 32, 8});
  exact.convolution->to(at::kDouble);
  exact.norm->to(at::kDouble);
  exact.input = exact.input.to(at::kDouble);
  exact.set_training(false);
  EXPECT_EQ(exact.forward().scalar_type(), at::kDouble);
  EXPECT_EQ(exact.convolution->folded, nullptr);

  Layer autocast({16, 32, 8});
  autocast.set_training(false);
  const at::Tensor expected = autocast.forward();
  autocast.convolution->folded.reset();
  {
    const AutocastScope bfloat16(c10::DeviceType::CPU, at::kBFloat16);
    EXPECT_EQ(autocast.convolution->forward(autocast.input).scalar_type(), at::kBFloat16);
    const double error = relative_error(autocast.forward(), expected);
    EXPECT_GT(error, 1e-4);
    EXPECT_LT(error, 2e-2);
  }
  EXPECT_EQ(autocast.convolution->folded, nullptr);
}

TEST_F(FoldedLayers, AreTracedAsLibTorchsOperators) {
  Layer layer({16, 32, 8, 3, 1, false, false, true});
  layer.set_training(false);
  layer.convolution->weight.set_requires_grad(false);
  for (at::Tensor& parameter : layer.norm->parameters()) parameter.set_requires_grad(false);
  const at::NoGradGuard no_grad;
  const auto traced = torch::jit::tracer::trace(
      {layer.input},
      [&](torch::jit::Stack stack) -> torch::jit::Stack {
        return {conv_norm(*layer.convolution, *layer.norm, stack[0].toTensor(),
                          {{}, true, PoolWindow{2, 2, 0}})};
      },
      [](const torch::autograd::Variable&) { return std::string(); });
  EXPECT_EQ(layer.convolution->folded, nullptr);
  std::string names;
  for (const torch::jit::Node* node : traced.first->graph->nodes())
    names += std::string(node->kind().toUnqualString()) + " ";
  for (const char* name : {"_convolution", "batch_norm", "relu", "max_pool2d"})
    EXPECT_NE(names.find(name), std::string::npos) << name << " in " << names;
}

TEST_F(FoldedLayers, WorkInInferenceModeAndAfterIt) {
  Layer layer({16, 32, 8, 3, 1, true, true, true});
  const at::Tensor expected = evaluate(layer, KernelUse::kLibTorch);
  {
    const c10::InferenceMode guard;
    EXPECT_LE(relative_error(evaluate(layer), expected), 2e-6);
  }
  EXPECT_LE(relative_error(evaluate(layer), expected), 2e-6);
}

TEST_F(FoldedLayers, ServeSeveralThreads) {
  Layer layer({16, 32, 8, 3, 1, true, true, true});
  const at::Tensor expected = evaluate(layer);
  for (int round = 0; round < 5; ++round) {
    {
      const at::NoGradGuard no_grad;
      layer.convolution->weight.add_(0);  // the threads fold at the same time
    }
    std::vector<std::thread> threads;
    std::array<int, 3> wrong{};
    for (std::size_t t = 0; t < wrong.size(); ++t)
      threads.emplace_back([&, t] {
        const at::NoGradGuard no_grad;
        for (int i = 0; i < 10; ++i) wrong[t] += !layer.forward().equal(expected);
      });
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, (std::array<int, 3>{}));
  }
}

TEST(OwnKernels, AreThoseThatPayForAShape) {
  using Kernels = std::vector<ConvolutionKernel>;
  const Kernels winograd = {ConvolutionKernel::kWinograd};
  const Kernels im2col = {ConvolutionKernel::kIm2col};
  const Kernels both = {ConvolutionKernel::kWinograd, ConvolutionKernel::kIm2col};
  for (const kernels::InstructionSet set : testing::available_instruction_sets()) {
    const testing::InstructionSetLimit limit(set);
    EXPECT_EQ(own_kernels({2, 64, 56, 56, 64}), winograd);
    EXPECT_EQ(own_kernels({2, 64, 6, 6, 64}), both) << "tiles that are half empty";
    EXPECT_EQ(own_kernels({1, 512, 7, 7, 512}), both) << "one image";
    EXPECT_EQ(own_kernels({2, 64, 56, 56, 64, 1, 1, 0}), im2col);
    EXPECT_EQ(own_kernels({32, 64, 56, 56, 128, 3, 2}), winograd);
    EXPECT_EQ(own_kernels({32, 64, 12, 12, 128, 3, 2}), both) << "tiles that are half empty";
    EXPECT_EQ(own_kernels({32, 3, 56, 56, 64, 3, 2}), both) << "few channels";
    EXPECT_EQ(own_kernels({1, 64, 56, 56, 128, 3, 2}), both) << "one image, 49 tiles";
    EXPECT_EQ(own_kernels({2, 128, 28, 28, 256, 3, 2}), im2col) << "32 tiles";
  }
  const testing::InstructionSetLimit none(kernels::InstructionSet::kNone);
  EXPECT_EQ(own_kernels({2, 64, 56, 56, 64}), Kernels());
}

}  // namespace
}  // namespace selfcure
