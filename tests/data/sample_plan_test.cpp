#include "selfcure/data/sample_plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using Labels = std::vector<std::int32_t>;
using Counts = std::map<std::int32_t, std::int64_t>;

constexpr Sampling kByClass[] = {Sampling::kInverseFrequency, Sampling::kInverseSqrtFrequency,
                                 Sampling::kClassBalanced};

/// `counts[k]` rows of class k, mixed: every class in turn as long as it has rows left.
Labels labels_of(std::vector<int> counts) {
  Labels labels;
  for (bool more = true; more;) {
    more = false;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      if (counts[k]-- <= 0) continue;
      labels.push_back(static_cast<std::int32_t>(k));
      more = true;
    }
  }
  return labels;
}

Counts visits_per_class(const std::vector<std::int64_t>& rows, const Labels& labels) {
  Counts visits;
  for (const std::int64_t row : rows) ++visits[labels[static_cast<std::size_t>(row)]];
  return visits;
}

Counts visits_per_class(const SamplePlan& plan, const Labels& labels) {
  return visits_per_class(plan.rows, labels);
}

std::map<std::int64_t, std::int64_t> visits_per_row(const SamplePlan& plan) {
  std::map<std::int64_t, std::int64_t> visits;
  for (const std::int64_t row : plan.rows) ++visits[row];
  return visits;
}

/// Difference between the most and the least visited of `classes` classes.
std::int64_t spread(const Counts& visits, std::size_t classes) {
  std::int64_t least = visits.size() < classes ? 0 : visits.begin()->second;
  std::int64_t most = 0;
  for (const auto& [label, count] : visits) {
    least = std::min(least, count);
    most = std::max(most, count);
  }
  return most - least;
}

TEST(TrainingPlan, ShuffleIsTheShuffledPlanWhateverTheLabels) {
  const SamplePlan expected = shuffled_plan(21, 4, 3, 5);
  EXPECT_EQ(training_plan(Sampling::kShuffle, labels_of({20, 1}), 4, 3, 5).rows, expected.rows);
  EXPECT_EQ(training_plan(Sampling::kShuffle, Labels(21, -1), 4, 3, 5).rows, expected.rows);
}

TEST(TrainingPlan, InverseFrequencyVisitsEachClassEquallyOften) {
  const Labels labels = labels_of({80, 10, 6, 4});
  const SamplePlan plan = training_plan(Sampling::kInverseFrequency, labels, 10, 1, 1);
  EXPECT_EQ(visits_per_class(plan, labels), (Counts{{0, 25}, {1, 25}, {2, 25}, {3, 25}}));
}

TEST(TrainingPlan, InverseSqrtFrequencyVisitsClassesByTheRootOfTheirSize) {
  const Labels labels = labels_of({64, 16, 4, 0, 1});  // roots 8, 4, 2 and 1 of 15, 85 visits
  const SamplePlan plan = training_plan(Sampling::kInverseSqrtFrequency, labels, 10, 1, 1);
  // 45.33, 22.67, 11.33 and 5.67: the two greatest remainders are rounded up.
  EXPECT_EQ(visits_per_class(plan, labels), (Counts{{0, 45}, {1, 23}, {2, 11}, {4, 6}}));
}

TEST(TrainingPlan, RowsOfAClassAreVisitedEquallyOften) {
  const Labels labels = labels_of({70, 20, 7, 3});  // 25 visits each
  const auto visits = visits_per_row(training_plan(Sampling::kInverseFrequency, labels, 10, 1, 1));
  for (const auto& [row, count] : visits) {
    const std::int32_t label = labels[static_cast<std::size_t>(row)];
    const std::vector<std::int64_t> at_least = {1, 1, 3, 8};
    EXPECT_GE(count, at_least[static_cast<std::size_t>(label)]);
    EXPECT_LE(count, at_least[static_cast<std::size_t>(label)] + (label == 0 ? 0 : 1));
  }
  EXPECT_EQ(visits.size(), 25U + 20 + 7 + 3);
}

TEST(TrainingPlan, OtherRowsOfAFrequentClassAreVisitedInEachEpoch) {
  const Labels labels = labels_of({90, 10});  // 50 of 90 rows an epoch
  std::set<std::int64_t> seen;
  for (std::uint64_t epoch = 1; epoch <= 12; ++epoch) {
    for (const std::int64_t row :
         training_plan(Sampling::kInverseFrequency, labels, 10, 1, epoch).rows)
      seen.insert(row);
  }
  EXPECT_EQ(seen.size(), 100U);
}

TEST(TrainingPlan, BatchesOfOversamplingAreMixed) {
  const Labels labels = labels_of({100, 100});
  const SamplePlan plan = training_plan(Sampling::kInverseFrequency, labels, 20, 1, 1);
  for (std::int64_t batch = 0; batch < plan.batch_count(); ++batch)
    EXPECT_EQ(visits_per_class(plan.batch(batch), labels).size(), 2U);
}

TEST(TrainingPlan, ClassBalancedBatchesDifferByOneVisitAtMost) {
  const Labels labels = labels_of({200, 31, 9, 0, 3, 1, 50});
  for (const std::int64_t batch_size : {1, 2, 3, 6, 7, 8, 16, 64}) {
    const SamplePlan plan = training_plan(Sampling::kClassBalanced, labels, batch_size, 1, 1);
    for (std::int64_t batch = 0; batch < plan.batch_count(); ++batch)
      EXPECT_LE(spread(visits_per_class(plan.batch(batch), labels), 6), 1) << batch_size;
    EXPECT_LE(spread(visits_per_class(plan, labels), 6), 1) << batch_size;
  }
}

