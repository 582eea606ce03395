// Times the path of a training on a device: whole epochs of the trainer, or steps on one batch that
// lies on the device. SCN (published-code preset) on ResNet-18, Adam. Prints one line of JSON.
//
//   benchmark_gpu --mode step|epoch|check [--device auto] [--precision fp32] [--graphs 1]
//                 [--batch 256] [--size 224] [--steps 50] [--epochs 3] [--cache none]
//                 [--workers 4] --pixels FILE [--source 100]
//
// --pixels is a file of raw pixels, --source x --source each, blue, green, red (modes epoch,
// check).

#include <ATen/ATen.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "device_checks.h"
#include "selfcure/core/errors.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/method/method.h"

namespace {

using namespace selfcure;
using Clock = std::chrono::steady_clock;

constexpr std::int64_t kClasses = 7;
constexpr double kLr = 1e-3;

class Arguments {
 public:
  Arguments(int argc, char** argv) : argc_(argc), argv_(argv) {}
  std::string text(const std::string& name, const std::string& fallback) const {
    for (int i = argc_ - 2; i >= 1; --i)  // the last one wins
      if (argv_[i] == name) return argv_[i + 1];
    return fallback;
  }
  int number(const std::string& name, int fallback) const {
    return std::atoi(text(name, std::to_string(fallback)).c_str());
  }

