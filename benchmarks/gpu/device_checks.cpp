#include "device_checks.h"

#include <ATen/ATen.h>
#include <torch/utils.h>

#include <cstdio>
#include <functional>
#include <string>

#include "selfcure/data/augment.h"
#include "selfcure/data/batch_loader.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/device_images.h"
#include "selfcure/engine/device_stream.h"
#include "selfcure/engine/epoch_record.h"
#include "selfcure/engine/training_step.h"
#include "selfcure/engine/upload.h"
#include "selfcure/method/method.h"

namespace {

using namespace selfcure;

constexpr std::int64_t kClasses = 7;
constexpr std::int64_t kBatch = 16;
constexpr int kRelabelStart = 2;
constexpr double kLr = 0.01;
const c10::Device kCpu(c10::kCPU);

/// A network, its optimizer and its step on a device.
struct Training {
  Training(const c10::Device& device, Precision precision, bool graphs, bool scn = true)
      : method(make(scn)),
        optimizer(prepared(device), method->module()),
        step(*method, optimizer, options(device, precision, graphs)) {
    method->module().train();
  }
  static std::unique_ptr<Method> make(bool is_scn) {
    ScnOptions scn = scn_preset(ScnPreset::kPublishedCode);
    scn.relabel_start_epoch = kRelabelStart;
    return is_scn ? make_method(scn, {}, kClasses, 1)
                  : make_method(BaselineOptions{}, {}, kClasses, 1);
  }
  OptimizerOptions prepared(const c10::Device& device) {
    move_to_device(method->module(), device);
    OptimizerOptions options;
    options.lr = kLr;
    return options;
  }
  static TrainingStepOptions options(const c10::Device& device, Precision precision, bool graphs) {
    TrainingStepOptions options;
    options.device = device;
    options.precision = precision;
    if (graphs) options.make_graph = make_cuda_graph;
    options.note = [](const std::string& text) { std::printf("note: %s\n", text.c_str()); };
    return options;
  }
  std::unique_ptr<Method> method;
  Optimizer optimizer;
  TrainingStep step;
};

Batch batch_on(const c10::Device& device, int image_size, int number) {
  torch::manual_seed(static_cast<std::uint64_t>(number));
  Batch batch;
  batch.images = at::randn({kBatch, 3, image_size, image_size});
  batch.labels = at::randint(kClasses, {kBatch}, at::kLong);
  if (device.is_cuda()) {
    batch.images = batch.images.to(device).contiguous(at::MemoryFormat::ChannelsLast);
    batch.labels = batch.labels.to(device);
  }
  return batch;
}

bool close(const at::Tensor& a, const at::Tensor& b, double tolerance) {
  return a.to(kCpu, at::kFloat).allclose(b.to(kCpu, at::kFloat), tolerance, tolerance);
}

bool batches_equal_the_loaders(const Manifest& manifest, int image_size,
                               const c10::Device& device) {
  ImageStoreOptions store_options;
  store_options.image_size = image_size;
  const ImageStore images(manifest, store_options);
  const DeviceImages kept(images, 4, device);
  BatchLoader with_pixels(images, 2), without(images, 0);
  without.leave_out_pixels();
  const LabelStore labels(manifest);
  const SamplePlan plan = shuffled_plan(manifest.size(), kBatch, 1, 1);
  with_pixels.start(plan, labels);
  without.start(plan, labels);
  AugmentOptions augment;
  augment.noise = 0.5;
  augment.crop_padding = 4;
  augment.erase = 0.5;
  bool equal = true;
  for (HostBatch a, b; with_pixels.next(a) && without.next(b);) {
    const at::Tensor gathered = kept.gather(upload_rows(b, device));
    const at::Tensor pixels = upload_pixels(a, kCpu);
    equal &= gathered.to(kCpu).equal(pixels);
    // cos, log and sums round differently on a GPU.
    equal &= close(augment_images(gathered, b.visits, augment, {}, {1, 1, 0}),
                   augment_images(pixels, a.visits, augment, {}, {1, 1, 0}), 1e-3);
    equal &= upload_labels(a, device).to(kCpu).equal(upload_labels(b, kCpu));
  }
  return equal;
}

bool scn_steps_equal_the_cpus(int image_size, const c10::Device& device) {
  Training cpu(kCpu, Precision::kFp32, false), other(device, Precision::kFp32, false);
  TrainingStream stream(device);
  const TrainingStream::Use use(stream);
  bool equal = true;
  for (int i = 1; i <= 3; ++i) {
    const StepOutput a = cpu.step.run(batch_on(kCpu, image_size, i), {1}, kLr);
    const StepOutput b = other.step.run(batch_on(device, image_size, i), {1}, kLr);
    equal &= close(a.loss, b.loss, 2e-3) && close(a.importance, b.importance, 5e-3);
  }
  return equal;
}

bool graphs_equal_plain_steps(int image_size, const c10::Device& device) {
  Training plain(device, Precision::kFp32, false), recorded(device, Precision::kFp32, true);
  TrainingStream stream(device);
  const TrainingStream::Use use(stream);
  bool equal = true;
  for (const int epoch : {kRelabelStart - 1, kRelabelStart}) {
    for (int i = 1; i <= 5; ++i) {
      const Batch batch = batch_on(device, image_size, i);
      const StepOutput a = plain.step.run(batch, {epoch}, kLr);
      const StepOutput b = recorded.step.run(batch, {epoch}, kLr);
      equal &= close(a.loss, b.loss, 1e-2);
      equal &= a.proposed_labels.defined() == b.proposed_labels.defined();
    }
  }
  // Three steps of each phase warm up.
  return equal && recorded.step.replayed_steps() == 4;
}

/// Half precision with a loss scale goes on after an overflow, by halving the scale.
bool float16_recovers(int image_size, const c10::Device& device) {
  Training training(device, Precision::kFp16, true);
  TrainingStream stream(device);
  const TrainingStream::Use use(stream);
  training.step.load_state({{"scale", at::full({}, 3e38F)}, {"good_steps", at::zeros({})}});
  for (int i = 1; i <= 6; ++i) training.step.run(batch_on(device, image_size, i), {1}, kLr);
  bool finite = true;
  for (const at::Tensor& parameter : training.method->module().parameters())
    finite &= parameter.isfinite().all().to(kCpu).item<bool>();
  return finite && training.step.state().at("scale").to(kCpu).item<float>() < 3e38F;
}

bool nothing_waits(int image_size, const c10::Device& device, bool scn, bool graphs) {
  Training training(device, Precision::kBf16, graphs, scn);
  TrainingStream stream(device);
  UploadStream uploads(device);
  const TrainingStream::Use use(stream);
  EpochAccumulator accumulator;
  AugmentOptions augment;
  augment.noise = 0.5;
  augment.erase = 0.5;
  HostBatch host;
  host.image_size = image_size;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    host.rows.push_back(i);
    host.labels.push_back(i % kClasses);
  }
  host.pixels.resize(static_cast<std::size_t>(kBatch * image_size * image_size * 3), 100);
  for (const int epoch : {kRelabelStart - 1, kRelabelStart}) {
    for (int i = 0; i < 6; ++i) {
      // The first steps of a phase let libraries choose algorithms, and one is recorded.
      const bool strict = i > TrainingStep::kWarmUpSteps;
      forbid_device_waits(strict);
      const std::vector<at::Tensor> uploaded = uploads.run([&]() -> std::vector<at::Tensor> {
        return {upload_pixels(host, device), upload_labels(host, device)};
      });
      Batch batch;
      batch.images = augment_images(uploaded[0], host.rows, augment, {}, {1, 1, 0});
      batch.labels = uploaded[1];
      accumulator.add(host.rows, batch.labels, training.step.run(batch, {epoch}, kLr));
    }
  }
  forbid_device_waits(false);
  return true;
}

}  // namespace

