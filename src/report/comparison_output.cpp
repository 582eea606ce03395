#include <algorithm>
#include <cmath>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "selfcure/report/comparison.h"
#include "selfcure/report/svg_plot.h"
#include "selfcure/report/table_formats.h"

namespace selfcure {
namespace {

using nlohmann::ordered_json;

constexpr double kSignificance = 0.05;

/// How a measure is shown.
struct MeasureFormat {
  std::string words;
  std::string unit;
  double factor;
  int digits;
  /// Higher is better, so that a best epoch means something.
  bool has_best;
};

MeasureFormat format_of(const std::string& name) {
  if (name == "train_loss") return {"training loss", "", 1, 4, false};
  if (name == "labels_changed") return {"labels changed", "", 1, 0, false};
  if (name == "alpha_auc") return {"AUC of alpha", "", 1, 3, false};
  if (name == "alpha_mean") return {"mean alpha", "", 1, 3, false};
  if (name == "seconds") return {"time per epoch", "s", 1, 1, false};
  if (name == "relabel_precision") return {"relabel precision", "%", 100, 2, false};
  if (name == "relabel_recall") return {"relabel recall", "%", 100, 2, false};
  if (name == "train_accuracy") return {"training accuracy", "%", 100, 2, false};
  if (name == "mean_class_accuracy") return {"mean class accuracy", "%", 100, 2, true};
  if (name == "valid_accuracy") return {"validation accuracy", "%", 100, 2, true};
  return {"test accuracy", "%", 100, 2, true};
}

std::string p_text(double p) {
  char text[32];
  std::snprintf(text, sizeof(text), p < 0.001 ? "%.1e" : "%.3f", p);
  return text;
}

ReportColumn text_column(const std::string& title) {
  ReportColumn column;
  column.title = title;
  column.number = false;
  return column;
}

ReportColumn number_column(const std::string& title, const std::string& unit = "") {
  ReportColumn column;
  column.title = title;
  column.unit = unit;
  return column;
}

ReportCell text_cell(const std::string& text) {
  ReportCell cell;
  cell.text = text;
  return cell;
}

/// @param runtime  those that can change a result, or the others
ReportTable config_table(const Comparison& comparison, bool runtime) {
  ReportTable table;
  table.name = runtime ? "config_runtime" : "config";
  table.caption = runtime ? "Config keys that cannot change a result but by rounding"
                          : "Config keys that differ";
  table.columns = {text_column("key"), text_column("A"), text_column("B")};
  for (const ConfigDifference& difference : comparison.config)
    if (difference.runtime == runtime)
      table.rows.push_back(
          {text_cell(difference.key), text_cell(difference.left), text_cell(difference.right)});
  return table;
}

ReportTable measure_table(const Comparison& comparison) {
  ReportTable table;
  table.name = "measures";
  table.caption = "Measures";
  table.columns = {text_column("measure"), text_column("of"), number_column("A"),
                   number_column("B"), number_column("B \u2212 A")};
  const auto add = [&](const MeasureFormat& format, const std::string& of, double left,
                       double right) {
    const auto shown = [&](double value) {
      return number_cell(value, decimal_text(format.factor * value, format.digits));
    };
    const std::string words =
        format.unit.empty() ? format.words : format.words + " (" + format.unit + ")";
    table.rows.push_back(
        {text_cell(words), text_cell(of), shown(left), shown(right),
         number_cell(right - left, signed_text(format.factor * (right - left), format.digits))});
  };
  for (const MeasureComparison& measure : comparison.measures) {
    const MeasureFormat format = format_of(measure.name);
    add(format, "last epoch", measure.left.last, measure.right.last);
    if (!format.has_best) continue;
    add(format, "mean of last 5", measure.left.mean_of_last_five, measure.right.mean_of_last_five);
    const bool of_test = measure.name != "valid_accuracy";
    add(format, of_test ? "best, chosen on test" : "best", measure.left.best, measure.right.best);
  }
  table.notes.push_back("Difference: B minus A.");
  return table;
}

ReportTable class_table(const Comparison& comparison) {
  ReportTable table;
  table.name = "classes";
  table.caption = "Recognised test images of each class";
  table.columns = {text_column("class"),
                   number_column("images"),
                   number_column("A", "%"),
                   number_column("B", "%"),
                   number_column("B \u2212 A", "points"),
                   number_column("only A right"),
                   number_column("only B right")};
  for (const ClassComparison& entry : comparison.predictions->classes) {
    const auto images = static_cast<double>(entry.images);
    const double left = static_cast<double>(entry.right_left) / images;
    const double right = static_cast<double>(entry.right_right) / images;
    table.rows.push_back({text_cell(entry.name), count_cell(entry.images),
                          number_cell(left, decimal_text(100 * left, 2)),
                          number_cell(right, decimal_text(100 * right, 2)),
                          number_cell(right - left, signed_text(100 * (right - left), 2)),
                          count_cell(entry.only_left), count_cell(entry.only_right)});
  }
  return table;
}

ReportTable agreement_table(const Comparison& comparison) {
  const McNemar& test = comparison.predictions->test;
  ReportTable table;
  table.name = "agreement";
  table.caption = "Test images by which run has them right";
  table.columns = {text_column(""), number_column("B right"), number_column("B wrong")};
  table.rows = {{text_cell("A right"), count_cell(test.both_right), count_cell(test.only_first)},
                {text_cell("A wrong"), count_cell(test.only_second), count_cell(test.both_wrong)}};
  table.notes.push_back("Of the images that both have wrong, " +
                        std::to_string(comparison.predictions->same_mistake) +
                        " were taken for the same class by both.");
  return table;
}

ReportTable label_table(const Comparison& comparison) {
  ReportTable table;
  table.name = "labels";
  table.caption = "Training labels that differ from the given ones at the end";
  table.columns = {text_column("changed by"), number_column("labels"),
                   number_column("to the clean label"), number_column("to a wrong label")};
  const auto add = [&](const std::string& name, const ChangedLabels& labels) {
    table.rows.push_back({text_cell(name), count_cell(labels.count), count_cell(labels.right),
                          count_cell(labels.wrong)});
  };
  add("only A", comparison.labels->only_left);
  add("only B", comparison.labels->only_right);
  add("both, to the same label", comparison.labels->same);
  table.rows.push_back({text_cell("both, to different labels"),
                        count_cell(comparison.labels->different), text_cell("-"), text_cell("-")});
  return table;
}

std::string interval_text(const ConfidenceInterval& interval) {
  return decimal_text(100 * interval.low, 2) + " to " + decimal_text(100 * interval.high, 2) + " %";
}

std::vector<std::string> prediction_sentences(const Comparison& comparison) {
  const PredictionComparison& predictions = *comparison.predictions;
  const McNemar& test = predictions.test;
  std::vector<std::string> sentences;
  sentences.push_back("McNemar's test on " + std::to_string(predictions.images) +
                      " test images: " + std::to_string(test.only_first) + " only A has right, " +
                      std::to_string(test.only_second) + " only B; p = " + p_text(test.p_value) +
                      (test.exact ? " (exact binomial)."
                                  : " (chi-square " + decimal_text(test.chi_square, 2) +
                                        " with continuity correction)."));
  sentences.push_back("95 % interval of the accuracy on other test images (Wilson): A " +
                      interval_text(predictions.left_interval) + ", B " +
                      interval_text(predictions.right_interval) + ".");
  sentences.push_back(
      "The test compares these two networks. Another seed gives other networks: for methods, "
      "compare several seeds of each with selfcure report.");
  return sentences;
}

/// Columns as wide as their longest text, two blanks apart.
std::string plain_text(const ReportTable& table) {
  const auto length = [](const std::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
      return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // first bytes of UTF-8 only
    }));
  };
  std::vector<std::vector<std::string>> lines(1);
  for (const ReportColumn& column : table.columns) lines[0].push_back(column_heading(column));
  for (const auto& row : table.rows) {
    lines.emplace_back();
    for (const ReportCell& cell : row) lines.back().push_back(cell.text);
  }
  std::string text;
  for (const auto& line : lines) {
    std::string shown;
    for (std::size_t i = 0; i < line.size(); ++i) {
      std::size_t width = 0;
      for (const auto& other : lines) width = std::max(width, length(other[i]));
      const std::string blanks(width - length(line[i]), ' ');
      shown += "  ";
      shown += table.columns[i].number ? blanks + line[i] : line[i] + blanks;
    }
    text += shown.substr(0, shown.find_last_not_of(' ') + 1) + "\n";
  }
  return text;
}

