#include "selfcure/engine/machine_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "selfcure/config/config.h"

namespace selfcure {
namespace {

TEST(MachineSpeed, IsMeasuredForEveryUsableInstructionSet) {
  const MachineSpeed speed = measure_machine(2, /*quick=*/true);
  EXPECT_EQ(speed.threads, 2);
  ASSERT_FALSE(speed.peaks.empty());
  for (const FmaPeak& peak : speed.peaks) {
    // From a slow emulator to a core of tomorrow: a wrong unit or a loop that was left out shows.
    EXPECT_GT(peak.one_thread_flops, 1e8) << peak.instructions;
    EXPECT_LT(peak.one_thread_flops, 1e13) << peak.instructions;
    EXPECT_LE(peak.all_threads_flops, speed.peaks.front().all_threads_flops);
  }
  EXPECT_GT(speed.one_thread_bandwidth, 1e7);
  EXPECT_LT(speed.all_threads_bandwidth, 1e13);
}

TEST(ConvolutionLayers, OfResNet18AreThoseOfThePaper) {
  const auto method = make_method(BaselineOptions(), {}, 7, 1);
  method->module().train();
  const auto layers = convolution_layers(*method, 224, c10::Device(c10::kCPU));
  EXPECT_TRUE(method->module().is_training());
  ASSERT_EQ(layers.size(), 11U);
  EXPECT_EQ(layers.front().name(), "7x7 3->64 224x224 /2");
  EXPECT_TRUE(layers.front().is_first);
  EXPECT_EQ(layers.front().out_height, 112);
  EXPECT_EQ(layers[1].name(), "3x3 64->64 56x56");
  EXPECT_EQ(layers[1].count, 4);
  std::int64_t count = 0;
  for (const ConvolutionLayer& layer : layers) count += layer.count;
  EXPECT_EQ(count, 20);
  // 2 * 64 * 3 * 49 * 112 * 112, and the 1.81e9 multiply-adds that are given for ResNet-18.
  EXPECT_DOUBLE_EQ(layers.front().flops(), 236027904.0);
  EXPECT_NEAR(prediction_flops(layers), 2 * 1.814e9, 0.01e9);
  EXPECT_DOUBLE_EQ(training_flops(layers), 3 * prediction_flops(layers) - layers.front().flops());
}

TEST(ConvolutionLayers, CountGroups) {
  ConvolutionLayer layer;
  layer.in_channels = 32;
  layer.out_channels = 32;
  layer.kernel_height = layer.kernel_width = 3;
  layer.in_height = layer.in_width = layer.out_height = layer.out_width = 8;
  const double whole = layer.flops();
  layer.groups = 32;
  EXPECT_DOUBLE_EQ(layer.flops(), whole / 32);
  EXPECT_EQ(layer.name(), "3x3 32->32 8x8 g32");
}

TEST(Timing, MedianIsTheMiddle) {
  EXPECT_DOUBLE_EQ((Timing{{3, 1, 2}}.median()), 2);
  EXPECT_DOUBLE_EQ((Timing{{4, 1, 2, 3}}.median()), 2.5);
  EXPECT_TRUE(std::isnan(Timing{}.median()));
}

TEST(Repeat, GoesOnUntilTimeAndNumberAreEnough) {
  int runs = 0;
  const auto run = [&runs] {
    ++runs;
    return 1.0;
  };
  EXPECT_EQ(repeat({2, 3, 0.5, 50}, run).seconds.size(), 3U);
  EXPECT_EQ(runs, 5);
  EXPECT_EQ(repeat({0, 3, 6.5, 50}, run).seconds.size(), 7U);
  EXPECT_EQ(repeat({0, 3, 100, 10}, run).seconds.size(), 10U);
}

TEST(NetworkTimer, TrainsAndPredictsTheSameNetwork) {
  NetworkTimerOptions options;
  options.model.stem = Stem::kSmall;
  options.batch_size = 4;
  options.image_size = 32;
  options.optimizer.kind = OptimizerKind::kSgd;
  NetworkTimer timer(options);
  const at::Tensor weight = *timer.method().module().named_parameters().find("fc.weight");
  const at::Tensor before = weight.detach().clone();
  EXPECT_GT(timer.prediction(), 0);
  EXPECT_FALSE(timer.method().module().is_training());
  EXPECT_TRUE(before.equal(weight));
  EXPECT_GT(timer.training_step(), 0);
  EXPECT_TRUE(timer.method().module().is_training());
  EXPECT_FALSE(before.equal(weight));
  EXPECT_GT(timer.augmentation(), 0);
}

TEST(MachineBench, MeasuresAndEstimatesAConfig) {
  const ExperimentOptions options = parse_config(
      "name: small\ndata: {dataset: raf_db, root: nowhere, image_size: 32}\n"
      "model: {stem: small}\nmethod: {name: baseline}\n"
      "train: {epochs: 3, batch_size: 4, device: cpu, threads: 1}\n",
      "test", {});
  TrainingObserver observer;
  const MachineBench bench = measure_training_speed(options, {true, true}, observer);
  EXPECT_EQ(bench.batch_size, 4);
  EXPECT_EQ(bench.threads, 1);
  ASSERT_EQ(bench.kernels.size(), bench.layers.size());
  EXPECT_GT(bench.training_share_of_peak(), 0);
  ASSERT_TRUE(bench.estimate.has_value());
  EXPECT_DOUBLE_EQ(bench.estimate->training_seconds,
                   3 * 12271 * bench.cost.training_seconds_per_image);
  const auto json = nlohmann::json::parse(machine_bench_json(bench, options));
  EXPECT_EQ(json.at("estimate").at("training_images"), 12271);
  EXPECT_EQ(json.at("estimate").at("counts"), "published");
  EXPECT_TRUE(json.at("estimate").at("reading_seconds").is_null());
  EXPECT_EQ(json.at("layers").size(), bench.layers.size());
  EXPECT_GT(json.at("network").at("training_images_per_second").get<double>(), 0);
}

}  // namespace
}  // namespace selfcure
