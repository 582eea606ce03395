#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "run_sections.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::size_t kBins = 100;
constexpr std::array<const char*, 3> kGroups = {"right", "wrong", "unknown"};
constexpr std::array<const char*, 3> kGroupNames = {"right given label", "wrong given label",
                                                    "given label, right or wrong unknown"};
constexpr std::array<int, 3> kGroupColours = {0, 1, 2};
constexpr std::size_t kMostRidges = 14;

using Bins = std::array<std::vector<double>, 3>;
using EpochBins = std::map<int, Bins>;

EpochBins read_bins(const RunRecord& run) {
  EpochBins epochs;
  read_importance_histogram(run.path, [&](const ImportanceBin& bin) {
    Bins& bins = epochs[bin.epoch];
    for (std::size_t g = 0; g < kGroups.size(); ++g) {
      if (bin.group != kGroups[g]) continue;
      bins[g].resize(kBins, 0);
      const auto index = static_cast<std::size_t>((bin.low + bin.high) / 2 * kBins);
      bins[g][std::min(index, kBins - 1)] += static_cast<double>(bin.count);
    }
  });
  return epochs;
}

/// Groups that occur at all.
std::vector<std::size_t> groups_of(const EpochBins& epochs) {
  std::vector<std::size_t> groups;
  for (std::size_t g = 0; g < kGroups.size(); ++g)
    if (std::any_of(epochs.begin(), epochs.end(),
                    [&](const auto& epoch) { return !epoch.second[g].empty(); }))
      groups.push_back(g);
  return groups;
}

/// Bounds of the bins in use in tenths, so that weights close to each other can be told apart.
std::pair<double, double> bounds_of(const EpochBins& epochs) {
  std::size_t first = kBins;
  std::size_t end = 0;
  for (const auto& [epoch, bins] : epochs)
    for (const auto& counts : bins)
      for (std::size_t i = 0; i < counts.size(); ++i)
        if (counts[i] > 0) {
          first = std::min(first, i);
          end = std::max(end, i + 1);
        }
  if (first >= end) return {0, 1};
  const std::size_t low = first / 10;
  const std::size_t high = (end + 9) / 10;
  return {static_cast<double>(low) / 10, static_cast<double>(high) / 10};
}

/// Bins within the bounds, as many put together as `merged` says.
std::vector<double> cut(const std::vector<double>& counts, std::pair<double, double> bounds,
                        std::size_t merged) {
  if (counts.empty()) return {};
  const auto first = static_cast<std::size_t>(std::lround(bounds.first * kBins));
  const auto end = static_cast<std::size_t>(std::lround(bounds.second * kBins));
  std::vector<double> result((end - first) / merged, 0);
  for (std::size_t i = first; i < end; ++i) result[(i - first) / merged] += counts[i];
  return result;
}

/// Small sets show noise in narrow bins. All choices divide ten bins, as bounds are tenths.
std::size_t merged_bins(const Bins& bins) {
  double rows = 0;
  for (const auto& counts : bins)
    for (const double count : counts) rows += count;
  return rows >= 5000 ? 1 : rows >= 400 ? 2 : 5;
}

/// At most kMostRidges epochs, evenly, with the first and the last.
std::vector<int> chosen_epochs(const EpochBins& epochs) {
  std::vector<int> all;
  for (const auto& entry : epochs) all.push_back(entry.first);
  if (all.size() <= kMostRidges) return all;
  std::vector<int> chosen;
  for (std::size_t i = 0; i < kMostRidges; ++i)
    chosen.push_back(all[i * (all.size() - 1) / (kMostRidges - 1)]);
  return chosen;
}

