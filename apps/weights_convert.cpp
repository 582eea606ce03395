#include <cstdio>
#include <memory>

#include "selfcure/core/errors.h"
#include "selfcure/engine/checkpoint.h"
#include "selfcure/nn/weights/state_dict.h"
#include "selfcure/nn/weights/weight_layout.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

enum class Format { kPytorch, kSafetensors, kCheckpoint };

struct ConvertArguments {
  std::string in;
  std::string out;
  std::string key;
  std::string format = "auto";
  std::string layout = "auto";
  std::string nest;
};

Format format_of(const ConvertArguments& arguments) {
  if (arguments.format == "pth") return Format::kPytorch;
  if (arguments.format == "safetensors") return Format::kSafetensors;
  if (arguments.format == "checkpoint") return Format::kCheckpoint;
  const std::string extension = std::filesystem::path(arguments.out).extension().string();
  if (extension == ".safetensors") return Format::kSafetensors;
  if (extension == ".pth" || extension == ".pt" || extension == ".th" || extension == ".tar")
    return Format::kPytorch;
  throw ConfigError(arguments.out +
                    ": expected a name ending in .pth or .safetensors, or --format");
}

WeightLayout layout_of(const ConvertArguments& arguments, Format format) {
  if (format == Format::kCheckpoint) {
    if (arguments.layout != "auto" && arguments.layout != "own")
      throw ConfigError("--layout: expected own for a checkpoint, got '" + arguments.layout + "'");
    return WeightLayout::kOwn;
  }
  if (arguments.layout == "own") return WeightLayout::kOwn;
  if (arguments.layout == "torchvision") return WeightLayout::kTorchvision;
  if (arguments.layout == "published_scn") return WeightLayout::kPublishedScn;
  return WeightLayout::kKeep;
}

Checkpoint as_checkpoint(const StateDict& tensors, const std::string& source) {
  Checkpoint checkpoint;
  for (const NamedTensor& tensor : tensors)
    checkpoint.tensors["model." + tensor.name] = tensor.value;
  checkpoint.texts = {{"method", "weights"}, {"converted_from", source}};
  return checkpoint;
}

int convert(const ConvertArguments& arguments) {
  const Format format = format_of(arguments);
  const WeightLayout layout = layout_of(arguments, format);
  if (!arguments.nest.empty() && format != Format::kPytorch)
    throw ConfigError("--nest: expected a .pth as output with it");
  const WeightFile file(arguments.in);
  std::error_code ignored;
  if (std::filesystem::equivalent(arguments.in, arguments.out, ignored))
    throw ConfigError(arguments.out + ": expected another file than the input");
  const StateDict source = read_state_dict(file, find_weights(file, arguments.key));
  std::vector<std::string> dropped;
  const StateDict tensors = to_layout(source, layout, dropped, arguments.in);
  if (tensors.empty())
    throw CheckpointError(arguments.in + ": expected weights, got none to write");
  switch (format) {
    case Format::kPytorch:
      write_pytorch(arguments.out, tensors, arguments.nest);
      break;
    case Format::kSafetensors:
      write_safetensors(arguments.out, tensors, {{"format", "pt"}});
      break;
    case Format::kCheckpoint:
      save_checkpoint(arguments.out, as_checkpoint(tensors, arguments.in));
      break;
  }
  for (const std::string& name : dropped)
    std::printf("left out: %s (the layout has no place for it)\n", one_line(name).c_str());
  std::printf("%s: %zu tensors written, %.1f MB\n", arguments.out.c_str(), tensors.size(),
              static_cast<double>(std::filesystem::file_size(arguments.out)) / 1e6);
  return 0;
}

}  // namespace

void add_weights_convert(CLI::App& weights, Action& action) {
  auto* verb = weights.add_subcommand("convert", "Write weights in another format or layout");
  auto arguments = std::make_shared<ConvertArguments>();
  verb->add_option("IN", arguments->in, "Any weight file that inspect reads")->required();
  verb->add_option("OUT", arguments->out, "File to write: .pth, .pt or .safetensors")->required();
  verb->add_option(
          "--format", arguments->format,
          "pth, safetensors, checkpoint (one of selfcure's, for model.weights), or auto: by "
          "the name of OUT")
      ->check(CLI::IsMember({"auto", "pth", "safetensors", "checkpoint"}))
      ->capture_default_str();
  verb->add_option(
          "--layout", arguments->layout,
          "Names: own, torchvision (IR networks: of their own library; without the "
          "attention head), published_scn (ResNets: features.*, fc.*, alpha.0.*), or auto: "
          "as they are; own for checkpoints")
      ->check(CLI::IsMember({"auto", "own", "torchvision", "published_scn"}))
      ->capture_default_str();
  verb->add_option("--key", arguments->key,
                   "Place of the weights in IN, such as state_dict (default: found)");
  verb->add_option("--nest", arguments->nest,
                   "Put the weights of a .pth under this key, such as model_state_dict");
  verb->footer(
      "Examples:\n"
      "  selfcure weights convert runs/scn/checkpoints/last.pt scn.pth --layout torchvision\n"
      "  selfcure weights convert runs/scn/checkpoints/last.pt scn.pth --layout published_scn \\\n"
      "      --nest model_state_dict\n"
      "  selfcure weights convert old_face_weights.pth.tar face.safetensors\n"
      "In Python: torch.load('scn.pth', weights_only=True). No number is changed.");
  verb->callback([arguments, &action] { action = [arguments] { return convert(*arguments); }; });
}

}  // namespace selfcure::apps
