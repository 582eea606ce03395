#include "selfcure/data/label_store.h"

#include <gtest/gtest.h>

#include <cmath>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

Manifest labels(const std::vector<std::pair<int, int>>& given_and_clean) {
  Manifest manifest;
  manifest.class_names = {"a", "b", "c"};
  for (const auto& [given, clean] : given_and_clean) manifest.rows.push_back({"x", given, clean});
  return manifest;
}

TEST(LabelStore, CommitsProposalsAsARevisionAndKeepsEachChange) {
  LabelStore store(labels({{0, 0}, {1, 0}, {2, 2}}));
  const std::vector<Relabel> changes = store.commit(10, {2, 0, 1}, {2, 1, 0});
  ASSERT_EQ(changes.size(), 2U);
  EXPECT_EQ(changes[0].row, 0);
  EXPECT_EQ(changes[1].from, 1);
  EXPECT_EQ(changes[1].to, 0);
  EXPECT_EQ(changes[1].epoch, 10);
  EXPECT_EQ(store.labels(), (std::vector<std::int32_t>{1, 0, 2}));
  EXPECT_EQ(store.revision(), 1);
  store.commit(11, {}, {});
  EXPECT_EQ(store.revision(), 2);
  EXPECT_EQ(store.history().size(), 2U);
}

TEST(LabelStore, TheLastProposalOfARowCounts) {
  LabelStore store(labels({{0, 0}}));
  EXPECT_EQ(store.commit(1, {0, 0}, {1, 2}).size(), 1U);
  EXPECT_EQ(store.label(0), 2);
  EXPECT_TRUE(store.commit(2, {0, 0}, {1, 2}).empty());
}

TEST(LabelStore, RefusesWhatIsOutOfRange) {
  LabelStore store(labels({{0, 0}}));
  EXPECT_THROW(store.commit(1, {1}, {0}), ShapeError);
  EXPECT_THROW(store.commit(1, {0}, {3}), ShapeError);
  EXPECT_THROW(store.commit(1, {0}, {}), ShapeError);
  EXPECT_EQ(store.label(0), 0);
  EXPECT_EQ(store.revision(), 0);
}

TEST(LabelStore, AReplayedHistoryGivesTheSameLabels) {
  const Manifest manifest = labels({{0, 0}, {1, 0}, {2, 2}});
  LabelStore store(manifest);
  store.commit(10, {0, 1}, {1, 2});
  store.commit(11, {0}, {2});
  LabelStore other(manifest);
  other.restore(store.history(), store.revision());
  EXPECT_EQ(other.labels(), store.labels());
  EXPECT_EQ(other.revision(), 2);
}

TEST(LabelStore, AHistoryOfAnotherDataSetIsRefused) {
  LabelStore store(labels({{0, 0}, {1, 1}}));
  EXPECT_THROW(store.restore({{1, 0, 2, 1}}, 1), CheckpointError);  // row 0 is 0, not 2
  EXPECT_THROW(store.restore({{1, 5, 0, 1}}, 1), CheckpointError);
  EXPECT_EQ(store.labels(), (std::vector<std::int32_t>{0, 1}));
}

TEST(JudgeRelabels, CountsByHand) {
  // Rows: wrong and cured, wrong and left, right and spoilt, wrong and changed to another wrong
  // one.
  const Manifest manifest = labels({{1, 0}, {1, 0}, {2, 2}, {0, 2}});
  LabelStore store(manifest);
  store.commit(1, {0, 2, 3}, {0, 1, 1});
  const RelabelQuality quality = judge_relabels(manifest, store);
  EXPECT_DOUBLE_EQ(quality.precision, 1.0 / 3.0);  // one of three changes ended at the clean label
  EXPECT_DOUBLE_EQ(quality.recall, 1.0 / 3.0);     // one of three wrong labels is cured
}

TEST(JudgeRelabels, IsNotANumberWhereNothingCounts) {
  const Manifest manifest = labels({{1, kUnknownLabel}});
  const RelabelQuality quality = judge_relabels(manifest, LabelStore(manifest));
  EXPECT_TRUE(std::isnan(quality.precision));
  EXPECT_TRUE(std::isnan(quality.recall));
}

}  // namespace
}  // namespace selfcure
