#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/core/statistics.h"
#include "selfcure/report/report_document.h"
#include "selfcure/report/run_record.h"

namespace selfcure {

/// A config key that two runs have different values of; "(none)" where only one has it.
struct ConfigDifference {
  std::string key;
  std::string left;
  std::string right;
  /// Cannot change a result but by rounding.
  bool runtime = false;
};

/// A number of both runs; NaN where a run has none.
struct MeasureComparison {
  /// Name in metrics.jsonl.
  std::string name;
  RunAccuracy left;
  RunAccuracy right;
};

/// How often a class was recognised by each run.
struct ClassComparison {
  std::string name;
  std::int64_t images = 0;
  std::int64_t right_left = 0;
  std::int64_t right_right = 0;
  /// Images of the class that only the left, only the right run has right.
  std::int64_t only_left = 0;
  std::int64_t only_right = 0;
};

/// Both runs' predictions on the same test images.
struct PredictionComparison {
  std::int64_t images = 0;
  McNemar test;
  ConfidenceInterval left_interval;
  ConfidenceInterval right_interval;
  std::vector<ClassComparison> classes;
  /// Images that both have wrong, and with the same wrong class.
  std::int64_t same_mistake = 0;
};

/// Labels that a run changed and had changed at its end, where the clean label is known.
struct ChangedLabels {
  std::int64_t count = 0;
  /// To the clean label, and to or between wrong ones; the rest is not known.
  std::int64_t right = 0;
  std::int64_t wrong = 0;
};

/// Which training labels the runs changed.
struct LabelComparison {
  ChangedLabels only_left;
  ChangedLabels only_right;
  /// By both to the same label.
  ChangedLabels same;
  /// By both to different labels: right and wrong are not counted.
  std::int64_t different = 0;
};

/// Two runs beside each other.
struct Comparison {
  RunRecord left;
  RunRecord right;
  /// How they are called: the names, or the paths where the names are equal.
  std::string left_name;
  std::string right_name;
  std::vector<ConfigDifference> config;
  std::vector<MeasureComparison> measures;
  /// Nothing where the predictions cannot be joined; `prediction_problem` says why.
  std::optional<PredictionComparison> predictions;
  std::string prediction_problem;
  /// Nothing where no label was changed or the training sets differ; `label_problem` says so.
  std::optional<LabelComparison> labels;
  std::string label_problem;
};

/// Compares two runs by what is in their directories. Parts that are missing or do not fit together
/// are named in the result and are no error.
///
/// Predictions are joined by image name; the same images with the same true labels are required.
/// @param config  keys that differ, found where configs are read
Comparison compare_runs(RunRecord left, RunRecord right, std::vector<ConfigDifference> config);

/// One sentence: which run, A (left) or B, is right more often, and whether McNemar's test tells a
/// difference at 5 %; or why they cannot be compared.
std::string comparison_verdict(const Comparison& comparison);

/// For a terminal.
std::string comparison_text(const Comparison& comparison);
/// The same as a JSON object; unknown numbers are null, accuracies ratios.
std::string comparison_json(const Comparison& comparison);
/// The same as a page, with curves.
ReportDocument comparison_report(const Comparison& comparison);

}  // namespace selfcure
