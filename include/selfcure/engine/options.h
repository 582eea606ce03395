#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/data/augment.h"
#include "selfcure/data/image_store.h"
#include "selfcure/data/label_noise.h"
#include "selfcure/data/sample_plan.h"
#include "selfcure/data/sources.h"
#include "selfcure/engine/device_images.h"
#include "selfcure/engine/optimizer.h"
#include "selfcure/engine/precision.h"
#include "selfcure/engine/schedule.h"
#include "selfcure/method/method.h"

namespace selfcure {

/// What an experiment learns from and is tested on.
struct DataOptions {
  /// Sources that training joins; at least one.
  std::vector<SourceOptions> train;
  /// Sources that choose the best epoch. Empty: the test set chooses, and every output says so.
  std::vector<SourceOptions> valid;
  /// Sources of the test; at least one.
  std::vector<SourceOptions> test;
  /// Classes to learn, by name and in this order, of whichever data set; empty: those of the first
  /// training source. Rows of classes that are not among them are an error or left out.
  std::vector<std::string> classes;
  UnmappedClasses other_classes = UnmappedClasses::kStop;
  /// Side of the network's square input in pixels, 32 to 1024.
  int image_size = 224;
  /// Threads that assemble batches, 0 to 64; 0: the training thread does it between steps.
  int workers = 2;
  /// Decoded images of each set kept in memory, in MiB; -1: a quarter of what is available.
  std::int64_t memory_mb = -1;
  /// Folder of packed pixels, which runs share; empty: images are decoded by each run.
  std::filesystem::path pack;
  /// What to do with an image that cannot be read and with a bad line of a list that allows it.
  OnError on_error = OnError::kStop;
  /// Label noise that is injected into the training labels.
  NoiseOptions noise;
  AugmentOptions augment;
  NormalizeOptions normalize;
  /// Where decoded training images are kept. Has no influence on the results.
  DataCache cache = DataCache::kNone;

  /// The sources of a split's place.
  const std::vector<SourceOptions>& sources(Split split) const {
    return split == Split::kTrain ? train : split == Split::kValid ? valid : test;
  }
};

struct TrainOptions {
  /// Passes over the training set, at least 1.
  int epochs = 40;
  /// Samples per step, at least 1.
  std::int64_t batch_size = 64;
  /// How often an epoch visits the rows of each class; the test set is never resampled.
  Sampling sampling = Sampling::kShuffle;
  /// Samples per evaluation batch; 0: as batch_size. Has no influence on the results.
  std::int64_t eval_batch_size = 0;
  OptimizerOptions optimizer;
  ScheduleOptions schedule;
  /// "auto" (a CUDA device if there is one), "cpu", "cuda" or "cuda:<index>".
  std::string device = "auto";
  /// Arithmetic of the backbone in training steps; some want a CUDA device.
  Precision precision = Precision::kFp32;
  /// On a CUDA device, record steps and launch each as one. Results differ by rounding at most.
  bool cuda_graphs = true;
  /// CPU threads of a training step; 0: as many as there are cores.
  int threads = 0;
  /// Who computes the network on a CPU, as use_cpu_kernels() takes it.
  std::string kernels = "auto";
  /// Save within an epoch when this many minutes have passed since the last checkpoint; 0: only
  /// at the end of an epoch.
  double checkpoint_minutes = 10;
  /// Evaluate after every this many epochs (the last one always), at least 1.
  int evaluate_every = 1;
};

/// What is written for other programs to look at; no result depends on it.
struct LoggingOptions {
  /// Write event files for TensorBoard to the folder `tensorboard` of the run.
  bool tensorboard = false;
  /// They get pictures after every this many epochs and after the last; 0: none.
  int images_every = 1;
};

/// Everything that a config file says.
struct ExperimentOptions {
  /// Names the run directory.
  std::string name;
  /// Seed of initial weights, shuffling and augmentation (label noise has its own).
  std::uint64_t seed = 1;
  DataOptions data;
  ModelOptions model;
  MethodOptions method;
  TrainOptions train;
  LoggingOptions logging;
};

}  // namespace selfcure
