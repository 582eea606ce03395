#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/method/step.h"

namespace selfcure {

/// Sums of one epoch after they came to the host.
struct EpochTotals {
  std::int64_t samples = 0;
  double loss = 0;
  double accuracy = 0;
  /// In the order of Method::statistics(); NaN where no batch counted.
  std::vector<double> statistics;
  /// Visited rows and their importance, in order of visit; empty without importance.
  std::vector<std::int64_t> importance_rows;
  std::vector<float> importance;
  /// Proposals in order of visit.
  std::vector<std::int64_t> proposal_rows;
  std::vector<std::int64_t> proposals;
};

/// Collects what the steps of an epoch report, on the device, and copies it to the host once.
///
/// Its state can be saved in the middle of an epoch; the totals are the same bits as without.
class EpochAccumulator {
 public:
  void add(const std::vector<std::int64_t>& rows, const at::Tensor& labels,
           const StepOutput& output);
  /// Mean loss of the last batches, for a progress display. Waits for the device.
  double recent_loss() const;
  EpochTotals totals(const std::vector<Statistic>& statistics) const;

  std::map<std::string, at::Tensor> state() const;
  void load_state(const std::map<std::string, at::Tensor>& state);

 private:
  std::vector<std::int64_t> batch_sizes_;
  std::vector<at::Tensor> losses_;      // [steps] each
  std::vector<at::Tensor> correct_;     // [steps], counts
  std::vector<at::Tensor> statistics_;  // [steps, S]
  std::vector<std::int64_t> importance_rows_;
  std::vector<at::Tensor> importance_;
  std::vector<std::int64_t> proposal_rows_;
  std::vector<at::Tensor> proposals_;
};

/// One line of metrics.jsonl: names and numbers in writing order. NaN is written as null.
class EpochRecord {
 public:
  void set(const std::string& name, double value);
  /// NaN when there is no such entry.
  double get(const std::string& name) const;
  const std::vector<std::pair<std::string, double>>& entries() const { return entries_; }
  /// Without a line end; whole numbers without a point.
  std::string json() const;
  /// @throws RunError when the text is not an object of numbers and nulls
  static EpochRecord parse(const std::string& json);

 private:
  std::vector<std::pair<std::string, double>> entries_;
};

/// Accuracy as it is reported: of the last epoch, the mean of the last five, and the best one.
struct AccuracySummary {
  double last = 0;
  double mean_of_last_five = 0;
  double best = 0;
  int best_epoch = 0;
};

/// @param name  for example "test_accuracy"; epochs without it are passed over
AccuracySummary summarize(const std::vector<EpochRecord>& records, const std::string& name);

}  // namespace selfcure