int run_device_checks(const Manifest& manifest, int image_size, const c10::Device& device) {
  int failed = 0;
  const auto check = [&](const std::string& what, bool wants_cuda,
                         const std::function<bool()>& holds) {
    const char* result = "skipped";
    std::string reason;
    if (!wants_cuda || device.is_cuda()) {
      try {
        result = holds() ? "ok" : "FAILED";
      } catch (const std::exception& error) {
        forbid_device_waits(false);
        result = "FAILED";
        const std::string text = error.what();
        reason = " (" + text.substr(0, text.find('\n')) + ")";
      }
      failed += result == std::string("FAILED");
    }
    std::printf("check %s: %s%s\n", what.c_str(), result, reason.c_str());
    std::fflush(stdout);
  };
  set_device_arithmetic(Precision::kFp32, device);
  check("batches of images on the device are the loader's", false,
        [&] { return batches_equal_the_loaders(manifest, image_size, device); });
  check("three steps of SCN are the CPU's", false,
        [&] { return scn_steps_equal_the_cpus(image_size, device); });
  check("recorded steps are plain steps, in both phases", true,
        [&] { return graphs_equal_plain_steps(image_size, device); });
  check("float16 recovers from an overflow", true,
        [&] { return float16_recovers(image_size, device); });
  for (const bool scn : {false, true})
    for (const bool graphs : {false, true})
      check(std::string("nothing waits for the device, ") + (scn ? "SCN" : "baseline") +
                (graphs ? ", recorded" : ", not recorded"),
            true, [&] { return nothing_waits(image_size, device, scn, graphs); });
  return failed;
}
