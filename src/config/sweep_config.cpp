#include "selfcure/config/sweep_config.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include "item.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"
#include "sweep_expand.h"
#include "sweep_file.h"
#include "sweep_report.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

/// Mistakes of many runs: the same one of several runs is said once.
class RunProblems {
 public:
  /// @param override_places  texts of overrides -> where the sweep file has them
  void add(const std::string& run, const std::string& lines,
           const std::map<std::string, ConfigPlace>& override_places, const ConfigPlace& fallback) {
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) {
      ConfigPlace place = fallback;
      const auto [message, found] = with_place(line, override_places, place);
      const std::string key = place.text() + "\n" + message;
      if (runs_of_.find(key) == runs_of_.end()) entries_.push_back({place, message, found, key});
      runs_of_[key].push_back(run);
    }
  }

  /// @param run_count  of the whole sweep
  void raise(std::size_t run_count) const {
    if (entries_.empty()) return;
    std::vector<Entry> sorted = entries_;
    std::stable_sort(sorted.begin(), sorted.end(), [](const Entry& left, const Entry& right) {
      return std::tie(left.place.line, left.place.column) <
             std::tie(right.place.line, right.place.column);
    });
    std::string text;
    for (const Entry& entry : sorted)
      text += (text.empty() ? "" : "\n") + (entry.in_sweep_file ? entry.place.text() + ": " : "") +
              entry.message + " (" + who(runs_of_.at(entry.key), run_count) + ")";
    throw ConfigError(text);
  }

 private:
  struct Entry {
    ConfigPlace place;
    std::string message;
    bool in_sweep_file;
    std::string key;
  };

  /// "--set a=1: a: expected ..." of an override that the sweep file made says where it did.
  static std::pair<std::string, bool> with_place(
      const std::string& line, const std::map<std::string, ConfigPlace>& override_places,
      ConfigPlace& place) {
    for (const auto& [text, at] : override_places) {
      const std::string prefix = "--set " + text + ": ";
      if (line.compare(0, prefix.size(), prefix) != 0) continue;
      place = at;
      return {line.substr(prefix.size()), true};
    }
    return {line, false};
  }

  static std::string who(const std::vector<std::string>& runs, std::size_t run_count) {
    if (runs.size() == 1) return "run " + runs[0];
    if (runs.size() == run_count) return "all " + std::to_string(run_count) + " runs";
    return std::to_string(runs.size()) + " runs, the first is " + runs[0];
  }

  std::vector<Entry> entries_;
  std::map<std::string, std::vector<std::string>> runs_of_;
};

ConfigNode parse_sweep_document(const fs::path& file, ConfigProblems& problems) {
  ConfigPlace place;
  place.source = file.string();
  ConfigNode document = parse_tree(read_config_text(file), place, problems);
  problems.raise();
  if (document.kind == ConfigNode::Kind::kNothing) {
    problems.add(place, "expected keys such as 'name' and 'axes', found an empty document");
    problems.raise();
  }
  return document;
}

void check_same_faces(const SweepReport& report, const std::vector<ExpandedJob>& jobs,
                      ConfigProblems& problems) {
  std::vector<std::string> names;
  names.reserve(jobs.size());
  for (const ExpandedJob& job : jobs) names.push_back(job.job.name);
  for (const auto& [name, place] : report.same_faces)
    if (std::find(names.begin(), names.end(), name) == names.end())
      problems.add(place, "report.same_faces: there is no run " + in_quotes(name) +
                              suggest_name(name, names));
}

