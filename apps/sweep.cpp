#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "progress.h"
#include "selfcure/config/sweep_config.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/core/metrics.h"
#include "selfcure/data/demo_layouts.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/sweep/claim.h"
#include "selfcure/engine/sweep/emit.h"
#include "selfcure/engine/sweep/plan.h"
#include "selfcure/engine/sweep/runner.h"
#include "selfcure/report/published_figures.h"
#include "sweep_progress.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

namespace fs = std::filesystem;

struct SweepArguments {
  std::string file;
  std::string out;
  std::vector<std::string> overrides;
  std::vector<std::string> only;
  std::string shard;
  int jobs = 1;
  bool demo = false;
  bool dry_run = false;
  bool resume = false;
  std::string emit;
  std::string out_file;
  bool jobs_given = false;
  std::string program;
};

/// "axis=value" of --only.
SweepValues wanted_values(const std::vector<std::string>& texts) {
  SweepValues values;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals == 0)
      throw ConfigError("--only " + text + ": expected AXIS=VALUE");
    values.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return values;
}

std::pair<int, int> shard_numbers(const std::string& text) {
  int index = 0;
  int count = 0;
  char rest = 0;
  if (std::sscanf(text.c_str(), "%d/%d%c", &index, &count, &rest) != 2 || index < 1 ||
      count < index || count > 100000)
    throw ConfigError("--shard " + text + ": expected I/N with I in 1..N, such as 2/4");
  return {index, count};
}

std::vector<SweepJob> chosen_jobs(const SweepPlan& plan, const SweepArguments& arguments) {
  std::vector<SweepJob> jobs =
      arguments.only.empty() ? plan.jobs : filter_jobs(plan, wanted_values(arguments.only));
  if (arguments.shard.empty()) return jobs;
  const auto [index, count] = shard_numbers(arguments.shard);
  return shard_of(jobs, index, count);
}

const ExperimentOptions& options_of(const LoadedSweep& sweep, const SweepJob& job) {
  for (std::size_t i = 0; i < sweep.plan.jobs.size(); ++i)
    if (sweep.plan.jobs[i].name == job.name) return sweep.options[i];
  throw std::out_of_range("no job " + job.name);
}

/// Why a run that is there cannot be this job; empty when it can.
std::string conflict_text(const SweepPlan& plan, const SweepJob& job,
                          const RunComparison& comparison) {
  if (comparison.is_new || comparison.differences.empty()) return "";
  std::string text = plan.run_directory(job).string() + ": the " +
                     (comparison.is_finished ? "finished" : "unfinished") +
                     " run there has another config; move it away or choose another --out:";
  for (const KeyDifference& difference : comparison.differences)
    text += "\n  " + difference.key + ": the run has " + difference.left + ", the sweep says " +
            difference.right;
  return text;
}

JobCheck check_job(const LoadedSweep& sweep, const SweepJob& job) {
  const RunComparison comparison = compare_run(sweep.plan, job, options_of(sweep, job));
  JobCheck check;
  check.is_finished = comparison.is_finished;
  check.threads = comparison.is_finished ? 0 : comparison.threads;
  check.input_overrides = comparison.input_overrides;
  check.conflict = conflict_text(sweep.plan, job, comparison);
  return check;
}

/// All at once, before anything runs.
void refuse_conflicts(const LoadedSweep& sweep, const std::vector<SweepJob>& jobs) {
  std::string text;
  for (const SweepJob& job : jobs) {
    const std::string conflict = check_job(sweep, job).conflict;
    if (!conflict.empty()) text += (text.empty() ? "" : "\n") + conflict;
  }
  if (!text.empty()) throw RunError(text);
}

/// The report would find out when all has run.
void refuse_unknown_published(const SweepPlan& plan, const std::string& file) {
  const auto report = nlohmann::json::parse(plan.report_json);
  if (!report.contains("published")) return;
  const auto& published = report["published"];
  std::vector<std::pair<std::string, std::string>> fields;
  for (const char* section : {"match", "fixed"})
    if (published.contains(section))
      for (const auto& entry : published[section].items()) fields.emplace_back(entry.key(), "");
  const std::string table = published.value("table", "");
  std::string figure = published.value("figure", "");
  // The values of figure_axis are looked up one by one: not all of them need to be published.
  if (const PublishedTable* known = published_table(table);
      known != nullptr && published.contains("figure_axis"))
    figure = known->figure_names().front();
  try {
    (void)published_figure(table, fields, figure);
  } catch (const UserError& error) {
    throw ConfigError(file + ": report.published: " + error.what());
  }
}

