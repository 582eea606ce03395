#include <cmath>

#include "selfcure/report/table_formats.h"
#include "sweep_sections.h"

namespace selfcure {
namespace {

/// The table as in the paper: rows by columns.
ReportTable grid_table(const SweepView& view, Reported which, const std::string& name,
                       const std::string& caption) {
  const SweepRecord& sweep = view.sweep;
  ReportTable table;
  table.name = name;
  table.caption = caption;
  for (const std::string& dimension : sweep.rows) {
    ReportColumn column;
    column.title = sweep.label_of(dimension);
    column.number = false;
    table.columns.push_back(column);
  }
  std::string group;
  for (const std::string& dimension : sweep.columns)
    group += (group.empty() ? "" : ", ") + sweep.label_of(dimension);
  if (sweep.rows.empty()) {
    table.columns.emplace_back();
    table.columns.back().number = false;
  }
  for (std::size_t column = 0; column < view.grid.column_values.size(); ++column)
    table.columns.push_back(spread_column(
        sweep.columns.empty() ? metric_words(sweep.metric) : column_name(view, column), "",
        sweep.columns.empty() ? "" : group, Best::kHighest));
  for (std::size_t row = 0; row < view.grid.row_values.size(); ++row) {
    std::vector<ReportCell> cells;
    for (const std::string& value : view.grid.row_values[row]) {
      cells.emplace_back();
      cells.back().text = value.empty() ? "-" : value;
      cells.back().header = true;
    }
    if (sweep.rows.empty()) {
      cells.emplace_back();
      cells.back().text = "all runs";
    }
    for (const SweepCell& cell : view.grid.cells[row])
      cells.push_back(spread_cell(spread_of(cell, sweep.metric, which), 100, 2));
    table.rows.push_back(std::move(cells));
  }
  if (sweep.rows.size() > 1) draw_rules(table);
  mark_best(table);
  return table;
}

ReportTable variants_table(const SweepView& view) {
  const std::string& metric = view.sweep.metric;
  const std::string other = metric == "test_accuracy" ? "mean_class_accuracy" : "test_accuracy";
  ReportTable table;
  table.name = "accuracy_by_choice_of_epoch";
  table.caption = "The same runs by which epoch is reported, and the other measure";
  table.columns = place_columns(view);
  const std::string words = metric_words(metric);
  table.columns.push_back(spread_column("last epoch", "%", words));
  table.columns.push_back(spread_column("mean of last 5", "%", words));
  table.columns.push_back(spread_column("best epoch, chosen on test", "%", words));
  table.columns.push_back(spread_column("last epoch", "%", metric_words(other)));
  for_each_cell(view, [&](const SweepCell& cell) {
    std::vector<ReportCell> cells = place_cells(view, cell.point);
    for (const Reported which :
         {Reported::kLastEpoch, Reported::kMeanOfLastFive, Reported::kBestEpoch})
      cells.push_back(spread_cell(spread_of(cell, metric, which), 100, 2));
    cells.push_back(spread_cell(spread_of(cell, other, Reported::kLastEpoch), 100, 2));
    table.rows.push_back(std::move(cells));
  });
  draw_rules(table);
  table.notes.push_back(
      "The best epoch was chosen by looking at the test set: it is too good by an unknown amount, "
      "and is here because published figures are often made so.");
  return table;
}

}  // namespace

void for_each_cell(const SweepView& view, const std::function<void(const SweepCell&)>& use) {
  for (const auto& row : view.grid.cells)
    for (const SweepCell& cell : row)
      if (!cell.runs.empty()) use(cell);
}

std::vector<ReportColumn> place_columns(const SweepView& view) {
  std::vector<ReportColumn> columns;
  for (const auto* names : {&view.sweep.rows, &view.sweep.columns})
    for (const std::string& dimension : *names) {
      ReportColumn column;
      column.title = view.sweep.label_of(dimension);
      column.number = false;
      columns.push_back(column);
    }
  if (columns.empty()) {
    columns.emplace_back();
    columns.back().title = "runs";
    columns.back().number = false;
  }
  return columns;
}

std::vector<ReportCell> place_cells(const SweepView& view, const SweepPoint& point) {
  std::vector<ReportCell> cells;
  for (const auto* names : {&view.sweep.rows, &view.sweep.columns})
    for (const std::string& dimension : *names) {
      const auto found = point.find(dimension);
      cells.emplace_back();
      cells.back().text = found == point.end() ? "-" : found->second;
      cells.back().header = true;
    }
  if (cells.empty()) {
    cells.emplace_back();
    cells.back().text = "all";
  }
  return cells;
}

void draw_rules(ReportTable& table) {
  for (std::size_t row = 1; row < table.rows.size(); ++row)
    if (table.rows[row][0].text != table.rows[row - 1][0].text) table.rules.push_back(row);
  if (table.rules.size() + 1 == table.rows.size()) table.rules.clear();
}

ReportCell spread_cell(const Spread& spread, double factor, int digits) {
  ReportCell cell;
  cell.values = {spread.mean, spread.standard_deviation, static_cast<double>(spread.count)};
  if (spread.count == 0) {
    cell.text = "-";
    return cell;
  }
  cell.text = decimal_text(factor * spread.mean, digits);
  const std::string count = "(" + std::to_string(spread.count) + ")";
  cell.note =
      spread.count < 2
          ? count
          : "\u00B1 " + decimal_text(factor * spread.standard_deviation, digits) + " " + count;
  return cell;
}

ReportColumn spread_column(const std::string& title, const std::string& unit,
                           const std::string& group, Best best) {
  ReportColumn column;
  column.title = title;
  column.unit = unit;
  column.group = group;
  column.best = best;
  column.parts = {"mean", "sd", "n"};
  return column;
}

Spread last_value_spread(const SweepCell& cell, const std::string& name) {
  std::vector<double> values;
  for (const SweepRun* run : cell.runs) values.push_back(run->record.accuracy(name).last);
  return spread_of(values);
}

std::string row_name(const SweepView& view, std::size_t row) {
  SweepPoint point;
  for (std::size_t i = 0; i < view.sweep.rows.size(); ++i)
    point[view.sweep.rows[i]] = view.grid.row_values[row][i];
  return describe(view.sweep, point, view.sweep.rows);
}

std::string column_name(const SweepView& view, std::size_t column) {
  std::string name;
  for (const std::string& value : view.grid.column_values[column])
    name += (name.empty() ? "" : ", ") + (value.empty() ? "-" : value);
  return name;
}

void add_sweep_accuracy(ReportDocument& document, const SweepView& view) {
  HtmlPage& page = document.page();
  page.section("Results");
  const std::string words = metric_words(view.sweep.metric);
  ReportTable table = grid_table(
      view, Reported::kLastEpoch, "results",
      words + " of the last epoch in percent: mean \u00B1 standard deviation (number of runs)");
  table.notes.push_back("Bold: the highest mean of its column" +
                        std::string(table.rules.empty() ? "" : " between two lines") +
                        ". That it is the highest does not say that it is better: see the paired "
                        "differences.");
  document.table(std::move(table));
  page.begin_details("Other choices of epoch, and the other measure");
  document.table(grid_table(view, Reported::kMeanOfLastFive, "results_mean_of_last_5",
                            words +
                                ", mean of the last five epochs, in percent: mean \u00B1 standard "
                                "deviation (number of runs)"));
  document.table(variants_table(view));
  page.end_details();
}

void add_sweep_relabelling(ReportDocument& document, const SweepView& view) {
  struct Measure {
    const char* name;
    const char* title;
    const char* unit;
    double factor;
    int digits;
  };
  const std::vector<Measure> measures = {{"labels_changed", "labels changed", "", 1, 0},
                                         {"relabel_precision", "precision", "%", 100, 1},
                                         {"relabel_recall", "recall", "%", 100, 1},
                                         {"alpha_auc", "AUC of \u03B1", "", 1, 3},
                                         {"alpha_mean", "mean \u03B1", "", 1, 3}};
  ReportTable table;
  table.name = "relabelling";
  table.caption =
      "Relabelling and importance weights at the last epoch: mean \u00B1 standard "
      "deviation (number of runs)";
  table.columns = place_columns(view);
  std::vector<Measure> used;
  for (const Measure& measure : measures) {
    bool anywhere = false;
    for_each_cell(view, [&](const SweepCell& cell) {
      anywhere = anywhere || last_value_spread(cell, measure.name).count > 0;
    });
    if (!anywhere) continue;
    used.push_back(measure);
    table.columns.push_back(spread_column(measure.title, measure.unit));
  }
  for_each_cell(view, [&](const SweepCell& cell) {
    // Methods without importance weights and without changed labels have nothing to show.
    if (last_value_spread(cell, "alpha_mean").count == 0 &&
        !(last_value_spread(cell, "labels_changed").mean > 0))
      return;
    std::vector<ReportCell> cells = place_cells(view, cell.point);
    for (const Measure& measure : used)
      cells.push_back(
          spread_cell(last_value_spread(cell, measure.name), measure.factor, measure.digits));
    table.rows.push_back(std::move(cells));
  });
  if (table.rows.empty()) return;
  document.page().section("Relabelling and importance weights");
  table.notes.push_back(
      "Labels changed: training labels that differ from the given ones. Precision: the share of "
      "them "
      "that are right. Recall: the share of wrong labels that are right now.");
  draw_rules(table);
  table.notes.push_back(
      "AUC of \u03B1: the chance that a training sample with a right label has a higher weight "
      "than "
      "one with a wrong label; 0.5 is chance.");
  document.table(std::move(table));
}

void add_sweep_classes(ReportDocument& document, const SweepView& view) {
  std::vector<std::string> classes;
  for_each_cell(view, [&](const SweepCell& cell) {
    for (const SweepRun* run : cell.runs)
      if (classes.empty()) classes = run->record.class_names;
  });
  if (classes.empty()) return;
  ReportTable table;
  table.name = "accuracy_per_class";
  table.caption =
      "Recognised test images of each class in percent, last epoch: mean \u00B1 standard deviation";
  table.columns = place_columns(view);
  for (const std::string& name : classes) table.columns.push_back(spread_column(name, ""));
  for_each_cell(view, [&](const SweepCell& cell) {
    std::vector<std::vector<double>> recalls(classes.size());
    for (const SweepRun* run : cell.runs) {
      if (run->record.class_names != classes) continue;
      for (std::size_t k = 0; k < classes.size(); ++k) {
        double total = 0;
        for (const std::int64_t count : run->record.confusion[k])
          total += static_cast<double>(count);
        if (total > 0)
          recalls[k].push_back(static_cast<double>(run->record.confusion[k][k]) / total);
      }
    }
    std::vector<ReportCell> cells = place_cells(view, cell.point);
    for (const std::vector<double>& values : recalls) {
      const Spread spread = spread_of(values);
      cells.push_back(spread_cell(spread, 100, 1));
      cells.back().note =
          spread.count > 1 ? "\u00B1 " + decimal_text(100 * spread.standard_deviation, 1) : "";
    }
    table.rows.push_back(std::move(cells));
  });
  draw_rules(table);
  document.page().section("Classes");
  document.table(std::move(table));
}

}  // namespace selfcure
