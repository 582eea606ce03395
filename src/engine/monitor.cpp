#include "selfcure/engine/monitor.h"

#include <cmath>

namespace selfcure {
namespace {

constexpr double kAllTrusted = 0.99;
constexpr double kSmallestSpread = 1e-3;
constexpr double kRankTolerance = 1e-3;  // relative to the margin
constexpr int kPatienceEpochs = 3;

}  // namespace

std::vector<std::string> TrainingMonitor::observe(const EpochRecord& record) {
  std::vector<std::string> warnings;
  const std::string when = "epoch " + std::to_string(static_cast<int>(record.get("epoch"))) + ": ";
  if (!said_not_finite_ && !std::isfinite(record.get("train_loss"))) {
    said_not_finite_ = true;
    warnings.push_back(when +
                       "the training loss is not finite; lower train.optimizer.lr or add "
                       "train.schedule.warmup_epochs");
  }
  if (!said_collapse_ && !std::isnan(record.get("alpha_min"))) {
    if (record.get("alpha_min") > kAllTrusted) {
      said_collapse_ = true;
      warnings.push_back(when +
                         "the importance weights have collapsed: all are above 0.99, so no "
                         "sample is doubted; raise method.gamma or method.margin, or lower "
                         "train.optimizer.lr");
    } else if (record.get("alpha_spread") < kSmallestSpread) {
      said_collapse_ = true;
      warnings.push_back(when +
                         "the importance weights have collapsed: their spread is below "
                         "0.001, so the ranking is noise; switch method.rank on, raise "
                         "method.gamma or method.margin");
    }
  }
  const double rank_loss = record.get("rank_loss");
  const double margin = record.get("margin");
  if (!said_rank_ && !std::isnan(rank_loss)) {
    epochs_at_zero_ = rank_loss <= kRankTolerance * margin ? epochs_at_zero_ + 1 : 0;
    epochs_at_margin_ = margin > 0 && std::abs(rank_loss - margin) <= kRankTolerance * margin
                            ? epochs_at_margin_ + 1
                            : 0;
    if (epochs_at_zero_ >= kPatienceEpochs) {
      said_rank_ = true;
      warnings.push_back(when +
                         "the rank loss has been 0 for three epochs: the groups are further "
                         "apart than the margin and the term teaches nothing; raise "
                         "method.margin");
    } else if (epochs_at_margin_ >= kPatienceEpochs) {
      said_rank_ = true;
      warnings.push_back(when +
                         "the rank loss has stood at the margin for three epochs: both "
                         "groups have the same mean weight; raise method.gamma, or check "
                         "that the weights have not collapsed");
    }
  }
  return warnings;
}

}  // namespace selfcure
