#include "selfcure/engine/epoch_record.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

void EpochRecord::set(const std::string& name, double value) {
  for (auto& entry : entries_)
    if (entry.first == name) {
      entry.second = value;
      return;
    }
  entries_.emplace_back(name, value);
}

double EpochRecord::get(const std::string& name) const {
  for (const auto& entry : entries_)
    if (entry.first == name) return entry.second;
  return kNaN;
}

std::string EpochRecord::json() const {
  nlohmann::ordered_json line;
  for (const auto& [name, value] : entries_) {
    if (!std::isfinite(value))
      line[name] = nullptr;
    else if (value == std::floor(value) && std::abs(value) < 1e15)
      line[name] = static_cast<std::int64_t>(value);
    else
      line[name] = value;
  }
  return line.dump();
}

EpochRecord EpochRecord::parse(const std::string& json) {
  EpochRecord record;
  try {
    const auto object = nlohmann::ordered_json::parse(json);
    for (const auto& [name, value] : object.items())
      record.set(name, value.is_null() ? kNaN : value.get<double>());
  } catch (const nlohmann::json::exception& error) {
    throw RunError(std::string("metrics: expected one JSON object of numbers a line: ") +
                   error.what());
  }
  return record;
}

AccuracySummary summarize(const std::vector<EpochRecord>& records, const std::string& name) {
  AccuracySummary summary;
  std::vector<double> values;
  for (const EpochRecord& record : records) {
    const double value = record.get(name);
    if (std::isnan(value)) continue;
    values.push_back(value);
    if (values.size() == 1 || value > summary.best) {
      summary.best = value;
      summary.best_epoch = static_cast<int>(record.get("epoch"));
    }
  }
  if (values.empty()) return {kNaN, kNaN, kNaN, 0};
  summary.last = values.back();
  const std::size_t count = std::min<std::size_t>(5, values.size());
  for (std::size_t i = values.size() - count; i < values.size(); ++i)
    summary.mean_of_last_five += values[i] / static_cast<double>(count);
  return summary;
}

}  // namespace selfcure
