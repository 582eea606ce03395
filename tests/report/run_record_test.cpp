#include "selfcure/report/run_record.h"

#include <gtest/gtest.h>

#include <cmath>
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

class RunRecordTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::write_small_run(run_); }
  /// The message with which the run is refused, or "" if it is not.
  std::string refusal(const ReadRunOptions& options = {}) const {
    try {
      read_run(run_, options);
    } catch (const RunError& error) {
      return error.what();
    }
    return "";
  }
  void expect_refusal(const std::string& part) const {
    const std::string message = refusal();
    EXPECT_NE(message.find(part), std::string::npos) << "got: " << message;
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
  }
  TemporaryDirectory directory_;
  fs::path run_ = directory_.path() / "small_run";
};

TEST_F(RunRecordTest, ReadsWhatATrainingLeaves) {
  const RunRecord run = read_run(run_);
  EXPECT_EQ(run.name, "small");
  EXPECT_EQ(run.method, "scn");
  EXPECT_TRUE(run.finished);
  ASSERT_EQ(run.epochs.size(), 2U);
  EXPECT_EQ(run.epochs.value(1, "train_loss"), 1.0);
  EXPECT_TRUE(std::isnan(run.epochs.value(0, "relabel_precision")));
  EXPECT_TRUE(std::isnan(run.epochs.value(0, "alpha_auc"))) << "a name that came later";
  EXPECT_FALSE(run.epochs.has("no_such"));
  EXPECT_EQ(run.confusion, (std::vector<std::vector<std::int64_t>>{{3, 1}, {4, 2}}));
  EXPECT_EQ(run.class_names[0], "Joy <&>");
  EXPECT_EQ(find_text(run.summary, "test_accuracy.best"), "0.6");
  EXPECT_EQ(find_text(run.environment, "devices"), "[\"cpu\"]");
  EXPECT_EQ(run.noise_counts.size(), 2U);
  EXPECT_TRUE(run.notes.empty());
}

TEST_F(RunRecordTest, AccuracyIsLastMeanOfFiveAndBest) {
  std::string lines;
  for (int epoch = 1; epoch <= 7; ++epoch)
    lines += "{\"epoch\":" + std::to_string(epoch) + ",\"test_accuracy\":" +
             (epoch == 2 ? "null" : "0." + std::to_string(epoch == 3 ? 9 : epoch)) + "}\n";
  write_file(run_ / "metrics.jsonl", lines);
  fs::remove(run_ / "summary.json");
  const RunAccuracy accuracy = read_run(run_).accuracy();
  EXPECT_DOUBLE_EQ(accuracy.last, 0.7);
  EXPECT_NEAR(accuracy.mean_of_last_five, (0.9 + 0.4 + 0.5 + 0.6 + 0.7) / 5, 1e-12);
  EXPECT_DOUBLE_EQ(accuracy.best, 0.9);
  EXPECT_EQ(accuracy.best_epoch, 3);
  EXPECT_TRUE(std::isnan(read_run(run_).accuracy("valid_accuracy").best));
}

TEST_F(RunRecordTest, GoesOnWithoutWhatAReportCanSpare) {
  for (const char* name : {"evaluation_test.json", "summary.json", "environment.json", "noise.json",
                           "config.resolved.yaml", "relabels.csv", "importance.csv"})
    fs::remove(run_ / name);
  const RunRecord run = read_run(run_);
  EXPECT_EQ(run.name, "small_run") << "the folder's";
  EXPECT_EQ(run.notes.size(), 4U);
  EXPECT_FALSE(read_relabels(run_, [](const RelabelRecord&) {}));
}

TEST_F(RunRecordTest, NamesWhatIsNoRun) {
  EXPECT_THROW(read_run(directory_.path() / "nowhere"), RunError);
  EXPECT_THROW(read_run(run_ / "DONE"), RunError);
  fs::create_directories(directory_.path() / "empty");
  EXPECT_THROW(read_run(directory_.path() / "empty"), RunError);
  write_file(directory_.path() / "foreign" / "notes.txt", "x");
  EXPECT_THROW(read_run(directory_.path() / "foreign"), RunError);
}

