#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace selfcure {

/// Numbers of metrics.jsonl: a row per epoch, a column per name; NaN where a row lacks the name.
class EpochTable {
 public:
  /// Epochs.
  std::size_t size() const { return rows_.size(); }
  bool empty() const { return rows_.empty(); }
  /// In the order in which they came first.
  const std::vector<std::string>& names() const { return names_; }
  /// Whether any epoch has a number of this name.
  bool has(const std::string& name) const;
  /// NaN if there is none.
  double value(std::size_t row, const std::string& name) const;
  /// [size()], NaN where there is none.
  std::vector<double> column(const std::string& name) const;

  void add_row(const std::vector<std::pair<std::string, double>>& entries);

 private:
  std::optional<std::size_t> find(const std::string& name) const;

  std::vector<std::string> names_;
  /// Rows may be shorter than names_.
  std::vector<std::vector<double>> rows_;
};

/// Accuracy as it is reported; all NaN if no epoch was evaluated.
struct RunAccuracy {
  double last = 0;
  /// Mean of the last five evaluated epochs, or of all if there are fewer.
  double mean_of_last_five = 0;
  double best = 0;
  int best_epoch = 0;
};

/// Keys and values in the order of the file, nested keys joined with dots.
using TextPairs = std::vector<std::pair<std::string, std::string>>;

/// Value of a key, or `fallback`.
std::string find_text(const TextPairs& pairs, const std::string& key,
                      const std::string& fallback = {});

/// What a run directory says in its small files; the large ones are read by the functions below.
struct RunRecord {
  std::filesystem::path path;
  /// As the config names the run, else the folder's name.
  std::string name;
  /// DONE is there.
  bool finished = false;
  /// "baseline", "scn", ...; empty if no file says it.
  std::string method;
  EpochTable epochs;

  /// In label order; empty if there is no evaluation_test.json.
  std::vector<std::string> class_names;
  /// evaluation_test.json: test images by [true class][predicted class].
  std::vector<std::vector<std::int64_t>> confusion;
  /// Epoch of that evaluation; 0 if not known.
  int evaluated_epoch = 0;
  /// "test" or "valid": what chose the best epoch.
  std::string best_chosen_on = "test";

  /// summary.json, environment.json and noise.json, flattened; empty where there is none. Lists are
  /// written as JSON.
  TextPairs summary;
  TextPairs environment;
  TextPairs noise;
  /// noise.json: training rows by [clean class][given class]; empty if there is no noise.
  std::vector<std::string> noise_classes;
  std::vector<std::vector<double>> noise_counts;

  /// config.resolved.yaml as it is.
  std::string config_text;
  /// The same, flattened; filled by the caller, since YAML is read in config/.
  TextPairs config;

  /// What is missing, in plain words, for the reader of a report.
  std::vector<std::string> notes;

  bool has_importance() const { return epochs.has("alpha_mean"); }
  /// @param metric  for example "test_accuracy"; epochs without it are passed over
  RunAccuracy accuracy(const std::string& metric = "test_accuracy") const;
};

struct ReadRunOptions {
  /// Accept a directory without DONE that has at least one whole epoch.
  bool allow_unfinished = false;
};

/// Reads a run directory.
///
/// Files that a report can do without may be missing; RunRecord::notes names them then.
/// @throws RunError in one line that says what is wrong: no directory, empty, not a run directory,
///         unfinished, no or too few epochs, a file that is cut short or not what it should be
RunRecord read_run(const std::filesystem::path& path, const ReadRunOptions& options = {});

/// One change of a label; `clean` is empty where it is not known.
struct RelabelRecord {
  int epoch = 0;
  std::int64_t row = 0;
  std::string image;
  std::string from;
  std::string to;
  std::string clean;
};

/// One training row with its importance weight at its last visit.
struct ImportanceRecord {
  std::int64_t row = 0;
  std::string image;
  double importance = 0;
  /// Label in force, label that training was given, and clean label or "".
  std::string label;
  std::string given;
  std::string clean;
};

/// How many rows of a group have an importance in [low, high) after an epoch.
struct ImportanceBin {
  int epoch = 0;
  /// "right", "wrong" or "unknown".
  std::string group;
  double low = 0;
  double high = 0;
  std::int64_t count = 0;
};

/// One test image.
struct PredictionRecord {
  /// Number of the line, from 0; the row in the test set unless unreadable images were left out.
  std::int64_t row = 0;
  std::string image;
  std::string label;
  std::string predicted;
  /// In the order of `class_names` that read_predictions() gives; sums to 1.
  std::vector<double> probabilities;
  /// NaN for a method without importance.
  double importance = 0;
};

/// Each calls `use` with every record of a file of the run, in its order, one in memory at a time.
/// @return false if the run has no such file
/// @throws DataError with file and line where the file is not what it should be
bool read_relabels(const std::filesystem::path& run,
                   const std::function<void(const RelabelRecord&)>& use);
bool read_importance(const std::filesystem::path& run,
                     const std::function<void(const ImportanceRecord&)>& use);
bool read_importance_histogram(const std::filesystem::path& run,
                               const std::function<void(const ImportanceBin&)>& use);
/// @param split  "test" reads predictions_test.csv
/// @param class_names  when not null, set to the classes of the probabilities before the first call
bool read_predictions(const std::filesystem::path& run,
                      const std::function<void(const PredictionRecord&)>& use,
                      std::vector<std::string>* class_names = nullptr,
                      const std::string& split = "test");

}  // namespace selfcure
