#include "selfcure/report/run_record.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <nlohmann/json.hpp>
#include <string_view>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "shallow_json.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// A small file of a run directory is not larger than this.
constexpr std::uintmax_t kMostBytes = std::uintmax_t{64} << 20;
/// More images of one kind than any test set has; sums of counts stay far from their limit.
constexpr std::int64_t kMostImages = 1'000'000'000'000;

/// The parser's own words name byte positions and not files; they are cut to what helps.
std::string parse_problem(const nlohmann::json::exception& error) {
  std::string text = error.what();
  const std::size_t start = text.find("] ");
  if (start != std::string::npos) text = text.substr(start + 2);
  for (char& c : text)
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  return text.substr(0, 200);
}

std::optional<std::string> content_of(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) return std::nullopt;
  if (!fs::is_regular_file(status))
    throw RunError(path.string() + ": expected a file, got something else");
  if (fs::file_size(path, error) > kMostBytes)
    throw RunError(path.string() + ": expected at most " + std::to_string(kMostBytes >> 20) +
                   " MiB, got more");
  return read_file(path);
}

std::optional<ordered_json> object_of(const fs::path& path) {
  const auto content = content_of(path);
  if (!content) return std::nullopt;
  try {
    ordered_json json = parse_shallow_json(*content, path.string());
    if (!json.is_object()) throw RunError(path.string() + ": expected a JSON object");
    return json;
  } catch (const nlohmann::json::exception& error) {
    throw RunError(path.string() +
                   ": expected a JSON object, got a damaged file: " + parse_problem(error));
  }
}