/// An override of all runs takes away what an axis or a listed run says: the names of the runs and
/// the places in the table would not be true.
void refuse_overrides_of_axes(const SweepFile& file, const std::vector<std::string>& overrides) {
  std::vector<std::string> complaints;
  const auto check = [&](const std::string& text, const std::vector<SweepSetting>& settings,
                         const std::string& who) {
    const std::string key = text.substr(0, text.find('='));
    for (const SweepSetting& setting : settings) {
      const bool covers = setting.key.compare(0, key.size(), key) == 0 &&
                          (setting.key.size() == key.size() || setting.key[key.size()] == '.' ||
                           setting.key[key.size()] == '[');
      if (!covers) continue;
      std::string complaint = "--set " + text;
      complaint.append(": ").append(who).append(" sets ").append(in_quotes(setting.key));
      complaint.append(" at ").append(setting.place.text());
      complaint +=
          ", and every run would have the same; choose with --only, or change the sweep file";
      if (std::find(complaints.begin(), complaints.end(), complaint) == complaints.end())
        complaints.push_back(complaint);
      return;
    }
  };
  const auto check_grid = [&](const std::string& text, const SweepGrid& grid) {
    for (const SweepFileAxis& axis : grid.axes) {
      std::vector<SweepSetting> settings;
      for (const SweepValue& value : axis.values)
        settings.insert(settings.end(), value.settings.begin(), value.settings.end());
      check(text, settings, "axis " + in_quotes(axis.name));
    }
    for (const SweepFileRun& run : grid.runs)
      check(text, run.settings, "run " + in_quotes(run.name));
  };
  for (const std::string& text : overrides) {
    check_grid(text, file.grid);
    for (const SweepGrid& stage : file.stages) check_grid(text, stage);
  }
  std::string message;
  for (const std::string& complaint : complaints)
    message += (message.empty() ? "" : "\n") + complaint;
  if (!message.empty()) throw ConfigError(message);
}

/// The same training twice is no second result: a table would show it as one, and repetitions that
/// are the same have no spread.
void refuse_equal_runs(const LoadedSweep& sweep, const std::vector<ExpandedJob>& jobs,
                       ConfigProblems& problems) {
  const SweepPlan& plan = sweep.plan;
  std::map<std::string, std::size_t> first_with_config;
  std::map<SweepValues, std::size_t> first_repetition;
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const SweepJob& job = plan.jobs[i];
    if (!job.stage.empty()) continue;
    ExperimentOptions unnamed = sweep.options[i];
    unnamed.name.clear();
    const auto same = first_with_config.emplace(resolved_yaml(unnamed), i);
    if (!same.second) {
      problems.add(jobs[i].place, "runs " + in_quotes(plan.jobs[same.first->second].name) +
                                      " and " + in_quotes(job.name) +
                                      " have the same config; expected each to differ in a key");
      return;
    }
    if (plan.repeat.empty() || value_of(job.values, plan.repeat).empty()) continue;
    SweepValues place = job.values;
    place.erase(std::remove_if(place.begin(), place.end(),
                               [&](const auto& value) { return value.first == plan.repeat; }),
                place.end());
    const auto [first, is_new] = first_repetition.emplace(place, i);
    if (is_new || !differing_keys(sweep.options[first->second], sweep.options[i],
                                  /*ignore_runtime_keys=*/true)
                       .empty())
      continue;
    problems.add(jobs[i].place,
                 "runs " + in_quotes(plan.jobs[first->second].name) + " and " +
                     in_quotes(job.name) + " are the same training, and no repetitions: axis " +
                     in_quotes(plan.repeat) + " changes no key that has a part in the result");
    return;
  }
}

/// The value of an input may differ from the plan's when the sweep's folder has moved.
bool is_same_checkpoint(const std::string& left, const std::string& right, const std::string& run) {
  const auto tail = [&run](const std::string& text) {
    const std::size_t at = text.rfind("runs/" + run + "/checkpoints/");
    return at == std::string::npos ? text : text.substr(at);
  };
  return tail(left) == tail(right) && tail(left) != left;
}

}  // namespace

