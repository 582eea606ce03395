#include "selfcure/engine/machine_bench.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <nlohmann/json.hpp>

#include "selfcure/core/version.h"
#include "selfcure/data/image_store.h"
#include "selfcure/engine/cpu_kernels.h"
#include "selfcure/engine/cpu_memory.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/experiment_data.h"

namespace selfcure {
namespace {

using nlohmann::ordered_json;

/// Of the memory that is free, what a measured step may take.
constexpr double kMemoryShare = 0.7;
constexpr int kReadImages = 64;
constexpr int kReadImagesQuick = 16;

NetworkTimerOptions timer_options(const ExperimentOptions& options, const c10::Device& device,
                                  std::int64_t batch_size) {
  NetworkTimerOptions timer;
  timer.method = options.method;
  timer.model = options.model;
  // Where the classes come from the data set: their number changes one small layer.
  if (options.data.classes.size() > 1)
    timer.class_count = static_cast<std::int64_t>(options.data.classes.size());
  timer.batch_size = batch_size;
  timer.image_size = options.data.image_size;
  timer.optimizer = options.train.optimizer;
  timer.augment = options.data.augment;
  timer.normalize = options.data.normalize;
  timer.device = device;
  timer.seed = options.seed;
  return timer;
}

/// A batch that can be measured here, found with two small ones: their difference is what an image
/// needs, without what the network itself needs.
std::int64_t measurable_batch_size(const ExperimentOptions& options, const c10::Device& device,
                                   bool quick) {
  constexpr std::int64_t kFew = 2;
  constexpr std::int64_t kMore = 6;
  const double most_seconds = quick ? 4 : 15;
  const std::int64_t wanted = options.train.batch_size;
  if (wanted <= kMore || !device.is_cpu()) return wanted;
  reuse_cpu_memory();  // counts the bytes
  double seconds = 0;
  const auto peak_after = [&](std::int64_t batch_size) {
    NetworkTimer timer(timer_options(options, device, batch_size));
    (void)timer.training_step();
    seconds = timer.training_step();
    return static_cast<double>(cpu_memory_use().peak_in_use);
  };
  const double few_bytes = peak_after(kFew);
  const double more_bytes = peak_after(kMore);
  const std::int64_t available = available_memory_bytes();
  return affordable_batch_size(wanted, (more_bytes - few_bytes) / static_cast<double>(kMore - kFew),
                               available > 0 ? kMemoryShare * static_cast<double>(available)
                                             : std::numeric_limits<double>::infinity(),
                               seconds / static_cast<double>(kMore), most_seconds);
}

double system_load() {
  double load = 0;
  return getloadavg(&load, 1) == 1 ? load : std::numeric_limits<double>::quiet_NaN();
}

double share(double flops_per_image, double images_per_second, const MachineBench& bench) {
  if (bench.device != "cpu" || bench.machine.peaks.empty())
    return std::numeric_limits<double>::quiet_NaN();
  return flops_per_image * images_per_second / bench.machine.peaks.front().all_threads_flops;
}

ordered_json timing_json(const Timing& timing) {
  return {{"median_seconds", timing.median()},
          {"min_seconds", timing.low()},
          {"max_seconds", timing.high()},
          {"runs", timing.seconds.size()}};
}

}  // namespace

double MachineBench::training_images_per_second() const {
  return static_cast<double>(batch_size) / training.median();
}

double MachineBench::evaluation_images_per_second() const {
  return static_cast<double>(evaluation_batch_size) / prediction.median();
}

double MachineBench::training_share_of_peak() const {
  return share(training_flops(layers), training_images_per_second(), *this);
}

double MachineBench::evaluation_share_of_peak() const {
  return share(prediction_flops(layers), evaluation_images_per_second(), *this);
}

MachineBench measure_training_speed(const ExperimentOptions& options,
                                    const MachineBenchOptions& bench_options,
                                    TrainingObserver& observer) {
  const bool quick = bench_options.quick;
  MachineBench bench;
  bench.load_before = system_load();
  bench.threads = set_cpu_threads(options.train.threads);
  use_cpu_kernels(options.train.kernels);
  const c10::Device device = resolve_device(options.train.device);
  bench.device = device.str();

  refuse_untrainable_batches(options);
  // Before anything is measured: what cannot be read shows at once.
  std::optional<ImageCounts> images;
  if (bench_options.estimate) {
    images = count_images(options.data, observer);
    bench.cost.reading =
        measure_reading(options.data, quick ? kReadImagesQuick : kReadImages, observer);
  }

  bench.machine = measure_machine(bench.threads, quick);

  RepeatOptions repeats;
  if (quick) repeats = {1, 2, 0, 2};
  bench.batch_size = measurable_batch_size(options, device, quick);
  const std::int64_t wanted_evaluation =
      options.train.eval_batch_size > 0 ? options.train.eval_batch_size : options.train.batch_size;
  bench.evaluation_batch_size = std::min(wanted_evaluation, bench.batch_size);
  {
    NetworkTimer timer(timer_options(options, device, bench.batch_size));
    bench.layers = convolution_layers(timer.method(), options.data.image_size, device);
    bench.training = repeat(repeats, [&timer] { return timer.training_step(); });
    for (const ConvolutionLayer& layer : bench.layers)
      bench.kernels.push_back(layer_kernels(layer, bench.batch_size));
    bench.augmentation = repeat(repeats, [&timer] { return timer.augmentation(); });
  }
  {
    NetworkTimer timer(timer_options(options, device, bench.evaluation_batch_size));
    bench.prediction = repeat(repeats, [&timer] { return timer.prediction(); });
  }

  bench.cost.training_seconds_per_image = (bench.training.median() + bench.augmentation.median()) /
                                          static_cast<double>(bench.batch_size);
  bench.cost.evaluation_seconds_per_image =
      bench.prediction.median() / static_cast<double>(bench.evaluation_batch_size);
  // Without workers the training thread reads, one image after the other.
  bench.cost.reading_cores = options.data.workers == 0 ? 1 : usable_cores();
  if (images) {
    bench.work = TrainingWork{*images, options.train.epochs, options.train.batch_size,
                              options.train.evaluate_every};
    bench.estimate = estimate_training(*bench.work, bench.cost);
  }
  return bench;
}

std::string machine_bench_json(const MachineBench& bench, const ExperimentOptions& options) {
  ordered_json peaks = ordered_json::array();
  for (const FmaPeak& peak : bench.machine.peaks)
    peaks.push_back({{"instructions", peak.instructions},
                     {"one_thread_flops", peak.one_thread_flops},
                     {"all_threads_flops", peak.all_threads_flops}});
  ordered_json layers = ordered_json::array();
  for (std::size_t i = 0; i < bench.layers.size(); ++i)
    layers.push_back({{"layer", bench.layers[i].name()},
                      {"count", bench.layers[i].count},
                      {"flops_per_image", bench.layers[i].flops()},
                      {"forward", bench.kernels[i].forward},
                      {"backward_data", bench.kernels[i].backward_data},
                      {"backward_weights", bench.kernels[i].backward_weights}});
  ordered_json json = {{"name", options.name},
                       {"selfcure", version()},
                       {"source_revision", source_revision()},
                       {"libtorch", libtorch_version()},
                       {"devices", device_descriptions()},
                       {"load_before", bench.load_before},
                       {"machine",
                        {{"instruction_sets", bench.machine.instruction_sets},
                         {"threads", bench.machine.threads},
                         {"fma_peaks", peaks},
                         {"one_thread_bytes_per_second", bench.machine.one_thread_bandwidth},
                         {"all_threads_bytes_per_second", bench.machine.all_threads_bandwidth}}},
                       {"network",
                        {{"method", method_name(options.method)},
                         {"backbone", backbone_name(options.model.backbone)},
                         {"image_size", options.data.image_size},
                         {"device", bench.device},
                         {"threads", bench.threads},
                         {"batch_size", bench.batch_size},
                         {"training_step", timing_json(bench.training)},
                         {"augmentation", timing_json(bench.augmentation)},
                         {"training_images_per_second", bench.training_images_per_second()},
                         {"training_flops_per_image", training_flops(bench.layers)},
                         {"training_share_of_peak", bench.training_share_of_peak()},
                         {"evaluation_batch_size", bench.evaluation_batch_size},
                         {"prediction", timing_json(bench.prediction)},
                         {"evaluation_images_per_second", bench.evaluation_images_per_second()},
                         {"prediction_flops_per_image", prediction_flops(bench.layers)},
                         {"evaluation_share_of_peak", bench.evaluation_share_of_peak()}}},
                       {"layers", layers}};
  if (bench.estimate) {
    const ImageCounts& images = bench.work->images;
    ordered_json estimate = {{"epochs", bench.work->epochs},
                             {"evaluations", bench.estimate->evaluations},
                             {"training_images", images.train},
                             {"validation_images", images.valid},
                             {"test_images", images.test},
                             {"counts", images.published ? "published" : "counted"},
                             {"training_seconds", bench.estimate->training_seconds},
                             {"evaluation_seconds", bench.estimate->evaluation_seconds},
                             {"reading_seconds", nullptr},
                             {"total_seconds", bench.estimate->total_seconds()}};
    if (bench.estimate->reading_seconds)
      estimate["reading_seconds"] = *bench.estimate->reading_seconds;
    json["estimate"] = estimate;
  }
  // Names of experiments need not be UTF-8.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace selfcure
