#include "selfcure/report/sweep_analysis.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "selfcure/core/metrics.h"
#include "selfcure/report/published_figures.h"
#include "selfcure/report/table_formats.h"

namespace selfcure {
namespace {

std::string value_at(const SweepPoint& point, const std::string& dimension) {
  const auto found = point.find(dimension);
  return found == point.end() ? "" : found->second;
}

std::vector<std::string> values_at(const SweepPoint& point,
                                   const std::vector<std::string>& dimensions) {
  std::vector<std::string> values;
  values.reserve(dimensions.size());
  for (const std::string& dimension : dimensions) values.push_back(value_at(point, dimension));
  return values;
}

/// Place of a value in its dimension; a missing one comes first.
std::size_t place_of(const SweepRecord& sweep, const std::string& dimension,
                     const std::string& value) {
  const SweepDimension* known = sweep.dimension(dimension);
  if (known == nullptr || value.empty()) return 0;
  const auto found = std::find(known->values.begin(), known->values.end(), value);
  return static_cast<std::size_t>(found - known->values.begin()) + 1;
}

/// Distinct combinations of the dimensions' values, in the order of the dimensions.
std::vector<std::vector<std::string>> combinations(const SweepRecord& sweep,
                                                   const std::vector<std::string>& dimensions) {
  std::map<std::vector<std::size_t>, std::vector<std::string>> found;
  const auto add = [&](const SweepPoint& point) {
    const std::vector<std::string> values = values_at(point, dimensions);
    std::vector<std::size_t> places;
    for (std::size_t i = 0; i < values.size(); ++i)
      places.push_back(place_of(sweep, dimensions[i], values[i]));
    found.emplace(places, values);
  };
  for (const SweepRun& run : sweep.runs) add(run.point);
  for (const SweepPoint& point : sweep.missing) add(point);
  std::vector<std::vector<std::string>> all;
  all.reserve(found.size());
  for (const auto& entry : found) all.push_back(entry.second);
  return all;
}

bool has_values(const SweepPoint& point, const SweepPoint& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const auto& entry) {
    return value_at(point, entry.first) == entry.second;
  });
}

/// How well a baseline's cell fits: the number of dimensions that agree, -1 if one contradicts.
int fit_of(const SweepPoint& candidate, const SweepPoint& target) {
  int agreeing = 0;
  for (const auto& [dimension, value] : candidate) {
    if (value_at(target, dimension) != value) return -1;
    ++agreeing;
  }
  return agreeing;
}

const SweepCell* baseline_of(const SweepRecord& sweep, const SweepGrid& grid,
                             const SweepCell& cell) {
  SweepPoint target = cell.point;
  for (const auto& [dimension, value] : sweep.baseline) target[dimension] = value;
  const SweepCell* best = nullptr;
  int best_fit = -1;
  for (const auto& row : grid.cells)
    for (const SweepCell& candidate : row) {
      if (candidate.runs.empty() || !has_values(candidate.point, sweep.baseline)) continue;
      const int fit = fit_of(candidate.point, target);
      if (fit <= best_fit) continue;
      best_fit = fit;
      best = &candidate;
    }
  return best;
}

std::string repeat_of(const SweepRecord& sweep, const SweepRun& run) {
  return value_at(run.point, sweep.repeat);
}

std::string plural(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

/// Everything that was compared under one name, such as "scn".
struct Contrast {
  std::vector<PairedDifference> settings;
};

std::string contrast_sentence(const SweepRecord& sweep, const std::string& name,
                              const std::string& baseline, const Contrast& contrast) {
  const std::string start = name + " against " + baseline + ": ";
  if (contrast.settings.size() == 1)
    return start + verdict_sentence(contrast.settings[0], repeat_word(sweep)) + ".";
  std::size_t better = 0, worse = 0;
  std::int64_t pairs = 0, pairs_better = 0;
  double sum = 0;
  for (const PairedDifference& difference : contrast.settings) {
    better += verdict_of(difference) == Verdict::kBetter ? 1 : 0;
    worse += verdict_of(difference) == Verdict::kWorse ? 1 : 0;
    pairs += difference.pairs;
    pairs_better += difference.better;
    sum += difference.mean * static_cast<double>(difference.pairs);
  }
  const std::size_t undecided = contrast.settings.size() - better - worse;
  return start + "better in " + std::to_string(better) + " of " +
         plural(contrast.settings.size(), "setting") + ", worse in " + std::to_string(worse) +
         ", no difference can be told in " + std::to_string(undecided) + "; over all " +
         std::to_string(pairs) + " pairs it is ahead in " + std::to_string(pairs_better) +
         ", mean difference " + signed_text(100 * sum / static_cast<double>(pairs), 1) + " points.";
}

std::vector<std::string> sentences_without_baseline(const SweepRecord& sweep,
                                                    const SweepGrid& grid) {
  std::vector<std::pair<double, const SweepCell*>> means;
  for (const auto& row : grid.cells)
    for (const SweepCell& cell : row) {
      const Spread spread = spread_of(cell, sweep.metric, Reported::kLastEpoch);
      if (spread.count > 0) means.emplace_back(spread.mean, &cell);
    }
  if (means.size() < 2) return {};
  std::stable_sort(means.begin(), means.end(),
                   [](const auto& a, const auto& b) { return a.first > b.first; });
  const CellComparison comparison =
      compare_cells(sweep, *means[0].second, *means[1].second, sweep.metric, Reported::kLastEpoch);
  std::string text = "Highest mean: " + describe(sweep, means[0].second->point) + " with " +
                     decimal_text(100 * means[0].first, 2) + " %; next is " +
                     describe(sweep, means[1].second->point) + " with " +
                     decimal_text(100 * means[1].first, 2) + " %";
  if (comparison.difference.pairs > 0)
    text += " (the first against the next: " +
            verdict_sentence(comparison.difference, repeat_word(sweep)) + ")";
  return {text + "."};
}

}  // namespace

