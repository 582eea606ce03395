#include <spdlog/spdlog.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>

#include "logging_observer.h"
#include "progress.h"
#include "selfcure/config/config.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/machine_bench.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

namespace fs = std::filesystem;

/// What is measured without a config. It names no data that could be there.
constexpr const char* kDefaultConfig = R"yaml(
name: default
data: {dataset: raf_db, root: none, image_size: 224}
model: {backbone: resnet18}
method: {name: scn}
train: {batch_size: 32}
)yaml";

struct BenchArguments {
  std::string config;
  std::vector<std::string> overrides;
  int threads = -1;
  std::string json;
  bool quick = false;
};

std::string number(const char* pattern, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), pattern, value);
  return text;
}

std::string percent(double share) { return number("%.0f %%", 100 * share); }

/// "1 thread 120.1, 2 threads 238.0": once where there is one thread only.
std::string by_threads(double one, double all, int threads, double unit) {
  std::string text = "1 thread " + number("%.1f", one / unit);
  if (threads > 1)
    text += ", " + std::to_string(threads) + " threads " + number("%.1f", all / unit);
  return text;
}

void print_machine(const MachineBench& bench) {
  std::printf("machine\n");
  for (const std::string& device : device_descriptions()) std::printf("  %s\n", device.c_str());
  std::string sets;
  for (const std::string& name : bench.machine.instruction_sets)
    sets += (sets.empty() ? "" : ", ") + name;
  std::printf("  %-18s %s\n", "instruction sets",
              sets.empty() ? "none of AVX2, FMA, AVX-512F" : sets.c_str());
  for (const FmaPeak& peak : bench.machine.peaks)
    std::printf(
        "  %-18s %s GFLOP/s (%s, float32)\n", "FMA peak",
        by_threads(peak.one_thread_flops, peak.all_threads_flops, bench.machine.threads, 1e9)
            .c_str(),
        peak.instructions.c_str());
  std::printf("  %-18s %s GB/s (triad)\n", "memory",
              by_threads(bench.machine.one_thread_bandwidth, bench.machine.all_threads_bandwidth,
                         bench.machine.threads, 1e9)
                  .c_str());
  std::printf("  %-18s %.2f when the measurement began\n", "load", bench.load_before);
}

void print_timing(const char* what, const Timing& timing, std::int64_t batch_size,
                  double share_of_peak) {
  std::printf("  %-14s %8.1f images/s   %.1f ms a batch of %lld (%.1f to %.1f, %zu runs)", what,
              static_cast<double>(batch_size) / timing.median(), 1e3 * timing.median(),
              static_cast<long long>(batch_size), 1e3 * timing.low(), 1e3 * timing.high(),
              timing.seconds.size());
  if (!std::isnan(share_of_peak)) std::printf(", %s of the peak", percent(share_of_peak).c_str());
  std::printf("\n");
}

void print_network(const MachineBench& bench, const ExperimentOptions& options) {
  std::printf("\nnetwork: %s, %s, %dx%d, on %s with %d CPU threads\n",
              method_name(options.method).c_str(), backbone_name(options.model.backbone),
              options.data.image_size, options.data.image_size, bench.device.c_str(),
              bench.threads);
  print_timing("training step", bench.training, bench.batch_size, bench.training_share_of_peak());
  print_timing("augmentation", bench.augmentation, bench.batch_size, std::nan(""));
  print_timing("evaluation", bench.prediction, bench.evaluation_batch_size,
               bench.evaluation_share_of_peak());
  if (bench.batch_size < options.train.batch_size)
    std::printf(
        "  a batch of %lld takes more memory or time than a measurement should: measured with "
        "%lld\n",
        static_cast<long long>(options.train.batch_size), static_cast<long long>(bench.batch_size));
  std::printf(
      "  share of the peak: operations of direct convolution (%.2f GFLOP an image in "
      "training,\n  %.2f in evaluation) in that time\n",
      training_flops(bench.layers) / 1e9, prediction_flops(bench.layers) / 1e9);
}

void print_layers(const MachineBench& bench) {
  std::printf("\nconvolutions\n  %-26s %5s %9s   %-20s %-20s %s\n", "kernel channels input /stride",
              "count", "training", "forward", "backward data", "backward weights");
  const double total = training_flops(bench.layers);
  for (std::size_t i = 0; i < bench.layers.size(); ++i) {
    const ConvolutionLayer& layer = bench.layers[i];
    const LayerKernels& kernels = bench.kernels[i];
    const double passes = layer.is_first ? 2 : 3;
    std::printf("  %-26s %5lld %9s   %-20s %-20s %s\n", layer.name().c_str(),
                static_cast<long long>(layer.count),
                percent(passes * static_cast<double>(layer.count) * layer.flops() / total).c_str(),
                kernels.forward.c_str(), layer.is_first ? "-" : kernels.backward_data.c_str(),
                kernels.backward_weights.c_str());
  }
}

