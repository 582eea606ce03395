#include "selfcure/engine/epoch_record.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "selfcure/core/errors.h"
#include "selfcure/engine/run_files.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

StepOutput step(double loss, const std::vector<double>& logits, std::int64_t classes,
                const std::vector<double>& statistics) {
  StepOutput output;
  output.loss = at::full({}, loss, at::kDouble);
  output.logits = at::tensor(logits, at::kDouble).view({-1, classes});
  output.statistics = at::tensor(statistics, at::kDouble);
  return output;
}

at::Tensor labels(const std::vector<std::int64_t>& values) { return at::tensor(values, at::kLong); }

TEST(EpochAccumulator, WeighsBatchesByTheirSize) {
  const std::vector<Statistic> names = {
      {"a", Reduction::kMean}, {"b", Reduction::kMin}, {"c", Reduction::kMax}};
  EpochAccumulator accumulator;
  accumulator.add({4, 5, 6}, labels({0, 1, 1}), step(1.0, {1, 0, 0, 1, 1, 0}, 2, {10, 3, 3}));
  accumulator.add({7}, labels({0}), step(5.0, {0, 1}, 2, {kNaN, 4, 4}));
  const EpochTotals totals = accumulator.totals(names);
  EXPECT_EQ(totals.samples, 4);
  EXPECT_DOUBLE_EQ(totals.loss, 2.0);      // (3 * 1 + 1 * 5) / 4
  EXPECT_DOUBLE_EQ(totals.accuracy, 0.5);  // two of four
  EXPECT_DOUBLE_EQ(totals.statistics[0], 10.0);
  EXPECT_DOUBLE_EQ(totals.statistics[1], 3.0);
  EXPECT_DOUBLE_EQ(totals.statistics[2], 4.0);
  EXPECT_TRUE(totals.importance.empty());
  EXPECT_TRUE(totals.proposals.empty());
}

TEST(EpochAccumulator, ASavedHalfGivesTheSameTotals) {
  const std::vector<Statistic> names = {{"a", Reduction::kMean}};
  EpochAccumulator straight, first, second;
  for (int i = 0; i < 6; ++i) {
    StepOutput output = step(0.1 * i, {0.3, 0.1 * i}, 2, {1.0 / (i + 1)});
    output.importance = at::full({1}, 0.1 * i, at::kFloat);
    if (i % 2) output.proposed_labels = labels({i % 2});
    straight.add({i}, labels({1}), output);
    if (i == 3) second.load_state(first.state());
    (i < 3 ? first : second).add({i}, labels({1}), output);
  }
  const EpochTotals a = straight.totals(names), b = second.totals(names);
  EXPECT_EQ(a.samples, b.samples);
  EXPECT_EQ(a.loss, b.loss);
  EXPECT_EQ(a.accuracy, b.accuracy);
  EXPECT_EQ(a.statistics, b.statistics);
  EXPECT_EQ(a.importance, b.importance);
  EXPECT_EQ(a.importance_rows, b.importance_rows);
  EXPECT_EQ(a.proposals, b.proposals);
  EXPECT_EQ(a.proposal_rows, (std::vector<std::int64_t>{1, 3, 5}));
}

TEST(EpochRecord, GoesThroughJsonWithNullForNotANumber) {
  EpochRecord record;
  record.set("epoch", 3);
  record.set("lr", 0.1);
  record.set("relabel_precision", kNaN);
  EXPECT_EQ(record.json(), R"({"epoch":3,"lr":0.1,"relabel_precision":null})");
  const EpochRecord back = EpochRecord::parse(record.json());
  EXPECT_EQ(back.json(), record.json());
  EXPECT_TRUE(std::isnan(back.get("relabel_precision")));
  EXPECT_TRUE(std::isnan(back.get("none")));
  EXPECT_THROW(EpochRecord::parse("[1]x"), RunError);
  EXPECT_THROW(EpochRecord::parse(R"({"a":"text"})"), RunError);
}

TEST(Summarize, GivesLastMeanOfFiveAndTheFirstBest) {
  std::vector<EpochRecord> records;
  for (const double value : {0.1, 0.9, 0.5, 0.6, 0.9, 0.7, 0.8}) {
    EpochRecord record;
    record.set("epoch", static_cast<double>(records.size() + 1));
    record.set("test_accuracy", value);
    records.push_back(record);
  }
  const AccuracySummary summary = summarize(records, "test_accuracy");
  EXPECT_DOUBLE_EQ(summary.last, 0.8);
  EXPECT_NEAR(summary.mean_of_last_five, 0.7, 1e-12);
  EXPECT_DOUBLE_EQ(summary.best, 0.9);
  EXPECT_EQ(summary.best_epoch, 2);
}

TEST(Summarize, PassesOverEpochsWithoutAnEvaluation) {
  std::vector<EpochRecord> records(3);
  for (int i = 0; i < 3; ++i) records[static_cast<std::size_t>(i)].set("epoch", i + 1);
  records[1].set("test_accuracy", 0.4);
  EXPECT_DOUBLE_EQ(summarize(records, "test_accuracy").mean_of_last_five, 0.4);
  EXPECT_TRUE(std::isnan(summarize({}, "test_accuracy").best));
}

TEST(ImportanceHistogram, KeepsRightAndWrongLabelsApart) {
  Manifest manifest;
  manifest.rows = {{"a", 0, 0}, {"b", 1, 0}, {"c", 1, 1}, {"d", 1}, {"e", 0, 0}, {"f", 0, 0}};
  const auto kNotVisited = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(
      importance_histogram_lines(3, manifest, {0.505F, 0.0F, 0.509F, 1.0F, kNotVisited, 0.999F}),
      "3,right,0.50,0.51,2\n"
      "3,right,0.99,1.00,1\n"
      "3,wrong,0.00,0.01,1\n"
      "3,unknown,0.99,1.00,1\n");
}

}  // namespace
}  // namespace selfcure
