#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "run_faces.h"
#include "selfcure/config/config_text.h"
#include "selfcure/core/errors.h"
#include "selfcure/report/run_report.h"
#include "selfcure/report/sweep_report.h"
#include "sweep_paths.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

namespace fs = std::filesystem;

struct ReportArguments {
  std::vector<std::string> paths;
  std::string out;
  std::string files;
  bool unfinished = false;
  bool no_faces = false;
  bool each = false;
  RunReportOptions run;
};

void write_report(const ReportDocument& document, const fs::path& out, const std::string& files) {
  document.write_page(out);
  std::printf("%s\n", out.c_str());
  if (files.empty()) return;
  for (const std::string& name : document.write_files(files))
    std::printf("%s\n", (fs::path(files) / name).c_str());
}

RunRecord read_whole_run(const fs::path& path, const ReportArguments& arguments) {
  RunRecord run = read_run(path, {arguments.unfinished});
  run.config = flatten_config_text(run.config_text);
  return run;
}

void report_run(const fs::path& path, const ReportArguments& arguments) {
  const RunRecord run = read_whole_run(path, arguments);
  RunFaces faces(run);
  const ReportDocument document =
      run_report(run, arguments.no_faces ? nullptr : &faces, arguments.run);
  write_report(document, arguments.out.empty() ? path / "report.html" : fs::path(arguments.out),
               arguments.files);
}

/// A report in each run directory of a sweep.
void report_each(const SweepRecord& sweep, const ReportArguments& arguments) {
  ReportArguments alone = arguments;
  alone.out.clear();
  alone.files.clear();
  for (const SweepRun& run : sweep.runs) report_run(run.record.path, alone);
}

int report_sweep(const ReportArguments& arguments) {
  if (arguments.unfinished)
    throw UserError("report: --unfinished is for a single run: means over runs need finished ones");
  const SweepRecord sweep = read_sweep_of(arguments.paths);
  if (arguments.each) report_each(sweep, arguments);
  const fs::path out =
      arguments.out.empty() ? default_sweep_page(arguments.paths) : fs::path(arguments.out);
  SweepReportOptions options;
  options.page_folder = out.has_parent_path() ? out.parent_path() : fs::path(".");
  if (!arguments.no_faces)
    options.faces = [](const RunRecord& run) { return std::make_unique<RunFaces>(run); };
  write_report(sweep_report(sweep, options), out, arguments.files);
  return 0;
}

int report(const ReportArguments& arguments) {
  if (names_several_runs(arguments.paths)) return report_sweep(arguments);
  report_run(arguments.paths.front(), arguments);
  return 0;
}

}  // namespace

void add_report(CLI::App& app, Action& action) {
  auto* verb = app.add_subcommand(
      "report", "Write one HTML file with all about a run, or about a sweep or several runs");
  auto arguments = std::make_shared<ReportArguments>();
  verb->add_option("PATH", arguments->paths,
                   "A run directory; or a sweep (its folder or sweep.json), several runs, or a "
                   "folder of runs, which are compared")
      ->required();
  verb->add_option(
          "--out", arguments->out,
          "HTML file to write; default: report.html in the folder of the run, the sweep or "
          "the runs, for several paths in the working directory")
      ->type_name("FILE");
  verb->add_option("--files", arguments->files, "Also write every plot and table into this folder")
      ->type_name("DIR");
  verb->add_flag("--unfinished", arguments->unfinished,
                 "Accept a run that is not finished, up to its last whole epoch");
  verb->add_option("--faces", arguments->run.faces, "Most pictures of each kind")
      ->check(CLI::Range(0, 200))
      ->capture_default_str();
  verb->add_flag("--no-faces", arguments->no_faces, "Do not read the data sets");
  verb->add_flag("--each", arguments->each,
                 "Also write report.html into each of several runs; the common page links to it");
  verb->footer(
      "Pictures come from the data sets that the run's config names; without them the report has\n"
      "none. The file needs no network and no other file.\n"
      "Several runs are grouped by the config keys in which they differ, seeds as repetitions. "
      "Runs\n"
      "that are not finished or cannot be read are named and left out.\n"
      "Examples:\n"
      "  selfcure report runs/demo_scn\n"
      "  selfcure report runs/demo_scn --out scn.html --files scn_files\n"
      "  selfcure report sweeps/ferplus_noise --files tables\n"
      "  selfcure report runs/baseline_1 runs/baseline_2 runs/scn_1 runs/scn_2 --out both.html\n"
      "  selfcure report runs --each");
  verb->callback([arguments, &action] { action = [arguments] { return report(*arguments); }; });
}

}  // namespace selfcure::apps
