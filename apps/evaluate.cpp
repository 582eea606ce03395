#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <sstream>

#include "logging_observer.h"
#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/experiment.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

namespace fs = std::filesystem;

struct EvaluateArguments {
  std::vector<std::string> targets;
  std::string split = "test";
  std::string which = "last";
  std::vector<std::string> overrides;
  std::string json;
};

/// A row of the comparison of several runs.
struct Line {
  std::string name;
  double accuracy;
  double mean_class_accuracy;
  AccuracySummary summary;
  EpochRecord last_record;
};

fs::path checkpoint_of(const fs::path& target, const std::string& which) {
  if (!fs::is_directory(target)) return target;
  const fs::path path = target / "checkpoints" / (which + ".pt");
  if (!fs::exists(path))
    throw RunError(target.string() + ": expected a run directory with checkpoints/" + which +
                   ".pt, which is not there");
  return path;
}

std::string cell(double value, double factor = 100) {
  if (std::isnan(value)) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", factor * value);
  return text;
}

void print_comparison(const std::vector<Line>& lines) {
  std::printf("\n%-28s %9s %9s %9s %9s %9s %10s %9s %9s\n", "", "accuracy", "mean", "mean of",
              "best on", "", "relabel", "relabel", "alpha");
  std::printf("%-28s %9s %9s %9s %9s %9s %10s %9s %9s\n", "run", "", "class", "last 5", "test",
              "relabels", "precision", "recall", "AUC");
  for (const Line& line : lines)
    std::printf(
        "%-28s %9s %9s %9s %9s %9s %10s %9s %9s\n", line.name.c_str(), cell(line.accuracy).c_str(),
        cell(line.mean_class_accuracy).c_str(), cell(line.summary.mean_of_last_five).c_str(),
        cell(line.summary.best).c_str(),
        std::isnan(line.last_record.get("labels_changed"))
            ? "-"
            : std::to_string(static_cast<long>(line.last_record.get("labels_changed"))).c_str(),
        cell(line.last_record.get("relabel_precision")).c_str(),
        cell(line.last_record.get("relabel_recall")).c_str(),
        cell(line.last_record.get("alpha_auc"), 1).c_str());
}

int evaluate_all(const EvaluateArguments& arguments) {
  const Split split = arguments.split == "train"   ? Split::kTrain
                      : arguments.split == "valid" ? Split::kValid
                                                   : Split::kTest;
  LoggingObserver observer(LoggingObserver::Level::kWarnings);
  std::vector<Line> lines;
  nlohmann::ordered_json all = nlohmann::ordered_json::array();
  for (const std::string& target : arguments.targets) {
    if (!fs::exists(target))
      throw RunError(target + ": expected a run directory or a checkpoint, got nothing there");
    const fs::path path = checkpoint_of(target, arguments.which);
    const Checkpoint checkpoint = load_checkpoint(path);
    const ExperimentOptions options =
        parse_config(checkpoint.text("config"), path.string() + " (config)", arguments.overrides);
    const CheckpointEvaluation evaluation =
        evaluate_checkpoint(checkpoint, path, options, split, observer);
    std::printf("%s (%s, epoch %d) on %s, %lld images\n\n%s\n", path.c_str(),
                method_name(options.method).c_str(), evaluation.epoch,
                evaluation.manifest.name.c_str(),
                static_cast<long long>(evaluation.manifest.size()),
                evaluation_text(evaluation.result, evaluation.manifest.class_names).c_str());
    std::vector<EpochRecord> records;
    std::istringstream metrics(checkpoint.text("metrics"));
    for (std::string text; std::getline(metrics, text);)
      records.push_back(EpochRecord::parse(text));
    const nlohmann::ordered_json extra = {{"checkpoint", path.string()},
                                          {"name", options.name},
                                          {"method", method_name(options.method)},
                                          {"split", arguments.split},
                                          {"epoch", evaluation.epoch}};
    // Paths and names of experiments need not be UTF-8.
    const std::string json = evaluation_json(
        evaluation.result, evaluation.manifest.class_names,
        extra.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace));
    all.push_back(nlohmann::ordered_json::parse(json));
    // Results on other data or with other settings are not the run's own.
    if (fs::is_directory(target) && arguments.overrides.empty()) {
      const std::string suffix =
          arguments.split + (arguments.which == "last" ? "" : "_" + arguments.which);
      write_file_atomically(fs::path(target) / ("evaluation_" + suffix + ".json"), json);
      write_file_atomically(fs::path(target) / ("predictions_" + suffix + ".csv"),
                            predictions_csv(evaluation.result, evaluation.manifest));
    }
    lines.push_back(
        {fs::path(target).lexically_normal().string(), evaluation.result.confusion.accuracy(),
         evaluation.result.confusion.mean_class_accuracy(), summarize(records, "test_accuracy"),
         records.empty() ? EpochRecord() : records.back()});
  }
  if (lines.size() > 1) print_comparison(lines);
  if (!arguments.json.empty())
    write_file_atomically(arguments.json, (all.size() == 1 ? all[0] : all).dump(2) + "\n");
  return 0;
}

}  // namespace

void add_evaluate(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand("evaluate", "Evaluate runs or checkpoints; several are compared");
  auto arguments = std::make_shared<EvaluateArguments>();
  verb->add_option("RUN_OR_CHECKPOINT", arguments->targets, "Run directories or checkpoint files")
      ->required();
  verb->add_option("--split", arguments->split, "Part of the data: train, valid or test")
      ->check(CLI::IsMember({"train", "valid", "test"}))
      ->capture_default_str();
  verb->add_option("--checkpoint", arguments->which,
                   "Which checkpoint of a run directory: last, or best (chosen on test unless the "
                   "config names a validation set)")
      ->check(CLI::IsMember({"last", "best"}))
      ->capture_default_str();
  verb->add_option("--set", arguments->overrides,
                   "Override a key of the run's config: key.path=value; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->add_option("--json", arguments->json, "Also write the results to this file")
      ->type_name("FILE");
  verb->footer(
      "Writes evaluation_<split>.json and predictions_<split>.csv into a run directory, unless "
      "--set\n"
      "changes something.\n"
      "Examples:\n"
      "  selfcure evaluate runs/demo_scn\n"
      "  selfcure evaluate runs/demo_baseline runs/demo_scn --json comparison.json\n"
      "  selfcure evaluate runs/ferplus_scn --checkpoint best --split test\n"
      "  selfcure evaluate last.pt --set 'data.test[0].root=/data/FERPlus'");
  verb->callback(
      [arguments, &action] { action = [arguments] { return evaluate_all(*arguments); }; });
}

}  // namespace selfcure::apps
