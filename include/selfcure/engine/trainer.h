#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <string>

#include "selfcure/data/batch_loader.h"
#include "selfcure/engine/checkpoint.h"
#include "selfcure/engine/device_images.h"
#include "selfcure/engine/device_stream.h"
#include "selfcure/engine/epoch_record.h"
#include "selfcure/engine/options.h"
#include "selfcure/engine/training_step.h"

namespace selfcure {

/// Where a training stands, for a progress display.
struct StepProgress {
  int epoch = 1;
  int epochs = 1;
  /// Steps done in this epoch.
  std::int64_t step = 0;
  std::int64_t steps = 1;
  double images_per_second = 0;
  /// Of the whole training, evaluation not included.
  double seconds_left = 0;
};

/// How a training is watched and stopped. All calls come from the training thread.
class TrainingObserver {
 public:
  TrainingObserver() = default;
  TrainingObserver(const TrainingObserver&) = delete;
  TrainingObserver& operator=(const TrainingObserver&) = delete;
  virtual ~TrainingObserver() = default;

  /// What only those want to know who look for something.
  virtual void debug(const std::string& /*message*/) {}
  virtual void note(const std::string& /*message*/) {}
  virtual void warning(const std::string& /*message*/) {}
  /// `recent_loss` waits for the device when it is called: call it seldom.
  virtual void step(const StepProgress& /*progress*/,
                    const std::function<double()>& /*recent_loss*/) {}
  virtual void epoch(const EpochRecord& /*record*/, const StepProgress& /*progress*/) {}
  /// While images are decoded ahead of the training; `what` names the set.
  virtual void preparing(const std::string& /*what*/, std::int64_t /*done*/,
                         std::int64_t /*total*/) {}
  /// A number other than 0 asks for a stop after the step in progress, or before the first one.
  virtual int stop_signal() { return 0; }
};

/// What one training works on; everything is owned by the caller.
struct TrainerParts {
  Method& method;
  BatchLoader& loader;
  LabelStore& labels;
  std::int64_t row_count;
  c10::Device device;
  /// The training set if its rows have label distributions, else null.
  const Manifest* distributions = nullptr;
  /// The training images on the device, or null: the loader brings them.
  const DeviceImages* images = nullptr;
};

/// Runs the steps of a training: batches, augmentation, optimizer, learning rate, position.
///
/// It knows neither data sets nor losses. Labels change in its caller, between epochs.
class Trainer {
 public:
  Trainer(const TrainerParts& parts, const TrainOptions& train, const AugmentOptions& augment,
          const NormalizeOptions& normalize, std::uint64_t seed);
  Trainer(const Trainer&) = delete;
  Trainer& operator=(const Trainer&) = delete;

  /// Epoch in progress or to come, from 1.
  int epoch() const { return epoch_; }
  /// Steps done in that epoch.
  std::int64_t step() const { return step_; }

  /// Runs the epoch to its end, from where it stands.
  /// @param save  called when `checkpoint_minutes` have passed, and before a stop
  /// @return false when the observer asked for a stop before the end
  bool run_epoch(TrainingObserver& observer, const std::function<void()>& save);
  const TrainingStep& training_step() const { return training_step_; }
  /// The totals of the epoch just run. Waits for the device.
  EpochTotals totals() const;
  /// Moves on to the next epoch.
  void advance();

  double epoch_seconds() const { return epoch_seconds_; }
  double epoch_wait_seconds() const { return epoch_wait_seconds_; }
  /// Learning rate of the epoch's first step.
  double learning_rate(int epoch) const;
  StepProgress progress() const;

  /// Model, optimizer, position and the sums of an unfinished epoch.
  void save_state(Checkpoint& checkpoint) const;
  /// @throws CheckpointError when names, shapes or types do not fit
  void load_state(const Checkpoint& checkpoint);

 private:
  TrainingStepOptions step_options();
  /// What a step is given of a batch of the loader, on the device.
  Batch batch_of(HostBatch& host, std::uint64_t epoch_key);

  TrainerParts parts_;
  const TrainOptions& train_;
  const AugmentOptions& augment_;
  const NormalizeOptions& normalize_;
  const std::uint64_t seed_;
  Optimizer optimizer_;
  TrainingStep training_step_;
  TrainingStream stream_;
  UploadStream uploads_;
  TrainingObserver* observer_ = nullptr;
  EpochAccumulator accumulator_;
  int epoch_ = 1;
  std::int64_t step_ = 0;
  std::int64_t steps_per_epoch_ = 0;
  double epoch_seconds_ = 0;
  double epoch_wait_seconds_ = 0;
  std::int64_t session_steps_ = 0;
  double session_seconds_ = 0;
};

/// All parameters and buffers of a module by name.
std::map<std::string, at::Tensor> module_state(const torch::nn::Module& module);

/// Copies tensors into a module's parameters and buffers of the same name.
/// @throws CheckpointError that names a missing, superfluous or misshapen tensor
void load_module_state(torch::nn::Module& module, const std::map<std::string, at::Tensor>& state);

}  // namespace selfcure