TEST_F(RunRecordTest, AnUnfinishedRunIsTakenOnDemandOnly) {
  fs::remove(run_ / "DONE");
  fs::remove(run_ / "summary.json");
  expect_refusal("not finished: DONE is missing");
  EXPECT_EQ(refusal({true}), "");
}

TEST_F(RunRecordTest, RefusesMetricsThatAreMissingCutOrNoMetrics) {
  const std::string metrics = "metrics.jsonl";
  write_file(run_ / metrics, "{\"epoch\":1,\"lr\":0.1}\n{\"epoch\":2,\"l");
  expect_refusal("metrics.jsonl:2: expected a JSON object of numbers, got a line that is cut");
  write_file(run_ / metrics, "{\"epoch\":1}\n\n{\"epoch\":2}\n");
  expect_refusal("metrics.jsonl:2: ");
  write_file(run_ / metrics, "{\"epoch\":1}\n");
  expect_refusal("expected 2 epochs, as summary.json says, got 1");
  write_file(run_ / metrics, "{\"epoch\":\"one\"}\n");
  expect_refusal("got one as epoch");
  write_file(run_ / metrics, "{\"lr\":1}\n");
  expect_refusal("got no epoch");
  write_file(run_ / metrics, "[1]\n");
  expect_refusal("metrics.jsonl:1");
  write_file(run_ / metrics, "");
  expect_refusal("expected a line per epoch, got none");
  fs::remove(run_ / metrics);
  expect_refusal("missing");
  fs::create_directories(run_ / metrics);
  expect_refusal("expected a file");
}

TEST_F(RunRecordTest, RefusesEpochsInDisorderAndNumbersThatAreNoRatios) {
  fs::remove(run_ / "summary.json");
  const std::string metrics = "metrics.jsonl";
  write_file(run_ / metrics, "{\"epoch\":1}\n{\"epoch\":2}\n{\"epoch\":2}\n");
  expect_refusal("metrics.jsonl:3: expected whole epochs in ascending order, got 2 behind 2");
  write_file(run_ / metrics, "{\"epoch\":1.5}\n");
  expect_refusal("metrics.jsonl:1: expected whole epochs in ascending order, got 1.5");
  write_file(run_ / metrics, "{\"epoch\":1,\"test_accuracy\":97.5}\n");
  expect_refusal("metrics.jsonl:1: expected a JSON object of numbers, got 97.5 as test_accuracy");
  write_file(run_ / metrics, "{\"epoch\":1,\"mean_class_accuracy\":-0.1}\n");
  expect_refusal("as mean_class_accuracy, which is a ratio in [0, 1]");
  write_file(run_ / metrics,
             "{\"epoch\":1,\"test_accuracy\":1}\n{\"epoch\":3,\"test_accuracy\":0}\n");
  EXPECT_EQ(refusal(), "");
}

// What walks through a value calls itself at each level.
TEST_F(RunRecordTest, RefusesJsonThatIsNestedWithoutEnd) {
  const std::size_t depth = 200000;
  const std::string lists = std::string(depth, '[') + std::string(depth, ']');
  std::string objects;
  for (std::size_t i = 0; i < depth; ++i) objects += "{\"a\":";
  objects += "1" + std::string(depth, '}');
  for (const std::string& content : {"{\"epoch\":1,\"a\":" + lists + "}", objects})
    for (const char* name : {"summary.json", "environment.json", "noise.json", "metrics.jsonl"}) {
      testing::write_small_run(run_);
      write_file(run_ / name, content);
      expect_refusal(std::string(name) + (std::string(name) == "metrics.jsonl" ? ":1" : "") +
                     ": expected JSON nested at most 64 deep, got more");
    }
}

TEST_F(RunRecordTest, RefusesDamagedJson) {
  for (const char* name :
       {"evaluation_test.json", "summary.json", "environment.json", "noise.json"}) {
    for (const char* content : {"", "{\"a\":", "[]", "\xFF\xFE{}"}) {
      testing::write_small_run(run_);
      write_file(run_ / name, content);
      expect_refusal(name);
    }
  }
}

