#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/nn/weights/state_dict.h"
#include "selfcure/nn/weights/tensor_statistics.h"
#include "selfcure/nn/weights/weight_layout.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct InspectArguments {
  std::string file;
  std::string key;
  std::string json;
};

constexpr std::size_t kTextShown = 60;

std::string shape_text(const StoredTensor& tensor) {
  std::string text = "[";
  for (std::size_t i = 0; i < tensor.shape.size(); ++i)
    text += (i ? ", " : "") + std::to_string(tensor.shape[i]);
  return text + "]";
}

/// One line, without control characters, cut where it is long.
std::string line_text(const std::string& text) {
  std::string line;
  for (const char c : text.substr(0, kTextShown))
    line += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
  return text.size() > kTextShown ? line + "..." : line;
}

void print_other_sections(const WeightIndex& index, const std::string& chosen) {
  std::map<std::string, int> counts;
  for (const StoredTensor& tensor : index.tensors)
    if (tensor.section != chosen) ++counts[tensor.section];
  for (const auto& [section, count] : counts)
    std::printf("also: %d tensors under '%s'\n", count, one_line(section).c_str());
}

void print_values(const WeightIndex& index) {
  constexpr std::size_t kShown = 20;
  for (std::size_t i = 0; i < index.values.size() && i < kShown; ++i) {
    const StoredValue& value = index.values[i];
    std::printf("value: %s%s%s = %s\n", one_line(value.section).c_str(),
                value.section.empty() ? "" : "/", one_line(value.name).c_str(),
                line_text(value.text).c_str());
  }
  if (index.values.size() > kShown)
    std::printf("value: and %zu more (--json has all)\n", index.values.size() - kShown);
}

int inspect(const InspectArguments& arguments) {
  const WeightFile file(arguments.file);
  std::error_code ignored;
  if (std::filesystem::equivalent(arguments.file, arguments.json, ignored))
    throw ConfigError(arguments.json + ": expected another file than the one that is read");
  const WeightIndex& index = file.index();
  const std::string section = find_weights(file, arguments.key);
  const std::string guess = guess_network(index, section);
  std::printf("%s: %s, %.1f MB, %zu tensors%s%s\n", arguments.file.c_str(),
              weight_format_name(index.format), static_cast<double>(file.file_bytes()) / 1e6,
              index.tensors.size(), is_own_checkpoint(file) ? ", a checkpoint of selfcure" : "",
              section.empty() ? "" : (", weights under '" + one_line(section) + "'").c_str());
  std::printf("likely: %s\n\n", guess.c_str());
  std::printf("%-52s %-9s %-20s %11s %11s %11s %11s\n", "name", "type", "shape", "mean", "std",
              "min", "max");
  nlohmann::ordered_json rows = nlohmann::ordered_json::array();
  std::int64_t not_finite = 0;
  std::int64_t numbers = 0;
  TensorReader reader(file);
  for (const StoredTensor& tensor : index.tensors) {
    if (tensor.section != section) continue;
    const TensorStatistics statistics = tensor_statistics(reader.read(tensor));
    not_finite += statistics.not_finite;
    numbers += tensor.element_count();
    std::printf("%-52s %-9s %-20s %11.4g %11.4g %11.4g %11.4g%s\n", one_line(tensor.name).c_str(),
                element_name(tensor.type), shape_text(tensor).c_str(), statistics.mean,
                statistics.standard_deviation, statistics.min, statistics.max,
                statistics.not_finite > 0
                    ? ("  " + std::to_string(statistics.not_finite) + " NaN or infinite").c_str()
                    : "");
    rows.push_back({{"name", tensor.name},
                    {"type", element_name(tensor.type)},
                    {"shape", tensor.shape},
                    {"mean", statistics.mean},
                    {"std", statistics.standard_deviation},
                    {"min", statistics.min},
                    {"max", statistics.max},
                    {"not_finite", statistics.not_finite}});
  }
  std::printf("\n%zu tensors, %lld numbers\n", rows.size(), static_cast<long long>(numbers));
  print_other_sections(index, section);
  print_values(index);
  if (!arguments.json.empty()) {
    nlohmann::ordered_json values = nlohmann::ordered_json::array();
    for (const StoredValue& value : index.values)
      values.push_back({{"section", value.section}, {"name", value.name}, {"text", value.text}});
    const nlohmann::ordered_json report = {
        {"file", arguments.file}, {"format", weight_format_name(index.format)},
        {"likely", guess},        {"section", section},
        {"tensors", rows},        {"values", values}};
    // Names in a foreign file need not be UTF-8.
    write_file_atomically(
        arguments.json,
        report.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n");
  }
  if (not_finite > 0) {
    std::printf("wrong: %lld numbers are NaN or infinite\n", static_cast<long long>(not_finite));
    return 1;
  }
  return 0;
}

}  // namespace

void add_weights_inspect(CLI::App& weights, Action& action) {
  auto* verb = weights.add_subcommand("inspect", "Names, shapes, types and statistics of a file");
  auto arguments = std::make_shared<InspectArguments>();
  verb->add_option("FILE", arguments->file,
                   ".pth, .pt, .th or .pth.tar of PyTorch (old or new), .safetensors, checkpoint")
      ->required();
  verb->add_option("--key", arguments->key,
                   "Place of the weights in the file, such as state_dict (default: found)");
  verb->add_option("--json", arguments->json, "Write the same to this file");
  verb->footer(
      "Examples:\n"
      "  selfcure weights inspect resnet18_msceleb.pth\n"
      "  selfcure weights inspect runs/scn/checkpoints/last.pt --json weights.json\n"
      "Nothing in the file is executed. Exit code 1 when weights are NaN or infinite.");
  verb->callback([arguments, &action] { action = [arguments] { return inspect(*arguments); }; });
}

}  // namespace selfcure::apps
