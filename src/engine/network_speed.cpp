#include "selfcure/engine/network_speed.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <numeric>

#include "selfcure/nn/kernel_choice.h"

namespace selfcure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Reading one value waits for everything before it, also on a GPU.
void wait_for(const at::Tensor& result) { (void)result.flatten()[0].item<double>(); }

/// Where the callback of convolution_layers() puts what it sees; LibTorch takes no state with it.
thread_local std::vector<ConvolutionLayer>* watched_layers = nullptr;

bool same_shape(const ConvolutionLayer& a, const ConvolutionLayer& b) {
  return a.name() == b.name() && a.padding == b.padding && a.is_first == b.is_first;
}

/// aten::convolution(input, weight, bias, stride, padding, dilation, transposed, output_padding,
/// groups)
std::unique_ptr<at::ObserverContext> note_convolution(const at::RecordFunction& function) {
  const auto inputs = function.inputs();
  if (watched_layers == nullptr || std::string(function.name()) != "aten::convolution" ||
      inputs.size() < 9)
    return nullptr;
  const at::Tensor& input = inputs[0].toTensor();
  const at::Tensor& weight = inputs[1].toTensor();
  if (input.dim() != 4) return nullptr;
  ConvolutionLayer layer;
  layer.in_channels = input.size(1);
  layer.out_channels = weight.size(0);
  layer.kernel_height = weight.size(2);
  layer.kernel_width = weight.size(3);
  layer.stride = inputs[3].toIntVector().at(0);
  layer.padding = inputs[4].toIntVector().at(0);
  layer.groups = inputs[8].toInt();
  layer.in_height = input.size(2);
  layer.in_width = input.size(3);
  const auto outputs = [&layer](std::int64_t side, std::int64_t kernel) {
    return (side + 2 * layer.padding - kernel) / layer.stride + 1;
  };
  layer.out_height = outputs(layer.in_height, layer.kernel_height);
  layer.out_width = outputs(layer.in_width, layer.kernel_width);
  layer.is_first = watched_layers->empty();
  for (ConvolutionLayer& known : *watched_layers) {
    if (!same_shape(known, layer)) continue;
    ++known.count;
    return nullptr;
  }
  watched_layers->push_back(layer);
  return nullptr;
}

}  // namespace

NetworkTimer::NetworkTimer(const NetworkTimerOptions& options)
    : options_(options),
      method_(make_method(options.method, options.model, options.class_count, options.seed)) {
  method_->module().to(options.device);
  method_->module().eval();
  optimizer_ = std::make_unique<Optimizer>(options.optimizer, method_->module());
  const std::int64_t side = options.image_size;
  batch_.images = at::randn({options.batch_size, 3, side, side}).to(options.device);
  batch_.labels =
      at::arange(options.batch_size, at::kLong).remainder(options.class_count).to(options.device);
}

NetworkTimer::~NetworkTimer() = default;

void NetworkTimer::set_training(bool training) {
  if (training_ == training) return;
  method_->module().train(training);
  training_ = training;
}

double NetworkTimer::training_step() {
  set_training(true);
  const auto begin = Clock::now();
  optimizer_->zero_grad();
  const StepOutput output = method_->step(batch_, {1});
  output.loss.backward();
  optimizer_->step(options_.optimizer.lr);
  wait_for(output.loss.detach());
  return seconds_since(begin);
}

double NetworkTimer::prediction() {
  set_training(false);
  const at::NoGradGuard no_grad;
  const auto begin = Clock::now();
  wait_for(method_->predict(batch_.images).logits);
  return seconds_since(begin);
}

double NetworkTimer::augmentation() {
  if (!pixels_.defined())
    pixels_ = at::randint(256, {options_.batch_size, options_.image_size, options_.image_size, 3},
                          at::TensorOptions().dtype(at::kByte))
                  .to(options_.device);
  std::vector<std::int64_t> rows(static_cast<std::size_t>(options_.batch_size));
  std::iota(rows.begin(), rows.end(), 0);
  const auto begin = Clock::now();
  wait_for(
      augment_images(pixels_, rows, options_.augment, options_.normalize, {options_.seed, 1, 0}));
  return seconds_since(begin);
}

double Timing::median() const {
  if (seconds.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::vector<double> sorted = seconds;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

double Timing::low() const {
  return seconds.empty() ? std::numeric_limits<double>::quiet_NaN()
                         : *std::min_element(seconds.begin(), seconds.end());
}

double Timing::high() const {
  return seconds.empty() ? std::numeric_limits<double>::quiet_NaN()
                         : *std::max_element(seconds.begin(), seconds.end());
}

Timing repeat(const RepeatOptions& options, const std::function<double()>& run) {
  for (int i = 0; i < options.warm_up; ++i) (void)run();
  Timing timing;
  double total = 0;
  for (int i = 0; i < options.most; ++i) {
    if (i >= options.fewest && total >= options.seconds) break;
    timing.seconds.push_back(run());
    total += timing.seconds.back();
  }
  return timing;
}

double ConvolutionLayer::flops() const {
  const std::int64_t weights = out_channels * (in_channels / groups) * kernel_height * kernel_width;
  return 2.0 * static_cast<double>(weights * out_height * out_width);
}

std::string ConvolutionLayer::name() const {
  const auto pair = [](std::int64_t a, const char* sign, std::int64_t b) {
    return std::to_string(a) + sign + std::to_string(b);
  };
  std::string text = pair(kernel_height, "x", kernel_width) + " " +
                     pair(in_channels, "->", out_channels) + " " + pair(in_height, "x", in_width);
  if (stride != 1) text += " /" + std::to_string(stride);
  if (groups != 1) text += " g" + std::to_string(groups);
  return text;
}

std::vector<ConvolutionLayer> convolution_layers(Method& method, std::int64_t image_size,
                                                 const c10::Device& device) {
  const KernelUseScope watched(KernelUse::kLibTorch);  // our own kernels are no operators
  const at::NoGradGuard no_grad;
  const bool was_training = method.module().is_training();
  method.module().eval();
  std::vector<ConvolutionLayer> layers;
  watched_layers = &layers;
  const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(&note_convolution)
                                                     .needsInputs(true)
                                                     .scopes({at::RecordScope::FUNCTION}));
  try {
    (void)method.predict(at::zeros({1, 3, image_size, image_size}).to(device));
  } catch (...) {
    at::removeCallback(handle);
    watched_layers = nullptr;
    method.module().train(was_training);
    throw;
  }
  at::removeCallback(handle);
  watched_layers = nullptr;
  method.module().train(was_training);
  return layers;
}

double prediction_flops(const std::vector<ConvolutionLayer>& layers) {
  double total = 0;
  for (const ConvolutionLayer& layer : layers)
    total += static_cast<double>(layer.count) * layer.flops();
  return total;
}

double training_flops(const std::vector<ConvolutionLayer>& layers) {
  double total = 3 * prediction_flops(layers);
  for (const ConvolutionLayer& layer : layers)
    if (layer.is_first) total -= layer.flops();
  return total;
}

LayerKernels layer_kernels(const ConvolutionLayer& layer, std::int64_t batch_size) {
  const kernels::ConvolutionShape shape = {batch_size,     layer.in_channels,  layer.in_height,
                                           layer.in_width, layer.out_channels, layer.kernel_height,
                                           layer.stride,   layer.padding};
  const auto name = [&](ConvolutionPass pass) { return chosen_kernel_name({pass, shape}); };
  return {name(ConvolutionPass::kForward), name(ConvolutionPass::kBackwardData),
          name(ConvolutionPass::kBackwardWeights)};
}

}  // namespace selfcure