std::string text_of(const ordered_json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

void flatten(const ordered_json& object, const std::string& prefix, TextPairs& pairs) {
  for (const auto& [key, value] : object.items()) {
    if (value.is_object())
      flatten(value, prefix + key + ".", pairs);
    else
      pairs.emplace_back(prefix + key, text_of(value));
  }
}

std::string number_words(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.10g", value);
  return text;
}

TextPairs flattened(const std::optional<ordered_json>& object) {
  TextPairs pairs;
  if (object) flatten(*object, "", pairs);
  return pairs;
}

/// Columns that are ratios: a percentage or a nonsense number there would go into every mean.
bool is_ratio(const std::string& name) {
  constexpr std::string_view kEnd = "_accuracy";
  return name.size() >= kEnd.size() &&
         name.compare(name.size() - kEnd.size(), kEnd.size(), kEnd) == 0;
}

void read_epochs(const fs::path& path, EpochTable& epochs) {
  const auto content = content_of(path);
  if (!content) throw RunError(path.string() + ": missing: no epoch is recorded");
  std::size_t line = 0;
  double epoch_before = -1;
  for (std::size_t begin = 0; begin < content->size();) {
    ++line;
    const std::size_t end = std::min(content->find('\n', begin), content->size());
    const auto fail = [&](const std::string& what) {
      throw RunError(path.string() + ":" + std::to_string(line) +
                     ": expected a JSON object of numbers, got " + what);
    };
    const bool last = end == content->size();
    std::vector<std::pair<std::string, double>> entries;
    try {
      const ordered_json object =
          parse_shallow_json(std::string_view(*content).substr(begin, end - begin),
                             path.string() + ":" + std::to_string(line));
      if (!object.is_object()) fail("something else");
      for (const auto& [name, value] : object.items()) {
        if (!value.is_number() && !value.is_null()) fail(text_of(value) + " as " + name);
        if (is_ratio(name) && value.is_number() &&
            !(value.get<double>() >= 0 && value.get<double>() <= 1))
          fail(text_of(value) + " as " + name + ", which is a ratio in [0, 1]");
        entries.emplace_back(name, value.is_null() ? kNaN : value.get<double>());
      }
    } catch (const nlohmann::json::exception& error) {
      fail(last ? "a line that is cut short" : "a damaged line: " + parse_problem(error));
    }
    const auto epoch = std::find_if(entries.begin(), entries.end(),
                                    [](const auto& entry) { return entry.first == "epoch"; });
    if (epoch == entries.end() || !(std::abs(epoch->second) < 1e9)) fail("no epoch");
    // Two trainings in one file, or lines in disorder: the last line is not the last epoch then.
    if (epoch->second != std::floor(epoch->second) || !(epoch->second > epoch_before))
      throw RunError(path.string() + ":" + std::to_string(line) +
                     ": expected whole epochs in ascending order, got " +
                     number_words(epoch->second) +
                     (epoch_before < 0 ? "" : " behind " + number_words(epoch_before)));
    epoch_before = epoch->second;
    epochs.add_row(entries);
    begin = end + 1;
  }
  if (epochs.empty()) throw RunError(path.string() + ": expected a line per epoch, got none");
}

void read_evaluation(const fs::path& path, RunRecord& run) {
  const auto json = object_of(path);
  if (!json) {
    run.notes.emplace_back("evaluation_test.json is missing: no confusion matrix");
    return;
  }
  try {
    for (const ordered_json& entry : json->at("classes"))
      run.class_names.push_back(entry.at("name").get<std::string>());
    run.confusion = json->at("confusion_matrix").get<std::vector<std::vector<std::int64_t>>>();
    run.evaluated_epoch = json->value("epoch", 0);
  } catch (const nlohmann::json::exception& error) {
    throw RunError(path.string() +
                   ": expected classes and a confusion_matrix: " + parse_problem(error));
  }
  const std::size_t count = run.class_names.size();
  const bool square = run.confusion.size() == count &&
                      std::all_of(run.confusion.begin(), run.confusion.end(),
                                  [&](const auto& row) { return row.size() == count; });
  const bool counts = std::all_of(run.confusion.begin(), run.confusion.end(), [](const auto& row) {
    return std::all_of(row.begin(), row.end(),
                       [](std::int64_t n) { return n >= 0 && n <= kMostImages; });
  });
  if (count == 0 || !square || !counts)
    throw RunError(path.string() + ": expected a matrix of counts, as many rows and columns as " +
                   "there are classes (" + std::to_string(count) + ")");
}

void read_summary(const fs::path& path, RunRecord& run) {
  const auto json = object_of(path);
  if (!json) {
    if (run.finished) run.notes.emplace_back("summary.json is missing");
    return;
  }
  flatten(*json, "", run.summary);
  run.name = find_text(run.summary, "name", run.name);
  run.method = find_text(run.summary, "method");
  run.best_chosen_on = find_text(run.summary, "best_chosen_on", run.best_chosen_on);
  const std::string epochs = find_text(run.summary, "epochs");
  if (!epochs.empty() && epochs != std::to_string(run.epochs.size()))
    throw RunError((path.parent_path() / "metrics.jsonl").string() + ": expected " + epochs +
                   " epochs, as summary.json says, got " + std::to_string(run.epochs.size()));
}

void read_noise(const fs::path& path, RunRecord& run) {
  const auto json = object_of(path);
  run.noise = flattened(json);
  if (!json || !json->contains("transition_counts")) return;
  try {
    run.noise_classes = json->at("class_names").get<std::vector<std::string>>();
    run.noise_counts = json->at("transition_counts").get<std::vector<std::vector<double>>>();
  } catch (const nlohmann::json::exception&) {
    run.noise_counts.clear();  // shown as text then
  }
  for (const auto& row : run.noise_counts)
    if (row.size() != run.noise_classes.size() || run.noise_counts.size() != row.size()) {
      run.noise_counts.clear();
      break;
    }
}

void refuse_other_directories(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status))
    throw RunError(path.string() + ": expected a run directory, got nothing there");
  if (!fs::is_directory(status))
    throw RunError(path.string() + ": expected a run directory, got a file");
  const bool empty = fs::is_empty(path, error);
  if (error) throw RunError(path.string() + ": cannot be read: " + error.message());
  if (empty) throw RunError(path.string() + ": expected a run directory, got an empty folder");
  const char* const files[] = {"config.resolved.yaml", "metrics.jsonl", "DONE"};
  if (std::none_of(std::begin(files), std::end(files),
                   [&](const char* name) { return fs::exists(path / name, error); }))
    throw RunError(path.string() +
                   ": expected a run directory, got a folder without config.resolved.yaml and "
                   "metrics.jsonl");
}

}  // namespace

