#include "selfcure/report/sweep_report.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "selfcure/core/file_io.h"
#include "selfcure/report/sweep_analysis.h"
#include "selfcure/report/table_formats.h"
#include "support/fake_run.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::write_file;

SweepRun run_at(const std::string& method, const std::string& noise, const std::string& seed,
                const std::vector<double>& accuracy) {
  SweepRun run;
  run.name = method + "_" + noise + "_" + seed;
  run.point = {{"method", method}, {"noise", noise}, {"seed", seed}};
  for (std::size_t i = 0; i < accuracy.size(); ++i)
    run.record.epochs.add_row({{"epoch", static_cast<double>(i + 1)},
                               {"test_accuracy", accuracy[i]},
                               {"mean_class_accuracy", 0.5 * accuracy[i]}});
  return run;
}

/// Baseline and scn at two noise rates, three seeds: scn is 2 points ahead at 0.1, and not at 0.3.
SweepRecord example() {
  SweepRecord sweep;
  sweep.title = "Example <sweep>";
  sweep.dimensions = {{"method", "method", {"baseline", "scn"}},
                      {"noise", "noise", {"0.1", "0.3"}},
                      {"seed", "seed", {"1", "2", "3"}}};
  sweep.rows = {"method"};
  sweep.columns = {"noise"};
  sweep.repeat = "seed";
  sweep.baseline = {{"method", "baseline"}};
  const double gains[2][3] = {{0.019, 0.020, 0.021}, {0.05, -0.05, 0.01}};
  for (int noise = 0; noise < 2; ++noise)
    for (int seed = 0; seed < 3; ++seed) {
      const std::string rate = noise == 0 ? "0.1" : "0.3";
      const std::string number = std::to_string(seed + 1);
      const double level = 0.6 + 0.03 * seed - 0.1 * noise;
      sweep.runs.push_back(run_at("baseline", rate, number, {0.9, level}));
      sweep.runs.push_back(run_at("scn", rate, number, {0.1, level + gains[noise][seed]}));
    }
  return sweep;
}

const ReportTable& table_named(const ReportDocument& document, const std::string& name) {
  for (const ReportTable& table : document.tables())
    if (table.name == name) return table;
  ADD_FAILURE() << "no table " << name;
  static const ReportTable none;
  return none;
}

bool says(const ReportDocument& document, const std::string& text) {
  return document.page().text().find(text) != std::string::npos;
}

TEST(SweepAnalysis, PutsRunsIntoTheTableWithMeanAndSpread) {
  const SweepRecord sweep = example();
  const SweepGrid grid = arrange(sweep);
  ASSERT_EQ(grid.row_values.size(), 2U);
  ASSERT_EQ(grid.column_values.size(), 2U);
  EXPECT_EQ(grid.row_values[0][0], "baseline");
  EXPECT_EQ(grid.column_values[1][0], "0.3");
  const Spread spread = spread_of(grid.cells[0][0], "test_accuracy", Reported::kLastEpoch);
  EXPECT_EQ(spread.count, 3U);
  EXPECT_NEAR(spread.mean, 0.63, 1e-12);
  EXPECT_NEAR(spread.standard_deviation, 0.03, 1e-12);
  EXPECT_NEAR(spread_of(grid.cells[0][0], "test_accuracy", Reported::kBestEpoch).mean, 0.9, 1e-12);
  EXPECT_NEAR(spread_of(grid.cells[0][0], "test_accuracy", Reported::kMeanOfLastFive).mean,
              0.5 * (0.9 + 0.63), 1e-12);
}

TEST(SweepAnalysis, PairsTheSameSeedsAndLeavesOutTheRest) {
  SweepRecord sweep = example();
  // Seed 2 of the baseline is gone, seed 4 of scn has come.
  sweep.runs.erase(std::find_if(sweep.runs.begin(), sweep.runs.end(),
                                [](const SweepRun& run) { return run.name == "baseline_0.1_2"; }));
  sweep.runs.push_back(run_at("scn", "0.1", "4", {0.99}));
  const SweepGrid grid = arrange(sweep);
  const auto comparison =
      compare_with_baseline(sweep, grid, grid.cells[1][0], "test_accuracy", Reported::kLastEpoch);
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->difference.pairs, 2);
  EXPECT_EQ(comparison->unpaired, 2U);
  EXPECT_NEAR(comparison->difference.mean, 0.020, 1e-12);
  EXPECT_FALSE(
      compare_with_baseline(sweep, grid, grid.cells[0][0], "test_accuracy", Reported::kLastEpoch));
}