SweepGrid arrange(const SweepRecord& sweep) {
  SweepGrid grid;
  grid.row_values = combinations(sweep, sweep.rows);
  grid.column_values = combinations(sweep, sweep.columns);
  if (grid.row_values.empty() || grid.column_values.empty()) return {};
  grid.cells.assign(grid.row_values.size(), std::vector<SweepCell>(grid.column_values.size()));
  for (std::size_t row = 0; row < grid.row_values.size(); ++row)
    for (std::size_t column = 0; column < grid.column_values.size(); ++column) {
      SweepPoint& point = grid.cells[row][column].point;
      const auto put = [&](const std::vector<std::string>& names,
                           const std::vector<std::string>& values) {
        for (std::size_t i = 0; i < names.size(); ++i)
          if (!values[i].empty()) point[names[i]] = values[i];
      };
      put(sweep.rows, grid.row_values[row]);
      put(sweep.columns, grid.column_values[column]);
    }
  const auto index_of = [](const auto& all, const auto& one) {
    return static_cast<std::size_t>(std::find(all.begin(), all.end(), one) - all.begin());
  };
  for (const SweepRun& run : sweep.runs)
    grid.cells[index_of(grid.row_values, values_at(run.point, sweep.rows))]
              [index_of(grid.column_values, values_at(run.point, sweep.columns))]
                  .runs.push_back(&run);
  for (auto& row : grid.cells)
    for (SweepCell& cell : row)
      std::stable_sort(cell.runs.begin(), cell.runs.end(),
                       [&](const SweepRun* a, const SweepRun* b) {
                         return place_of(sweep, sweep.repeat, repeat_of(sweep, *a)) <
                                place_of(sweep, sweep.repeat, repeat_of(sweep, *b));
                       });
  return grid;
}

double reported_value(const SweepRun& run, const std::string& metric, Reported which) {
  const RunAccuracy summary = run.record.accuracy(metric);
  switch (which) {
    case Reported::kMeanOfLastFive:
      return summary.mean_of_last_five;
    case Reported::kBestEpoch:
      return summary.best;
    case Reported::kLastEpoch:
      break;
  }
  return summary.last;
}

Spread spread_of(const std::vector<double>& values) {
  std::vector<double> known;
  for (const double value : values)
    if (!std::isnan(value)) known.push_back(value);
  return {mean(known), sample_standard_deviation(known), known.size()};
}

Spread spread_of(const SweepCell& cell, const std::string& metric, Reported which) {
  std::vector<double> values;
  for (const SweepRun* run : cell.runs) values.push_back(reported_value(*run, metric, which));
  return spread_of(values);
}

bool is_baseline(const SweepRecord& sweep, const SweepCell& cell) {
  return !sweep.baseline.empty() && has_values(cell.point, sweep.baseline);
}

CellComparison compare_cells(const SweepRecord& sweep, const SweepCell& first,
                             const SweepCell& second, const std::string& metric, Reported which) {
  std::map<std::string, double> others;
  for (const SweepRun* run : second.runs)
    others.emplace(repeat_of(sweep, *run), reported_value(*run, metric, which));
  CellComparison comparison;
  comparison.baseline = &second;
  std::vector<double> left, right;
  for (const SweepRun* run : first.runs) {
    const auto found = others.find(repeat_of(sweep, *run));
    const double value = reported_value(*run, metric, which);
    if (found == others.end() || std::isnan(value) || std::isnan(found->second)) continue;
    left.push_back(value);
    right.push_back(found->second);
    others.erase(found);
  }
  comparison.difference = paired_difference(left, right);
  comparison.unpaired = first.runs.size() + second.runs.size() - 2 * left.size();
  return comparison;
}