void print_estimate(const MachineBench& bench, const std::string& config) {
  if (!bench.estimate) {
    std::printf(
        "\n%s: no estimate of the time that it takes: its data is not there, and the number of "
        "its\nimages is not published or the config takes some of them only\n",
        config.c_str());
    return;
  }
  const TrainingWork& work = *bench.work;
  const TrainingEstimate& estimate = *bench.estimate;
  const std::int64_t evaluated = work.images.valid + work.images.test;
  std::printf("\n%s: %d epochs, about %s\n", config.c_str(), work.epochs,
              duration_text(estimate.total_seconds()).c_str());
  std::printf("  %-12s %-14s %d x %lld images\n", "training",
              duration_text(estimate.training_seconds).c_str(), work.epochs,
              static_cast<long long>(work.images.train));
  std::printf("  %-12s %-14s %lld x %lld images\n", "evaluation",
              duration_text(estimate.evaluation_seconds).c_str(),
              static_cast<long long>(estimate.evaluations), static_cast<long long>(evaluated));
  if (estimate.reading_seconds)
    std::printf("  %-12s %-14s %.2f ms an image when it is decoded, %.2f ms when memory has it\n",
                "reading", duration_text(*estimate.reading_seconds).c_str(),
                1e3 * bench.cost.reading->first_seconds, 1e3 * bench.cost.reading->kept_seconds);
  std::printf("  %s\n  not contained: start, checkpoints and result files%s\n",
              work.images.published ? "the data is not there: numbers of images as published"
                                    : "numbers of images as counted in the data",
              estimate.reading_seconds ? "" : ", reading of the images");
}

int bench_machine(const BenchArguments& arguments) {
  const bool has_config = !arguments.config.empty();
  ExperimentOptions options =
      has_config ? load_config(arguments.config, arguments.overrides)
                 : parse_config(kDefaultConfig, "the default config", arguments.overrides);
  if (arguments.threads >= 0) options.train.threads = arguments.threads;
  // A place that cannot be written to shows before minutes of work.
  std::optional<AtomicFile> json;
  if (!arguments.json.empty()) json.emplace(arguments.json);
  LoggingObserver observer(LoggingObserver::Level::kWarnings);
  MachineBenchOptions bench_options;
  bench_options.estimate = has_config;
  bench_options.quick = arguments.quick;
  const MachineBench bench = measure_training_speed(options, bench_options, observer);
  print_machine(bench);
  print_network(bench, options);
  print_layers(bench);
  if (has_config) print_estimate(bench, fs::path(arguments.config).filename().string());
  if (json) {
    json->write(machine_bench_json(bench, options));
    json->commit();
  }
  return 0;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand(
      "bench", "Measure this machine, and how long a config's training will take on it");
  auto arguments = std::make_shared<BenchArguments>();
  verb->add_option("CONFIG", arguments->config,
                   "Experiment file (YAML); without one: SCN on ResNet-18, 224x224, batch 32");
  verb->add_option("--set", arguments->overrides, "Override a key: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->add_option("--threads", arguments->threads,
                   "CPU threads, instead of train.threads; 0: one per core")
      ->check(CLI::Range(0, 1024));
  verb->add_option("--json", arguments->json, "Also write the results to this file")
      ->type_name("FILE");
  verb->add_flag("--quick", arguments->quick, "Few repetitions: faster and less exact");
  verb->footer(
      "Measures arithmetic and memory of the processor, a training step, augmentation and\n"
      "evaluation of the config's network on random images, and, where the data is there, the\n"
      "reading of some of its images. The time of the whole training follows from these and from\n"
      "the number of images: counted in the data, or as published where it is not there. Other\n"
      "programs that run at the same time make it look slower than it is.\n"
      "Examples:\n"
      "  selfcure bench\n"
      "  selfcure bench configs/rafdb_scn_published_code.yaml --set data.root=/data/RAF-DB\n"
      "  selfcure bench my.yaml --threads 1 --json one_thread.json\n"
      "  selfcure bench --set model.backbone=resnet50 --set train.batch_size=16 --quick");
  verb->callback(
      [arguments, &action] { action = [arguments] { return bench_machine(*arguments); }; });
}

}  // namespace selfcure::apps