/// Is there a sweep in this folder already, and may it be gone on with?
void check_directory(const SweepPlan& plan, bool resume) {
  const fs::path& folder = plan.directory;
  std::error_code error;
  if (!fs::exists(folder, error)) return;
  if (!fs::is_directory(folder, error))
    throw RunError(folder.string() + ": expected a folder for the sweep, got a file");
  if (!fs::exists(folder / "sweep.json", error)) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder))
      // Another machine may be about to begin with the same sweep.
      if (entry.path().filename().string()[0] != '.')
        throw RunError(folder.string() +
                       ": the folder is not empty and holds no sweep; choose another --out");
    return;
  }
  const auto json = nlohmann::json::parse(read_file(folder / "sweep.json"), nullptr, false);
  const bool is_named = json.is_object() && json.contains("name") && json["name"].is_string();
  if (is_named && json["name"] != plan.name)
    throw RunError(folder.string() + ": holds the sweep '" + json["name"].get<std::string>() +
                   "', not '" + plan.name + "'; choose another --out");
  if (resume) return;
  int done = 0;
  for (const SweepJob& job : plan.jobs) done += fs::exists(plan.run_directory(job) / "DONE", error);
  throw RunError(folder.string() + ": holds a sweep already, " + std::to_string(done) + " of " +
                 std::to_string(plan.jobs.size()) +
                 " runs are done; use --resume to go on with it, or another --out");
}

void write_sweep_files(const LoadedSweep& sweep) {
  const fs::path& folder = sweep.plan.directory;
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(folder.string() + ": cannot be made: " + error.message());
  const auto write = [&](const char* name, const std::string& text) {
    if (fs::exists(folder / name) && read_file(folder / name) == text) return;
    write_shared_file(folder / name, text);
  };
  write("sweep.json", sweep_json(sweep.plan));
  write("sweep.resolved.yaml", resolved_sweep_yaml(sweep));
}

void draw_faces(const std::vector<SweepFaces>& sets) {
  for (const SweepFaces& set : sets) {
    DemoDataOptions options;
    options.root = set.root.string();
    options.train_count = set.train;
    options.test_count = set.test;
    options.side = set.side;
    options.seed = set.seed;
    for (const DemoLayout layout : all_demo_layouts()) {
      if (demo_layout_name(layout) != set.layout) continue;
      ProgressBar bar;
      write_demo_layout(options, layout, [&bar](std::int64_t done, std::int64_t total) {
        if (bar.due(done, total)) bar.draw("drawing", done, total, "faces");
      });
      bar.clear();
    }
  }
}

std::string cell(double value) {
  if (std::isnan(value)) return "-";
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", 100 * value);
  return text;
}

/// Mean and standard deviation over the repetitions of what is done.
void print_results(const SweepPlan& plan, const std::vector<SweepJob>& jobs) {
  std::vector<std::string> order;
  std::map<std::string, std::vector<double>> results;
  std::size_t width = 3;
  for (const SweepJob& job : jobs) {
    if (!job.stage.empty()) continue;
    std::string row;
    for (const auto& [axis, value] : job.values)
      if (axis != plan.repeat) row += (row.empty() ? "" : "  ") + axis + " " + value;
    if (row.empty()) row = plan.repeat.empty() ? job.name : "all";
    if (results.find(row) == results.end()) order.push_back(row);
    std::vector<double>& values = results[row];
    width = std::max(width, row.size());
    JobStatus status;
    read_progress(plan, job, status);
    std::error_code error;
    if (fs::exists(plan.run_directory(job) / "DONE", error)) values.push_back(status.metric);
  }
  std::printf("\n%-*s  %5s  %s in percent, last epoch: mean, standard deviation\n",
              static_cast<int>(width), "run", "runs", plan.metric.c_str());
  for (const std::string& row : order) {
    const std::vector<double>& values = results.at(row);
    std::printf("%-*s  %5zu  %s  %s\n", static_cast<int>(width), row.c_str(), values.size(),
                values.empty() ? "-" : cell(mean(values)).c_str(),
                values.size() < 2 ? "-" : cell(sample_standard_deviation(values)).c_str());
  }
}

std::string state_text(const SweepPlan& plan, const SweepJob& job) {
  std::error_code error;
  if (fs::exists(plan.run_directory(job) / "DONE", error)) return "done";
  JobStatus status;
  read_progress(plan, job, status);
  if (status.epochs_done > 0)
    return "epoch " + std::to_string(status.epochs_done) + "/" + std::to_string(job.epochs);
  return "to do";
}

void print_plan(const SweepPlan& plan, const std::vector<SweepJob>& jobs) {
  std::size_t width = 4;
  for (const SweepJob& job : jobs) width = std::max(width, job.name.size());
  std::printf("%-*s  %-11s  config and overrides\n", static_cast<int>(width), "run", "state");
  for (const SweepJob& job : jobs) {
    std::string text = job.config.string();
    for (const std::string& override_text : job.overrides) text += " " + override_text;
    for (const std::string& name : job.after) text += "  [after " + name + "]";
    std::printf("%-*s  %-11s  %s\n", static_cast<int>(width), job.name.c_str(),
                state_text(plan, job).c_str(), text.c_str());
  }
  std::printf("%zu runs in %s\n", jobs.size(), plan.directory.c_str());
}

