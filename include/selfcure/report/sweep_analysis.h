#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/core/statistics.h"
#include "selfcure/report/sweep_record.h"

namespace selfcure {

/// Which number of a run is reported.
enum class Reported {
  kLastEpoch,
  kMeanOfLastFive,
  /// Chosen on the test set where the metric is of the test set.
  kBestEpoch,
};

/// Runs that differ in nothing but the repetition.
struct SweepCell {
  /// Without the dimension of repetitions.
  SweepPoint point;
  /// In the order of the repetitions; may be empty.
  std::vector<const SweepRun*> runs;
};

/// The table of a sweep: a cell for each combination of a row's and a column's values.
struct SweepGrid {
  /// [rows][dimensions of SweepRecord::rows]; "" where runs have no such dimension. Only
  /// combinations that some run has or was planned to have.
  std::vector<std::vector<std::string>> row_values;
  std::vector<std::vector<std::string>> column_values;
  /// [rows][columns]
  std::vector<std::vector<SweepCell>> cells;
};

/// Mean and sample standard deviation (NaN for fewer than 2) of the known values.
struct Spread {
  double mean = 0;
  double standard_deviation = 0;
  std::size_t count = 0;
};

/// A cell against the baseline's cell, paired by repetition.
struct CellComparison {
  PairedDifference difference;
  /// Repetitions that only one of both has: they are left out.
  std::size_t unpaired = 0;
  /// The baseline's cell.
  const SweepCell* baseline = nullptr;
};

/// Puts the runs of a sweep into its table. The result points into `sweep`.
SweepGrid arrange(const SweepRecord& sweep);

/// A run's number; NaN if it has none.
double reported_value(const SweepRun& run, const std::string& metric, Reported which);
Spread spread_of(const SweepCell& cell, const std::string& metric, Reported which);
Spread spread_of(const std::vector<double>& values);

/// Whether a cell is what others are compared with.
bool is_baseline(const SweepRecord& sweep, const SweepCell& cell);

/// Compares a cell with the baseline at the same place: the same values of all dimensions but those
/// that name the baseline. Dimensions that the baseline's runs do not have may have any value.
/// @return nothing for the baseline itself, without a baseline, and where its cell is not there
std::optional<CellComparison> compare_with_baseline(const SweepRecord& sweep, const SweepGrid& grid,
                                                    const SweepCell& cell,
                                                    const std::string& metric, Reported which);

/// Pairs two cells by repetition.
CellComparison compare_cells(const SweepRecord& sweep, const SweepCell& first,
                             const SweepCell& second, const std::string& metric, Reported which);

/// The published figure of a cell as a ratio; nothing where there is none.
/// @throws UserError as published_figure() does
std::optional<double> published_of(const SweepRecord& sweep, const SweepPoint& point);

/// "scn, 10 %": the values of these dimensions, with labels where the value alone says too little.
std::string describe(const SweepRecord& sweep, const SweepPoint& point,
                     const std::vector<std::string>& dimensions);
/// "method scn, noise 0.1": row and column values of a cell.
std::string describe(const SweepRecord& sweep, const SweepPoint& point);

/// "seeds", or "repetitions" where something else is repeated.
std::string repeat_word(const SweepRecord& sweep);

/// What the sweep found, in plain sentences: each thing that was compared with the baseline, over
/// all settings; without a baseline, the highest mean and whether the next one is behind.
std::vector<std::string> overall_sentences(const SweepRecord& sweep, const SweepGrid& grid);

/// "test accuracy", "mean class accuracy".
std::string metric_words(const std::string& metric);

}  // namespace selfcure