TEST(SweepAnalysis, ARepetitionThatIsThereTwiceIsPairedOnce) {
  SweepRecord sweep = example();
  sweep.runs.push_back(run_at("scn", "0.1", "1", {0.99}));
  const SweepGrid grid = arrange(sweep);
  const auto comparison =
      compare_with_baseline(sweep, grid, grid.cells[1][0], "test_accuracy", Reported::kLastEpoch);
  ASSERT_TRUE(comparison);
  EXPECT_EQ(comparison->difference.pairs, 3);
  EXPECT_EQ(comparison->unpaired, 1U);
}

TEST(SweepAnalysis, ABaselineWithoutADimensionServesAllItsValues) {
  SweepRecord sweep;
  sweep.dimensions = {{"method", "method", {"baseline", "scn"}},
                      {"gamma", "gamma", {"0.3", "0.5"}}};
  sweep.rows = {"method"};
  sweep.columns = {"gamma"};
  sweep.baseline = {{"method", "baseline"}};
  for (const char* gamma : {"", "0.3", "0.5"}) {
    SweepRun run = run_at(*gamma ? "scn" : "baseline", "", "1", {*gamma ? 0.8 : 0.7});
    run.point = {{"method", *gamma ? "scn" : "baseline"}};
    if (*gamma) run.point["gamma"] = gamma;
    sweep.runs.push_back(run);
  }
  const SweepGrid grid = arrange(sweep);
  ASSERT_EQ(grid.column_values.size(), 3U);
  for (const std::size_t column : {1U, 2U}) {
    const auto comparison = compare_with_baseline(sweep, grid, grid.cells[1][column],
                                                  "test_accuracy", Reported::kLastEpoch);
    ASSERT_TRUE(comparison);
    EXPECT_NEAR(comparison->difference.mean, 0.1, 1e-12);
  }
}

TEST(SweepAnalysis, TheOverallSentenceCountsVerdicts) {
  const SweepRecord sweep = example();
  EXPECT_EQ(overall_sentences(sweep, arrange(sweep)),
            (std::vector<std::string>{
                "scn against baseline: better in 1 of 2 settings, worse in 0, no difference can be "
                "told in 1; over all 6 pairs it is ahead in 5, mean difference +1.2 points."}));
}

TEST(SweepAnalysis, WithoutABaselineTheHighestMeanIsHeldAgainstTheNext) {
  SweepRecord sweep = example();
  sweep.baseline.clear();
  const std::vector<std::string> sentences = overall_sentences(sweep, arrange(sweep));
  ASSERT_EQ(sentences.size(), 1U);
  EXPECT_EQ(
      sentences[0],
      "Highest mean: scn, noise 0.1 with 65.00 %; next is baseline, noise 0.1 with 63.00 % "
      "(the first against the next: better in 3 of 3 seeds, +2.0 points, 95 % interval 1.8 to "
      "2.2 (Student's t)).");
}

TEST(SweepReport, SaysTheVerdictOfEachPlaceInPlainWords) {
  const ReportDocument document = sweep_report(example());
  EXPECT_TRUE(says(document,
                   "scn, noise 0.1: better in 3 of 3 seeds, +2.0 points, 95 % interval 1.8 to 2.2 "
                   "(Student&#39;s t)."));
  EXPECT_TRUE(says(document, "scn, noise 0.3: no difference can be told: better in 2 of 3 seeds"));
}

TEST(SweepReport, TheTableHoldsMeanSpreadAndCountAsRawNumbers) {
  const ReportDocument document = sweep_report(example());
  const ReportTable& table = table_named(document, "results");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0][1].text, "63.00");
  EXPECT_EQ(table.rows[0][1].note, "\u00B1 3.00 (3)");
  EXPECT_NEAR(table.rows[0][1].values[0], 0.63, 1e-12);
  EXPECT_TRUE(table.rows[1][1].strong);
  EXPECT_FALSE(table.rows[0][1].strong);
}

TEST(SweepReport, DifferencesAreRatiosUnderAHeadingThatSaysNothingElse) {
  const ReportDocument document = sweep_report(example());
  const std::string csv = table_csv(table_named(document, "paired_differences"));
  EXPECT_EQ(csv.substr(0, csv.find('\n')).find("points"), std::string::npos) << csv;
  EXPECT_NE(csv.find("difference mean,difference sd,difference 95 % interval low"),
            std::string::npos);
}

TEST(SweepReport, AMeanOfFewerThanFiveEpochsIsSaidToBeOne) {
  const std::string note = "fewer than five evaluated epochs";
  SweepRecord sweep = example();
  EXPECT_TRUE(says(sweep_report(sweep), note));
  for (SweepRun& run : sweep.runs)
    for (int epoch = 3; epoch <= 5; ++epoch)
      run.record.epochs.add_row({{"epoch", epoch}, {"test_accuracy", 0.5}});
  EXPECT_FALSE(says(sweep_report(sweep), note));
}