void add_distributions(ReportDocument& document, const RunRecord& run) {
  const EpochBins epochs = read_bins(run);
  if (epochs.empty()) return;
  const std::vector<std::size_t> groups = groups_of(epochs);
  const auto bounds = bounds_of(epochs);
  const std::size_t merged = merged_bins(epochs.rbegin()->second);
  HtmlPage& page = document.page();
  page.begin_figures();

  RidgePlot ridge;
  ridge.title = "Distribution of the importance weights of " + run.name + " after each epoch";
  ridge.x.label = "importance weight alpha";
  ridge.row_label = "epoch";
  ridge.low = bounds.first;
  ridge.high = bounds.second;
  ridge.width = 480;
  for (const std::size_t g : groups) {
    ridge.groups.emplace_back(kGroupNames[g]);
    ridge.colours.push_back(kGroupColours[g]);
  }
  const std::vector<int> chosen = chosen_epochs(epochs);
  for (const int epoch : chosen) {
    RidgePlot::Row row{std::to_string(epoch), {}};
    for (const std::size_t g : groups)
      row.counts.push_back(cut(epochs.at(epoch)[g], bounds, merged));
    ridge.rows.push_back(std::move(row));
  }
  document.plot("alpha_per_epoch", svg(ridge),
                "Distribution of alpha after each epoch" +
                    std::string(chosen.size() < epochs.size()
                                    ? ", " + std::to_string(chosen.size()) + " of " +
                                          std::to_string(epochs.size()) + " epochs"
                                    : "") +
                    ". Each group is scaled to its own size, each epoch to its highest bin.");

  HistogramPlot last;
  const auto& [epoch, bins] = *epochs.rbegin();
  last.title = "Distribution of the importance weights of " + run.name + " after epoch " +
               std::to_string(epoch);
  last.x.label = ridge.x.label;
  last.low = bounds.first;
  last.high = bounds.second;
  last.width = 480;
  last.height = 300;
  std::string sizes;
  for (const std::size_t g : groups) {
    last.groups.push_back({kGroupNames[g], cut(bins[g], bounds, merged), kGroupColours[g]});
    double count = 0;
    for (const double n : bins[g]) count += n;
    sizes += (sizes.empty() ? "" : ", ") + counted(std::llround(count), "row", "rows") +
             " with a " + kGroupNames[g];
  }
  document.plot("alpha_last", svg(last),
                "Distribution of alpha after epoch " + std::to_string(epoch) + ": " + sizes + ".");
  page.end_figures();
}

struct ByImportance {
  bool operator()(const ImportanceRecord& a, const ImportanceRecord& b) const {
    return a.importance != b.importance ? a.importance < b.importance : a.row < b.row;
  }
};

WantedFace face_of(const ImportanceRecord& record) {
  WantedFace face{"train", record.row, record.image, "training face labelled " + record.given,
                  {},      {}};
  face.lines = {"alpha " + short_number(record.importance), "given " + record.given};
  if (!record.clean.empty()) {
    face.verdict = record.given == record.clean ? "right" : "wrong";
    if (record.given != record.clean) face.lines.push_back("clean " + record.clean);
  }
  if (record.label != record.given) face.lines.push_back("now " + record.label);
  return face;
}

void add_extremes(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                  std::size_t count) {
  if (faces == nullptr || count == 0) return;
  std::vector<ImportanceRecord> low;
  std::vector<ImportanceRecord> high;
  // The `count` first of an order, in a heap whose top is the one to go first.
  const auto keep = [count](std::vector<ImportanceRecord>& heap, const ImportanceRecord& record,
                            const auto& before) {
    if (heap.size() == count && !before(record, heap.front())) return;
    heap.push_back(record);
    std::push_heap(heap.begin(), heap.end(), before);
    if (heap.size() > count) {
      std::pop_heap(heap.begin(), heap.end(), before);
      heap.pop_back();
    }
  };
  const ByImportance less;
  const auto greater = [](const ImportanceRecord& a, const ImportanceRecord& b) {
    return a.importance != b.importance ? a.importance > b.importance : a.row < b.row;
  };
  read_importance(run.path, [&](const ImportanceRecord& record) {
    if (std::isnan(record.importance)) return;
    keep(low, record, less);
    keep(high, record, greater);
  });
  std::sort(low.begin(), low.end(), less);
  std::sort(high.begin(), high.end(), greater);
  const auto wanted = [](const std::vector<ImportanceRecord>& records) {
    std::vector<WantedFace> result;
    result.reserve(records.size());
    for (const ImportanceRecord& record : records) result.push_back(face_of(record));
    return result;
  };
  const std::string hint =
      run.noise.empty() ? "" : "The mark says whether the given label is right.";
  add_faces(document.page(), faces, wanted(low), "Faces with the lowest alpha", hint);
  add_faces(document.page(), faces, wanted(high), "Faces with the highest alpha", hint);
}

}  // namespace

void add_run_importance(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                        const RunReportOptions& options) {
  if (!run.has_importance()) return;
  HtmlPage& page = document.page();
  page.section("Importance weights");
  page.hint(
      "Alpha is the weight that the attention head gives a training face, as of its last "
      "visit. The given label is the one that training was given, with its noise.");
  try {
    add_distributions(document, run);
  } catch (const UserError& error) {
    page.note(std::string("Left out: ") + error.what());
  }
  try {
    add_extremes(document, run, faces, options.faces);
  } catch (const UserError& error) {
    page.note(std::string("Left out: ") + error.what());
  }
}

}  // namespace selfcure
