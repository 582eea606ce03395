#include "selfcure/report/run_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <regex>
#include <string>
#include <vector>

#include "report/small_run.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;
using testing::write_file;

/// Gives every face the same bytes and notes what was asked for.
class FakeFaces : public FaceImages {
 public:
  std::optional<std::string> jpeg(const std::string& split, std::int64_t row,
                                  const std::string& image) override {
    asked.push_back(split + " " + std::to_string(row) + " " + image);
    if (!problem_.empty()) return std::nullopt;
    return "\xFF\xD8jpeg";
  }
  std::string problem() override { return problem_; }
  std::vector<std::string> asked;
  std::string problem_;
};

class RunReportTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::write_small_run(run_); }
  std::string page(FaceImages* faces = nullptr) const {
    return run_report(read_run(run_, {true}), faces).page().text();
  }
  bool says(const std::string& text, const std::string& part) const {
    return text.find(part) != std::string::npos;
  }
  TemporaryDirectory directory_;
  fs::path run_ = directory_.path() / "small_run";
};

TEST_F(RunReportTest, LoadsNothingFromElsewhere) {
  FakeFaces faces;
  const std::string text = page(&faces);
  EXPECT_TRUE(says(text, "default-src 'none'; img-src data:"));
  const std::regex reference("(src|href|action|data|poster|srcset)\\s*=\\s*\"([^\"]*)\"");
  std::size_t found = 0;
  for (auto match = std::sregex_iterator(text.begin(), text.end(), reference);
       match != std::sregex_iterator(); ++match, ++found) {
    const std::string target = (*match)[2];
    EXPECT_TRUE(target.rfind("data:", 0) == 0 || target.rfind('#', 0) == 0) << target;
  }
  EXPECT_GT(found, 5U);
  for (const char* part : {"<script", "url(", "@import", "<iframe", "<object", "onload"})
    EXPECT_FALSE(says(text, part)) << part;
}

TEST_F(RunReportTest, EscapesNamesOfClasses) {
  FakeFaces faces;
  const std::string text = page(&faces);
  EXPECT_FALSE(says(text, "Joy <&>"));
  EXPECT_TRUE(says(text, "Joy &lt;&amp;&gt;"));
}

TEST_F(RunReportTest, SaysWhatHappened) {
  const std::string text = page();
  EXPECT_TRUE(says(text, "SCN was trained for 2 epochs on Faces train (4 images)."));
  EXPECT_TRUE(says(text, "50.00 % of its training labels are wrong, made so by symmetric noise"));
  EXPECT_TRUE(says(text,
                   "Test accuracy is 50.00 % after the last epoch, 55.00 % as the mean of all 2 "
                   "evaluated epochs"));
  EXPECT_TRUE(says(text, "60.00 % at best (epoch 1, chosen on the test set itself"));
  EXPECT_TRUE(says(text,
                   "The class recognised worst is Fear: 33.33 % of its 6 test images; 4 were "
                   "taken for Joy"));
  EXPECT_TRUE(says(text, "AUC of the weights for right against wrong given labels is 0.800"));
  EXPECT_TRUE(says(text, "Relabelling began in epoch 2 and made 2 changes; 2 labels differ"));
  EXPECT_TRUE(says(text, "50.00 % are right now, and 25.00 % of the wrong given labels"));
  EXPECT_TRUE(says(text, "The largest fall of test accuracy was 10.00 points, from epoch 1 to"));
}

TEST_F(RunReportTest, SaysWhereWeightsCollapsedAndTrainingDiverged) {
  write_file(run_ / "metrics.jsonl",
             "{\"epoch\":1,\"train_loss\":1,\"alpha_mean\":0.5,\"alpha_min\":0.5,\"alpha_max\":0.5,"
             "\"alpha_spread\":0.0001,\"test_accuracy\":0.5}\n"
             "{\"epoch\":2,\"train_loss\":null,\"test_accuracy\":0.5}\n");
  const std::string text = page();
  EXPECT_TRUE(says(text, "importance weights collapsed"));
  EXPECT_TRUE(says(text, "not finite in epoch 2"));
}