ordered_json number_json(double value) {
  return std::isfinite(value) ? ordered_json(value) : ordered_json(nullptr);
}

ordered_json accuracy_json(const RunAccuracy& accuracy) {
  return {{"last", number_json(accuracy.last)},
          {"mean_of_last_five", number_json(accuracy.mean_of_last_five)},
          {"best", number_json(accuracy.best)},
          {"best_epoch", accuracy.best_epoch}};
}

ordered_json run_json(const RunRecord& run, const std::string& name) {
  return {{"name", name},
          {"directory", run.path.string()},
          {"method", run.method},
          {"epochs", run.epochs.size()}};
}

ordered_json changed_json(const ChangedLabels& labels) {
  return {{"count", labels.count}, {"right", labels.right}, {"wrong", labels.wrong}};
}

PlotSeries curve(const RunRecord& run, const std::string& name, const std::string& column,
                 int colour) {
  PlotSeries series;
  series.name = name;
  series.x = run.epochs.column("epoch");
  series.y = run.epochs.column(column);
  series.markers = false;
  series.dashed = colour == 1;
  series.colour = colour;
  return series;
}

void add_curves(ReportDocument& document, const Comparison& comparison) {
  document.page().section("Curves");
  document.page().begin_figures();
  for (const MeasureComparison& measure : comparison.measures) {
    const MeasureFormat format = format_of(measure.name);
    LinePlot plot;
    plot.title = format.words + " after each epoch";
    plot.x.label = "epoch";
    plot.x.whole = true;
    plot.y.label = format.unit == "s" ? format.words + " (s)" : format.words;
    plot.y.percent = format.unit == "%";
    plot.width = 480;
    plot.height = 300;
    plot.series.push_back(curve(comparison.left, "A: " + comparison.left_name, measure.name, 0));
    plot.series.push_back(curve(comparison.right, "B: " + comparison.right_name, measure.name, 1));
    document.plot("curve_" + measure.name, svg(plot), plot.title);
  }
  document.page().end_figures();
}

}  // namespace

