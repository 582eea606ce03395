#include <cmath>
#include <cstdlib>

#include "selfcure/report/table_formats.h"
#include "sweep_sections.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

double mean_of(const EpochTable& epochs, const std::string& name) {
  return spread_of(epochs.column(name)).mean;
}

/// Seconds of training; NaN if the run does not say them.
double training_seconds(const RunRecord& run) {
  const std::string text = find_text(run.summary, "training_seconds");
  return text.empty() ? std::nan("") : std::strtod(text.c_str(), nullptr);
}

std::string duration_text(double seconds) {
  if (std::isnan(seconds)) return "-";
  constexpr double kMinute = 60, kHour = 3600;
  if (seconds < kMinute) return decimal_text(seconds, 1) + " s";
  if (seconds < kHour) return decimal_text(seconds / kMinute, 1) + " min";
  return decimal_text(seconds / kHour, 1) + " h";
}

/// Relative link to the run's own report; empty if it has none.
std::string report_link(const SweepView& view, const RunRecord& run) {
  if (view.options.page_folder.empty()) return "";
  std::error_code error;
  const fs::path report = run.path / "report.html";
  if (!fs::is_regular_file(report, error)) return "";
  const fs::path link = fs::relative(report, view.options.page_folder, error);
  if (error || link.empty()) return "";
  // A reader's program would take these for something else.
  std::string text;
  for (const char c : link.generic_string()) {
    if (c == '%' || c == '?' || c == '#' || c == ' ' || c == '"' || c == ':' || c == '\\') {
      static constexpr char kHex[] = "0123456789ABCDEF";
      const auto byte = static_cast<unsigned char>(c);
      text += std::string("%") + kHex[byte >> 4U] + kHex[byte & 15U];
    } else {
      text += c;
    }
  }
  return text;
}

ReportColumn number_column(const std::string& title, const std::string& unit = "") {
  ReportColumn column;
  column.title = title;
  column.unit = unit;
  return column;
}

}  // namespace

void add_sweep_time(ReportDocument& document, const SweepView& view) {
  ReportTable table;
  table.name = "time";
  table.caption = "Time: mean \u00B1 standard deviation over runs (number of runs)";
  table.columns = place_columns(view);
  table.columns.push_back(spread_column("epochs", ""));
  table.columns.push_back(spread_column("training images per second", ""));
  table.columns.push_back(spread_column("time per epoch", "s"));
  table.columns.push_back(spread_column("of it waiting for data", "s"));
  table.columns.push_back(spread_column("evaluation per epoch", "s"));
  double total = 0;
  for_each_cell(view, [&](const SweepCell& cell) {
    std::vector<double> epochs, speed, seconds, waiting, evaluation;
    for (const SweepRun* run : cell.runs) {
      const EpochTable& rows = run->record.epochs;
      epochs.push_back(static_cast<double>(rows.size()));
      speed.push_back(mean_of(rows, "images_per_second"));
      seconds.push_back(mean_of(rows, "seconds"));
      waiting.push_back(mean_of(rows, "data_wait_seconds"));
      evaluation.push_back(mean_of(rows, "evaluation_seconds"));
      const double all = training_seconds(run->record);
      if (!std::isnan(all)) total += all;
    }
    std::vector<ReportCell> cells = place_cells(view, cell.point);
    cells.push_back(spread_cell(spread_of(epochs), 1, 0));
    cells.push_back(spread_cell(spread_of(speed), 1, 1));
    for (const auto* values : {&seconds, &waiting, &evaluation})
      cells.push_back(spread_cell(spread_of(*values), 1, 2));
    table.rows.push_back(std::move(cells));
  });
  if (table.rows.empty()) return;
  HtmlPage& page = document.page();
  page.section("Time");
  table.notes.push_back("All finished runs together: " + duration_text(total) +
                        " of training. Runs that shared a machine slowed each other down.");
  page.begin_details("Time and throughput");
  document.table(std::move(table));
  page.end_details();
}

void add_sweep_runs(ReportDocument& document, const SweepView& view) {
  const SweepRecord& sweep = view.sweep;
  HtmlPage& page = document.page();
  page.section("Runs");
  if (!sweep.left_out.empty()) {
    std::vector<std::string> items;
    for (const LeftOut& left : sweep.left_out) items.push_back(left_out_text(left));
    page.paragraph("Left out:");
    page.list(items);
  }
  ReportTable table;
  table.name = "runs";
  table.caption = "Finished runs";
  table.columns.push_back(number_column("run"));
  table.columns[0].number = false;
  for (const SweepDimension& dimension : sweep.dimensions) {
    table.columns.push_back(number_column(dimension.label));
    table.columns.back().number = false;
  }
  table.columns.push_back(number_column("epochs"));
  table.columns.push_back(number_column("last epoch", "%"));
  table.columns.push_back(number_column("mean of last 5", "%"));
  table.columns.push_back(number_column("best, chosen on test", "%"));
  table.columns.push_back(number_column("its epoch"));
  table.columns.push_back(number_column("training"));
  for (const SweepRun& run : sweep.runs) {
    std::vector<ReportCell> cells(1);
    cells[0].text = run.name;
    cells[0].link = report_link(view, run.record);
    for (const SweepDimension& dimension : sweep.dimensions) {
      const auto found = run.point.find(dimension.name);
      cells.emplace_back();
      cells.back().text = found == run.point.end() ? "-" : found->second;
    }
    const RunAccuracy accuracy = run.record.accuracy(sweep.metric);
    const auto epochs = static_cast<double>(run.record.epochs.size());
    cells.push_back(number_cell(epochs, decimal_text(epochs, 0)));
    for (const double value : {accuracy.last, accuracy.mean_of_last_five, accuracy.best})
      cells.push_back(number_cell(value, decimal_text(100 * value, 2)));
    cells.push_back(number_cell(accuracy.best_epoch, std::to_string(accuracy.best_epoch)));
    const double seconds = training_seconds(run.record);
    cells.push_back(number_cell(seconds, duration_text(seconds)));
    table.rows.push_back(std::move(cells));
  }
  page.begin_details("All " + std::to_string(sweep.runs.size()) + " finished runs");
  document.table(std::move(table));
  page.end_details();
}

}  // namespace selfcure