TEST(SweepReport, MissingPlacesStayEmpty) {
  SweepRecord sweep = example();
  sweep.runs.erase(std::remove_if(sweep.runs.begin(), sweep.runs.end(),
                                  [](const SweepRun& run) {
                                    return run.point.at("noise") == "0.3" &&
                                           run.point.at("method") == "scn";
                                  }),
                   sweep.runs.end());
  sweep.missing.push_back({{"method", "scn"}, {"noise", "0.3"}, {"seed", "1"}});
  sweep.left_out.push_back({"scn_0.3_1", "not started"});
  const ReportDocument document = sweep_report(sweep);
  EXPECT_EQ(table_named(document, "results").rows[1][2].text, "-");
  EXPECT_TRUE(says(document, "scn_0.3_1: not started"));
  EXPECT_TRUE(says(document, "1 left out"));
}

TEST(SweepReport, NoFinishedRunGivesAPageThatSaysSo) {
  SweepRecord sweep;
  sweep.title = "nothing";
  sweep.left_out = {{"a", "unfinished"}};
  EXPECT_TRUE(says(sweep_report(sweep), "No run is finished; 1 run left out."));
}

TEST(SweepReport, PublishedFiguresStandBesideWithTheDifferenceAndTheRecipe) {
  SweepRecord sweep = example();
  sweep.published = PublishedRequest{
      "table1_synthetic_noise", "raf_db", "", {{"method", "method"}, {"noise", "noise"}},
      {{"pretrain", "false"}},  {}};
  for (SweepRun& run : sweep.runs) run.record.config = {{"data.image_size", "64"}};
  const ReportDocument document = sweep_report(sweep);
  const ReportTable& table = table_named(document, "published");
  ASSERT_EQ(table.rows.size(), 4U);
  // scn, 0.1: 65.00 here, 70.26 published; gain 2.00 here, 70.26 - 61.43 published.
  const std::vector<ReportCell>& row = table.rows[2];
  EXPECT_EQ(row[0].text, "scn");
  EXPECT_EQ(row[2].text, "65.00");
  EXPECT_EQ(row[3].text, "70.26");
  EXPECT_EQ(row[4].text, "\u22125.26");
  EXPECT_EQ(row[5].text, "+2.00");
  EXPECT_EQ(row[6].text, "+8.83");
  EXPECT_TRUE(says(document, "image size 64 instead of 224"));
  EXPECT_EQ(table_named(document, "published_since").rows.size(), 6U);
}

TEST(SweepReport, AValueOfTheSweepMayNameThePublishedFigure) {
  SweepRecord sweep = example();
  PublishedRequest request;
  request.table = "table5_modules_on_raf_db";
  request.figure_dimension = "method";
  request.fixed = {{"weight", "true"}, {"rank", "true"}, {"relabel", "true"}};
  request.as = {{"method", {{"baseline", "scratch"}, {"scn", "pretrain"}}}};
  sweep.published = request;
  EXPECT_EQ(published_of(sweep, {{"method", "baseline"}}), 0.7831);
  EXPECT_EQ(published_of(sweep, {{"method", "scn"}}), 0.8703);
  EXPECT_EQ(published_of(sweep, {{"method", "my_own"}}), std::nullopt);
}

TEST(SweepReport, AWrongPublishedNameIsSaidOnThePage) {
  SweepRecord sweep = example();
  sweep.published = PublishedRequest{"table9", "raf_db", "", {}, {}, {}};
  EXPECT_TRUE(says(sweep_report(sweep), "published table &#39;table9&#39; is not known"));
}

TEST(SweepReport, TextsOfTheUserAreEscaped) {
  SweepRecord sweep = example();
  sweep.runs[0].name = "<script>alert(1)</script>";
  const ReportDocument document = sweep_report(sweep);
  EXPECT_FALSE(says(document, "<script"));
  EXPECT_TRUE(says(document, "Example &lt;sweep&gt;"));
}

