#include "selfcure/engine/trainer.h"

#include <ATen/ATen.h>

#include <chrono>

#include "selfcure/engine/upload.h"

namespace selfcure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

}  // namespace

TrainingStepOptions Trainer::step_options() {
  TrainingStepOptions options;
  options.device = parts_.device;
  options.precision = train_.precision;
  if (parts_.device.is_cuda() && train_.cuda_graphs) options.make_graph = make_cuda_graph;
  options.note = [this](const std::string& text) {
    if (observer_ != nullptr) observer_->note(text);
  };
  return options;
}

Batch Trainer::batch_of(HostBatch& host, std::uint64_t epoch_key) {
  const std::vector<at::Tensor> uploaded = uploads_.run([&]() -> std::vector<at::Tensor> {
    return {parts_.images != nullptr ? upload_rows(host, parts_.device)
                                     : upload_pixels(host, parts_.device),
            upload_labels(host, parts_.device), upload_targets(host, parts_.device)};
  });
  Batch batch;
  batch.images =
      augment_images(parts_.images != nullptr ? parts_.images->gather(uploaded[0]) : uploaded[0],
                     host.visits, augment_, normalize_, {seed_, epoch_key, 0});
  batch.labels = uploaded[1];
  batch.targets = uploaded[2];
  if (parts_.distributions != nullptr && parts_.distributions->label_use == LabelUse::kMultiTarget)
    batch.target_loss = TargetLoss::kMultiTarget;
  return batch;
}

Trainer::Trainer(const TrainerParts& parts, const TrainOptions& train,
                 const AugmentOptions& augment, const NormalizeOptions& normalize,
                 std::uint64_t seed)
    : parts_(parts),
      train_(train),
      augment_(augment),
      normalize_(normalize),
      seed_(seed),
      optimizer_(train.optimizer, parts.method.module()),
      training_step_(parts.method, optimizer_, step_options()),
      stream_(parts.device),
      uploads_(parts.device) {
  if (parts.images != nullptr) parts.loader.leave_out_pixels();
  steps_per_epoch_ = shuffled_plan(parts.row_count, train.batch_size, seed, 1).batch_count();
}

double Trainer::learning_rate(int epoch) const {
  return train_.optimizer.lr *
         schedule_factor(train_.schedule, epoch, 0, steps_per_epoch_, train_.epochs);
}

StepProgress Trainer::progress() const {
  StepProgress progress;
  progress.epoch = epoch_;
  progress.epochs = train_.epochs;
  progress.step = step_;
  progress.steps = steps_per_epoch_;
  if (session_steps_ > 0) {
    const double seconds_per_step = session_seconds_ / static_cast<double>(session_steps_);
    const std::int64_t steps_left =
        static_cast<std::int64_t>(train_.epochs - epoch_ + 1) * steps_per_epoch_ - step_;
    progress.images_per_second = static_cast<double>(train_.batch_size) / seconds_per_step;
    progress.seconds_left = static_cast<double>(steps_left) * seconds_per_step;
  }
  return progress;
}

bool Trainer::run_epoch(TrainingObserver& observer, const std::function<void()>& save) {
  const auto epoch_key = static_cast<std::uint64_t>(epoch_);
  const double seconds_before = epoch_seconds_;
  const double wait_before = epoch_wait_seconds_;
  const auto begin = Clock::now();
  auto last_save = begin;
  auto last_step = begin;
  observer_ = &observer;
  const TrainingStream::Use own_stream(stream_);
  parts_.method.module().train();
  parts_.loader.start(
      training_plan(train_.sampling, parts_.labels.labels(), train_.batch_size, seed_, epoch_key),
      parts_.labels, step_, {parts_.distributions, seed_, epoch_key});
  const auto recent_loss = [this] { return accumulator_.recent_loss(); };
  for (HostBatch host; parts_.loader.next(host);) {
    const Batch batch = batch_of(host, epoch_key);
    const StepOutput output =
        training_step_.run(batch, {epoch_},
                           train_.optimizer.lr * schedule_factor(train_.schedule, epoch_, step_,
                                                                 steps_per_epoch_, train_.epochs));
    accumulator_.add(host.rows, batch.labels, output);
    ++step_;

    ++session_steps_;
    session_seconds_ += seconds_since(last_step);
    last_step = Clock::now();
    epoch_seconds_ = seconds_before + seconds_since(begin);
    epoch_wait_seconds_ = wait_before + parts_.loader.wait_seconds();
    observer.step(progress(), recent_loss);
    const bool stop = observer.stop_signal() != 0 && step_ < steps_per_epoch_;
    const bool due =
        train_.checkpoint_minutes > 0 && seconds_since(last_save) > 60 * train_.checkpoint_minutes;
    if (stop || due) {
      save();
      last_save = Clock::now();
    }
    if (stop) return false;
  }
  return true;
}

EpochTotals Trainer::totals() const { return accumulator_.totals(parts_.method.statistics()); }

void Trainer::advance() {
  accumulator_ = EpochAccumulator();
  ++epoch_;
  step_ = 0;
  epoch_seconds_ = 0;
  epoch_wait_seconds_ = 0;
}

}  // namespace selfcure
