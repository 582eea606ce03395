#include "selfcure/engine/training_estimate.h"

#include <gtest/gtest.h>

#include "selfcure/config/config.h"
#include "selfcure/data/published_counts.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

TrainingWork small_work() { return {{1000, 0, 100, false}, 4, 32, 1}; }

TEST(TrainingEstimate, AddsTrainingAndEvaluation) {
  TrainingCost cost;
  cost.training_seconds_per_image = 0.05;
  cost.evaluation_seconds_per_image = 0.01;
  const TrainingEstimate estimate = estimate_training(small_work(), cost);
  EXPECT_EQ(estimate.evaluations, 4);
  EXPECT_DOUBLE_EQ(estimate.training_seconds, 200.0);  // 4 * 1000 * 0.05
  EXPECT_DOUBLE_EQ(estimate.evaluation_seconds, 4.0);  // 4 * 100 * 0.01
  EXPECT_FALSE(estimate.reading_seconds.has_value());
  EXPECT_DOUBLE_EQ(estimate.total_seconds(), 204.0);
}

TEST(TrainingEstimate, EvaluatesAfterTheLastEpochWhateverTheInterval) {
  TrainingCost cost;
  cost.evaluation_seconds_per_image = 1;
  TrainingWork work = small_work();
  work.images.valid = 50;
  work.epochs = 7;
  work.evaluate_every = 3;  // after 3, 6 and 7
  const TrainingEstimate estimate = estimate_training(work, cost);
  EXPECT_EQ(estimate.evaluations, 3);
  EXPECT_DOUBLE_EQ(estimate.evaluation_seconds, 3 * 150.0);
  work.evaluate_every = 100;
  EXPECT_EQ(estimate_training(work, cost).evaluations, 1);
}

TEST(TrainingEstimate, LeavesOutALastBatchOfOne) {
  TrainingCost cost;
  cost.training_seconds_per_image = 1;
  TrainingWork work = small_work();
  work.epochs = 1;
  work.images.train = 65;
  EXPECT_DOUBLE_EQ(estimate_training(work, cost).training_seconds, 64.0);
  work.images.train = 66;
  EXPECT_DOUBLE_EQ(estimate_training(work, cost).training_seconds, 66.0);
}

TEST(TrainingEstimate, DecodesWhatMemoryDoesNotHoldAtEachVisit) {
  ReadingCost cost{0.010, 0.001, 60};
  EXPECT_DOUBLE_EQ(reading_seconds(cost, 100, 0), 0.0);
  EXPECT_DOUBLE_EQ(reading_seconds(cost, 100, 1), 1.0);
  // 100 + 2 * 40 decoded, 2 * 60 from memory.
  EXPECT_DOUBLE_EQ(reading_seconds(cost, 100, 3), 1.8 + 0.12);
  cost.kept_images = 1000;
  EXPECT_DOUBLE_EQ(reading_seconds(cost, 100, 3), 1.0 + 0.2);
}

TEST(TrainingEstimate, SpreadsReadingOverTheCores) {
  TrainingCost cost;
  cost.reading = ReadingCost{0.004, 0.004, 0};
  cost.reading_cores = 2;
  // (4 * 1000 + 4 * 100) * 0.004 / 2
  const TrainingEstimate estimate = estimate_training(small_work(), cost);
  ASSERT_TRUE(estimate.reading_seconds.has_value());
  EXPECT_DOUBLE_EQ(*estimate.reading_seconds, 8.8);
  EXPECT_DOUBLE_EQ(estimate.total_seconds(), 8.8);
}

TEST(AffordableBatch, IsHalvedUntilMemoryAndTimeAllowIt) {
  EXPECT_EQ(affordable_batch_size(64, 10, 1e9, 0.01, 10), 64);
  EXPECT_EQ(affordable_batch_size(64, 10, 300, 0.01, 10), 16);  // 32 need 320 bytes
  EXPECT_EQ(affordable_batch_size(64, 10, 1e9, 1.0, 10), 8);
  EXPECT_EQ(affordable_batch_size(100, 10, 1e9, 0.3, 10), 25);
  EXPECT_EQ(affordable_batch_size(64, 10, 1, 1.0, 0.1), 1);
}

ExperimentOptions config_of(const std::string& data) {
  return parse_config("name: counted\ndata: " + data + "\nmethod: {name: baseline}\n", "test", {});
}

std::optional<ImageCounts> counts_of(const std::string& data) {
  TrainingObserver observer;
  return count_images(config_of(data).data, observer);
}

TEST(CountImages, TakesPublishedCountsWhereTheDataIsNotThere) {
  const auto counts = counts_of("{dataset: raf_db, root: nowhere}");
  ASSERT_TRUE(counts.has_value());
  EXPECT_TRUE(counts->published);
  EXPECT_EQ(counts->train, 12271);
  EXPECT_EQ(counts->valid, 0);
  EXPECT_EQ(counts->test, 3068);
}

TEST(CountImages, AddsTheSplitsThatAreTrainedOn) {
  const auto counts = counts_of(
      "{train: [{dataset: ferplus, root: nowhere, split: train+valid}], "
      "test: [{dataset: ferplus, root: nowhere}]}");
  ASSERT_TRUE(counts.has_value());
  EXPECT_EQ(counts->train, 25045 + 3191);
  EXPECT_EQ(counts->test, 3137);
}

TEST(CountImages, KnowsNothingOfSetsWithoutPublishedCounts) {
  EXPECT_FALSE(counts_of("{dataset: folders, root: nowhere}").has_value());
  EXPECT_FALSE(
      counts_of("{dataset: raf_db, root: nowhere, classes: [happiness, sadness]}").has_value());
}

TEST(PublishedCount, FollowsContemptAndVotes) {
  SourceOptions source;
  source.dataset = Dataset::kAffectNet2017;
  EXPECT_EQ(published_count(source, Split::kTest, false), 4000);
  source.contempt = false;
  EXPECT_EQ(published_count(source, Split::kTest, false), 3500);
  source.dataset = Dataset::kFerPlus;
  source.labels = FerPlusLabels::kCrossEntropy;
  EXPECT_EQ(published_count(source, Split::kTrain, true), 27947);
  EXPECT_EQ(published_count(source, Split::kTrain, false), 25045);
  source.dataset = Dataset::kList;
  EXPECT_FALSE(published_count(source, Split::kTrain, true).has_value());
}

}  // namespace
}  // namespace selfcure
