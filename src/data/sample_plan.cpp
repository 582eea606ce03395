#include "selfcure/data/sample_plan.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <string>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"

namespace selfcure {
namespace {

// Last part of the keys of RandomStream::kShuffle. Rows of a class have its number plus one as
// third part, so that 0 is left for what concerns the whole epoch.
constexpr std::uint64_t kAllRows = 0;
constexpr std::uint64_t kAllVisits = 1;
constexpr std::uint64_t kClassOrder = 2;

struct Key {
  std::uint64_t seed;
  std::uint64_t epoch;

  KeyedRandom of_epoch(std::uint64_t use) const {
    return KeyedRandom(RandomStream::kShuffle, {seed, epoch, 0, use});
  }
  KeyedRandom of_class(std::int32_t label, std::uint64_t round) const {
    return KeyedRandom(RandomStream::kShuffle,
                       {seed, epoch, static_cast<std::uint64_t>(label) + 1, round});
  }
};

void leave_out_last_batch_of_one(SamplePlan& plan) {
  const auto visits = static_cast<std::int64_t>(plan.rows.size());
  if (visits > plan.batch_size && visits % plan.batch_size == 1) plan.rows.pop_back();
}

/// Gives the rows of a class one after the other, in a new order each time that all were given.
class ClassRows {
 public:
  ClassRows(std::int32_t label, std::vector<std::int64_t> rows, Key key)
      : label_(label), rows_(std::move(rows)), key_(key) {}

  std::int64_t count() const { return static_cast<std::int64_t>(rows_.size()); }

  std::int64_t next() {
    if (given_ == order_.size()) {
      order_ = random_permutation(count(), key_.of_class(label_, round_++));
      given_ = 0;
    }
    return rows_[static_cast<std::size_t>(order_[given_++])];
  }

 private:
  std::int32_t label_;
  std::vector<std::int64_t> rows_;
  Key key_;
  std::vector<std::int64_t> order_;
  std::size_t given_ = 0;
  std::uint64_t round_ = 0;
};

/// The classes that have rows, in an order of the epoch's own, so that what is left over when
/// visits are shared out goes to other classes each time.
std::vector<ClassRows> classes_of(const std::vector<std::int32_t>& labels, Key key) {
  std::map<std::int32_t, std::vector<std::int64_t>> rows;
  for (std::size_t row = 0; row < labels.size(); ++row) {
    if (labels[row] >= 0) rows[labels[row]].push_back(static_cast<std::int64_t>(row));
  }
  if (rows.empty() && !labels.empty())
    throw DataError("sampling by class: expected rows with a label, got " +
                    std::to_string(labels.size()) + " rows without one");
  std::vector<ClassRows> in_label_order;
  in_label_order.reserve(rows.size());
  for (auto& [label, rows_of_label] : rows)
    in_label_order.emplace_back(label, std::move(rows_of_label), key);
  std::vector<ClassRows> classes;
  for (const std::int64_t i : random_permutation(static_cast<std::int64_t>(in_label_order.size()),
                                                 key.of_epoch(kClassOrder)))
    classes.push_back(std::move(in_label_order[static_cast<std::size_t>(i)]));
  return classes;
}

/// Shares out visits by weight; the largest remainders are rounded up, the first of equal ones.
std::vector<std::int64_t> share_out(std::int64_t visits, const std::vector<double>& weights) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::int64_t> shares(weights.size());
  std::vector<double> remainders(weights.size());
  std::int64_t left = visits;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double exact = static_cast<double>(visits) * weights[k] / sum;
    shares[k] = std::min(static_cast<std::int64_t>(exact), left);  // whatever was rounded
    remainders[k] = exact - static_cast<double>(shares[k]);
    left -= shares[k];
  }
  std::vector<std::size_t> order(weights.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return remainders[a] > remainders[b]; });
  for (std::size_t i = 0; left > 0; --left, ++i) ++shares[order[i]];
  return shares;
}

SamplePlan oversampled_plan(Sampling sampling, const std::vector<std::int32_t>& labels,
                            std::int64_t batch_size, Key key) {
  std::vector<ClassRows> classes = classes_of(labels, key);
  std::vector<double> weights;
  weights.reserve(classes.size());
  for (const ClassRows& rows : classes) {
    weights.push_back(sampling == Sampling::kInverseFrequency
                          ? 1.0
                          : std::sqrt(static_cast<double>(rows.count())));
  }
  const auto visits = static_cast<std::int64_t>(labels.size());
  const std::vector<std::int64_t> shares = share_out(visits, weights);
  std::vector<std::int64_t> rows;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    for (std::int64_t i = 0; i < shares[k]; ++i) rows.push_back(classes[k].next());
  }
  SamplePlan plan;
  plan.batch_size = batch_size;
  for (const std::int64_t i :
       random_permutation(static_cast<std::int64_t>(rows.size()), key.of_epoch(kAllVisits)))
    plan.rows.push_back(rows[static_cast<std::size_t>(i)]);
  return plan;
}

SamplePlan class_balanced_plan(const std::vector<std::int32_t>& labels, std::int64_t batch_size,
                               Key key) {
  std::vector<ClassRows> classes = classes_of(labels, key);
  SamplePlan plan;
  plan.batch_size = batch_size;
  // Going round the classes in one order keeps every run of visits balanced, wherever batches end.
  for (std::size_t i = 0; i < labels.size(); ++i)
    plan.rows.push_back(classes[i % classes.size()].next());
  return plan;
}

}  // namespace

std::int64_t SamplePlan::batch_count() const {
  return (static_cast<std::int64_t>(rows.size()) + batch_size - 1) / batch_size;
}

std::vector<std::int64_t> SamplePlan::batch(std::int64_t batch) const {
  const auto first = rows.begin() + batch * batch_size;
  const auto last = rows.begin() + std::min<std::int64_t>((batch + 1) * batch_size,
                                                          static_cast<std::int64_t>(rows.size()));
  return {first, last};
}

SamplePlan sequential_plan(std::int64_t row_count, std::int64_t batch_size) {
  SamplePlan plan;
  plan.batch_size = batch_size;
  plan.rows.resize(static_cast<std::size_t>(row_count));
  std::iota(plan.rows.begin(), plan.rows.end(), 0);
  return plan;
}

SamplePlan shuffled_plan(std::int64_t row_count, std::int64_t batch_size, std::uint64_t seed,
                         std::uint64_t epoch) {
  SamplePlan plan;
  plan.batch_size = batch_size;
  plan.rows = random_permutation(row_count, Key{seed, epoch}.of_epoch(kAllRows));
  leave_out_last_batch_of_one(plan);
  return plan;
}

SamplePlan training_plan(Sampling sampling, const std::vector<std::int32_t>& labels,
                         std::int64_t batch_size, std::uint64_t seed, std::uint64_t epoch) {
  const Key key{seed, epoch};
  SamplePlan plan;
  switch (sampling) {
    case Sampling::kShuffle:
      return shuffled_plan(static_cast<std::int64_t>(labels.size()), batch_size, seed, epoch);
    case Sampling::kInverseFrequency:
    case Sampling::kInverseSqrtFrequency:
      plan = oversampled_plan(sampling, labels, batch_size, key);
      break;
    case Sampling::kClassBalanced:
      plan = class_balanced_plan(labels, batch_size, key);
      break;
  }
  leave_out_last_batch_of_one(plan);
  return plan;
}

}  // namespace selfcure
