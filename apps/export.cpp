#include <cstdio>
#include <memory>

#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/engine/export_model.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

namespace fs = std::filesystem;

struct ExportArguments {
  std::string run;
  std::string format = "torchscript";
  std::string which = "last";
  std::string out;
  std::int64_t opset = kLowestOpset;
};

fs::path checkpoint_of(const ExportArguments& arguments) {
  if (!fs::exists(arguments.run))
    throw RunError(arguments.run + ": expected a run directory or a checkpoint, got nothing there");
  if (!fs::is_directory(arguments.run)) return arguments.run;
  fs::path path = fs::path(arguments.run) / "checkpoints" / (arguments.which + ".pt");
  if (!fs::exists(path))
    throw RunError(arguments.run + ": expected a run directory with checkpoints/" +
                   arguments.which + ".pt, which is not there");
  return path;
}

fs::path out_of(const ExportArguments& arguments, bool is_onnx) {
  if (!arguments.out.empty()) return arguments.out;
  const char* name = is_onnx ? "model.onnx" : "model.torchscript.pt";
  return fs::is_directory(arguments.run) ? fs::path(arguments.run) / name : fs::path(name);
}

int export_run(const ExportArguments& arguments) {
  const fs::path path = checkpoint_of(arguments);
  const Checkpoint checkpoint = load_checkpoint(path);
  if (checkpoint.texts.count("config") == 0)
    throw CheckpointError(path.string() +
                          ": expected the checkpoint of a training, got bare weights");
  const ExperimentOptions options =
      parse_config(checkpoint.text("config"), path.string() + " (config)", {});
  ExportOptions wanted;
  const bool is_onnx = arguments.format == "onnx";
  wanted.format = is_onnx ? ExportFormat::kOnnx : ExportFormat::kTorchScript;
  wanted.opset = arguments.opset;
  const fs::path out = out_of(arguments, is_onnx);
  std::error_code ignored;
  if (fs::equivalent(path, out, ignored))
    throw ConfigError(out.string() + ": expected another file than the checkpoint");
  const ExportedModel model = export_model(checkpoint, path, options, wanted, out);
  std::printf("%s: %s, %.1f MB, epoch %lld\n", out.c_str(), is_onnx ? "ONNX" : "TorchScript",
              static_cast<double>(fs::file_size(out)) / 1e6, static_cast<long long>(model.epoch));
  const auto size = static_cast<long long>(model.image_size);
  std::printf("input: images float32 [B, 3, %lld, %lld], RGB, (value / 255 - mean) / std\n", size,
              size);
  const auto classes = static_cast<long long>(model.class_count);
  for (const std::string& output : model.outputs)
    if (output == "importance")
      std::printf("output: %s [B]\n", output.c_str());
    else
      std::printf("output: %s [B, %lld]\n", output.c_str(), classes);
  std::printf("in Python: %s\n",
              is_onnx
                  ? "cv2.dnn.readNetFromONNX(FILE) or onnxruntime.InferenceSession(FILE); class "
                    "names, mean and std are in metadata_props"
                  : "extra = {'selfcure.json': ''}; model = torch.jit.load(FILE, "
                    "_extra_files=extra); model(images)");
  return 0;
}

}  // namespace

void add_export(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("export", "Write a trained model for other programs");
  auto arguments = std::make_shared<ExportArguments>();
  verb->add_option("RUN", arguments->run, "Run directory or checkpoint file")->required();
  verb->add_option("--format", arguments->format, "torchscript or onnx")
      ->check(CLI::IsMember({"torchscript", "onnx"}))
      ->capture_default_str();
  verb->add_option("--checkpoint", arguments->which, "Which of a run directory: last or best")
      ->check(CLI::IsMember({"last", "best"}))
      ->capture_default_str();
  verb->add_option("--out", arguments->out,
                   "File to write (default: model.torchscript.pt or model.onnx in the run)");
  verb->add_option("--opset", arguments->opset, "Version of ONNX's operators")
      ->check(CLI::Range(kLowestOpset, kHighestOpset))
      ->capture_default_str();
  verb->footer(
      "Outputs are logits, probabilities, and the importance weights where the method has them;\n"
      "class names, image size, mean and std stand in the model's metadata.\n"
      "Examples:\n"
      "  selfcure export runs/demo_scn\n"
      "  selfcure export runs/demo_scn --format onnx --checkpoint best --out scn.onnx");
  verb->callback([arguments, &action] { action = [arguments] { return export_run(*arguments); }; });
}

}  // namespace selfcure::apps
