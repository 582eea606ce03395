#include "selfcure/report/table_formats.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

ReportColumn column(const std::string& title, const std::string& group, const std::string& unit,
                    Best best, const std::vector<std::string>& parts = {}) {
  ReportColumn column;
  column.title = title;
  column.group = group;
  column.unit = unit;
  column.best = best;
  column.parts = parts;
  return column;
}

ReportCell text(const std::string& shown) {
  ReportCell cell;
  cell.text = shown;
  return cell;
}

ReportCell number(const std::string& shown, const std::vector<double>& values,
                  const std::string& note = "") {
  ReportCell cell = text(shown);
  cell.note = note;
  cell.values = values;
  return cell;
}

ReportTable example() {
  ReportTable table;
  table.name = "accuracy_all";
  table.caption = "Accuracy & spread";
  table.columns = {column("method", "", "", Best::kNone),
                   column("10 %", "noise", "%", Best::kHighest, {"mean", "sd"}),
                   column("30 %", "noise", "%", Best::kHighest, {"mean", "sd"}),
                   column("time", "", "s", Best::kLowest)};
  table.columns[0].number = false;
  table.rows = {{text("base|line"), number("80.1", {0.801, 0.002}, "\u00B1 0.2"),
                 number("70.0", {0.7, kNaN}), number("12", {12.5})},
                {text("s_cn"), number("81.0", {0.81, 0.001}, "\u00B1 0.1"),
                 number("-", {kNaN, kNaN}), number("9", {9})}};
  table.notes = {"Means of 3 seeds < 5."};
  return table;
}

std::vector<std::vector<bool>> bold(ReportTable table) {
  mark_best(table);
  std::vector<std::vector<bool>> strong;
  for (const auto& row : table.rows) {
    strong.emplace_back();
    for (const ReportCell& cell : row) strong.back().push_back(cell.strong);
  }
  return strong;
}

TEST(TableFormats, TheBestOfEachColumnIsBold) {
  const auto strong = bold(example());
  EXPECT_EQ(strong[0], (std::vector<bool>{false, false, false, false}));
  // Alone in its column, 70.0 has nothing to be better than.
  EXPECT_EQ(strong[1], (std::vector<bool>{false, true, false, true}));
}

TEST(TableFormats, TheBestIsLookedForBetweenRulesAndTiesAreAllBold) {
  ReportTable table = example();
  table.rows.push_back({text("c"), number("1", {0.1}), number("1", {0.1}), number("5", {5})});
  table.rows.push_back({text("d"), number("1", {0.1}), number("2", {0.2}), number("6", {6})});
  table.rules = {2};
  const auto strong = bold(table);
  EXPECT_TRUE(strong[1][1]);
  EXPECT_TRUE(strong[2][1] && strong[3][1]);
  EXPECT_TRUE(!strong[2][2] && strong[3][2]);
  EXPECT_TRUE(strong[1][3] && strong[2][3] && !strong[3][3]);
}

TEST(TableFormats, ARowOfAnotherLengthIsRefused) {
  ReportTable table = example();
  table.rows[1].pop_back();
  EXPECT_THROW(mark_best(table), ShapeError);
  EXPECT_THROW(table_markdown(table), ShapeError);
  EXPECT_THROW(table_csv(table), ShapeError);
  EXPECT_THROW(table_latex(table), ShapeError);
}

TEST(TableFormats, CsvHoldsRawNumbersInFullAndLeavesUnknownOnesEmpty) {
  ReportTable table = example();
  table.rows[0][1].values[0] = 0.1 + 0.2;
  table.rows[1][0].text = "a, b";
  EXPECT_EQ(table_csv(table),
            "method,noise 10 % mean,noise 10 % sd,noise 30 % mean,noise 30 % sd,time\n"
            "base|line,0.30000000000000004,0.002,0.7,,12.5\n"
            "\"a, b\",0.81,0.001,,,9\n");
}

TEST(TableFormats, MarkdownHasOneLinePerRowAndNoStrayMarkup) {
  ReportTable table = example();
  mark_best(table);
  EXPECT_EQ(table_markdown(table),
            "**Accuracy & spread**\n\n"
            "| method | noise: 10 % (%) | noise: 30 % (%) | time (s) |\n"
            "|---|---:|---:|---:|\n"
            "| base\\|line | 80.1 \u00B1 0.2 | 70.0 | 12 |\n"
            "| s_cn | **81.0 \u00B1 0.1** | - | **9** |\n"
            "\n- Means of 3 seeds \\< 5.\n");
}

TEST(TableFormats, MarkdownLinksStayOnePiece) {
  ReportTable table = example();
  table.rows[0][0].link = "a b/(c).html";
  EXPECT_NE(table_markdown(table).find("[base\\|line](a%20b/(c%29.html)"), std::string::npos);
}

TEST(TableFormats, LatexUsesBooktabsAndEscapes) {
  ReportTable table = example();
  table.rules = {1};
  table.rows[1][3].strong = true;
  EXPECT_EQ(table_latex(table),
            "% \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n"
            "  \\caption{Accuracy \\& spread}\n  \\label{tab:accuracy-all}\n"
            "  \\begin{tabular}{lrrr}\n    \\toprule\n"
            "     & \\multicolumn{2}{c}{noise} &  \\\\\n"
            "    \\cmidrule(lr){2-3}\n"
            "    method & 10 \\% (\\%) & 30 \\% (\\%) & time (s) \\\\\n    \\midrule\n"
            "    base|line & 80.1 $\\pm$ 0.2 & 70.0 & 12 \\\\\n"
            "    \\midrule\n"
            "    s\\_cn & 81.0 $\\pm$ 0.1 & - & \\textbf{9} \\\\\n"
            "    \\bottomrule\n  \\end{tabular}\n"
            "  \\par\\smallskip{\\footnotesize Means of 3 seeds $<$ 5.}\n"
            "\\end{table}\n");
}

// "\\\\ [15, 30]" is a line break of a height that is no number, "\\\\ *" one without the star.
TEST(TableFormats, LatexRowsMayStartWithAListOrAStar) {
  EXPECT_EQ(escape_latex("[15, 30]"), "{[}15, 30]");
  EXPECT_EQ(escape_latex("*"), "{*}");
}

TEST(TableFormats, NumbersAreShownWithATrueMinusAndNoNegativeZero) {
  EXPECT_EQ(decimal_text(-1.25, 1), "\u22121.2");
  EXPECT_EQ(decimal_text(-0.01, 1), "0.0");
  EXPECT_EQ(decimal_text(kNaN, 1), "-");
  EXPECT_EQ(signed_text(2.04, 1), "+2.0");
  EXPECT_EQ(signed_text(0.01, 1), "0.0");
  EXPECT_EQ(signed_text(-2, 1), "\u22122.0");
  EXPECT_EQ(number_text(0.1), "0.1");
  EXPECT_EQ(number_text(kNaN), "");
}

}  // namespace
}  // namespace selfcure