std::optional<CellComparison> compare_with_baseline(const SweepRecord& sweep, const SweepGrid& grid,
                                                    const SweepCell& cell,
                                                    const std::string& metric, Reported which) {
  if (sweep.baseline.empty() || cell.runs.empty() || is_baseline(sweep, cell)) return std::nullopt;
  const SweepCell* baseline = baseline_of(sweep, grid, cell);
  if (baseline == nullptr) return std::nullopt;
  return compare_cells(sweep, cell, *baseline, metric, which);
}

std::optional<double> published_of(const SweepRecord& sweep, const SweepPoint& point) {
  if (!sweep.published) return std::nullopt;
  const PublishedRequest& request = *sweep.published;
  const auto published_value = [&](const std::string& dimension) {
    std::string value = value_at(point, dimension);
    const auto renamed = request.as.find(dimension);
    if (renamed == request.as.end()) return value;
    const auto found = renamed->second.find(value);
    return found == renamed->second.end() ? value : found->second;
  };
  std::vector<std::pair<std::string, std::string>> fields = request.fixed;
  for (const auto& [field, dimension] : request.match)
    fields.emplace_back(field, published_value(dimension));
  std::string figure = request.figure;
  if (!request.figure_dimension.empty()) {
    figure = published_value(request.figure_dimension);
    // A data set of one's own beside those of the paper has no published figure.
    const PublishedTable* table = published_table(request.table);
    const std::vector<std::string> known =
        table == nullptr ? std::vector<std::string>{figure} : table->figure_names();
    if (std::find(known.begin(), known.end(), figure) == known.end()) return std::nullopt;
  }
  const std::optional<double> percent = published_figure(request.table, fields, figure);
  if (!percent) return std::nullopt;
  return *percent / 100;
}

std::string describe(const SweepRecord& sweep, const SweepPoint& point,
                     const std::vector<std::string>& dimensions) {
  std::string text;
  for (const std::string& name : dimensions) {
    const std::string value = value_at(point, name);
    if (value.empty()) continue;
    text += text.empty() ? "" : ", ";
    // The name of a method speaks for itself; a number or a switch does not.
    const bool speaks = std::isalpha(static_cast<unsigned char>(value[0])) != 0 &&
                        value != "true" && value != "false" && value != "null";
    text += speaks ? value : sweep.label_of(name) + " " + value;
  }
  return text.empty() ? "all runs" : text;
}

std::string describe(const SweepRecord& sweep, const SweepPoint& point) {
  std::vector<std::string> dimensions = sweep.rows;
  dimensions.insert(dimensions.end(), sweep.columns.begin(), sweep.columns.end());
  return describe(sweep, point, dimensions);
}

std::string repeat_word(const SweepRecord& sweep) {
  return sweep.repeat.empty() || sweep.repeat.find("seed") != std::string::npos ? "seeds"
                                                                                : "repetitions";
}

std::vector<std::string> overall_sentences(const SweepRecord& sweep, const SweepGrid& grid) {
  if (sweep.baseline.empty()) return sentences_without_baseline(sweep, grid);
  std::vector<std::string> dimensions;
  for (const auto& entry : sweep.baseline) dimensions.push_back(entry.first);
  std::vector<std::pair<std::string, Contrast>> contrasts;
  for (const auto& row : grid.cells)
    for (const SweepCell& cell : row) {
      const auto comparison =
          compare_with_baseline(sweep, grid, cell, sweep.metric, Reported::kLastEpoch);
      if (!comparison || comparison->difference.pairs == 0) continue;
      const std::string name = describe(sweep, cell.point, dimensions);
      auto found = std::find_if(contrasts.begin(), contrasts.end(),
                                [&](const auto& entry) { return entry.first == name; });
      if (found == contrasts.end()) found = contrasts.insert(found, {name, {}});
      found->second.settings.push_back(comparison->difference);
    }
  std::vector<std::string> sentences;
  sentences.reserve(contrasts.size());
  const std::string baseline = describe(sweep, sweep.baseline, dimensions);
  for (const auto& [name, contrast] : contrasts)
    sentences.push_back(contrast_sentence(sweep, name, baseline, contrast));
  if (sentences.empty())
    sentences.push_back("Nothing can be compared with " + baseline +
                        ": no finished run has a finished partner of the same values and " +
                        (repeat_word(sweep) == "seeds" ? "seed." : "repetition."));
  return sentences;
}

std::string metric_words(const std::string& metric) {
  std::string words = metric;
  std::replace(words.begin(), words.end(), '_', ' ');
  return words;
}

}  // namespace selfcure
