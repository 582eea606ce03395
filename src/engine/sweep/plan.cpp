#include "selfcure/engine/sweep/plan.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>
#include <set>
#include <stdexcept>

#include "selfcure/core/edit_distance.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using nlohmann::ordered_json;

std::map<std::string, std::size_t> positions(const std::vector<SweepJob>& jobs) {
  std::map<std::string, std::size_t> positions;
  for (std::size_t i = 0; i < jobs.size(); ++i) positions[jobs[i].name] = i;
  return positions;
}

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

}  // namespace

const SweepJob& SweepPlan::job(const std::string& job_name) const {
  for (const SweepJob& each : jobs)
    if (each.name == job_name) return each;
  throw std::out_of_range("no job " + job_name);
}

std::string value_of(const SweepValues& values, const std::string& axis) {
  for (const auto& [name, value] : values)
    if (name == axis) return value;
  return "";
}

std::vector<std::string> order_jobs(std::vector<SweepJob>& jobs) {
  const auto position = positions(jobs);
  enum class Mark { kNew, kOpen, kDone };
  std::vector<Mark> marks(jobs.size(), Mark::kNew);
  std::vector<std::size_t> order;
  std::vector<std::size_t> path;
  std::vector<std::string> circle;
  const auto visit = [&](std::size_t index, const auto& self) -> void {
    if (marks[index] == Mark::kDone || !circle.empty()) return;
    path.push_back(index);
    if (marks[index] == Mark::kOpen) {
      const auto first = std::find(path.begin(), path.end(), index);
      for (auto each = first; each != path.end(); ++each) circle.push_back(jobs[*each].name);
      return;
    }
    marks[index] = Mark::kOpen;
    for (const std::string& needed : jobs[index].after) self(position.at(needed), self);
    marks[index] = Mark::kDone;
    path.pop_back();
    order.push_back(index);
  };
  for (std::size_t i = 0; i < jobs.size(); ++i) visit(i, visit);
  if (!circle.empty()) return circle;
  std::vector<SweepJob> ordered;
  for (const std::size_t index : order) ordered.push_back(std::move(jobs[index]));
  jobs = std::move(ordered);
  return {};
}

std::vector<std::vector<std::size_t>> chains_of(const std::vector<SweepJob>& jobs) {
  const auto position = positions(jobs);
  std::vector<std::size_t> parent(jobs.size());
  std::iota(parent.begin(), parent.end(), std::size_t{0});
  const auto root = [&](std::size_t index) {
    while (parent[index] != index) index = parent[index] = parent[parent[index]];
    return index;
  };
  for (std::size_t i = 0; i < jobs.size(); ++i)
    for (const std::string& needed : jobs[i].after) {
      const std::size_t left = root(i);
      const std::size_t right = root(position.at(needed));
      parent[std::max(left, right)] = std::min(left, right);
    }
  std::vector<std::vector<std::size_t>> chains;
  std::map<std::size_t, std::size_t> chain_of_root;
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const auto [found, is_new] = chain_of_root.emplace(root(i), chains.size());
    if (is_new) chains.emplace_back();
    chains[found->second].push_back(i);
  }
  return chains;
}

std::vector<SweepJob> shard_of(const std::vector<SweepJob>& jobs, int index, int count) {
  std::vector<std::size_t> sizes(static_cast<std::size_t>(count), 0);
  std::vector<std::size_t> mine;
  for (const std::vector<std::size_t>& chain : chains_of(jobs)) {
    const auto smallest = std::min_element(sizes.begin(), sizes.end());
    *smallest += chain.size();
    if (smallest - sizes.begin() == index - 1) mine.insert(mine.end(), chain.begin(), chain.end());
  }
  std::sort(mine.begin(), mine.end());
  std::vector<SweepJob> shard;
  for (const std::size_t i : mine) shard.push_back(jobs[i]);
  return shard;
}

std::vector<SweepJob> filter_jobs(const SweepPlan& plan, const SweepValues& wanted) {
  std::vector<std::string> complaints;
  std::map<std::string, std::set<std::string>> accepted;
  for (const auto& [axis, value] : wanted) {
    const std::string axis_name = axis;
    const auto found = std::find_if(plan.axes.begin(), plan.axes.end(),
                                    [&](const SweepAxis& each) { return each.name == axis_name; });
    std::vector<std::string> names;
    for (const SweepAxis& each : plan.axes) names.push_back(each.name);
    if (found == plan.axes.end())
      complaints.push_back("--only " + axis + "=" + value + ": the sweep has no axis '" + axis +
                           "'; it has " + listed(names));
    else if (std::find(found->values.begin(), found->values.end(), value) == found->values.end())
      complaints.push_back("--only " + axis + "=" + value + ": expected one of " +
                           listed(found->values) + ", got '" + value + "'");
    accepted[axis].insert(value);
  }
  if (!complaints.empty()) {
    std::string text;
    for (const std::string& complaint : complaints) text += (text.empty() ? "" : "\n") + complaint;
    throw ConfigError(text);
  }
  std::set<std::string> kept;
  // Backwards, because a run stands after those that it needs.
  for (auto job = plan.jobs.rbegin(); job != plan.jobs.rend(); ++job) {
    bool matches = job->stage.empty();
    for (const auto& [axis, values] : accepted)
      matches = matches && values.count(value_of(job->values, axis)) != 0;
    if (matches || kept.count(job->name) != 0) {
      kept.insert(job->name);
      kept.insert(job->after.begin(), job->after.end());
    }
  }
  std::vector<SweepJob> jobs;
  for (const SweepJob& job : plan.jobs)
    if (kept.count(job.name) != 0) jobs.push_back(job);
  if (jobs.empty()) throw ConfigError("--only: no run of the sweep has all of these values");
  return jobs;
}

std::string sweep_json(const SweepPlan& plan) {
  ordered_json json = {
      {"format", "selfcure-sweep-1"},  {"name", plan.name},
      {"title", plan.title},           {"metric", plan.metric},
      {"axes", ordered_json::array()}, {"report", ordered_json::parse(plan.report_json)},
      {"jobs", ordered_json::array()}};
  for (const SweepAxis& axis : plan.axes)
    json["axes"].push_back({{"name", axis.name}, {"label", axis.label}, {"values", axis.values}});
  for (const SweepJob& job : plan.jobs) {
    ordered_json values = ordered_json::object();
    for (const SweepAxis& axis : plan.axes)  // a stage may have axes of its own
      if (const std::string value = value_of(job.values, axis.name); !value.empty())
        values[axis.name] = value;
    ordered_json entry = {{"name", job.name},
                          {"directory", "runs/" + job.name},
                          {"values", values},
                          {"after", job.after}};
    if (!job.stage.empty()) entry["stage"] = job.stage;
    json["jobs"].push_back(entry);
  }
  return json.dump(2) + "\n";
}

std::vector<std::string> train_arguments(const SweepPlan& plan, const SweepJob& job, int threads) {
  std::vector<std::string> arguments = {"train", job.config.string()};
  const auto set = [&](const std::string& text) {
    arguments.push_back("--set");
    arguments.push_back(text);
  };
  for (const std::string& text : job.overrides) set(text);
  set("name=" + job.name);
  if (threads > 0) set("train.threads=" + std::to_string(threads));
  arguments.insert(arguments.end(), {"--out", plan.run_directory(job).string(), "--resume"});
  return arguments;
}

std::string shell_quoted(const std::string& text) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string("_-./=:,+@%").find(c) != std::string::npos;
  };
  if (!text.empty() && std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string result = "'";
  for (const char c : text) result += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return result + "'";
}

}  // namespace selfcure