TEST(SweepReport, RunsWithAReportOfTheirOwnAreLinkedRelatively) {
  const testing::TemporaryDirectory directory;
  SweepRecord sweep = example();
  for (SweepRun& run : sweep.runs) run.record.path = directory.path() / "runs" / run.name;
  sweep.runs[2].record.path = directory.path() / "pages" / "noise:0.1 50%";
  for (const std::size_t i : {0, 2}) write_file(sweep.runs[i].record.path / "report.html", "x");
  SweepReportOptions options;
  options.page_folder = directory.path() / "pages";
  const ReportDocument document = sweep_report(sweep, options);
  const ReportTable& table = table_named(document, "runs");
  EXPECT_EQ(table.rows[0][0].link, "../runs/baseline_0.1_1/report.html");
  EXPECT_EQ(table.rows[1][0].link, "");
  EXPECT_EQ(table.rows[2][0].link, "noise%3A0.1%2050%25/report.html") << "no scheme of a link";
}

class SameFaces : public ::testing::Test {
 protected:
  /// 40 images; every fourth one has a wrong label in the noisy runs. Alpha grows with the row.
  SweepRecord three_runs() {
    SweepRecord sweep = example();
    for (int i = 0; i < 3; ++i) {
      const fs::path folder = directory_.path() / std::to_string(i);
      std::string csv = "id,image,importance,label,given,clean\n";
      for (int row = 0; row < 40; ++row) {
        const bool wrong = row % 4 == 0;
        const std::string given = wrong && i > 0 ? "sad" : "happy";
        csv += std::to_string(row) + ",f" + std::to_string(row) + ".jpg," +
               std::to_string(0.02 * row) + "," + (i == 2 ? "happy" : given) + "," + given +
               ",happy\n";
      }
      write_file(folder / "importance.csv", csv);
      sweep.runs[static_cast<std::size_t>(i)].record.path = folder;
      sweep.same_faces.push_back(sweep.runs[static_cast<std::size_t>(i)].name);
    }
    return sweep;
  }
  testing::TemporaryDirectory directory_;
};

TEST_F(SameFaces, ComparesTheSameImagesInAllTrainings) {
  const ReportDocument document = sweep_report(three_runs());
  const ReportTable& table = table_named(document, "same_faces");
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_NE(table.caption.find("same 40 images"), std::string::npos);
  // Wrong rows 0, 4 .. 36: mean row 18; the other 30 rows: mean (780 - 180) / 30 = 20.
  EXPECT_NEAR(table.rows[1][2].values[0], 0.40, 1e-9);
  EXPECT_NEAR(table.rows[1][3].values[0], 0.36, 1e-9);
  // Relabelled in the third training.
  EXPECT_TRUE(says(document, "sad \u2192 happy"));
}

TEST_F(SameFaces, ShowsPicturesByTheRuleAndNotByChoice) {
  std::vector<std::int64_t> asked;
  SweepReportOptions options;
  options.same_faces = 2;
  struct Recorder : FaceImages {
    explicit Recorder(std::vector<std::int64_t>& rows) : rows_(rows) {}
    std::optional<std::string> jpeg(const std::string&, std::int64_t row,
                                    const std::string&) override {
      rows_.push_back(row);
      return "\xFF\xD8jpeg";
    }
    std::string problem() override { return ""; }
    std::vector<std::int64_t>& rows_;
  };
  options.faces = [&](const RunRecord&) { return std::make_unique<Recorder>(asked); };
  const ReportDocument document = sweep_report(three_runs(), options);
  // Right: 30 images, places 7 and 22 of 1,2,3,5,6,7,9,..; wrong: 10 images, places 2 and 7.
  EXPECT_EQ(asked, (std::vector<std::int64_t>{10, 30, 8, 28}));
  EXPECT_TRUE(says(document, "data:image/jpeg"));
}

TEST_F(SameFaces, ARunThatIsNotThereIsNamed) {
  SweepRecord sweep = three_runs();
  sweep.same_faces[1] = "gone";
  EXPECT_TRUE(says(sweep_report(sweep), "The run gone is not finished"));
  sweep = three_runs();
  fs::remove(sweep.runs[2].record.path / "importance.csv");
  EXPECT_TRUE(says(sweep_report(sweep), "has no importance.csv"));
}

TEST(SweepReport, FilesHoldEveryTableAndPlot) {
  const testing::TemporaryDirectory directory;
  const std::vector<std::string> files = sweep_report(example()).write_files(directory.path());
  const auto has = [&](const std::string& name) {
    return std::find(files.begin(), files.end(), name) != files.end() &&
           fs::file_size(directory.path() / name) > 0;
  };
  for (const char* name : {"results.md", "results.csv", "results.tex", "paired_differences.csv",
                           "means_over_noise.svg", "means_over_noise.png"})
    EXPECT_TRUE(has(name)) << name;
  EXPECT_EQ(read_file(directory.path() / "results.csv").substr(0, 60),
            "method,noise 0.1 mean,noise 0.1 sd,noise 0.1 n,noise 0.3 mea");
}

}  // namespace
}  // namespace selfcure
