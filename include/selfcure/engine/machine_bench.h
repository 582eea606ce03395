#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/engine/machine_speed.h"
#include "selfcure/engine/network_speed.h"
#include "selfcure/engine/training_estimate.h"

namespace selfcure {

struct MachineBenchOptions {
  /// Estimate the whole training too; false where the config is not of a real experiment.
  bool estimate = true;
  /// Few repetitions: seconds rather than a minute, and less exact.
  bool quick = false;
};

/// Everything that measure_training_speed() found out.
struct MachineBench {
  /// The other programs' share when it began: processes that wanted a core in the last minute.
  double load_before = 0;
  /// Where the network was computed: "cpu", "cuda:0".
  std::string device;
  /// CPU threads of the network.
  int threads = 1;
  MachineSpeed machine;

  /// Images of a measured training step and prediction: those of the config, or fewer where memory
  /// or patience does not allow them.
  std::int64_t batch_size = 1;
  std::int64_t evaluation_batch_size = 1;
  /// Of one training step, of the augmentation of its batch, of one prediction.
  Timing training;
  Timing augmentation;
  Timing prediction;
  std::vector<ConvolutionLayer> layers;
  /// Of a training step, as many as layers.
  std::vector<LayerKernels> kernels;

  /// Nothing without `estimate`, or where the number of images cannot be known.
  std::optional<TrainingWork> work;
  TrainingCost cost;
  std::optional<TrainingEstimate> estimate;

  double training_images_per_second() const;
  double evaluation_images_per_second() const;
  /// Operations of direct convolution that a step is worth, by its time and the best measured peak
  /// of all threads. Kernels that need fewer operations can pass 1. NaN unless on the CPU.
  double training_share_of_peak() const;
  double evaluation_share_of_peak() const;
};

/// Measures the machine, and how fast it trains and evaluates the network of a config; estimates
/// what the config's training will take.
///
/// Takes a quarter of a minute to some minutes. Sets LibTorch's threads as the config says.
/// @throws UserError as the readers of the data sets and resolve_device() do
MachineBench measure_training_speed(const ExperimentOptions& options,
                                    const MachineBenchOptions& bench, TrainingObserver& observer);

/// The same as a JSON object: seconds, bytes, operations per second.
std::string machine_bench_json(const MachineBench& bench, const ExperimentOptions& options);

}  // namespace selfcure
