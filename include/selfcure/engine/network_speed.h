#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "selfcure/data/augment.h"
#include "selfcure/engine/optimizer.h"
#include "selfcure/method/method.h"

namespace selfcure {

/// What is timed: a method around a network, on random images.
struct NetworkTimerOptions {
  MethodOptions method = ScnOptions();
  ModelOptions model;
  std::int64_t class_count = 7;
  /// Images per step, at least 1.
  std::int64_t batch_size = 32;
  /// Side of the images in pixels.
  std::int64_t image_size = 224;
  OptimizerOptions optimizer;
  AugmentOptions augment;
  NormalizeOptions normalize;
  c10::Device device = c10::Device(c10::kCPU);
  std::uint64_t seed = 1;
};

/// Runs the same training step, prediction or augmentation again and again, on one random batch.
///
/// Weights are initial ones. Every call waits for the device and returns the seconds that it took.
class NetworkTimer {
 public:
  explicit NetworkTimer(const NetworkTimerOptions& options);
  ~NetworkTimer();
  NetworkTimer(const NetworkTimer&) = delete;
  NetworkTimer& operator=(const NetworkTimer&) = delete;

  /// Forward pass, loss, backward pass, update of the weights.
  double training_step();
  /// Logits and importance weights in evaluation mode, as `evaluate` computes them.
  double prediction();
  /// 8-bit pixels to a training batch: random changes, normalisation.
  double augmentation();

  Method& method() { return *method_; }

 private:
  void set_training(bool training);

  NetworkTimerOptions options_;
  std::unique_ptr<Method> method_;
  std::unique_ptr<Optimizer> optimizer_;
  Batch batch_;
  at::Tensor pixels_;
  bool training_ = false;
};

/// Seconds of repeated runs of the same thing.
struct Timing {
  std::vector<double> seconds;

  /// NaN without runs.
  double median() const;
  double low() const;
  double high() const;
};

/// How often something is repeated.
struct RepeatOptions {
  /// Runs that are not counted: memory is fetched, choices are made.
  int warm_up = 2;
  /// Counted runs go on until there are this many and they took that long, or until `most`.
  int fewest = 5;
  double seconds = 10;
  int most = 50;
};

/// @param run  one run, which returns its seconds
Timing repeat(const RepeatOptions& options, const std::function<double()>& run);

/// A convolution of a network, and how often the network has it.
struct ConvolutionLayer {
  std::int64_t in_channels = 0;
  std::int64_t out_channels = 0;
  std::int64_t kernel_height = 1;
  std::int64_t kernel_width = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  std::int64_t groups = 1;
  std::int64_t in_height = 0;
  std::int64_t in_width = 0;
  std::int64_t out_height = 0;
  std::int64_t out_width = 0;
  /// Layers of this shape.
  std::int64_t count = 1;
  /// It reads the images, whose gradient nobody wants.
  bool is_first = false;

  /// Operations of direct convolution in one pass over one image, of one layer; a multiply-add
  /// counts as two. Each of the two backward passes takes as many.
  double flops() const;
  /// "3x3 64->128 56x56 /2": kernel, channels, input, stride; "g32" at the end for groups.
  std::string name() const;
};

/// The distinct convolutions of a network in the order in which an image meets them.
///
/// Found by watching LibTorch's operators while one image is predicted, so that any network will
/// do.
std::vector<ConvolutionLayer> convolution_layers(Method& method, std::int64_t image_size,
                                                 const c10::Device& device);

/// Operations of direct convolution for one image: of a prediction, and of a training step (forward
/// and both backward passes, without the gradient of the images).
double prediction_flops(const std::vector<ConvolutionLayer>& layers);
double training_flops(const std::vector<ConvolutionLayer>& layers);

/// Whose kernels compute a layer's three passes.
struct LayerKernels {
  std::string forward;
  std::string backward_data;
  std::string backward_weights;
};

/// The kernels that a training step with this batch uses for a layer.
LayerKernels layer_kernels(const ConvolutionLayer& layer, std::int64_t batch_size);

}  // namespace selfcure
