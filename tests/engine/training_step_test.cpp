#include "selfcure/engine/training_step.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <gtest/gtest.h>

#include <set>

#include "selfcure/core/errors.h"
#include "selfcure/data/augment.h"
#include "selfcure/engine/epoch_record.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/method/method.h"

namespace selfcure {
namespace {

constexpr std::int64_t kClasses = 3;
constexpr std::int64_t kSide = 8;
constexpr int kRelabelStart = 2;

std::unique_ptr<Method> small_method(const std::string& name) {
  ModelOptions model;
  model.stem = Stem::kSmall;
  ScnOptions scn;
  scn.relabel_start_epoch = kRelabelStart;
  scn.relabel_threshold = 0.0;
  scn.learnable_margin = true;
  return make_method(name == "scn" ? MethodOptions(scn) : MethodOptions(BaselineOptions{}), model,
                     kClasses, 5);
}

Batch random_batch(std::int64_t size, std::uint64_t seed) {
  torch::manual_seed(seed);
  Batch batch;
  batch.images = at::randn({size, 3, kSide, kSide});
  batch.labels = at::randint(kClasses, {size}, at::kLong);
  return batch;
}

/// A method, its optimizer and its step.
struct Training {
  explicit Training(const std::string& name, TrainingStepOptions step_options = {},
                    OptimizerKind kind = OptimizerKind::kSgd)
      : method(small_method(name)),
        optimizer(optimizer_options(kind), method->module()),
        step(*method, optimizer, std::move(step_options)) {
    method->module().train();
  }
  static OptimizerOptions optimizer_options(OptimizerKind kind) {
    OptimizerOptions options;
    options.kind = kind;
    options.lr = 0.01;
    return options;
  }
  StepOutput run(std::uint64_t seed, int epoch, std::int64_t size = 6) {
    return step.run(random_batch(size, seed), {epoch}, 0.01);
  }
  std::unique_ptr<Method> method;
  Optimizer optimizer;
  TrainingStep step;
};

TrainingStepOptions device_scalars() {
  TrainingStepOptions options;
  options.device_scalars = true;
  return options;
}

/// Names of the operators that ran on this thread and make the host wait for a device's values.
class WaitObserver {
 public:
  WaitObserver()
      : handle_(at::addThreadLocalCallback(
            at::RecordFunctionCallback(&WaitObserver::begin).scopes({at::RecordScope::FUNCTION}))) {
    seen().clear();
  }
  ~WaitObserver() { at::removeCallback(handle_); }
  WaitObserver(const WaitObserver&) = delete;
  WaitObserver& operator=(const WaitObserver&) = delete;
  static std::set<std::string>& seen() {
    static std::set<std::string> names;
    return names;
  }

 private:
  static std::unique_ptr<at::ObserverContext> begin(const at::RecordFunction& function) {
    static const std::set<std::string> kWaits = {"aten::_local_scalar_dense",
                                                 "aten::item",
                                                 "aten::is_nonzero",
                                                 "aten::nonzero",
                                                 "aten::equal",
                                                 "aten::masked_select",
                                                 "aten::unique_dim",
                                                 "aten::_unique2"};
    if (kWaits.count(function.name()) != 0) seen().insert(function.name());
    // to(device, type). That cpu() copies shows on a CUDA device alone: here it is to.dtype_layout,
    // which LibTorch itself calls within one device.
    const auto name = function.operator_name();
    if (name.has_value() && name->name == "aten::to" && name->overload_name == "device")
      seen().insert("aten::to.device");
    return nullptr;
  }

