#include "selfcure/data/batch_loader.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "selfcure/core/errors.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;

std::vector<HostBatch> all_batches(BatchLoader& loader) {
  std::vector<HostBatch> batches;
  for (HostBatch batch; loader.next(batch);) batches.push_back(batch);
  return batches;
}

class Loading : public ::testing::Test {
 protected:
  Loading() : manifest_(testing::write_picture_set(folder_.path(), 23, 12)), labels_(manifest_) {
    options_.image_size = 10;
  }
  TemporaryDirectory folder_;
  Manifest manifest_;
  LabelStore labels_;
  ImageStoreOptions options_;
};

TEST(SamplePlan, AShuffledEpochVisitsEachRowOnceInAnOrderOfItsOwn) {
  const SamplePlan first = shuffled_plan(100, 8, 1, 1);
  EXPECT_EQ(first.batch_count(), 13);
  EXPECT_EQ(first.batch(12).size(), 4U);
  std::vector<std::int64_t> sorted = first.rows;
  std::sort(sorted.begin(), sorted.end());
  std::vector<std::int64_t> expected(100);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(sorted, expected);
  EXPECT_EQ(first.rows, shuffled_plan(100, 8, 1, 1).rows);
  EXPECT_NE(first.rows, shuffled_plan(100, 8, 1, 2).rows);
  EXPECT_NE(first.rows, shuffled_plan(100, 8, 2, 1).rows);
}

TEST(SamplePlan, ALastBatchOfOneIsLeftOut) {
  EXPECT_EQ(shuffled_plan(9, 4, 1, 1).rows.size(), 8U);
  EXPECT_EQ(shuffled_plan(10, 4, 1, 1).rows.size(), 10U);
  EXPECT_EQ(shuffled_plan(3, 1, 1, 1).rows.size(), 3U);  // all batches are of one
  EXPECT_EQ(sequential_plan(9, 4).batch(2), std::vector<std::int64_t>{8});
}

TEST_F(Loading, BatchesAreBitEqualForAnyNumberOfWorkers) {
  const ImageStore alone(manifest_, options_), shared(manifest_, options_);
  BatchLoader none(alone, 0), four(shared, 4, 3);
  for (const std::uint64_t epoch : {1, 2}) {
    none.start(shuffled_plan(23, 4, 9, epoch), labels_);
    four.start(shuffled_plan(23, 4, 9, epoch), labels_);
    const std::vector<HostBatch> a = all_batches(none), b = all_batches(four);
    ASSERT_EQ(a.size(), 6U);
    ASSERT_EQ(b.size(), 6U);
    for (std::size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(b[i].index, static_cast<std::int64_t>(i));
      EXPECT_EQ(a[i].rows, b[i].rows);
      EXPECT_EQ(a[i].labels, b[i].labels);
      EXPECT_EQ(a[i].pixels, b[i].pixels);
    }
  }
}

TEST_F(Loading, AResumedEpochStartsAtItsBatch) {
  const ImageStore store(manifest_, options_);
  BatchLoader loader(store, 2);
  loader.start(shuffled_plan(23, 4, 9, 1), labels_);
  const std::vector<HostBatch> whole = all_batches(loader);
  loader.start(shuffled_plan(23, 4, 9, 1), labels_, 3);
  const std::vector<HostBatch> rest = all_batches(loader);
  ASSERT_EQ(rest.size(), 3U);
  EXPECT_EQ(rest[0].pixels, whole[3].pixels);
  EXPECT_EQ(rest[2].rows, whole[5].rows);
}

TEST_F(Loading, ANewEpochServesTheLabelsInForce) {
  const ImageStore store(manifest_, options_);
  BatchLoader loader(store, 3, 8);
  loader.start(sequential_plan(23, 4), labels_);
  EXPECT_EQ(all_batches(loader)[0].labels, (std::vector<std::int64_t>{0, 1, 2, 0}));
  labels_.commit(1, {1}, {2});
  loader.start(sequential_plan(23, 4), labels_);
  EXPECT_EQ(all_batches(loader)[0].labels, (std::vector<std::int64_t>{0, 2, 2, 0}));
}

