#include "selfcure/report/comparison.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <unordered_map>

#include "selfcure/core/errors.h"
#include "selfcure/report/csv_reader.h"

namespace selfcure {
namespace {

/// Measures that are compared, in order of display; those that neither run has are left out.
constexpr const char* kMeasures[] = {
    "test_accuracy",  "mean_class_accuracy", "valid_accuracy", "train_accuracy", "train_loss",
    "labels_changed", "relabel_precision",   "relabel_recall", "alpha_auc",      "alpha_mean",
    "seconds"};

struct Prediction {
  std::string label;
  std::string predicted;
};

/// Image -> prediction; the second image of a name gets "#2" behind it, and so on.
using Predictions = std::map<std::string, Prediction>;

std::optional<Predictions> predictions_of(const RunRecord& run, std::string& problem) {
  Predictions predictions;
  std::unordered_map<std::string, int> uses;
  const bool there = read_predictions(run.path, [&](const PredictionRecord& record) {
    const int use = ++uses[record.image];
    const std::string key = use == 1 ? record.image : record.image + "#" + std::to_string(use);
    predictions[key] = {record.label, record.predicted};
  });
  if (there) return predictions;
  problem = run.path.string() + ": has no predictions_test.csv";
  return std::nullopt;
}

std::string images_text(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " image" : " images");
}

/// In what the test sets differ; empty if they are the same.
std::string difference_of_sets(const Comparison& comparison, const Predictions& left,
                               const Predictions& right) {
  std::int64_t only_left = 0, only_right = 0, relabelled = 0;
  std::string first;
  const auto remember = [&](const std::string& image) {
    if (first.empty()) first = image;
  };
  for (const auto& [image, prediction] : left) {
    const auto other = right.find(image);
    if (other == right.end()) {
      ++only_left;
      remember(image);
    } else if (other->second.label != prediction.label) {
      ++relabelled;
      remember(image);
    }
  }
  for (const auto& entry : right)
    if (left.find(entry.first) == left.end()) {
      ++only_right;
      remember(entry.first);
    }
  if (only_left + only_right + relabelled == 0) return "";
  std::string text = "The test sets differ, so the predictions cannot be compared:";
  if (only_left > 0)
    text += " " + images_text(only_left) + " only in " + comparison.left_name + ",";
  if (only_right > 0)
    text += " " + images_text(only_right) + " only in " + comparison.right_name + ",";
  if (relabelled > 0) text += " " + images_text(relabelled) + " with another true label,";
  return text + " for example " + first + ".";
}

PredictionComparison join_predictions(const Predictions& left, const Predictions& right,
                                      const std::vector<std::string>& class_order) {
  PredictionComparison result;
  std::map<std::string, ClassComparison> classes;
  std::vector<char> left_right, right_right;
  for (const auto& [image, prediction] : left) {
    const Prediction& other = right.at(image);
    const bool first = prediction.predicted == prediction.label;
    const bool second = other.predicted == other.label;
    left_right.push_back(first ? 1 : 0);
    right_right.push_back(second ? 1 : 0);
    ClassComparison& entry = classes[prediction.label];
    entry.name = prediction.label;
    ++entry.images;
    entry.right_left += first ? 1 : 0;
    entry.right_right += second ? 1 : 0;
    entry.only_left += first && !second ? 1 : 0;
    entry.only_right += second && !first ? 1 : 0;
    if (!first && !second && prediction.predicted == other.predicted) ++result.same_mistake;
  }
  result.images = static_cast<std::int64_t>(left.size());
  result.test = mcnemar(left_right, right_right);
  result.left_interval =
      wilson_interval(result.test.both_right + result.test.only_first, result.images);
  result.right_interval =
      wilson_interval(result.test.both_right + result.test.only_second, result.images);
  for (const std::string& name : class_order) {
    const auto found = classes.find(name);
    if (found == classes.end()) continue;
    result.classes.push_back(found->second);
    classes.erase(found);
  }
  for (const auto& entry : classes) result.classes.push_back(entry.second);
  return result;
}

/// A label that differs from the given one at the end of a run.
struct FinalChange {
  std::string image;
  std::string given;
  std::string label;
  std::string clean;
};

/// Row -> change. A label that came back to where it started is none.
std::optional<std::map<std::int64_t, FinalChange>> changes_of(const RunRecord& run) {
  std::map<std::int64_t, FinalChange> changes;
  const bool there = read_relabels(run.path, [&](const RelabelRecord& record) {
    FinalChange& change =
        changes.emplace(record.row, FinalChange{record.image, record.from, "", record.clean})
            .first->second;
    change.label = record.to;
  });
  if (!there) return std::nullopt;
  for (auto change = changes.begin(); change != changes.end();)
    change =
        change->second.label == change->second.given ? changes.erase(change) : std::next(change);
  return changes;
}

void count_change(const FinalChange& change, ChangedLabels& counts) {
  ++counts.count;
  if (change.clean.empty()) return;
  ++(change.label == change.clean ? counts.right : counts.wrong);
}

/// Training rows of which the runs were given different labels; -1 where that cannot be told.
std::int64_t differing_given_labels(const RunRecord& left, const RunRecord& right) {
  std::error_code error;
  const auto path = [](const RunRecord& run) { return run.path / "labels.csv"; };
  if (!std::filesystem::exists(path(left), error) || !std::filesystem::exists(path(right), error))
    return -1;
  CsvReader first(path(left)), second(path(right));
  const std::size_t image[] = {first.column("image"), second.column("image")};
  const std::size_t given[] = {first.column("noisy"), second.column("noisy")};
  std::vector<std::string> a, b;
  std::int64_t differing = 0;
  while (true) {
    const bool more_a = first.next(a);
    const bool more_b = second.next(b);
    if (!more_a && !more_b) return differing;
    if (more_a != more_b || a[image[0]] != b[image[1]] || a[given[0]] != b[given[1]]) ++differing;
  }
}

void compare_predictions(Comparison& comparison) {
  try {
    const auto left = predictions_of(comparison.left, comparison.prediction_problem);
    if (!left) return;
    const auto right = predictions_of(comparison.right, comparison.prediction_problem);
    if (!right) return;
    comparison.prediction_problem = difference_of_sets(comparison, *left, *right);
    if (comparison.prediction_problem.empty() && !left->empty())
      comparison.predictions = join_predictions(*left, *right, comparison.left.class_names);
  } catch (const UserError& error) {
    comparison.prediction_problem = error.what();
  }
}

void compare_labels(Comparison& comparison) {
  try {
    const auto left = changes_of(comparison.left), right = changes_of(comparison.right);
    if ((!left || left->empty()) && (!right || right->empty())) {
      comparison.label_problem = "Neither run ended with a changed label.";
      return;
    }
    const std::int64_t differing = differing_given_labels(comparison.left, comparison.right);
    if (differing > 0) {
      comparison.label_problem = "The runs were given other labels for " +
                                 std::to_string(differing) +
                                 " training images, so that changes cannot be compared.";
      return;
    }
    const std::map<std::int64_t, FinalChange> none;
    const auto& first = left ? *left : none;
    const auto& second = right ? *right : none;
    LabelComparison labels;
    for (const auto& [row, change] : first) {
      const auto other = second.find(row);
      if (other == second.end()) {
        count_change(change, labels.only_left);
      } else if (other->second.image != change.image) {
        comparison.label_problem = "The training sets differ: row " + std::to_string(row) + " is " +
                                   change.image + " and " + other->second.image + ".";
        return;
      } else if (other->second.label == change.label) {
        count_change(change, labels.same);
      } else {
        ++labels.different;
      }
    }
    for (const auto& [row, change] : second)
      if (first.find(row) == first.end()) count_change(change, labels.only_right);
    comparison.labels = labels;
  } catch (const UserError& error) {
    comparison.label_problem = error.what();
  }
}

}  // namespace

Comparison compare_runs(RunRecord left, RunRecord right, std::vector<ConfigDifference> config) {
  Comparison comparison;
  comparison.left_name = left.name == right.name ? left.path.string() : left.name;
  comparison.right_name = left.name == right.name ? right.path.string() : right.name;
  comparison.left = std::move(left);
  comparison.right = std::move(right);
  comparison.config = std::move(config);
  for (const char* name : kMeasures)
    if (comparison.left.epochs.has(name) || comparison.right.epochs.has(name))
      comparison.measures.push_back(
          {name, comparison.left.accuracy(name), comparison.right.accuracy(name)});
  compare_predictions(comparison);
  compare_labels(comparison);
  return comparison;
}

}  // namespace selfcure