  at::CallbackHandle handle_;
};

TEST(TrainingStep, TheObserverOfWaitsSeesThem) {
  const WaitObserver observer;
  (void)at::ones({1}).item<float>();
  (void)at::ones({2}).index({at::ones({2}, at::kBool)});  // a mask makes nonzero()
  EXPECT_EQ(WaitObserver::seen().count("aten::_local_scalar_dense"), 1U);
  EXPECT_EQ(WaitObserver::seen().count("aten::nonzero"), 1U);
  (void)at::ones({1}).to(c10::Device(c10::kCPU), at::kDouble);
  EXPECT_EQ(WaitObserver::seen().count("aten::to.device"), 1U);
}

TEST(TrainingStep, NothingWaitsForTheDevice) {
  AugmentOptions augment;
  augment.noise = 0.5;
  augment.crop_padding = 2;
  augment.contrast = 0.3;
  augment.erase = 0.5;
  const std::vector<std::int64_t> rows = {4, 8, 1, 0, 2, 9};
  const at::Tensor pixels = at::randint(256, {6, kSide, kSide, 3}, at::kByte);
  for (const std::string& name : {std::string("baseline"), std::string("scn")}) {
    for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam}) {
      Training training(name, device_scalars(), kind);
      EpochAccumulator accumulator;
      for (const int epoch : {kRelabelStart - 1, kRelabelStart}) {
        Batch batch = random_batch(6, 1);
        const WaitObserver observer;
        batch.images = augment_images(pixels, rows, augment, {}, {1, 1, 0});
        const StepOutput output = training.step.run(batch, {epoch}, 0.01);
        accumulator.add(rows, batch.labels, output);
        EXPECT_TRUE(WaitObserver::seen().empty()) << name << ": " << *WaitObserver::seen().begin();
        EXPECT_EQ(output.proposed_labels.defined(), name == "scn" && epoch == kRelabelStart);
      }
    }
  }
}

TEST(TrainingStep, NumbersOnTheDeviceGiveTheStepsOfNumbersOnTheHost) {
  for (const OptimizerKind kind : {OptimizerKind::kSgd, OptimizerKind::kAdam}) {
    Training host("scn", {}, kind), device("scn", device_scalars(), kind);
    for (std::uint64_t seed = 1; seed <= 2; ++seed) {
      const StepOutput a = host.run(seed, 1), b = device.run(seed, 1);
      EXPECT_TRUE(a.loss.allclose(b.loss, 1e-4, 1e-5));
    }
    EXPECT_EQ(host.optimizer.state().at("steps").item<std::int64_t>(), 2);
    EXPECT_EQ(device.optimizer.state().at("steps").item<std::int64_t>(), 2);
    EXPECT_EQ(host.optimizer.state().size(), device.optimizer.state().size());
  }
}

/// Records by remembering the work: a replay runs it again. What the recording itself changes is
/// undone, as a CUDA graph changes nothing while it is recorded.
class RememberingGraph : public StepGraph {
 public:
  explicit RememberingGraph(Training*& training, int& captures)
      : training_(training), captures_(captures) {}
  void capture(const std::function<void()>& work) override {
    ++captures_;
    std::map<std::string, at::Tensor> model, state;
    for (const auto& [name, tensor] : module_state(training_->method->module()))
      model[name] = tensor.clone();
    for (const auto& [name, tensor] : training_->optimizer.state()) state[name] = tensor.clone();
    work();
    load_module_state(training_->method->module(), model);
    training_->optimizer.load_state(state);
    work_ = work;
  }
  void replay() override { work_(); }

 private:
  Training*& training_;
  int& captures_;
  std::function<void()> work_;
};

TEST(TrainingStep, RecordedStepsAreTheSameBitsThroughPhasesAndSmallerBatches) {
  Training* subject = nullptr;
  int captures = 0;
  std::vector<std::string> notes;
  TrainingStepOptions options = device_scalars();
  options.make_graph = [&] { return std::make_unique<RememberingGraph>(subject, captures); };
  options.note = [&](const std::string& text) { notes.push_back(text); };
  Training recorded("scn", options), plain("scn", device_scalars());
  subject = &recorded;
  std::uint64_t seed = 0;
  const auto both = [&](int epoch, std::int64_t size) {
    ++seed;
    const StepOutput a = recorded.run(seed, epoch, size), b = plain.run(seed, epoch, size);
    ASSERT_TRUE(a.loss.equal(b.loss)) << seed;
    ASSERT_TRUE(a.importance.equal(b.importance)) << seed;
    ASSERT_EQ(a.proposed_labels.defined(), b.proposed_labels.defined());
    if (a.proposed_labels.defined()) {
      ASSERT_TRUE(a.proposed_labels.equal(b.proposed_labels));
    }
  };
  for (int i = 0; i < 4; ++i) both(kRelabelStart - 1, 3);
  EXPECT_EQ(recorded.step.replayed_steps(), 1);
  both(kRelabelStart - 1, 2);  // the last, smaller batch of an epoch
  EXPECT_EQ(recorded.step.replayed_steps(), 1);
  both(kRelabelStart - 1, 3);
  EXPECT_EQ(recorded.step.replayed_steps(), 2);
  EXPECT_EQ(captures, 1);
  for (int i = 0; i < 4; ++i) both(kRelabelStart, 3);
  EXPECT_EQ(recorded.step.replayed_steps(), 3);
  EXPECT_EQ(captures, 2);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("recorded anew"), std::string::npos);
}

