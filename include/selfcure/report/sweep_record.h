#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/report/run_record.h"

namespace selfcure {

/// Something that the runs of a sweep differ in.
struct SweepDimension {
  /// "noise"; a config key such as "method.relabel.threshold" where runs were given without a
  /// sweep.
  std::string name;
  /// For tables and plots.
  std::string label;
  /// In order of display.
  std::vector<std::string> values;
};

/// Dimension -> value of one run. A run may lack dimensions that others have.
using SweepPoint = std::map<std::string, std::string>;

/// A finished run of a sweep and its place in it.
struct SweepRun {
  std::string name;
  SweepPoint point;
  RunRecord record;
};

/// A run or folder that the report leaves out, and why.
struct LeftOut {
  std::string name;
  std::string reason;
};

/// "name: reason", or the reason alone where it names the run already.
std::string left_out_text(const LeftOut& left);

/// Which published figure stands beside a cell: see published_figure().
struct PublishedRequest {
  std::string table;
  std::string figure;
  /// Dimension whose value names the figure; empty: `figure` does.
  std::string figure_dimension;
  /// Field of the published row -> dimension of the sweep.
  std::vector<std::pair<std::string, std::string>> match;
  /// Field of the published row -> its value, whatever the run is.
  std::vector<std::pair<std::string, std::string>> fixed;
  /// Dimension -> value there -> the published row's name for it.
  std::map<std::string, std::map<std::string, std::string>> as;
};

/// The runs that a report compares, whoever made them.
struct SweepRecord {
  std::string name;
  std::string title;
  /// The metric of metrics.jsonl that decides: test_accuracy or mean_class_accuracy.
  std::string metric = "test_accuracy";
  std::vector<SweepDimension> dimensions;
  /// Dimensions that make the rows and the columns of the table; every dimension but `repeat` is in
  /// one of them, unless all runs share its value.
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  /// The dimension of repetitions, usually the seed; empty: none.
  std::string repeat;
  /// What a run is compared with: the run of the same point, but these values. Empty: nothing.
  SweepPoint baseline;
  std::optional<PublishedRequest> published;
  /// Names of the runs of the figure of importance on the same faces: clean labels; noisy, without
  /// relabelling; noisy, with relabelling.
  std::vector<std::string> same_faces;
  /// Finished runs in the order of the sweep.
  std::vector<SweepRun> runs;
  /// Points of runs that are planned and not finished: the table keeps their places.
  std::vector<SweepPoint> missing;
  std::vector<LeftOut> left_out;
  /// Things to know about how the runs were read, as sentences.
  std::vector<std::string> notes;
  /// Folder of sweep.json; empty where there is none.
  std::filesystem::path folder;

  const SweepDimension* dimension(const std::string& dimension_name) const;
  /// Label of a dimension; its name if there is no such dimension.
  std::string label_of(const std::string& dimension_name) const;
};

/// What a report is told about configs, which are YAML and read elsewhere.
struct ConfigAccess {
  /// Fills RunRecord::config from RunRecord::config_text. @throws UserError if it cannot be read
  std::function<void(RunRecord&)> fill;
  /// Whether a key cannot change a result but by rounding, such as train.threads.
  std::function<bool(const std::string& key)> is_runtime;
};

/// Reads sweep.json and the run directories that it names.
///
/// A run that is missing, unfinished, empty, foreign or half deleted goes to `left_out`; a config
/// that cannot be read costs its run nothing but the facts about its recipe.
/// @param path  sweep.json or its folder
/// @throws RunError if sweep.json cannot be read or is not of this format: file, what was expected,
///         what came
SweepRecord read_sweep(const std::filesystem::path& path, const ConfigAccess& configs);

/// Makes a sweep of single run directories: what their configs differ in are the dimensions.
///
/// Seeds are repetitions. A key whose value follows from another one's, such as the type of the
/// noise from its rate, is no dimension of its own, and no runtime key is. A run without a key,
/// such as a baseline without `method.gamma`, has no place in that dimension. Baseline: the method
/// `baseline`, if it is there. Runs whose configs cannot be read are left out.
SweepRecord sweep_of_runs(const std::vector<std::filesystem::path>& directories,
                          const ConfigAccess& configs);

/// Puts the rest of a sweep in order that its maker left open: rows, columns, order of values.
/// Called by the functions above; runs and dimensions must be there.
void complete_layout(SweepRecord& sweep);

}  // namespace selfcure
