#include "selfcure/engine/training_step.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/nn/autocast.h"

namespace selfcure {
namespace {

at::Tensor copy_of(const at::Tensor& tensor) { return tensor.defined() ? tensor.clone() : tensor; }

/// First line of what LibTorch says of an error, which goes on with a backtrace.
std::string first_line(const c10::Error& error) {
  const std::string text = error.what_without_backtrace();
  return text.substr(0, text.find('\n'));
}

}  // namespace

bool TrainingStep::Kind::operator==(const Kind& other) const {
  return phase == other.phase && image_shape == other.image_shape &&
         has_targets == other.has_targets && target_loss == other.target_loss;
}

TrainingStep::TrainingStep(Method& method, Optimizer& optimizer, TrainingStepOptions options)
    : method_(method), optimizer_(optimizer), options_(std::move(options)) {
  options_.device_scalars |= options_.device.is_cuda();
  if (options_.device_scalars)
    lr_ = at::zeros({}, at::TensorOptions(options_.device).dtype(at::kFloat));
  if (options_.precision == Precision::kFp16)
    loss_scale_ = std::make_unique<LossScale>(options_.device);
}

void TrainingStep::say_once(const std::string& text) {
  if (std::find(said_.begin(), said_.end(), text) != said_.end()) return;
  said_.push_back(text);
  if (options_.note) options_.note(text);
}

StepOutput TrainingStep::update_on_host(const Batch& batch, const EpochContext& context,
                                        double lr) {
  optimizer_.zero_grad();
  StepOutput output;
  {
    const AutocastScope lower(options_.device.type(), autocast_type(options_.precision));
    output = method_.step(batch, context);
  }
  output.loss.backward();
  optimizer_.step(lr);
  output.loss = output.loss.detach();
  return output;
}

StepOutput TrainingStep::update(const Batch& batch, const EpochContext& context) {
  optimizer_.zero_grad();
  StepOutput output;
  {
    const AutocastScope lower(options_.device.type(), autocast_type(options_.precision));
    output = method_.step(batch, context);
  }
  if (loss_scale_) {
    loss_scale_->scaled(output.loss).backward();
    std::vector<at::Tensor> gradients = optimizer_.gradients();
    optimizer_.step_on_device(lr_, loss_scale_->unscale(gradients));
  } else {
    output.loss.backward();
    optimizer_.step_on_device(lr_);
  }
  output.loss = output.loss.detach();
  return output;
}

bool TrainingStep::record(const Batch& batch, const EpochContext& context) {
  recorded_batch_ = batch;
  recorded_batch_.images = batch.images.clone();
  recorded_batch_.labels = batch.labels.clone();
  recorded_batch_.targets = copy_of(batch.targets);
  recorded_output_ = StepOutput();
  try {
    graph_->capture([&] { recorded_output_ = update(recorded_batch_, context); });
    return true;
  } catch (const c10::Error& error) {
    say_once("steps are not recorded as a CUDA graph: " + first_line(error));
    graph_.reset();
    options_.make_graph = nullptr;
    recorded_batch_ = Batch();
    recorded_output_ = StepOutput();
    return false;
  }
}

StepOutput TrainingStep::run(const Batch& batch, const EpochContext& context, double lr) {
  if (!options_.device_scalars) return update_on_host(batch, context, lr);
  lr_.fill_(lr);
  if (!options_.make_graph) return update(batch, context);

  const std::int64_t batch_size = batch.images.size(0);
  const Kind kind{method_.phase(context), batch.images.sizes().vec(), batch.targets.defined(),
                  batch.target_loss};
  if (batch_size < largest_batch_) return update(batch, context);
  largest_batch_ = batch_size;
  if (!(kind == kind_)) {
    if (graph_ && kind.phase != kind_.phase)
      say_once("the method does more from this epoch on: its steps are recorded anew");
    graph_.reset();
    recorded_batch_ = Batch();
    recorded_output_ = StepOutput();
    kind_ = kind;
    steps_of_kind_ = 0;
  }
  if (!graph_) {
    if (steps_of_kind_++ < kWarmUpSteps) return update(batch, context);
    graph_ = options_.make_graph();
    if (!graph_) {
      say_once("steps are not recorded as a CUDA graph: this program was built without CUDA");
      options_.make_graph = nullptr;
      return update(batch, context);
    }
    if (!record(batch, context)) return update(batch, context);
  } else {
    recorded_batch_.images.copy_(batch.images);
    recorded_batch_.labels.copy_(batch.labels);
    if (batch.targets.defined()) recorded_batch_.targets.copy_(batch.targets);
  }
  graph_->replay();
  ++replayed_steps_;
  return {recorded_output_.loss.clone(), recorded_output_.logits.clone(),
          copy_of(recorded_output_.importance), copy_of(recorded_output_.proposed_labels),
          recorded_output_.statistics.clone()};
}

std::map<std::string, at::Tensor> TrainingStep::state() const {
  return loss_scale_ ? loss_scale_->state() : std::map<std::string, at::Tensor>();
}

void TrainingStep::load_state(const std::map<std::string, at::Tensor>& state) {
  if (loss_scale_)
    loss_scale_->load_state(state);
  else if (!state.empty())
    throw CheckpointError("checkpoint: has a loss scale, which this precision does not use");
}

}  // namespace selfcure