/// Does the host's part of the work, as a recording does, and fails.
class FailingGraph : public StepGraph {
 public:
  void capture(const std::function<void()>& /*work*/) override {
    TORCH_CHECK(false, "operation not permitted\nmore");
  }
  void replay() override { FAIL(); }
};

TEST(TrainingStep, ARecordingThatFailsIsSaidOnceAndTheStepsGoOn) {
  std::vector<std::string> notes;
  TrainingStepOptions options = device_scalars();
  options.make_graph = [] { return std::make_unique<FailingGraph>(); };
  options.note = [&](const std::string& text) { notes.push_back(text); };
  Training failing("baseline", options), plain("baseline", device_scalars());
  for (std::uint64_t seed = 1; seed <= 6; ++seed)
    ASSERT_TRUE(failing.run(seed, 1, 4).loss.equal(plain.run(seed, 1, 4).loss));
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("operation not permitted"), std::string::npos);
  EXPECT_EQ(notes[0].find('\n'), std::string::npos);
}

TEST(TrainingStep, ABuildWithoutCudaSaysSo) {
  std::vector<std::string> notes;
  TrainingStepOptions options = device_scalars();
  options.make_graph = [] { return std::unique_ptr<StepGraph>(); };
  options.note = [&](const std::string& text) { notes.push_back(text); };
  Training training("baseline", options);
  for (std::uint64_t seed = 1; seed <= 5; ++seed) training.run(seed, 1, 4);
  ASSERT_EQ(notes.size(), 1U);
  EXPECT_NE(notes[0].find("without CUDA"), std::string::npos);
}

TEST(TrainingStep, Bfloat16StopsAtTheBackbone) {
  TrainingStepOptions options;
  options.precision = Precision::kBf16;
  Training lower("scn", options), full("scn");
  // In evaluation mode: statistics of so small a batch would magnify every rounding.
  lower.method->module().eval();
  full.method->module().eval();
  const StepOutput a = lower.run(1, kRelabelStart, 3), b = full.run(1, kRelabelStart, 3);
  for (const at::Tensor& tensor : {a.loss, a.logits, a.importance, a.statistics})
    EXPECT_EQ(tensor.scalar_type(), at::kFloat);
  EXPECT_TRUE(a.logits.allclose(b.logits, 0.1, 0.1));
  EXPECT_FALSE(a.logits.equal(b.logits));  // else bfloat16 was not used
  for (const at::Tensor& parameter : lower.method->module().parameters())
    EXPECT_EQ(parameter.scalar_type(), at::kFloat);
  // The scope ends with the step.
  EXPECT_EQ(at::matmul(at::ones({2, 2}), at::ones({2, 2})).scalar_type(), at::kFloat);
}

TEST(TrainingStep, Bfloat16Learns) {
  TrainingStepOptions options;
  options.precision = Precision::kBf16;
  Training training("baseline", options);
  const double first = training.run(1, 1, 2).loss.item<double>();
  training.run(1, 1, 2);
  EXPECT_LT(training.run(1, 1, 2).loss.item<double>(), 0.8 * first);
}

TEST(TrainingStep, ALossScaleOfACheckpointMustBeWanted) {
  Training training("baseline");
  EXPECT_TRUE(training.step.state().empty());
  training.step.load_state({});
  EXPECT_THROW(training.step.load_state(LossScale(c10::Device(c10::kCPU)).state()),
               CheckpointError);
}

}  // namespace
}  // namespace selfcure
