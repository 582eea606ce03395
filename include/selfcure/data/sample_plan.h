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

/// All rows in order; the last batch may be smaller.
SamplePlan sequential_plan(std::int64_t row_count, std::int64_t batch_size);

/// All rows in an order that is a function of (seed, epoch).
///
/// The last batch may be smaller; were it a single row, that row is left out of this epoch, since
/// batch normalisation cannot be trained on one sample.
SamplePlan shuffled_plan(std::int64_t row_count, std::int64_t batch_size, std::uint64_t seed,
                         std::uint64_t epoch);

}  // namespace selfcure
