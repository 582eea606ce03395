#include "sweep_paths.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <set>

#include "selfcure/config/config.h"
#include "selfcure/config/config_text.h"
#include "selfcure/core/errors.h"

namespace selfcure::apps {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSweepFile = "sweep.json";

bool has(const fs::path& folder, const char* name) {
  std::error_code error;
  return fs::exists(folder / name, error);
}

bool is_sweep(const fs::path& path) {
  return path.filename() == kSweepFile || has(path, kSweepFile);
}

bool is_run(const fs::path& path) {
  return has(path, "config.resolved.yaml") || has(path, "metrics.jsonl") || has(path, "DONE");
}

/// Run directories directly in a folder, by name.
std::vector<fs::path> runs_in(const fs::path& folder) {
  std::vector<fs::path> runs;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (is_run(entry->path())) runs.push_back(entry->path());
  std::sort(runs.begin(), runs.end());
  return runs;
}

bool is_folder_of_runs(const fs::path& path) { return !is_run(path) && !runs_in(path).empty(); }

ConfigAccess config_access() {
  const std::vector<std::string> keys = runtime_keys();
  const auto runtime = std::make_shared<const std::set<std::string>>(keys.begin(), keys.end());
  return {[](RunRecord& run) {
            run.config = flatten_config_text(run.config_text);
            if (run.config.empty())
              throw ConfigError((run.path / "config.resolved.yaml").string() +
                                ": expected a config, got none that can be read");
          },
          [runtime](const std::string& key) { return runtime->count(key) > 0; }};
}

/// The run directories that the paths stand for, whether they are whole or not.
std::vector<fs::path> run_directories(const std::vector<std::string>& paths) {
  std::vector<fs::path> runs;
  for (const std::string& path : paths) {
    const fs::path folder =
        fs::path(path).filename() == kSweepFile ? fs::path(path).parent_path() : fs::path(path);
    const std::vector<fs::path> inside = is_sweep(path)            ? runs_in(folder / "runs")
                                         : is_folder_of_runs(path) ? runs_in(path)
                                                                   : std::vector<fs::path>{path};
    runs.insert(runs.end(), inside.begin(), inside.end());
  }
  return runs;
}

}  // namespace

bool names_several_runs(const std::vector<std::string>& paths) {
  return paths.size() > 1 || is_sweep(paths.front()) || is_folder_of_runs(paths.front());
}

SweepRecord read_sweep_of(const std::vector<std::string>& paths) {
  SweepRecord sweep = paths.size() == 1 && is_sweep(paths.front())
                          ? read_sweep(paths.front(), config_access())
                          : sweep_of_runs(run_directories(paths), config_access());
  for (const LeftOut& left : sweep.left_out) spdlog::warn("left out: {}", left_out_text(left));
  if (sweep.runs.empty())
    throw RunError(paths.front() + ": expected finished runs, got none (" +
                   std::to_string(sweep.left_out.size()) + " left out)");
  return sweep;
}

fs::path default_sweep_page(const std::vector<std::string>& paths) {
  const char* const name = "report.html";
  if (paths.size() > 1) return name;
  const fs::path path = paths.front();
  return path.filename() == kSweepFile ? path.parent_path() / name : path / name;
}

}  // namespace selfcure::apps
