#pragma once

#include <functional>
#include <string>
#include <vector>

#include "selfcure/report/report_document.h"
#include "selfcure/report/sweep_analysis.h"
#include "selfcure/report/sweep_report.h"

namespace selfcure {

/// What every part of a sweep's report works on.
struct SweepView {
  const SweepRecord& sweep;
  const SweepGrid& grid;
  const SweepReportOptions& options;
};

/// Calls `use` with every cell that has runs, in the order of the table.
void for_each_cell(const SweepView& view, const std::function<void(const SweepCell&)>& use);

/// Columns and cells that say where in the sweep a row of a table is.
std::vector<ReportColumn> place_columns(const SweepView& view);
std::vector<ReportCell> place_cells(const SweepView& view, const SweepPoint& point);

/// "82.10" with the note "± 0.31 (3)"; raw numbers mean, standard deviation, count.
ReportCell spread_cell(const Spread& spread, double factor, int digits);
/// A number column of such cells.
ReportColumn spread_column(const std::string& title, const std::string& unit,
                           const std::string& group = "", Best best = Best::kNone);

/// Draws lines where the first column changes, unless that is everywhere.
void draw_rules(ReportTable& table);

/// The mean over the runs of a cell of a number of their last epoch.
Spread last_value_spread(const SweepCell& cell, const std::string& name);

/// Names of the lines in a plot, one per row of the table, and its columns.
std::string row_name(const SweepView& view, std::size_t row);
std::string column_name(const SweepView& view, std::size_t column);

// The parts of the report, in its order. Each leaves itself out where the sweep has nothing for it.
void add_sweep_accuracy(ReportDocument& document, const SweepView& view);
void add_sweep_differences(ReportDocument& document, const SweepView& view);
void add_sweep_published(ReportDocument& document, const SweepView& view);
void add_sweep_plots(ReportDocument& document, const SweepView& view);
void add_sweep_curves(ReportDocument& document, const SweepView& view);
void add_sweep_relabelling(ReportDocument& document, const SweepView& view);
void add_sweep_classes(ReportDocument& document, const SweepView& view);
void add_same_faces(ReportDocument& document, const SweepView& view);
void add_sweep_time(ReportDocument& document, const SweepView& view);
void add_sweep_runs(ReportDocument& document, const SweepView& view);

}  // namespace selfcure