std::optional<std::size_t> EpochTable::find(const std::string& name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  if (found == names_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - names_.begin());
}

bool EpochTable::has(const std::string& name) const {
  const auto index = find(name);
  return index && std::any_of(rows_.begin(), rows_.end(), [&](const std::vector<double>& row) {
           return *index < row.size() && !std::isnan(row[*index]);
         });
}

double EpochTable::value(std::size_t row, const std::string& name) const {
  const auto index = find(name);
  if (!index || row >= rows_.size() || *index >= rows_[row].size()) return kNaN;
  return rows_[row][*index];
}

std::vector<double> EpochTable::column(const std::string& name) const {
  std::vector<double> values(rows_.size(), kNaN);
  const auto index = find(name);
  if (!index) return values;
  for (std::size_t row = 0; row < rows_.size(); ++row)
    if (*index < rows_[row].size()) values[row] = rows_[row][*index];
  return values;
}

void EpochTable::add_row(const std::vector<std::pair<std::string, double>>& entries) {
  std::vector<double> row(names_.size(), kNaN);
  for (const auto& [name, value] : entries) {
    auto index = find(name);
    if (!index) {
      index = names_.size();
      names_.push_back(name);
    }
    if (*index >= row.size()) row.resize(*index + 1, kNaN);
    row[*index] = value;
  }
  rows_.push_back(std::move(row));
}

std::string find_text(const TextPairs& pairs, const std::string& key, const std::string& fallback) {
  for (const auto& [name, value] : pairs)
    if (name == key) return value;
  return fallback;
}

RunAccuracy RunRecord::accuracy(const std::string& metric) const {
  const std::vector<double> column = epochs.column(metric);
  std::vector<double> values;
  RunAccuracy result;
  for (std::size_t row = 0; row < column.size(); ++row) {
    if (std::isnan(column[row])) continue;
    values.push_back(column[row]);
    if (values.size() == 1 || column[row] > result.best) {
      result.best = column[row];
      result.best_epoch = static_cast<int>(epochs.value(row, "epoch"));
    }
  }
  if (values.empty()) return {kNaN, kNaN, kNaN, 0};
  result.last = values.back();
  const std::size_t count = std::min<std::size_t>(5, values.size());
  for (std::size_t i = values.size() - count; i < values.size(); ++i)
    result.mean_of_last_five += values[i] / static_cast<double>(count);
  return result;
}

RunRecord read_run(const fs::path& path, const ReadRunOptions& options) {
  refuse_other_directories(path);
  RunRecord run;
  run.path = path;
  run.name = path.lexically_normal().filename().string();
  if (run.name.empty() || run.name == ".")
    run.name = path.lexically_normal().parent_path().filename().string();
  std::error_code error;
  if (run.name.empty() || run.name == ".")
    run.name = fs::canonical(path, error).filename().string();
  run.finished = fs::exists(path / "DONE", error);
  if (!run.finished && !options.allow_unfinished)
    throw RunError(path.string() + ": not finished: DONE is missing");
  read_epochs(path / "metrics.jsonl", run.epochs);
  read_evaluation(path / "evaluation_test.json", run);
  read_summary(path / "summary.json", run);
  run.environment = flattened(object_of(path / "environment.json"));
  read_noise(path / "noise.json", run);
  if (const auto config = content_of(path / "config.resolved.yaml"))
    run.config_text = *config;
  else
    run.notes.emplace_back("config.resolved.yaml is missing");
  if (run.environment.empty()) run.notes.emplace_back("environment.json is missing");
  return run;
}

}  // namespace selfcure
