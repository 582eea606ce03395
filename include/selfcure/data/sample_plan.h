#pragma once

#include <cstdint>
#include <vector>

namespace selfcure {

/// Which rows an epoch visits, batch by batch.
struct SamplePlan {
  std::vector<std::int64_t> rows;
  std::int64_t batch_size = 1;

  std::int64_t batch_count() const;
  /// Rows of one batch. @param batch in [0, batch_count)
  std::vector<std::int64_t> batch(std::int64_t batch) const;
};

/// How often training visits the rows of each class.
enum class Sampling {
  /// Every row once.
  kShuffle,
  /// Every class equally often.
  kInverseFrequency,
  /// A class of n rows sqrt(n) times as often as one of a single row.
  kInverseSqrtFrequency,
  /// Every class equally often, and in every batch.
  kClassBalanced,
};

/// All rows in order; the last batch may be smaller.
SamplePlan sequential_plan(std::int64_t row_count, std::int64_t batch_size);

/// All rows in an order that is a function of (seed, epoch).
///
/// The last batch may be smaller; were it a single row, that row is left out of this epoch, since
/// batch normalisation cannot be trained on one sample.
SamplePlan shuffled_plan(std::int64_t row_count, std::int64_t batch_size, std::uint64_t seed,
                         std::uint64_t epoch);

/// The rows that a training epoch visits, a function of its arguments.
///
/// An epoch makes as many visits as there are rows, whatever the sampling, so that it has as many
/// batches; the rule of `shuffled_plan` for a last batch of one holds here too.
/// - kShuffle: `shuffled_plan`; the labels do not matter.
/// - kInverseFrequency, kInverseSqrtFrequency: drawing rows with the weight 1/n or 1/sqrt(n) of
///   their class of n rows would visit the class n/n or n/sqrt(n) times as often as a class of one
///   row. Here each class is visited exactly that share of the times, rounded up or down so that
///   the sum is right. Order and batches are random.
/// - kClassBalanced: within each batch, and over the epoch, the visits of any two classes differ by
///   one at most.
///
/// Within a class all rows are visited equally often (give or take one visit) in random order: rare
/// ones again and again, of frequent ones another random part in each epoch. Classes without rows
/// take no part; rows without a label (kUnknownLabel) are visited by kShuffle only.
///
/// @param labels      the labels in force, one per row
/// @param batch_size  at least 1
/// @throws DataError if rows are there but none has a label, unless for kShuffle
SamplePlan training_plan(Sampling sampling, const std::vector<std::int32_t>& labels,
                         std::int64_t batch_size, std::uint64_t seed, std::uint64_t epoch);

}  // namespace selfcure
