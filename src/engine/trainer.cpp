#include "selfcure/engine/trainer.h"

#include <ATen/ATen.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "selfcure/core/errors.h"
#include "selfcure/engine/upload.h"

namespace selfcure {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

std::string text_of(const at::Tensor& tensor) {
  std::ostringstream text;
  text << c10::toString(tensor.scalar_type()) << " " << tensor.sizes();
  return text.str();
}

}  // namespace

std::map<std::string, at::Tensor> module_state(const torch::nn::Module& module) {
  std::map<std::string, at::Tensor> state;
  for (const auto& item : module.named_parameters()) state[item.key()] = item.value().detach();
  for (const auto& item : module.named_buffers()) state[item.key()] = item.value();
  return state;
}

void load_module_state(torch::nn::Module& module, const std::map<std::string, at::Tensor>& state) {
  const at::NoGradGuard no_grad;
  std::map<std::string, at::Tensor> own = module_state(module);
  for (const auto& [name, tensor] : own) {
    const auto entry = state.find(name);
    if (entry == state.end())
      throw CheckpointError("checkpoint: '" + name + "' of the model is missing");
    if (entry->second.sizes() != tensor.sizes() ||
        entry->second.scalar_type() != tensor.scalar_type())
      throw CheckpointError("checkpoint: '" + name + "': the model expects " + text_of(tensor) +
                            ", the checkpoint has " + text_of(entry->second));
  }
  for (const auto& [name, tensor] : state)
    if (!own.count(name)) throw CheckpointError("checkpoint: '" + name + "' is not of this model");
  for (auto& [name, tensor] : own) tensor.copy_(state.at(name));
}

Trainer::Trainer(const TrainerParts& parts, const TrainOptions& train,
                 const AugmentOptions& augment, const NormalizeOptions& normalize,
                 std::uint64_t seed)
    : parts_(parts),
      train_(train),
      augment_(augment),
      normalize_(normalize),
      seed_(seed),
      optimizer_(train.optimizer, parts.method.module()) {
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
  parts_.method.module().train();
  parts_.loader.start(
      training_plan(train_.sampling, parts_.labels.labels(), train_.batch_size, seed_, epoch_key),
      parts_.labels, step_, {parts_.distributions, seed_, epoch_key});
  const TargetLoss target_loss =
      parts_.distributions != nullptr && parts_.distributions->label_use == LabelUse::kMultiTarget
          ? TargetLoss::kMultiTarget
          : TargetLoss::kCrossEntropy;
  const auto recent_loss = [this] { return accumulator_.recent_loss(); };
  for (HostBatch host; parts_.loader.next(host);) {
    Batch batch;
    batch.labels = upload_labels(host, parts_.device);
    batch.targets = upload_targets(host, parts_.device);
    batch.target_loss = target_loss;
    batch.images = augment_images(upload_pixels(host, parts_.device), host.visits, augment_,
                                  normalize_, {seed_, epoch_key, 0});
    optimizer_.zero_grad();
    const StepOutput output = parts_.method.step(batch, {epoch_});
    output.loss.backward();
    optimizer_.step(train_.optimizer.lr * schedule_factor(train_.schedule, epoch_, step_,
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

void Trainer::save_state(Checkpoint& checkpoint) const {
  checkpoint.add_section("model.", module_state(parts_.method.module()));
  checkpoint.add_section("optimizer.", optimizer_.state());
  checkpoint.add_section("epoch.", accumulator_.state());
  checkpoint.texts["position"] = nlohmann::json{
      {"epoch", epoch_},
      {"step", step_},
      {"seconds", epoch_seconds_},
      {"wait_seconds",
       epoch_wait_seconds_}}.dump();
}

void Trainer::load_state(const Checkpoint& checkpoint) {
  load_module_state(parts_.method.module(), checkpoint.section("model."));
  optimizer_.load_state(checkpoint.section("optimizer."));
  try {
    std::map<std::string, at::Tensor> sums = checkpoint.section("epoch.");
    for (auto& [name, tensor] : sums) tensor = tensor.to(parts_.device);
    accumulator_.load_state(sums);
    const nlohmann::json position = nlohmann::json::parse(checkpoint.text("position"));
    epoch_ = position.at("epoch").get<int>();
    step_ = position.at("step").get<std::int64_t>();
    epoch_seconds_ = position.at("seconds").get<double>();
    epoch_wait_seconds_ = position.at("wait_seconds").get<double>();
  } catch (const nlohmann::json::exception& error) {
    throw CheckpointError(std::string("checkpoint: position cannot be read: ") + error.what());
  } catch (const std::out_of_range&) {
    throw CheckpointError("checkpoint: the sums of the unfinished epoch are incomplete");
  }
}

}  // namespace selfcure