std::string comparison_verdict(const Comparison& comparison) {
  if (!comparison.predictions) return comparison.prediction_problem;
  const McNemar& test = comparison.predictions->test;
  const double points = 100 * static_cast<double>(test.only_second - test.only_first) /
                        static_cast<double>(comparison.predictions->images);
  if (test.p_value >= kSignificance)
    return "No difference can be told between A and B on these test images: B \u2212 A = " +
           signed_text(points, 2) + " points, p = " + p_text(test.p_value) + ".";
  const bool second = test.only_second > test.only_first;
  return std::string(second ? "B" : "A") +
         " is right more often on these test images: " + signed_text(std::abs(points), 2) +
         " points, p = " + p_text(test.p_value) + ".";
}

std::string comparison_text(const Comparison& comparison) {
  std::string text = "A: " + comparison.left_name + " (" + comparison.left.path.string() +
                     ")\nB: " + comparison.right_name + " (" + comparison.right.path.string() +
                     ")\n\n";
  const auto add = [&](const ReportTable& table) {
    if (table.rows.empty()) return;
    text += table.caption + "\n" + plain_text(table) + "\n";
  };
  add(config_table(comparison, false));
  add(config_table(comparison, true));
  if (comparison.config.empty()) text += "No config key differs.\n\n";
  add(measure_table(comparison));
  if (comparison.predictions) {
    add(class_table(comparison));
    add(agreement_table(comparison));
    for (const std::string& sentence : prediction_sentences(comparison)) text += sentence + "\n";
    text += "\n";
  }
  if (comparison.labels)
    add(label_table(comparison));
  else if (!comparison.label_problem.empty())
    text += comparison.label_problem + "\n\n";
  return text + comparison_verdict(comparison) + "\n";
}

