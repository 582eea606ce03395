// Times the three passes of every distinct convolution of ResNet-18, rival after rival within a
// round, on random images: LibTorch's own kernels on NCHW and on channels-last tensors, and ours.
// Prints one JSON object; compare_cpu.sh makes a table of it.

#include <ATen/ATen.h>

#include <array>
#include <chrono>
#include <functional>
#include <optional>

#include "kernel_choice.h"
#include "selfcure/engine/cpu_memory.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/network_speed.h"
#include "selfcure/nn/convolution_passes.h"
#include "server.h"

namespace {

using selfcure::ConvolutionLayer;

constexpr std::array<const char*, 3> kPasses = {"forward", "backward_data", "backward_weights"};

/// What a pass works on; in the memory format that the rival wants.
struct Tensors {
  at::Tensor input;     // [B, C, H, W]
  at::Tensor weight;    // [K, C, h, w]
  at::Tensor gradient;  // [B, K, H', W'], of the output
};

Tensors tensors_of(const ConvolutionLayer& layer, std::int64_t batch, at::MemoryFormat format) {
  return {
      at::randn({batch, layer.in_channels, layer.in_height, layer.in_width}).contiguous(format),
      at::randn({layer.out_channels, layer.in_channels / layer.groups, layer.kernel_height,
                 layer.kernel_width})
          .contiguous(format),
      at::randn({batch, layer.out_channels, layer.out_height, layer.out_width}).contiguous(format)};
}

using Run = std::function<void()>;

/// One run of each pass, in the order of kPasses; an empty one is not to be had.
std::array<Run, 3> libtorch_passes(const ConvolutionLayer& layer, const Tensors& tensors) {
  const std::array<std::int64_t, 2> stride = {layer.stride, layer.stride};
  const std::array<std::int64_t, 2> padding = {layer.padding, layer.padding};
  const auto backward = [=](bool data, bool weights) {
    (void)at::convolution_backward(tensors.gradient, tensors.input, tensors.weight,
                                   /*bias_sizes=*/c10::nullopt, stride, padding,
                                   /*dilation=*/{1, 1}, /*transposed=*/false,
                                   /*output_padding=*/{0, 0}, layer.groups, {data, weights, false});
  };
  return {
      [=] {
        (void)at::conv2d(tensors.input, tensors.weight, {}, stride, padding, {1, 1}, layer.groups);
      },
      [=] { backward(true, false); }, [=] { backward(false, true); }};
}

/// The same as a training with `train.kernels: auto` has them: the kernel that is chosen for each.
std::array<Run, 3> own_passes(const ConvolutionLayer& layer, std::int64_t batch,
                              const Tensors& tensors) {
  const selfcure::kernels::ConvolutionShape shape = {
      batch,          layer.in_channels,  layer.in_height,
      layer.in_width, layer.out_channels, layer.kernel_height,
      layer.stride,   layer.padding};
  const at::Tensor weight = tensors.weight.contiguous();
  return {
      [=] { (void)selfcure::convolution_output(shape, tensors.input, weight, {}); },
      [=] {
        (void)selfcure::convolution_input_gradient(shape, tensors.gradient, tensors.input, weight);
      },
      [=] {
        (void)selfcure::convolution_weight_gradient(shape, tensors.gradient, tensors.input, weight);
      }};
}

double seconds_of(const Run& run) {
  const auto begin = std::chrono::steady_clock::now();
  run();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

int main(int argc, char** argv) {
  using selfcure::benchmarks::positive;
  const at::NoGradGuard no_grad;
  selfcure::reuse_cpu_memory();
  selfcure::keep_heap_memory();
  const auto options = selfcure::benchmarks::options_of(
      argc, argv,
      {{"batch", "32"}, {"size", "224"}, {"threads", "2"}, {"rounds", "7"}, {"kernels", "auto"}});
  const std::int64_t batch = positive(options, "batch");
  const std::int64_t side = positive(options, "size");
  const std::int64_t rounds = positive(options, "rounds");
  const int threads = selfcure::set_cpu_threads(static_cast<int>(positive(options, "threads")));
  selfcure::benchmarks::choose_kernels(options.at("kernels"));

  const auto method = selfcure::make_method(selfcure::BaselineOptions(), {}, 7, 1);
  const auto layers = selfcure::convolution_layers(*method, side, c10::Device(c10::kCPU));
  constexpr std::array<const char*, 3> kRivals = {"libtorch", "libtorch_channels_last", "selfcure"};
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  for (const ConvolutionLayer& layer : layers) {
    const Tensors plain = tensors_of(layer, batch, at::MemoryFormat::Contiguous);
    const Tensors last = tensors_of(layer, batch, at::MemoryFormat::ChannelsLast);
    const std::array<std::array<Run, 3>, 3> rivals = {libtorch_passes(layer, plain),
                                                      libtorch_passes(layer, last),
                                                      own_passes(layer, batch, last)};
    nlohmann::ordered_json row = {{"layer", layer.name()},
                                  {"count", layer.count},
                                  {"flops", static_cast<double>(batch) * layer.flops()},
                                  {"is_first", layer.is_first}};
    for (std::size_t pass = 0; pass < kPasses.size(); ++pass) {
      if (layer.is_first && pass == 1) continue;
      std::array<nlohmann::ordered_json, 3> seconds;
      for (std::int64_t round = -1; round < rounds; ++round)  // the first is a warm-up
        for (std::size_t place = 0; place < rivals.size(); ++place) {
          const std::size_t rival = (place + static_cast<std::size_t>(round + 1)) % rivals.size();
          const Run& run = rivals[rival][pass];
          if (!run) continue;
          const double time = seconds_of(run);
          if (round >= 0) seconds[rival].push_back(time);
        }
      for (std::size_t rival = 0; rival < rivals.size(); ++rival)
        row[kPasses[pass]][kRivals[rival]] = seconds[rival];
    }
    rows.push_back(row);
  }
  std::printf("%s\n", nlohmann::ordered_json{{"program", "selfcure"},
                                             {"libtorch", selfcure::libtorch_version()},
                                             {"threads", threads},
                                             {"batch", batch},
                                             {"layers", rows}}
                          .dump()
                          .c_str());
  return 0;
}
