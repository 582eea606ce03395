#include "selfcure/engine/export_model.h"

#include <nlohmann/json.hpp>
#include <sstream>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/core/version.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/method/method.h"
#include "traced_model.h"

namespace selfcure {
namespace {

nlohmann::ordered_json metadata_of(const Checkpoint& checkpoint, const ExperimentOptions& options,
                                   const TracedModel& model) {
  return {{"class_names", nlohmann::ordered_json::parse(checkpoint.text("class_names"))},
          {"image_size", options.data.image_size},
          {"channels", "RGB"},
          {"value_range", "values of 0 to 255 divided by 255, then (value - mean) / std"},
          {"mean", options.data.normalize.mean},
          {"std", options.data.normalize.std},
          {"outputs", model.outputs},
          {"name", options.name},
          {"method", method_name(options.method)},
          {"backbone", backbone_name(options.model.backbone)},
          {"epoch", std::stoi(checkpoint.text("epochs_done"))},
          {"selfcure", version()},
          {"source_revision", checkpoint.text("source_revision")}};
}

std::string torchscript_bytes(const TracedModel& model, const std::string& metadata) {
  std::ostringstream bytes;
  model.module.save(bytes, {{"selfcure.json", metadata}});
  return bytes.str();
}

}  // namespace

ExportedModel export_model(const Checkpoint& checkpoint,
                           const std::filesystem::path& checkpoint_path,
                           const ExperimentOptions& options, const ExportOptions& export_options,
                           const std::filesystem::path& out) {
  if (checkpoint.texts.count("class_names") == 0 || checkpoint.texts.count("epochs_done") == 0)
    throw CheckpointError(checkpoint_path.string() +
                          ": expected the checkpoint of a training, got bare weights");
  const auto classes = nlohmann::json::parse(checkpoint.text("class_names"));
  const auto class_count = static_cast<std::int64_t>(classes.size());
  const std::unique_ptr<Method> method =
      make_method(options.method, options.model, class_count, options.seed);
  load_module_state(method->module(), checkpoint.section("model."));
  const TracedModel model = trace_prediction(*method, options.data.image_size);
  const nlohmann::ordered_json metadata = metadata_of(checkpoint, options, model);
  if (export_options.format == ExportFormat::kTorchScript) {
    write_file_atomically(out, torchscript_bytes(model, metadata.dump(2)));
  } else {
    std::map<std::string, std::string> texts;
    for (const auto& [key, value] : metadata.items())
      texts[key] = value.is_string() ? value.get<std::string>() : value.dump();
    write_file_atomically(out, onnx_bytes(model, export_options.opset, texts));
  }
  return {model.outputs, class_count, options.data.image_size,
          metadata.at("epoch").get<std::int64_t>()};
}

}  // namespace selfcure
