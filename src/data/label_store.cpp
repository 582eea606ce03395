#include "selfcure/data/label_store.h"

#include <cmath>
#include <limits>
#include <map>
#include <string>

#include "selfcure/core/errors.h"

namespace selfcure {

LabelStore::LabelStore(const Manifest& manifest) : class_count_(manifest.class_count()) {
  labels_.reserve(manifest.rows.size());
  for (const ManifestRow& row : manifest.rows) labels_.push_back(row.given);
  original_ = labels_;
}

std::vector<Relabel> LabelStore::commit(int epoch, const std::vector<std::int64_t>& rows,
                                        const std::vector<std::int64_t>& proposed) {
  if (rows.size() != proposed.size())
    throw ShapeError("LabelStore::commit: " + std::to_string(rows.size()) + " rows, but " +
                     std::to_string(proposed.size()) + " proposed labels");
  std::map<std::int64_t, std::int64_t> last;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i] < 0 || rows[i] >= static_cast<std::int64_t>(labels_.size()) || proposed[i] < 0 ||
        proposed[i] >= class_count_)
      throw ShapeError("LabelStore::commit: row " + std::to_string(rows[i]) + " or label " +
                       std::to_string(proposed[i]) + " is out of range");
    last[rows[i]] = proposed[i];
  }
  std::vector<Relabel> changes;
  for (const auto& [row, label] : last) {
    std::int32_t& current = labels_[static_cast<std::size_t>(row)];
    if (current == label) continue;
    changes.push_back(
        {epoch, static_cast<std::int32_t>(row), current, static_cast<std::int32_t>(label)});
    current = static_cast<std::int32_t>(label);
  }
  history_.insert(history_.end(), changes.begin(), changes.end());
  ++revision_;
  return changes;
}

void LabelStore::restore(const std::vector<Relabel>& history, std::int64_t revision) {
  std::vector<std::int32_t> labels = original_;
  for (const Relabel& change : history) {
    if (change.row < 0 || static_cast<std::size_t>(change.row) >= labels.size() || change.to < 0 ||
        change.to >= class_count_ || labels[static_cast<std::size_t>(change.row)] != change.from)
      throw CheckpointError("relabel history: row " + std::to_string(change.row) + " in epoch " +
                            std::to_string(change.epoch) +
                            " does not fit the data set; has it changed since the checkpoint?");
    labels[static_cast<std::size_t>(change.row)] = change.to;
  }
  labels_ = std::move(labels);
  history_ = history;
  revision_ = revision;
}

RelabelQuality judge_relabels(const Manifest& manifest, const LabelStore& labels) {
  std::int64_t changed = 0;
  std::int64_t changed_to_clean = 0;
  std::int64_t wrong_at_first = 0;
  std::int64_t cured = 0;
  for (std::size_t row = 0; row < manifest.rows.size(); ++row) {
    const ManifestRow& sample = manifest.rows[row];
    if (sample.clean == kUnknownLabel) continue;
    const std::int32_t now = labels.label(static_cast<std::int64_t>(row));
    if (now != sample.given) {
      ++changed;
      if (now == sample.clean) ++changed_to_clean;
    }
    if (sample.given != sample.clean) {
      ++wrong_at_first;
      if (now == sample.clean) ++cured;
    }
  }
  const auto ratio = [](std::int64_t part, std::int64_t whole) {
    return whole == 0 ? std::numeric_limits<double>::quiet_NaN()
                      : static_cast<double>(part) / static_cast<double>(whole);
  };
  return {ratio(changed_to_clean, changed), ratio(cured, wrong_at_first)};
}

}  // namespace selfcure