std::string resume_command(const SweepArguments& arguments) {
  std::string text = shell_quoted(arguments.program) + " sweep " + shell_quoted(arguments.file);
  const auto add = [&text](const std::string& option, const std::string& value) {
    if (!value.empty()) text += " " + option + " " + shell_quoted(value);
  };
  if (arguments.jobs > 1) add("--jobs", std::to_string(arguments.jobs));
  add("--out", arguments.out);
  for (const std::string& override_text : arguments.overrides) add("--set", override_text);
  for (const std::string& only : arguments.only) add("--only", only);
  add("--shard", arguments.shard);
  return text + (arguments.demo ? " --demo" : "") + " --resume";
}

/// Files that runs read and that are not there, all at once: a run would find out after hours.
void refuse_missing_files(const LoadedSweep& sweep, const std::vector<SweepJob>& jobs) {
  std::vector<std::string> order;
  std::map<std::string, std::set<std::string>> runs_of;
  for (const SweepJob& job : jobs) {
    const ExperimentOptions& options = options_of(sweep, job);
    const auto want = [&](const std::string& what, const fs::path& path, const std::string& key) {
      std::error_code error;
      const bool is_input = std::any_of(job.inputs.begin(), job.inputs.end(),
                                        [&](const SweepInput& input) { return input.key == key; });
      if (path.empty() || is_input || fs::exists(path, error)) return;
      const std::string text = path.string() + ": expected " + what + ", found nothing there";
      if (runs_of.find(text) == runs_of.end()) order.push_back(text);
      runs_of[text].insert(job.name);
    };
    for (const Split split : {Split::kTrain, Split::kValid, Split::kTest})
      for (const SourceOptions& source : options.data.sources(split))
        want("a data set", source.root, "data.root");
    want("weights to start from (model.weights)", options.model.weights, "model.weights");
  }
  std::string message;
  for (const std::string& text : order) {
    const std::set<std::string>& runs = runs_of.at(text);
    message += (message.empty() ? "" : "\n") + text + " (" + std::to_string(runs.size()) + " of " +
               std::to_string(jobs.size()) + " runs, one is " + *runs.begin() + ")";
  }
  if (!message.empty()) throw DataError(message);
}

int emit(const SweepArguments& arguments, const LoadedSweep& sweep,
         const std::vector<SweepJob>& jobs) {
  EmitOptions options;
  options.program = fs::read_symlink("/proc/self/exe");
  options.working_directory = fs::current_path();
  if (arguments.jobs_given) options.threads = std::max(1, usable_cores() / arguments.jobs);
  const std::string text = arguments.emit == "slurm" ? emit_slurm(sweep.plan, jobs, options)
                                                     : emit_commands(sweep.plan, jobs, options);
  // The report finds the runs by it, whoever trains them.
  write_sweep_files(sweep);
  // Slurm makes no folder for what a task prints, and ends a task that it has nowhere to write.
  fs::create_directories(sweep.plan.directory / "logs");
  if (arguments.out_file.empty()) {
    std::fputs(text.c_str(), stdout);
    return 0;
  }
  write_file_atomically(arguments.out_file, text);
  std::printf("%s: %zu runs, whose results go to %s\n", arguments.out_file.c_str(), jobs.size(),
              sweep.plan.directory.c_str());
  return 0;
}