TEST(TrainingPlan, ClassBalancedBatchesOfAMultipleOfTheClassesAreEven) {
  const Labels labels = labels_of({24, 4, 2});
  const SamplePlan plan = training_plan(Sampling::kClassBalanced, labels, 6, 1, 1);
  ASSERT_EQ(plan.batch_count(), 5);
  for (std::int64_t batch = 0; batch < 5; ++batch)
    EXPECT_EQ(visits_per_class(plan.batch(batch), labels), (Counts{{0, 2}, {1, 2}, {2, 2}}));
}

TEST(TrainingPlan, AnEpochMakesAsManyVisitsAsThereAreRows) {
  for (const Sampling sampling : kByClass) {
    for (const std::vector<int>& counts :
         {std::vector<int>{11, 5, 1}, {100, 3, 3, 3, 3, 3, 3}, {1, 1, 1}, {2}, {0, 7, 0, 12}}) {
      const Labels labels = labels_of(counts);
      EXPECT_EQ(training_plan(sampling, labels, 1, 1, 1).rows.size(), labels.size());
    }
  }
}

TEST(TrainingPlan, EveryClassWithRowsIsVisited) {
  for (const Sampling sampling : kByClass) {
    const Labels labels = labels_of({1000, 1, 0, 1, 1});
    EXPECT_EQ(visits_per_class(training_plan(sampling, labels, 8, 1, 1), labels).size(), 4U);
  }
}

TEST(TrainingPlan, ALastBatchOfOneIsLeftOut) {
  for (const Sampling sampling : kByClass) {
    EXPECT_EQ(training_plan(sampling, labels_of({6, 3}), 4, 1, 1).rows.size(), 8U);
    EXPECT_EQ(training_plan(sampling, labels_of({6, 4}), 4, 1, 1).rows.size(), 10U);
    EXPECT_EQ(training_plan(sampling, labels_of({1}), 4, 1, 1).rows.size(), 1U);
  }
}

TEST(TrainingPlan, IsAFunctionOfSeedAndEpoch) {
  const Labels labels = labels_of({40, 15, 5});
  for (const Sampling sampling : kByClass) {
    const SamplePlan plan = training_plan(sampling, labels, 8, 1, 1);
    EXPECT_EQ(plan.rows, training_plan(sampling, labels, 8, 1, 1).rows);
    EXPECT_NE(plan.rows, training_plan(sampling, labels, 8, 2, 1).rows);
    EXPECT_NE(plan.rows, training_plan(sampling, labels, 8, 1, 2).rows);
  }
}

TEST(TrainingPlan, ClassesComeInAnotherOrderInEachEpoch) {
  const Labels labels = labels_of({30, 30});
  std::set<Labels> orders;
  for (std::uint64_t epoch = 1; epoch <= 10; ++epoch) {
    Labels order;
    for (const std::int64_t row :
         training_plan(Sampling::kInverseFrequency, labels, 10, 1, epoch).rows)
      order.push_back(labels[static_cast<std::size_t>(row)]);
    orders.insert(order);
  }
  EXPECT_EQ(orders.size(), 10U);
}

TEST(TrainingPlan, WhatIsLeftOverGoesToAnotherClassInSomeEpochs) {
  const Labels labels = labels_of({5, 3, 2});  // 10 visits of 3 classes
  std::set<std::int32_t> favoured;
  for (std::uint64_t epoch = 1; epoch <= 30; ++epoch) {
    const Counts visits =
        visits_per_class(training_plan(Sampling::kInverseFrequency, labels, 10, 1, epoch), labels);
    for (const auto& [label, count] : visits) {
      if (count == 4) favoured.insert(label);
    }
  }
  EXPECT_EQ(favoured, (std::set<std::int32_t>{0, 1, 2}));
}

TEST(TrainingPlan, TheLabelsInForceDecide) {
  Labels labels = labels_of({50, 50});
  std::fill(labels.begin(), labels.begin() + 90, 0);  // relabelled: 90 to 95 of class 0 now
  const SamplePlan plan = training_plan(Sampling::kInverseFrequency, labels, 10, 1, 1);
  EXPECT_EQ(visits_per_class(plan, labels), (Counts{{0, 50}, {1, 50}}));
}

TEST(TrainingPlan, RowsWithoutALabelAreVisitedByShuffleOnly) {
  const Labels labels = {0, -1, 1, -1, 0, 1, -1, -1};
  for (const Sampling sampling : kByClass) {
    const SamplePlan plan = training_plan(sampling, labels, 2, 1, 1);
    EXPECT_EQ(visits_per_class(plan, labels), (Counts{{0, 4}, {1, 4}}));
  }
}

TEST(TrainingPlan, NamesASetWithoutLabels) {
  for (const Sampling sampling : kByClass) {
    try {
      (void)training_plan(sampling, Labels(3, -1), 2, 1, 1);
      FAIL() << "no DataError";
    } catch (const DataError& error) {
      EXPECT_STREQ(error.what(),
                   "sampling by class: expected rows with a label, got 3 rows without one");
    }
    EXPECT_TRUE(training_plan(sampling, {}, 2, 1, 1).rows.empty());
  }
}

}  // namespace
}  // namespace selfcure