TEST_F(RunRecordTest, RefusesAMatrixThatDoesNotFitItsClasses) {
  const std::string start =
      "{\"classes\":[{\"name\":\"a\"},{\"name\":\"b\"}],\"confusion_matrix\":";
  for (const char* matrix : {"[[1,2]]}", "[[1,2],[3]]}", "[[1,2],[3,-4]]}",
                             "[[1,9223372036854775807],[3,4]]}", "\"x\"}", "[]}"}) {
    write_file(run_ / "evaluation_test.json", start + matrix);
    expect_refusal("evaluation_test.json: expected");
  }
}

TEST_F(RunRecordTest, ReadsTablesRecordByRecord) {
  std::vector<std::string> seen;
  EXPECT_TRUE(read_relabels(run_, [&](const RelabelRecord& change) {
    seen.push_back(change.image + ":" + change.from + ">" + change.to);
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"a.png:Joy <&>>Fear", "b,1.png:Fear>Joy <&>"}));
  double sum = 0;
  EXPECT_TRUE(read_importance(run_, [&](const ImportanceRecord& row) { sum += row.importance; }));
  EXPECT_NEAR(sum, 1.1, 1e-12);
  std::int64_t wrong = 0;
  EXPECT_TRUE(read_importance_histogram(
      run_, [&](const ImportanceBin& bin) { wrong += bin.group == "wrong" ? bin.count : 0; }));
  EXPECT_EQ(wrong, 2);
  std::vector<std::string> classes;
  std::int64_t last = -1;
  EXPECT_TRUE(read_predictions(
      run_, [&](const PredictionRecord& row) { last = row.row; }, &classes));
  EXPECT_EQ(classes, (std::vector<std::string>{"Joy <&>", "Fear"}));
  EXPECT_EQ(last, 1);
}

TEST_F(RunRecordTest, AMalformedLineOfATableIsNamed) {
  const auto message = [&](const char* name, const char* content, const auto& read) {
    write_file(run_ / name, content);
    try {
      read();
    } catch (const DataError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  EXPECT_NE(message("relabels.csv", "epoch,id,image,from,to,clean\n1,2,c,d,e,f\nx,2,c,d,e,f\n",
                    [&] { read_relabels(run_, [](const RelabelRecord&) {}); })
                .find("relabels.csv:3: expected a whole number as epoch, got 'x'"),
            std::string::npos);
  EXPECT_NE(message("relabels.csv", "epoch,id\n",
                    [&] { read_relabels(run_, [](const RelabelRecord&) {}); })
                .find("expected a column 'image'"),
            std::string::npos);
  EXPECT_NE(message("importance_histogram.csv", "epoch,given_label,low,high,count\n1,odd,0,0.1,2\n",
                    [&] { read_importance_histogram(run_, [](const ImportanceBin&) {}); })
                .find(":2: expected right, wrong or unknown"),
            std::string::npos);
  EXPECT_NE(message("predictions_test.csv", "image,label\n",
                    [&] { read_predictions(run_, [](const PredictionRecord&) {}); })
                .find("predicted"),
            std::string::npos);
}

TEST_F(RunRecordTest, AFileCutAnywhereIsReadOrRefused) {
  std::size_t refused = 0;
  for (const char* name :
       {"metrics.jsonl", "evaluation_test.json", "summary.json", "noise.json", "relabels.csv",
        "importance.csv", "importance_histogram.csv", "predictions_test.csv"}) {
    const std::string whole = read_file(run_ / name);
    for (std::size_t bytes = 0; bytes < whole.size(); bytes += 5) {
      write_file(run_ / name, whole.substr(0, bytes));
      try {
        read_run(run_);
        read_relabels(run_, [](const RelabelRecord&) {});
        read_importance(run_, [](const ImportanceRecord&) {});
        read_importance_histogram(run_, [](const ImportanceBin&) {});
        read_predictions(run_, [](const PredictionRecord&) {});
      } catch (const UserError& error) {
        ++refused;
        EXPECT_NE(std::string(error.what()).find(name), std::string::npos) << error.what();
      }
    }
    write_file(run_ / name, whole);
  }
  EXPECT_GT(refused, 100U);
}

}  // namespace
}  // namespace selfcure
