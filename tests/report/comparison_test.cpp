#include "selfcure/report/comparison.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "support/fake_run.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::FakeRun;
using testing::write_file;
using testing::write_predictions;

class ComparisonTest : public ::testing::Test {
 protected:
  ComparisonTest() {
    for (const char* name : {"one", "two"}) testing::write_fake_run(folder(name), FakeRun());
  }
  fs::path folder(const std::string& name) const { return directory_.path() / name; }
  Comparison compare(std::vector<ConfigDifference> config = {}) const {
    return compare_runs(read_run(folder("one")), read_run(folder("two")), std::move(config));
  }

 private:
  testing::TemporaryDirectory directory_;
};

// Class a: 3 images, b: 2. One has 0, 1, 3 right; two has 0, 2, 3, 4 right.
const std::vector<std::pair<std::string, std::string>> kOne = {
    {"a", "a"}, {"a", "a"}, {"a", "b"}, {"b", "b"}, {"b", "a"}};
const std::vector<std::pair<std::string, std::string>> kTwo = {
    {"a", "a"}, {"a", "b"}, {"a", "a"}, {"b", "b"}, {"b", "b"}};

TEST_F(ComparisonTest, JoinsPredictionsByImageAndCountsByClass) {
  write_predictions(folder("one"), kOne);
  // Another order of the same images.
  write_file(folder("two") / "predictions_test.csv",
             "image,label,predicted,p_a,p_b\ni4.jpg,b,b,0,1\ni3.jpg,b,b,0,1\ni2.jpg,a,a,1,0\n"
             "i1.jpg,a,b,0,1\ni0.jpg,a,a,1,0\n");
  const Comparison comparison = compare();
  ASSERT_TRUE(comparison.predictions) << comparison.prediction_problem;
  const McNemar& test = comparison.predictions->test;
  EXPECT_EQ(test.both_right, 2);
  EXPECT_EQ(test.only_first, 1);
  EXPECT_EQ(test.only_second, 2);
  EXPECT_EQ(test.both_wrong, 0);
  EXPECT_EQ(test.p_value, 1);
  ASSERT_EQ(comparison.predictions->classes.size(), 2U);
  const ClassComparison& b = comparison.predictions->classes[1];
  EXPECT_EQ(b.name, "b");
  EXPECT_EQ(b.images, 2);
  EXPECT_EQ(b.right_left, 1);
  EXPECT_EQ(b.right_right, 2);
  EXPECT_EQ(b.only_right, 1);
}

TEST_F(ComparisonTest, OtherTestSetsAreNotComparedAndTheDifferenceIsNamed) {
  write_predictions(folder("one"), kOne);
  write_predictions(folder("two"), kTwo, "other");
  EXPECT_FALSE(compare().predictions);
  EXPECT_NE(compare().prediction_problem.find("5 images only in one"), std::string::npos);
  write_predictions(folder("two"), {{"a", "a"}, {"a", "b"}, {"a", "a"}, {"b", "b"}, {"a", "b"}});
  EXPECT_NE(
      compare().prediction_problem.find("1 image with another true label, for example i4.jpg"),
      std::string::npos)
      << compare().prediction_problem;
  fs::remove(folder("two") / "predictions_test.csv");
  EXPECT_NE(compare().prediction_problem.find("has no predictions_test.csv"), std::string::npos);
  EXPECT_EQ(comparison_verdict(compare()), compare().prediction_problem);
}

TEST_F(ComparisonTest, ADamagedFileIsNamedAndTheRestIsCompared) {
  write_predictions(folder("one"), kOne);
  write_file(folder("two") / "predictions_test.csv", "image,label,predicted,p_a\ni0.jpg,a\n");
  const Comparison comparison = compare();
  EXPECT_FALSE(comparison.predictions);
  EXPECT_NE(comparison.prediction_problem.find("predictions_test.csv:2"), std::string::npos);
  EXPECT_NE(comparison_text(comparison).find("test accuracy"), std::string::npos);
}

