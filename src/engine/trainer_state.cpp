// What a checkpoint holds of a training.

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "selfcure/core/errors.h"
#include "selfcure/engine/trainer.h"

namespace selfcure {
namespace {

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

void Trainer::save_state(Checkpoint& checkpoint) const {
  checkpoint.add_section("model.", module_state(parts_.method.module()));
  checkpoint.add_section("optimizer.", optimizer_.state());
  checkpoint.add_section("loss_scale.", training_step_.state());
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
  training_step_.load_state(checkpoint.section("loss_scale."));
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