LoadedSweep load_sweep(const SweepRequest& request) {
  ConfigProblems problems;
  const ConfigNode document = parse_sweep_document(request.file, problems);
  if (const ConfigNode::Entry* faces = document.find_entry("faces"))
    problems.add(faces->key_place, "key 'faces' belongs below 'demo'");
  if (request.demo && document.find("demo") == nullptr)
    problems.add(document.place, "--demo: the sweep has no section 'demo'");
  // Mistakes in the demo are found without --demo too.
  const ConfigNode demo = with_demo(document, problems);
  const fs::path folder = request.file.parent_path();
  const SweepFile file = read_sweep_file(request.demo ? demo : document, folder, problems);
  problems.raise();
  refuse_overrides_of_axes(file, request.overrides);

  LoadedSweep sweep;
  SweepPlan& plan = sweep.plan;
  sweep.faces = file.faces;
  plan.name = file.name;
  plan.title = file.title;
  plan.metric = file.metric;
  plan.axes = axes_of(file);
  plan.directory = request.directory.empty()
                       ? fs::path("sweeps") / (file.name + (request.demo ? "_demo" : ""))
                       : (request.directory / "").lexically_normal().parent_path();
  const SweepReport report = read_sweep_report(file, plan.axes, problems);
  plan.report_json = report.json;
  plan.repeat = report.repeat;
  const std::vector<ExpandedJob> jobs = expand_sweep(file, plan.directory, plan.repeat, problems);
  if (!jobs.empty()) check_same_faces(report, jobs, problems);
  problems.raise();

  RunProblems run_problems;
  std::map<fs::path, std::string> texts;
  for (const ExpandedJob& expanded : jobs) {
    SweepJob job = expanded.job;
    std::map<std::string, ConfigPlace> places;
    for (std::size_t i = 0; i < job.overrides.size(); ++i)
      places[job.overrides[i]] = expanded.override_places[i];
    job.overrides.insert(job.overrides.end(), request.overrides.begin(), request.overrides.end());
    std::vector<std::string> overrides = job.overrides;
    overrides.push_back("name=" + job.name);
    try {
      if (texts.count(job.config) == 0) texts[job.config] = read_config_text(job.config);
      sweep.options.push_back(parse_config(texts[job.config], job.config.string(), overrides));
      job.epochs = sweep.options.back().train.epochs;
      job.threads = sweep.options.back().train.threads;
    } catch (const ConfigError& error) {
      std::string text = error.what();
      if (texts.count(job.config) == 0) {
        // Which line of the sweep file names the config that cannot be read?
        run_problems.add(job.name, "--set config: " + text, {{"config", expanded.config_place}},
                         expanded.config_place);
      } else {
        run_problems.add(job.name, text, places, ConfigPlace{});
      }
    }
    plan.jobs.push_back(std::move(job));
  }
  run_problems.raise(plan.jobs.size());
  refuse_equal_runs(sweep, jobs, problems);
  problems.raise();
  return sweep;
}

std::string resolved_sweep_yaml(const LoadedSweep& sweep) {
  const SweepPlan& plan = sweep.plan;
  std::string text = "name: " + write_text(plan.name) + "\ntitle: " + write_text(plan.title) +
                     "\nmetric: " + plan.metric + "\nruns:\n";
  for (std::size_t i = 0; i < plan.jobs.size(); ++i) {
    const SweepJob& job = plan.jobs[i];
    text += "  " + job.name + ":\n    base: " + write_text(job.config.string()) + "\n";
    text += "    overrides:\n";
    for (const std::string& override_text : job.overrides)
      text += "      - " + write_text(override_text) + "\n";
    if (!job.after.empty()) {
      text += "    after:\n";
      for (const std::string& name : job.after) text += "      - " + write_text(name) + "\n";
    }
    text += "    config:\n";
    std::istringstream lines(resolved_yaml(sweep.options[i]));
    for (std::string line; std::getline(lines, line);) text += "      " + line + "\n";
  }
  return text;
}

RunComparison compare_run(const SweepPlan& plan, const SweepJob& job,
                          const ExperimentOptions& options) {
  RunComparison comparison;
  const fs::path run = plan.run_directory(job);
  std::error_code error;
  comparison.is_finished = fs::exists(run / "DONE", error);
  if (!fs::exists(run / "config.resolved.yaml", error)) return comparison;
  // A false start: the trainer begins anew in its place, with any config.
  if (!comparison.is_finished && !fs::exists(run / "checkpoints" / "last.pt", error))
    return comparison;
  comparison.is_new = false;
  const ExperimentOptions there = load_config(run / "config.resolved.yaml");
  comparison.threads = there.train.threads;
  for (const KeyDifference& difference :
       differing_keys(there, options, /*ignore_runtime_keys=*/true)) {
    const auto input =
        std::find_if(job.inputs.begin(), job.inputs.end(), [&](const SweepInput& each) {
          return each.key == difference.key &&
                 is_same_checkpoint(difference.left, difference.right, each.run);
        });
    if (input == job.inputs.end())
      comparison.differences.push_back(difference);
    else
      comparison.input_overrides.push_back(difference.key + "=" + difference.left);
  }
  return comparison;
}

}  // namespace selfcure
