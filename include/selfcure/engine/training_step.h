#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "selfcure/engine/optimizer.h"
#include "selfcure/engine/precision.h"
#include "selfcure/engine/step_graph.h"
#include "selfcure/method/step.h"

namespace selfcure {

struct TrainingStepOptions {
  c10::Device device{c10::kCPU};
  Precision precision = Precision::kFp32;
  /// Keep the learning rate and all else that an update needs on the device. For CUDA it is always
  /// so; on the CPU it is for tests.
  bool device_scalars = false;
  /// Makes an empty graph, which records the steps of a phase of training; may be empty, and may
  /// return null: steps are launched one operator at a time then.
  std::function<std::unique_ptr<StepGraph>()> make_graph = {};
  /// Told, once each, why steps are not recorded; may be empty.
  std::function<void(const std::string&)> note = {};
};

/// One update of a method: forward pass, loss, backward pass, optimizer.
///
/// It never waits for a CUDA device. Where a graph can be made, the first steps of a phase run as
/// they are, which lets the libraries choose their algorithms, then one is recorded, and from then
/// on it is replayed. A batch smaller than those before, the last one of an epoch, is not worth a
/// recording of its own.
class TrainingStep {
 public:
  /// Steps of a phase before it is recorded.
  static constexpr int kWarmUpSteps = 3;

  /// @param method, optimizer  must outlive this
  TrainingStep(Method& method, Optimizer& optimizer, TrainingStepOptions options);

  /// @param lr  learning rate of this step, factor of the schedule included
  /// @return detached, in memory of its own
  StepOutput run(const Batch& batch, const EpochContext& context, double lr);

  /// Steps that were replayed, for tests and benchmarks.
  std::int64_t replayed_steps() const { return replayed_steps_; }

  /// The loss scale; empty without one.
  std::map<std::string, at::Tensor> state() const;
  /// @throws CheckpointError when there is a loss scale and the state has none, or the other way
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  /// What a recording holds for.
  struct Kind {
    int phase = 0;
    std::vector<std::int64_t> image_shape;
    bool has_targets = false;
    TargetLoss target_loss = TargetLoss::kCrossEntropy;
    bool operator==(const Kind& other) const;
  };
  StepOutput update(const Batch& batch, const EpochContext& context);
  StepOutput update_on_host(const Batch& batch, const EpochContext& context, double lr);
  /// @return false if it could not be recorded
  bool record(const Batch& batch, const EpochContext& context);
  void say_once(const std::string& text);

  Method& method_;
  Optimizer& optimizer_;
  TrainingStepOptions options_;
  at::Tensor lr_;
  std::unique_ptr<LossScale> loss_scale_;

  Kind kind_;
  int steps_of_kind_ = 0;
  std::int64_t largest_batch_ = 0;
  std::int64_t replayed_steps_ = 0;
  /// What the recording reads and writes; they live as long as it does.
  Batch recorded_batch_;
  StepOutput recorded_output_;
  std::unique_ptr<StepGraph> graph_;
  std::vector<std::string> said_;
};

}  // namespace selfcure
