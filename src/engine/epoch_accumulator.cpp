#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "selfcure/engine/epoch_record.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kRecentBatches = 20;

at::Tensor from_vector(const std::vector<std::int64_t>& values) {
  return at::tensor(values, at::kLong);
}

std::vector<std::int64_t> to_vector(const at::Tensor& tensor) {
  const at::Tensor plain = tensor.to(at::kCPU, at::kLong).contiguous();
  const auto* data = plain.data_ptr<std::int64_t>();
  return {data, data + plain.numel()};
}

std::vector<double> to_doubles(const std::vector<at::Tensor>& parts) {
  if (parts.empty()) return {};
  const at::Tensor plain = at::cat(parts).to(at::kCPU, at::kDouble).contiguous();
  const auto* data = plain.data_ptr<double>();
  return {data, data + plain.numel()};
}

/// Combines one statistic over the batches; batches that did not count it (NaN) are left out.
double reduce(Reduction reduction, const std::vector<double>& values, std::size_t column,
              std::size_t columns, const std::vector<std::int64_t>& batch_sizes) {
  double result = kNaN;
  double weight = 0;
  for (std::size_t step = 0; step < batch_sizes.size(); ++step) {
    const double value = values[step * columns + column];
    if (std::isnan(value)) continue;
    const auto size = static_cast<double>(batch_sizes[step]);
    if (std::isnan(result))
      result = reduction == Reduction::kMean ? value * size : value;
    else if (reduction == Reduction::kMean)
      result += value * size;
    else
      result = reduction == Reduction::kMin ? std::min(result, value) : std::max(result, value);
    weight += size;
  }
  return reduction == Reduction::kMean ? result / weight : result;
}

}  // namespace

void EpochAccumulator::add(const std::vector<std::int64_t>& rows, const at::Tensor& labels,
                           const StepOutput& output) {
  batch_sizes_.push_back(static_cast<std::int64_t>(rows.size()));
  losses_.push_back(output.loss.detach().view({1}));
  correct_.push_back(output.logits.argmax(1).eq(labels).sum().view({1}));
  statistics_.push_back(output.statistics.unsqueeze(0));
  if (output.importance.defined()) {
    importance_rows_.insert(importance_rows_.end(), rows.begin(), rows.end());
    importance_.push_back(output.importance);
  }
  if (output.proposed_labels.defined()) {
    proposal_rows_.insert(proposal_rows_.end(), rows.begin(), rows.end());
    proposals_.push_back(output.proposed_labels);
  }
}

double EpochAccumulator::recent_loss() const {
  if (losses_.empty()) return kNaN;
  const std::size_t count = std::min(kRecentBatches, losses_.size());
  const std::vector<at::Tensor> recent(losses_.end() - static_cast<std::ptrdiff_t>(count),
                                       losses_.end());
  return at::cat(recent).mean().item<double>();
}

EpochTotals EpochAccumulator::totals(const std::vector<Statistic>& statistics) const {
  EpochTotals totals;
  const std::vector<double> losses = to_doubles(losses_);
  const std::vector<double> correct = to_doubles(correct_);
  double right = 0;
  for (std::size_t step = 0; step < batch_sizes_.size(); ++step) {
    totals.samples += batch_sizes_[step];
    totals.loss += losses[step] * static_cast<double>(batch_sizes_[step]);
    right += correct[step];
  }
  totals.loss /= static_cast<double>(totals.samples);
  totals.accuracy = right / static_cast<double>(totals.samples);
  const std::vector<double> values = to_doubles(statistics_);
  for (std::size_t column = 0; column < statistics.size(); ++column)
    totals.statistics.push_back(
        reduce(statistics[column].reduction, values, column, statistics.size(), batch_sizes_));
  totals.importance_rows = importance_rows_;
  for (const double value : to_doubles(importance_))
    totals.importance.push_back(static_cast<float>(value));
  totals.proposal_rows = proposal_rows_;
  if (!proposals_.empty()) totals.proposals = to_vector(at::cat(proposals_));
  return totals;
}

std::map<std::string, at::Tensor> EpochAccumulator::state() const {
  std::map<std::string, at::Tensor> state;
  if (batch_sizes_.empty()) return state;
  state["batch_sizes"] = from_vector(batch_sizes_);
  state["losses"] = at::cat(losses_);
  state["correct"] = at::cat(correct_);
  state["statistics"] = at::cat(statistics_);
  if (!importance_.empty()) {
    state["importance_rows"] = from_vector(importance_rows_);
    state["importance"] = at::cat(importance_);
  }
  if (!proposals_.empty()) {
    state["proposal_rows"] = from_vector(proposal_rows_);
    state["proposals"] = at::cat(proposals_);
  }
  return state;
}

void EpochAccumulator::load_state(const std::map<std::string, at::Tensor>& state) {
  *this = EpochAccumulator();
  if (state.empty()) return;
  batch_sizes_ = to_vector(state.at("batch_sizes"));
  losses_ = {state.at("losses")};
  correct_ = {state.at("correct")};
  statistics_ = {state.at("statistics")};
  if (state.count("importance")) {
    importance_rows_ = to_vector(state.at("importance_rows"));
    importance_ = {state.at("importance")};
  }
  if (state.count("proposals")) {
    proposal_rows_ = to_vector(state.at("proposal_rows"));
    proposals_ = {state.at("proposals")};
  }
}

}  // namespace selfcure
