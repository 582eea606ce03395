#include "selfcure/core/metrics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <string>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

double ratio(double part, double whole) { return whole == 0.0 ? 0.0 : part / whole; }

double ratio(std::int64_t part, std::int64_t whole) {
  return ratio(static_cast<double>(part), static_cast<double>(whole));
}

}  // namespace

ConfusionMatrix::ConfusionMatrix(std::int64_t class_count) : class_count_(class_count) {
  if (class_count < 1) {
    throw ShapeError("ConfusionMatrix: expected at least 1 class, got " +
                     std::to_string(class_count));
  }
  counts_.assign(static_cast<std::size_t>(class_count * class_count), 0);
}

std::size_t ConfusionMatrix::index(std::int64_t true_label, std::int64_t predicted_label) const {
  for (const std::int64_t label : {true_label, predicted_label}) {
    if (label >= 0 && label < class_count_) continue;
    throw ShapeError("ConfusionMatrix: expected labels in 0.." + std::to_string(class_count_ - 1) +
                     ", got " + std::to_string(label));
  }
  return static_cast<std::size_t>(true_label * class_count_ + predicted_label);
}

void ConfusionMatrix::add(std::int64_t true_label, std::int64_t predicted_label) {
  ++counts_[index(true_label, predicted_label)];
}

std::int64_t ConfusionMatrix::count(std::int64_t true_label, std::int64_t predicted_label) const {
  return counts_[index(true_label, predicted_label)];
}

std::int64_t ConfusionMatrix::total() const {
  return std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
}

double ConfusionMatrix::accuracy() const {
  std::int64_t right = 0;
  for (std::int64_t k = 0; k < class_count_; ++k) right += count(k, k);
  return ratio(right, total());
}

double ConfusionMatrix::mean_class_accuracy() const {
  double sum = 0.0;
  double present = 0.0;
  for (const ClassMetrics& metrics : per_class()) {
    if (metrics.support == 0) continue;
    sum += metrics.recall;
    present += 1.0;
  }
  return ratio(sum, present);
}

std::vector<ClassMetrics> ConfusionMatrix::per_class() const {
  std::vector<ClassMetrics> all;
  for (std::int64_t k = 0; k < class_count_; ++k) {
    ClassMetrics metrics;
    std::int64_t predicted = 0;
    for (std::int64_t other = 0; other < class_count_; ++other) {
      metrics.support += count(k, other);
      predicted += count(other, k);
    }
    metrics.precision = ratio(count(k, k), predicted);
    metrics.recall = ratio(count(k, k), metrics.support);
    metrics.f1 =
        ratio(2.0 * metrics.precision * metrics.recall, metrics.precision + metrics.recall);
    all.push_back(metrics);
  }
  return all;
}

double roc_auc(const std::vector<float>& scores, const std::vector<char>& positive) {
  if (scores.size() != positive.size()) {
    throw ShapeError("roc_auc: expected as many scores as labels, got " +
                     std::to_string(scores.size()) + " and " + std::to_string(positive.size()));
  }
  if (std::any_of(scores.begin(), scores.end(), [](float score) { return std::isnan(score); })) {
    return kNaN;
  }
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });

  double positives = 0.0;
  double rank_sum = 0.0;
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin;  // [begin, end) are the places of equal scores
    double positives_here = 0.0;
    for (; end < order.size() && scores[order[end]] == scores[order[begin]]; ++end) {
      if (positive[order[end]] != 0) positives_here += 1.0;
    }
    rank_sum += positives_here * 0.5 * static_cast<double>(begin + 1 + end);
    positives += positives_here;
    begin = end;
  }
  const double negatives = static_cast<double>(scores.size()) - positives;
  if (positives == 0.0 || negatives == 0.0) return kNaN;
  return (rank_sum - 0.5 * positives * (positives + 1.0)) / (positives * negatives);
}

double mean(const std::vector<double>& values) {
  if (values.empty()) return kNaN;
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double sample_standard_deviation(const std::vector<double>& values) {
  if (values.size() < 2) return kNaN;
  const double centre = mean(values);
  double squares = 0.0;
  for (const double value : values) squares += (value - centre) * (value - centre);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

}  // namespace selfcure