std::string comparison_json(const Comparison& comparison) {
  ordered_json json = {{"format", "selfcure-comparison-1"},
                       {"first", run_json(comparison.left, comparison.left_name)},
                       {"second", run_json(comparison.right, comparison.right_name)},
                       {"config", ordered_json::array()},
                       {"measures", ordered_json::object()}};
  for (const ConfigDifference& difference : comparison.config)
    json["config"].push_back({{"key", difference.key},
                              {"first", difference.left},
                              {"second", difference.right},
                              {"runtime", difference.runtime}});
  for (const MeasureComparison& measure : comparison.measures)
    json["measures"][measure.name] = {{"first", accuracy_json(measure.left)},
                                      {"second", accuracy_json(measure.right)}};
  if (comparison.predictions) {
    const PredictionComparison& predictions = *comparison.predictions;
    const McNemar& test = predictions.test;
    const auto interval = [](const ConfidenceInterval& ends) {
      return ordered_json::array({number_json(ends.low), number_json(ends.high)});
    };
    json["predictions"] = {{"images", predictions.images},
                           {"both_right", test.both_right},
                           {"only_first", test.only_first},
                           {"only_second", test.only_second},
                           {"both_wrong", test.both_wrong},
                           {"same_mistake", predictions.same_mistake},
                           {"mcnemar",
                            {{"test", test.exact ? "exact binomial" : "chi-square, corrected"},
                             {"chi_square", number_json(test.chi_square)},
                             {"p_value", test.p_value}}},
                           {"accuracy_interval_first", interval(predictions.left_interval)},
                           {"accuracy_interval_second", interval(predictions.right_interval)},
                           {"classes", ordered_json::array()}};
    for (const ClassComparison& entry : predictions.classes)
      json["predictions"]["classes"].push_back({{"name", entry.name},
                                                {"images", entry.images},
                                                {"right_first", entry.right_left},
                                                {"right_second", entry.right_right},
                                                {"only_first", entry.only_left},
                                                {"only_second", entry.only_right}});
  } else {
    json["prediction_problem"] = comparison.prediction_problem;
  }
  if (comparison.labels)
    json["labels"] = {{"only_first", changed_json(comparison.labels->only_left)},
                      {"only_second", changed_json(comparison.labels->only_right)},
                      {"both_same", changed_json(comparison.labels->same)},
                      {"both_different", comparison.labels->different}};
  else
    json["label_problem"] = comparison.label_problem;
  json["verdict"] = comparison_verdict(comparison);
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

ReportDocument comparison_report(const Comparison& comparison) {
  ReportDocument document(
      comparison.left_name + " and " + comparison.right_name,
      "A: " + comparison.left.path.string() + "; B: " + comparison.right.path.string());
  HtmlPage& page = document.page();
  page.paragraph(comparison_verdict(comparison));
  page.section("What differs in the configs");
  bool any = false;
  for (const bool runtime : {false, true}) {
    ReportTable table = config_table(comparison, runtime);
    if (table.rows.empty()) continue;
    any = true;
    document.table(std::move(table));
  }
  if (!any) page.paragraph("No config key differs.");
  page.section("Measures");
  document.table(measure_table(comparison));
  add_curves(document, comparison);
  page.section("Predictions");
  if (comparison.predictions) {
    for (const std::string& sentence : prediction_sentences(comparison)) page.paragraph(sentence);
    document.table(agreement_table(comparison));
    document.table(class_table(comparison));
  } else {
    page.note(comparison.prediction_problem);
  }
  page.section("Changed labels");
  if (comparison.labels)
    document.table(label_table(comparison));
  else
    page.paragraph(comparison.label_problem);
  return document;
}

}  // namespace selfcure
