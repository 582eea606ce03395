#include "selfcure/data/sample_plan.h"

#include <algorithm>
#include <numeric>

#include "selfcure/core/random.h"

namespace selfcure {

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
  plan.rows =
      random_permutation(row_count, KeyedRandom(RandomStream::kShuffle, {seed, epoch, 0, 0}));
  if (row_count > batch_size && row_count % batch_size == 1) plan.rows.pop_back();
  return plan;
}

}  // namespace selfcure