TEST_F(ComparisonTest, TheVerdictNamesTheBetterNetworkOrNone) {
  std::vector<std::pair<std::string, std::string>> good(40, {"a", "a"}), bad = good;
  for (std::size_t i = 0; i < 30; ++i) bad[i].second = "b";
  write_predictions(folder("one"), bad);
  write_predictions(folder("two"), good);
  EXPECT_EQ(comparison_verdict(compare()),
            "B is right more often on these test images: +75.00 points, p = 1.2e-07.");
  write_predictions(folder("two"), bad);
  EXPECT_NE(comparison_verdict(compare()).find("No difference can be told"), std::string::npos);
}

TEST_F(ComparisonTest, LabelsChangedByOneAndNotTheOtherAreCountedByRightAndWrong) {
  const std::string header = "epoch,id,image,from,to,clean\n";
  // Row 0: both to b. Row 1: only one, right. Row 2: only two, wrong. Row 3: other labels.
  // Row 4: one changed it and changed it back.
  write_file(folder("one") / "relabels.csv",
             header + "1,0,x,a,b,b\n1,1,y,a,b,b\n1,3,w,a,b,c\n1,4,v,a,b,a\n2,4,v,b,a,a\n");
  write_file(folder("two") / "relabels.csv", header + "1,0,x,a,b,b\n1,2,z,a,b,a\n2,3,w,a,c,c\n");
  const Comparison comparison = compare();
  ASSERT_TRUE(comparison.labels) << comparison.label_problem;
  EXPECT_EQ(comparison.labels->same.count, 1);
  EXPECT_EQ(comparison.labels->only_left.count, 1);
  EXPECT_EQ(comparison.labels->only_left.right, 1);
  EXPECT_EQ(comparison.labels->only_right.count, 1);
  EXPECT_EQ(comparison.labels->only_right.wrong, 1);
  EXPECT_EQ(comparison.labels->different, 1);
}

TEST_F(ComparisonTest, OtherGivenLabelsAreNotCompared) {
  write_file(folder("one") / "relabels.csv", "epoch,id,image,from,to,clean\n1,0,x,a,b,b\n");
  write_file(folder("one") / "labels.csv", "id,image,clean,noisy\n0,x,b,a\n1,y,a,a\n");
  write_file(folder("two") / "labels.csv", "id,image,clean,noisy\n0,x,b,b\n1,y,a,a\n");
  const Comparison comparison = compare();
  EXPECT_FALSE(comparison.labels);
  EXPECT_NE(comparison.label_problem.find("other labels for 1 training image"), std::string::npos);
}

TEST_F(ComparisonTest, TextJsonAndPageSayTheSame) {
  write_predictions(folder("one"), kOne);
  write_predictions(folder("two"), kTwo);
  const Comparison comparison =
      compare({{"method.name", "baseline", "scn", false}, {"train.threads", "1", "2", true}});
  const std::string text = comparison_text(comparison);
  EXPECT_NE(text.find("method.name"), std::string::npos);
  EXPECT_NE(text.find("(exact binomial)"), std::string::npos);
  const auto json = nlohmann::json::parse(comparison_json(comparison));
  EXPECT_EQ(json["config"][1]["runtime"], true);
  EXPECT_EQ(json["predictions"]["only_second"], 2);
  EXPECT_EQ(json["predictions"]["mcnemar"]["p_value"], 1.0);
  EXPECT_TRUE(json["predictions"]["mcnemar"]["chi_square"].is_null());
  EXPECT_EQ(json["measures"]["test_accuracy"]["first"]["last"], 0.7);
  const std::string page = comparison_report(comparison).page().text();
  EXPECT_NE(page.find("method.name"), std::string::npos);
  EXPECT_NE(page.find("<svg"), std::string::npos);
}

TEST_F(ComparisonTest, EqualNamesAreToldApartByPath) {
  fs::create_directories(folder("x"));
  fs::rename(folder("two"), folder("x") / "one");
  write_file(folder("x") / "one" / "summary.json", "{\"name\":\"one\",\"epochs\":3}");
  const Comparison comparison =
      compare_runs(read_run(folder("one")), read_run(folder("x") / "one"), {});
  EXPECT_NE(comparison.left_name, comparison.right_name);
}

}  // namespace
}  // namespace selfcure
