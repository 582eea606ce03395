#include "selfcure/report/sweep_record.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "shallow_json.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kFormat = "selfcure-sweep-1";

/// Reads fields of sweep.json and names the one that is wrong.
class SweepJson {
 public:
  SweepJson(const ordered_json& node, std::string place, std::string file)
      : node_(node), place_(std::move(place)), file_(std::move(file)) {}

  [[noreturn]] void fail(const std::string& expected) const {
    throw RunError(file_ + ": " + place_ + ": expected " + expected);
  }
  bool has(const char* key) const { return node_.is_object() && node_.contains(key); }
  std::string text(const char* key, const std::string& fallback = "") const {
    if (!has(key)) return fallback;
    if (!node_[key].is_string()) at(key).fail("a text");
    return node_[key].get<std::string>();
  }
  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> values;
    if (!has(key)) return values;
    if (!node_[key].is_array()) at(key).fail("a list of texts");
    for (const auto& value : node_[key]) {
      if (!value.is_string()) at(key).fail("a list of texts");
      values.push_back(value.get<std::string>());
    }
    return values;
  }
  std::vector<std::pair<std::string, std::string>> map(const char* key) const {
    std::vector<std::pair<std::string, std::string>> values;
    if (!has(key)) return values;
    if (!node_[key].is_object()) at(key).fail("an object of texts");
    for (const auto& [name, value] : node_[key].items()) {
      if (!value.is_string()) at(key).fail("an object of texts");
      values.emplace_back(name, value.get<std::string>());
    }
    return values;
  }
  std::vector<SweepJson> objects(const char* key) const {
    std::vector<SweepJson> values;
    if (!has(key) || !node_[key].is_array()) at(key).fail("a list of objects");
    for (std::size_t i = 0; i < node_[key].size(); ++i) {
      values.emplace_back(node_[key][i], place_ + "." + key + "[" + std::to_string(i) + "]", file_);
      if (!node_[key][i].is_object()) values.back().fail("an object");
    }
    return values;
  }
  SweepJson at(const char* key) const {
    static const ordered_json nothing = nullptr;
    return {has(key) ? node_[key] : nothing, place_ + "." + key, file_};
  }
  std::vector<std::string> keys() const {
    std::vector<std::string> names;
    for (const auto& item : node_.items()) names.push_back(item.key());
    return names;
  }

 private:
  const ordered_json& node_;
  std::string place_;
  std::string file_;
};

PublishedRequest read_published(const SweepJson& json) {
  PublishedRequest request;
  request.table = json.text("table");
  request.figure = json.text("figure");
  request.figure_dimension = json.text("figure_axis");
  request.match = json.map("match");
  request.fixed = json.map("fixed");
  if (json.has("as")) {
    const SweepJson as = json.at("as");
    for (const std::string& name : as.keys())
      for (const auto& [value, published] : as.map(name.c_str()))
        request.as[name][value] = published;
  }
  return request;
}

void check_dimensions(const SweepRecord& sweep, const std::vector<std::string>& names,
                      const std::string& place, const std::string& file) {
  for (const std::string& name : names) {
    if (sweep.dimension(name) != nullptr) continue;
    std::string known;
    for (const SweepDimension& dimension : sweep.dimensions)
      known.append(known.empty() ? "" : ", ").append(dimension.name);
    std::string message = file;
    message.append(": ").append(place).append(": expected an axis of the sweep (");
    message.append(known).append("), got '").append(name).append("'");
    throw RunError(message);
  }
}

/// Reads a finished run. @return why it is left out; empty if it was read
std::string read_job(const fs::path& directory, const std::string& metric, SweepRun& run) {
  std::error_code error;
  if (!fs::exists(directory, error)) return "not started: there is no run directory";
  try {
    run.record = read_run(directory);
  } catch (const UserError& problem) {
    return problem.what();
  }
  return run.record.epochs.has(metric) ? "" : directory.string() + ": has no " + metric;
}

