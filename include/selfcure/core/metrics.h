#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace selfcure {

/// How well one class is recognised; all ratios are in [0, 1].
struct ClassMetrics {
  /// Right predictions of the class / all predictions of the class; 0 if it is never predicted.
  double precision = 0.0;
  /// Right predictions of the class / its samples; 0 if it has none.
  double recall = 0.0;
  /// 2 * precision * recall / (precision + recall); 0 if both are 0.
  double f1 = 0.0;
  /// Samples of the class.
  std::int64_t support = 0;
};

/// Counts of (true, predicted) class pairs and what follows from them.
///
/// A ratio 0/0 is 0, as with scikit-learn's `zero_division=0`, so that no result is NaN.
class ConfusionMatrix {
 public:
  /// @throws ShapeError if class_count < 1
  explicit ConfusionMatrix(std::int64_t class_count);

  /// Counts one sample. @throws ShapeError if a label is not in [0, class_count)
  void add(std::int64_t true_label, std::int64_t predicted_label);

  std::int64_t class_count() const { return class_count_; }
  /// Samples of class `true_label` taken for `predicted_label`. @throws ShapeError as add()
  std::int64_t count(std::int64_t true_label, std::int64_t predicted_label) const;
  /// All samples.
  std::int64_t total() const;

  /// Right predictions / samples.
  double accuracy() const;
  /// Mean of the recalls of the classes that have samples: a class that is absent says nothing.
  double mean_class_accuracy() const;
  /// [class_count]
  std::vector<ClassMetrics> per_class() const;

 private:
  std::size_t index(std::int64_t true_label, std::int64_t predicted_label) const;

  std::int64_t class_count_;
  std::vector<std::int64_t> counts_;  // [true * class_count + predicted]
};

/// Area under the ROC curve: the chance that a positive sample scores above a negative one.
///
/// (sum of the positives' ranks - P (P + 1) / 2) / (P N), ranks from 1, equal scores sharing their
/// mean rank, so that a tie counts half.
///
/// @param scores    [n], higher means more likely positive
/// @param positive  [n], non-zero for the P positives, zero for the N negatives
/// @return in [0, 1]; NaN if P or N is 0 or a score is NaN
/// @throws ShapeError if the sizes differ
/// Source: Hanley and McNeil, Radiology 1982 (the Mann-Whitney statistic).
double roc_auc(const std::vector<float>& scores, const std::vector<char>& positive);

/// Arithmetic mean; NaN of no values.
double mean(const std::vector<double>& values);

/// Square root of (sum of squared deviations from the mean) / (n - 1); NaN for n < 2.
double sample_standard_deviation(const std::vector<double>& values);

}  // namespace selfcure