TEST_F(Loading, DrawnLabelsAreTheSameForAnyNumberOfWorkersAndDifferBetweenEpochs) {
  for (std::size_t i = 0; i < manifest_.rows.size(); ++i)
    manifest_.distributions.insert(manifest_.distributions.end(), {0.5F, 0.5F, 0.0F});
  manifest_.label_use = LabelUse::kDraw;
  const ImageStore store(manifest_, options_);
  BatchLoader none(store, 0), four(store, 4);
  const auto labels_of = [&](BatchLoader& loader, std::uint64_t epoch) {
    loader.start(sequential_plan(23, 4), labels_, 0, {&manifest_, 7, epoch});
    std::vector<std::int64_t> labels;
    for (const HostBatch& batch : all_batches(loader)) {
      EXPECT_TRUE(batch.targets.empty());
      labels.insert(labels.end(), batch.labels.begin(), batch.labels.end());
    }
    return labels;
  };
  const std::vector<std::int64_t> first = labels_of(none, 1);
  EXPECT_EQ(labels_of(four, 1), first);
  EXPECT_NE(labels_of(none, 2), first);
  EXPECT_EQ(std::count(first.begin(), first.end(), 2), 0);
}

TEST_F(Loading, DistributionsFollowTheirRows) {
  for (std::size_t i = 0; i < manifest_.rows.size(); ++i)
    manifest_.distributions.insert(manifest_.distributions.end(),
                                   {static_cast<float>(i), 1.0F, 0.0F});
  manifest_.label_use = LabelUse::kDistribution;
  const ImageStore store(manifest_, options_);
  BatchLoader loader(store, 2);
  loader.start(shuffled_plan(23, 4, 9, 1), labels_, 0, {&manifest_, 7, 1});
  for (const HostBatch& batch : all_batches(loader)) {
    ASSERT_EQ(batch.targets.size(), 3 * batch.rows.size());
    for (std::size_t i = 0; i < batch.rows.size(); ++i)
      EXPECT_EQ(batch.targets[3 * i], static_cast<float>(batch.rows[i]));
  }
}

TEST_F(Loading, AnotherVisitOfARowIsNotTheSameVisit) {
  const ImageStore store(manifest_, options_);
  BatchLoader loader(store, 2);
  loader.start({{5, 7, 5, 5}, 3}, labels_);
  const std::vector<HostBatch> batches = all_batches(loader);
  ASSERT_EQ(batches.size(), 2U);
  EXPECT_EQ(batches[0].visits[0], 5);
  EXPECT_EQ(batches[0].visits[1], 7);
  EXPECT_NE(batches[0].visits[2], 5);
  EXPECT_NE(batches[1].visits[0], batches[0].visits[2]);
  EXPECT_EQ(batches[1].rows[0], 5);
}

TEST_F(Loading, StartingAgainForgetsWhatWasLeft) {
  const ImageStore store(manifest_, options_);
  BatchLoader loader(store, 2);
  HostBatch batch;
  loader.start(sequential_plan(23, 4), labels_);
  ASSERT_TRUE(loader.next(batch));
  loader.start(sequential_plan(23, 5), labels_);
  EXPECT_EQ(all_batches(loader).size(), 5U);
}

TEST_F(Loading, AnUnreadableImageIsReportedAtItsBatchAndTheLoaderLivesOn) {
  std::filesystem::remove(folder_.path() / "9.png");
  for (const int workers : {0, 2}) {
    const ImageStore store(manifest_, options_);
    BatchLoader loader(store, workers);
    loader.start(sequential_plan(23, 4), labels_);
    HostBatch batch;
    ASSERT_TRUE(loader.next(batch));
    ASSERT_TRUE(loader.next(batch));
    try {
      loader.next(batch);
      ADD_FAILURE() << "no error";
    } catch (const DataError& error) {
      EXPECT_NE(std::string(error.what()).find("9.png"), std::string::npos);
    }
    loader.start(sequential_plan(8, 4), labels_);
    EXPECT_EQ(all_batches(loader).size(), 2U);
  }
}

}  // namespace
}  // namespace selfcure