void fill_config(const ConfigAccess& configs, SweepRun& run, SweepRecord& sweep) {
  try {
    configs.fill(run.record);
  } catch (const UserError& error) {
    const std::string message = error.what();
    sweep.notes.push_back(
        "The config of " + run.name +
        " cannot be read, so that its recipe is unknown: " + message.substr(0, message.find('\n')));
  }
}

SweepRecord read_sweep_head(const ordered_json& root, const std::string& file) {
  const SweepJson json(root, "sweep", file);
  SweepRecord sweep;
  sweep.name = json.text("name", "sweep");
  sweep.title = json.text("title", sweep.name);
  if (sweep.title.empty()) sweep.title = sweep.name;
  sweep.metric = json.text("metric", "test_accuracy");
  for (const SweepJson& axis : json.objects("axes")) {
    const std::string name = axis.text("name");
    if (name.empty()) axis.fail("a name");
    sweep.dimensions.push_back({name, axis.text("label", name), axis.texts("values")});
  }
  if (!json.has("report")) return sweep;
  const SweepJson report = json.at("report");
  sweep.rows = report.texts("rows");
  sweep.columns = report.texts("columns");
  sweep.repeat = report.text("repeat");
  sweep.same_faces = report.texts("same_faces");
  for (const auto& [name, value] : report.map("baseline")) sweep.baseline[name] = value;
  if (report.has("published")) sweep.published = read_published(report.at("published"));
  check_dimensions(sweep, sweep.rows, "report.rows", file);
  check_dimensions(sweep, sweep.columns, "report.columns", file);
  if (!sweep.repeat.empty()) check_dimensions(sweep, {sweep.repeat}, "report.repeat", file);
  for (const auto& [name, value] : sweep.baseline)
    check_dimensions(sweep, {name}, "report.baseline", file);
  return sweep;
}

}  // namespace

std::string left_out_text(const LeftOut& left) {
  return left.reason.find(left.name) == std::string::npos ? left.name + ": " + left.reason
                                                          : left.reason;
}

const SweepDimension* SweepRecord::dimension(const std::string& dimension_name) const {
  for (const SweepDimension& known : dimensions)
    if (known.name == dimension_name) return &known;
  return nullptr;
}

std::string SweepRecord::label_of(const std::string& dimension_name) const {
  const SweepDimension* found = dimension(dimension_name);
  return found == nullptr || found->label.empty() ? dimension_name : found->label;
}

SweepRecord read_sweep(const fs::path& path, const ConfigAccess& configs) {
  const fs::path file = fs::is_directory(path) ? path / "sweep.json" : path;
  ordered_json root;
  try {
    root = parse_shallow_json(read_file(file), file.string());
  } catch (const nlohmann::json::exception&) {
    // It is no object then.
  }
  if (!root.is_object())
    throw RunError(file.string() + ": expected a JSON object, got something else");
  if (!root.contains("format") || root["format"] != kFormat)
    throw RunError(file.string() + ": expected \"format\": \"" + kFormat + "\", got " +
                   (root.contains("format") ? root["format"].dump() : "none"));
  SweepRecord sweep = read_sweep_head(root, file.string());
  sweep.folder = file.parent_path();
  for (const SweepJson& job : SweepJson(root, "sweep", file.string()).objects("jobs")) {
    SweepRun run;
    run.name = job.text("name");
    const std::string directory = job.text("directory");
    if (run.name.empty() || directory.empty()) job.fail("a name and a directory");
    for (const auto& [dimension, value] : job.map("values")) {
      check_dimensions(sweep, {dimension}, "jobs, values of " + run.name, file.string());
      run.point[dimension] = value;
    }
    // A stage feeds other runs and is no row of the table.
    const bool is_stage = !job.text("stage").empty();
    const std::string reason = read_job(sweep.folder / directory, sweep.metric, run);
    if (!reason.empty()) {
      sweep.left_out.push_back({run.name, reason});
      if (!is_stage) sweep.missing.push_back(run.point);
      continue;
    }
    if (is_stage) continue;
    fill_config(configs, run, sweep);
    sweep.runs.push_back(std::move(run));
  }
  complete_layout(sweep);
  return sweep;
}

}  // namespace selfcure