int sweep(const SweepArguments& arguments) {
  SweepRequest request;
  request.file = arguments.file;
  request.directory = arguments.out;
  request.overrides = arguments.overrides;
  request.demo = arguments.demo;
  const LoadedSweep loaded = load_sweep(request);
  const SweepPlan& plan = loaded.plan;
  refuse_unknown_published(plan, arguments.file);
  const std::vector<SweepJob> jobs = chosen_jobs(plan, arguments);
  if (jobs.empty()) {
    std::printf("this shard has no runs: the sweep has fewer than shards\n");
    return 0;
  }
  if (arguments.dry_run) {
    print_plan(plan, jobs);
    return 0;
  }
  check_directory(plan, arguments.resume || !arguments.emit.empty());
  refuse_conflicts(loaded, jobs);
  draw_faces(loaded.faces);
  if (!arguments.emit.empty()) return emit(arguments, loaded, jobs);
  refuse_missing_files(loaded, jobs);
  write_sweep_files(loaded);
  count_stop_signals();

  SweepRunOptions options;
  options.jobs = arguments.jobs;
  options.threads = std::max(1, usable_cores() / arguments.jobs);
  options.program = fs::read_symlink("/proc/self/exe");
  options.check = [&loaded](const SweepJob& job) { return check_job(loaded, job); };
  SweepProgress progress(plan);
  const SweepStatus status = run_jobs(plan, jobs, options, progress);
  progress.clear();
  if (status.is_stopping && status.count(JobState::kDone) < static_cast<int>(jobs.size())) {
    std::fprintf(stderr, "stopped with %d of %zu runs done; go on with\n  %s\n",
                 status.count(JobState::kDone), jobs.size(), resume_command(arguments).c_str());
    return 128 + last_stop_signal();
  }
  print_results(plan, jobs);
  const int failed = status.count(JobState::kFailed);
  const int blocked = status.count(JobState::kBlocked);
  if (failed + blocked > 0) {
    std::fprintf(stderr, "%d of %zu runs failed, %d were not run:\n", failed, jobs.size(), blocked);
    for (const JobStatus& job : status.jobs)
      if (job.state == JobState::kFailed || job.state == JobState::kBlocked)
        std::fprintf(stderr, "  %s: %s\n", job.job->name.c_str(), job.reason.c_str());
    std::fprintf(stderr, "try those again with\n  %s\n", resume_command(arguments).c_str());
  }
  std::printf("\nsweep directory: %s\nnext: selfcure report %s\n", plan.directory.c_str(),
              shell_quoted(plan.directory.string()).c_str());
  return failed + blocked > 0 ? 1 : 0;
}

}  // namespace

void add_sweep(CLI::App& app, const std::string& program, Action& action) {
  auto* verb = app.add_subcommand("sweep", "Train every run of a sweep file");
  auto arguments = std::make_shared<SweepArguments>();
  verb->add_option("SWEEP", arguments->file, "Sweep file (YAML)")->required();
  arguments->program = program;
  auto* jobs = verb->add_option("--jobs", arguments->jobs, "Runs at a time; they share the cores")
                   ->check(CLI::Range(1, 1024))
                   ->capture_default_str();
  verb->add_option("--out", arguments->out, "Folder of the sweep (default: sweeps/<name>)")
      ->type_name("DIR");
  verb->add_option("--set", arguments->overrides, "Override a key of every run; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("KEY=VALUE");
  verb->add_option("--only", arguments->only,
                   "Only the runs with this value of an axis, and those that they need; repeatable")
      ->take_all()
      ->expected(1)
      ->allow_extra_args(false)
      ->type_name("AXIS=VALUE");
  verb->add_option("--shard", arguments->shard,
                   "Only every N-th run, beginning with the I-th; chains stay together")
      ->type_name("I/N");
  verb->add_flag("--resume", arguments->resume,
                 "Go on with a sweep in the same folder; a new one if there is none");
  verb->add_flag("--demo", arguments->demo, "The file's small variant on drawn faces");
  verb->add_flag("--dry-run", arguments->dry_run, "Print the runs and stop");
  auto* emit =
      verb->add_option(
              "--emit", arguments->emit,
              "Run nothing, but write what another scheduler runs: slurm (a script that "
              "submits itself as job arrays) or commands (a line per run or chain, for GNU "
              "parallel and xargs)")
          ->check(CLI::IsMember({"slurm", "commands"}));
  verb->add_option("--out-file", arguments->out_file, "Where --emit writes (default: stdout)")
      ->type_name("FILE")
      ->needs(emit);
  verb->footer(
      "Finished runs are skipped, a failed one is tried a second time, the others go on. Ctrl-C "
      "lets\n"
      "running ones save; a second one kills them. Several machines may work on one folder at the\n"
      "same time (all with --resume): no run is done twice.\n"
      "Exit codes: 0 all done, 1 some failed, 2 something to mend, 130/143 stopped.\n"
      "Examples:\n"
      "  selfcure sweep configs/sweeps/table6_gamma.yaml --demo\n"
      "  selfcure sweep configs/sweeps/ferplus_noise.yaml --jobs 2 --set data.root=/data/FERPlus\n"
      "  selfcure sweep configs/sweeps/ferplus_noise.yaml --only noise=0.3 --dry-run\n"
      "  selfcure sweep configs/sweeps/table1_rafdb.yaml --shard 2/4 --resume\n"
      "  selfcure sweep configs/sweeps/table1_rafdb.yaml --emit slurm --out-file table1.sh\n"
      "  selfcure sweep configs/sweeps/table1_rafdb.yaml --jobs 4 --emit commands | parallel -j 4");
  verb->callback([arguments, jobs, &action] {
    arguments->jobs_given = jobs->count() > 0;
    action = [arguments] { return sweep(*arguments); };
  });
}

}  // namespace selfcure::apps