 private:
  int argc_;
  char** argv_;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Precision precision_of(const std::string& name) {
  for (const Precision precision :
       {Precision::kFp32, Precision::kTf32, Precision::kBf16, Precision::kFp16})
    if (name == precision_name(precision)) return precision;
  throw ConfigError("--precision: expected fp32, tf32, bf16 or fp16, got '" + name + "'");
}

Manifest raw_manifest(const Arguments& arguments) {
  Manifest manifest;
  manifest.name = "raw pixels";
  manifest.root = arguments.text("--pixels", "");
  manifest.inline_side = arguments.number("--source", 100);
  std::error_code error;
  const std::uintmax_t bytes = std::filesystem::file_size(manifest.root, error);
  if (error) throw DataError("--pixels: '" + manifest.root.string() + "' cannot be read");
  const auto side = static_cast<std::uintmax_t>(manifest.inline_side);
  for (std::int64_t k = 0; k < kClasses; ++k)
    manifest.class_names.push_back("class " + std::to_string(k));
  for (std::uintmax_t row = 0; row < bytes / (side * side * 3); ++row) {
    ManifestRow sample;
    sample.image = std::to_string(row);
    sample.given = static_cast<std::int32_t>(row % static_cast<std::uintmax_t>(kClasses));
    manifest.rows.push_back(sample);
  }
  return manifest;
}

class PrintingObserver : public TrainingObserver {
 public:
  void note(const std::string& message) override { std::printf("note: %s\n", message.c_str()); }
};

TrainOptions train_options(const Arguments& arguments) {
  TrainOptions train;
  train.precision = precision_of(arguments.text("--precision", "fp32"));
  train.cuda_graphs = arguments.number("--graphs", 1) != 0;
  train.batch_size = arguments.number("--batch", 256);
  train.epochs = arguments.number("--epochs", 3);
  train.optimizer.kind = OptimizerKind::kAdam;
  train.optimizer.lr = kLr;
  train.checkpoint_minutes = 0;
  return train;
}

std::unique_ptr<Method> method_on(const c10::Device& device) {
  std::unique_ptr<Method> method =
      make_method(scn_preset(ScnPreset::kPublishedCode), {}, kClasses, 1);
  move_to_device(method->module(), device);
  method->module().train();
  return method;
}

void print_result(const Arguments& arguments, const c10::Device& device, std::int64_t images,
                  const std::vector<double>& seconds, std::int64_t replayed) {
  std::string list;
  for (const double value : seconds) list += (list.empty() ? "" : ", ") + std::to_string(value);
  std::printf(
      "{\"mode\":\"%s\",\"device\":\"%s\",\"precision\":\"%s\",\"graphs\":%d,\"cache\":\"%s\","
      "\"batch\":%d,\"size\":%d,\"images\":%lld,\"replayed\":%lld,\"seconds\":[%s]}\n",
      arguments.text("--mode", "").c_str(), device.str().c_str(),
      arguments.text("--precision", "fp32").c_str(), arguments.number("--graphs", 1),
      arguments.text("--cache", "none").c_str(), arguments.number("--batch", 256),
      arguments.number("--size", 224), static_cast<long long>(images),
      static_cast<long long>(replayed), list.c_str());
}

/// Three rounds of steps on one batch; each ends when the device has done it.
void time_steps(const Arguments& arguments, const c10::Device& device) {
  constexpr int kRounds = 3;
  const TrainOptions train = train_options(arguments);
  const int size = arguments.number("--size", 224), steps = arguments.number("--steps", 50);
  const std::unique_ptr<Method> method = method_on(device);
  Optimizer optimizer(train.optimizer, method->module());
  TrainingStepOptions options;
  options.device = device;
  options.precision = train.precision;
  if (train.cuda_graphs && device.is_cuda()) options.make_graph = make_cuda_graph;
  options.note = [](const std::string& text) { std::printf("note: %s\n", text.c_str()); };
  TrainingStep step(*method, optimizer, options);
  TrainingStream stream(device);
  const TrainingStream::Use use(stream);
  Batch batch;
  batch.images = at::randn({train.batch_size, 3, size, size}).to(device);
  if (device.is_cuda()) batch.images = batch.images.contiguous(at::MemoryFormat::ChannelsLast);
  batch.labels = at::arange(train.batch_size, at::kLong).remainder(kClasses).to(device);
  const auto run = [&](int count) {
    StepOutput output;
    for (int i = 0; i < count; ++i) output = step.run(batch, {1}, kLr);
    (void)output.loss.item<float>();
  };
  run(device.is_cuda() ? 2 * TrainingStep::kWarmUpSteps : 1);
  std::vector<double> seconds;
  for (int round = 0; round < kRounds; ++round) {
    const auto begin = Clock::now();
    run(steps);
    seconds.push_back(seconds_since(begin));
  }
  print_result(arguments, device, train.batch_size * steps, seconds, step.replayed_steps());
}

/// Whole epochs of the trainer; the first, in which all is chosen and recorded, is listed too.
void time_epochs(const Arguments& arguments, const c10::Device& device) {
  const TrainOptions train = train_options(arguments);
  const Manifest manifest = raw_manifest(arguments);
  const int workers = arguments.number("--workers", 4);
  ImageStoreOptions store_options;
  store_options.image_size = arguments.number("--size", 224);
  const ImageStore images(manifest, store_options);
  std::unique_ptr<DeviceImages> kept;
  if (arguments.text("--cache", "none") == "gpu")
    kept = std::make_unique<DeviceImages>(images, workers, device);
  BatchLoader loader(images, workers);
  LabelStore labels(manifest);
  const std::unique_ptr<Method> method = method_on(device);
  AugmentOptions augment;
  augment.erase = 0.5;
  const NormalizeOptions normalize;
  Trainer trainer({*method, loader, labels, manifest.size(), device, nullptr, kept.get()}, train,
                  augment, normalize, 1);
  PrintingObserver observer;
  std::vector<double> seconds;
  for (int epoch = 1; epoch <= train.epochs; ++epoch) {
    const auto begin = Clock::now();
    trainer.run_epoch(observer, [] {});
    const EpochTotals totals = trainer.totals();  // waits for the device
    labels.commit(epoch, totals.proposal_rows, totals.proposals);
    seconds.push_back(seconds_since(begin));
    trainer.advance();
  }
  print_result(arguments, device, manifest.size(), seconds,
               trainer.training_step().replayed_steps());
}

}  // namespace

int main(int argc, char** argv) {
  const Arguments arguments(argc, argv);
  try {
    const c10::Device device = resolve_device(arguments.text("--device", "auto"));
    set_cpu_threads(arguments.number("--threads", 0));
    const Precision precision = precision_of(arguments.text("--precision", "fp32"));
    check_precision(precision, device);
    set_device_arithmetic(precision, device);
    const std::string mode = arguments.text("--mode", "");
    if (mode == "check") {
      constexpr std::size_t kRowsChecked = 100;
      Manifest manifest = raw_manifest(arguments);
      manifest.rows.resize(std::min(manifest.rows.size(), kRowsChecked));
      return run_device_checks(manifest, arguments.number("--size", 224), device) > 0 ? 1 : 0;
    }
    if (mode == "step")
      time_steps(arguments, device);
    else if (mode == "epoch")
      time_epochs(arguments, device);
    else
      throw ConfigError("--mode: expected step, epoch or check, got '" + mode + "'");
    return 0;
  } catch (const UserError& error) {
    std::fprintf(stderr, "benchmark_gpu: %s\n", error.what());
    return 2;
  }
}