TEST_F(RunReportTest, AsksForTheFacesOfEachSection) {
  FakeFaces faces;
  const std::string text = page(&faces);
  EXPECT_EQ(faces.asked, (std::vector<std::string>{
                             "test 0 t0.png", "train 0 a.png", "train 1 b,1.png", "train 1 b,1.png",
                             "train 0 a.png", "train 0 a.png", "train 1 b,1.png"}));
  EXPECT_TRUE(says(text, "\xE2\x9C\x93 right"));
  EXPECT_TRUE(says(text, "\xE2\x9C\x97 wrong"));
  EXPECT_TRUE(says(text, "confidence 90.0 %"));
  // Row 0 came to its clean label, row 1 was taken from it.
  const std::size_t right = text.find("Relabelled faces whose new label is right");
  const std::size_t wrong = text.find("Relabelled faces whose new label is wrong");
  ASSERT_LT(right, wrong);
  ASSERT_NE(wrong, std::string::npos);
  EXPECT_TRUE(says(text.substr(right, wrong - right), "face verdict-right"));
  EXPECT_FALSE(says(text.substr(right, wrong - right), "face verdict-wrong"));
  EXPECT_TRUE(says(text.substr(wrong), "face verdict-wrong"));
}

TEST_F(RunReportTest, GoesOnWithoutPictures) {
  FakeFaces faces;
  faces.problem_ = "the data set is gone";
  const std::string text = page(&faces);
  EXPECT_TRUE(says(text, "Pictures of faces are missing: the data set is gone"));
  EXPECT_FALSE(says(text, "<img"));
  EXPECT_FALSE(says(text, "Faces with the lowest alpha"));
}

TEST_F(RunReportTest, LeavesOutDamagedTablesAndSaysSo) {
  write_file(run_ / "relabels.csv", "epoch,id\n1\n");
  write_file(run_ / "importance_histogram.csv", "half");
  write_file(run_ / "predictions_test.csv", "");
  write_file(run_ / "importance.csv", "id,image,importance,label,given,clean\n0,\"open");
  FakeFaces faces;
  const std::string text = page(&faces);
  for (const char* name :
       {"relabels.csv", "importance_histogram.csv", "predictions_test.csv", "importance.csv"})
    EXPECT_TRUE(std::regex_search(text, std::regex("Left out: [^<]*" + std::string(name)))) << name;
}

TEST_F(RunReportTest, WorksForABaselineOfOneEpochWithoutAnEvaluation) {
  for (const char* name : {"evaluation_test.json", "summary.json", "noise.json", "relabels.csv",
                           "importance.csv", "importance_histogram.csv", "predictions_test.csv"})
    fs::remove(run_ / name);
  write_file(run_ / "metrics.jsonl", "{\"epoch\":1,\"train_loss\":1.5,\"train_accuracy\":0.4}\n");
  const std::string text = page();
  EXPECT_TRUE(says(text, "No epoch was evaluated"));
  EXPECT_FALSE(says(text, "Importance weights"));
}

TEST_F(RunReportTest, WritesPlotsAsFiles) {
  const ReportDocument document = run_report(read_run(run_), nullptr);
  const std::vector<std::string> files = document.write_files(directory_.path() / "files");
  for (const char* name : {"accuracy.svg", "accuracy.png", "loss.svg", "alpha_per_epoch.png",
                           "relabel_flow.svg", "confusion_matrix.png"})
    EXPECT_NE(std::find(files.begin(), files.end(), name), files.end()) << name;
  for (const std::string& name : files)
    EXPECT_GT(fs::file_size(directory_.path() / "files" / name), 0U) << name;
  write_file(directory_.path() / "file", "x");
  EXPECT_THROW(document.write_files(directory_.path() / "file"), RunError);
}

// 3 of 4 and 2 of 6 recognised; one of each change, and both labels were Fear.
TEST_F(RunReportTest, CsvHoldsRatiosInFull) {
  run_report(read_run(run_), nullptr).write_files(directory_.path() / "files");
  const std::string classes = read_file(directory_.path() / "files" / "classes.csv");
  EXPECT_NE(classes.find("Fear,0.6666666666666666,0.3333333333333333,"), std::string::npos)
      << classes;
  const std::string flows = read_file(directory_.path() / "files" / "relabel_flows.csv");
  EXPECT_NE(flows.find("Joy <&>,Fear,1,0.5,1\nFear,Joy <&>,1,0.5,0\n"), std::string::npos) << flows;
}

TEST(Base64, IsThatOfTheStandard) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

}  // namespace
}  // namespace selfcure
