#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "selfcure/config/config.h"
#include "selfcure/config/config_text.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/report/comparison.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

struct CompareArguments {
  std::string left;
  std::string right;
  std::string json;
  std::string out;
  std::string files;
};

RunRecord read_whole_run(const std::string& path) {
  RunRecord run = read_run(path);
  run.config = flatten_config_text(run.config_text);
  return run;
}

/// What the texts say, where this version of the program does not know all keys of a config.
std::vector<KeyDifference> differing_texts(const TextPairs& left, const TextPairs& right) {
  std::vector<KeyDifference> differences;
  const std::string none = "(none)";
  for (const auto& [key, value] : left) {
    const std::string other = find_text(right, key, none);
    if (other != value) differences.push_back({key, value, other});
  }
  for (const auto& [key, value] : right)
    if (find_text(left, key, none) == none && value != none)
      differences.push_back({key, none, value});
  return differences;
}

std::vector<ConfigDifference> config_differences(const RunRecord& left, const RunRecord& right) {
  std::vector<KeyDifference> keys;
  try {
    const auto options = [](const RunRecord& run) {
      return parse_config(run.config_text, (run.path / "config.resolved.yaml").string());
    };
    keys = differing_keys(options(left), options(right), false);
  } catch (const ConfigError&) {
    keys = differing_texts(left.config, right.config);
  }
  const std::vector<std::string> known = runtime_keys();
  const std::set<std::string> runtime(known.begin(), known.end());
  std::vector<ConfigDifference> differences;
  for (const KeyDifference& key : keys)
    differences.push_back({key.key, key.left, key.right, runtime.count(key.key) > 0});
  return differences;
}

int compare(const CompareArguments& arguments) {
  RunRecord left = read_whole_run(arguments.left);
  RunRecord right = read_whole_run(arguments.right);
  for (const RunRecord* run : {&left, &right})
    for (const std::string& note : run->notes) spdlog::warn("{}: {}", run->path.string(), note);
  std::vector<ConfigDifference> config = config_differences(left, right);
  const Comparison comparison = compare_runs(std::move(left), std::move(right), std::move(config));
  std::printf("%s", comparison_text(comparison).c_str());
  if (!arguments.json.empty()) write_file_atomically(arguments.json, comparison_json(comparison));
  if (arguments.out.empty() && arguments.files.empty()) return 0;
  const ReportDocument document = comparison_report(comparison);
  if (!arguments.out.empty()) document.write_page(arguments.out);
  if (!arguments.files.empty()) document.write_files(arguments.files);
  return 0;
}

}  // namespace

void add_compare(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand(
      "compare", "Compare two runs: config, curves, classes, predictions, changed labels");
  auto arguments = std::make_shared<CompareArguments>();
  verb->add_option("RUN_A", arguments->left, "Run directory")->required();
  verb->add_option("RUN_B", arguments->right, "Run directory")->required();
  verb->add_option("--json", arguments->json, "Also write the results to this file")
      ->type_name("FILE");
  verb->add_option("--out", arguments->out, "Also write a page with curves")
      ->type_name("FILE.html");
  verb->add_option("--files", arguments->files, "Also write every plot and table into this folder")
      ->type_name("DIR");
  verb->footer(
      "Predictions on the same test images are compared by McNemar's test, which tells two "
      "networks\n"
      "apart. Two methods are told apart by several seeds of each: see `selfcure report`.\n"
      "Examples:\n"
      "  selfcure compare runs/demo_baseline runs/demo_scn\n"
      "  selfcure compare runs/demo_baseline runs/demo_scn --json out.json --out out.html");
  verb->callback([arguments, &action] { action = [arguments] { return compare(*arguments); }; });
}

}  // namespace selfcure::apps
