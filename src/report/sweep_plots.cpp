#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <map>

#include "selfcure/core/errors.h"
#include "selfcure/report/svg_plot.h"
#include "sweep_sections.h"

namespace selfcure {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
/// More lines than colours cannot be told apart.
constexpr std::size_t kMostLines = kPlotColours;

double number_of(const std::string& text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  return !text.empty() && result.ec == std::errc() && result.ptr == text.data() + text.size()
             ? value
             : kNaN;
}

/// Numeric dimensions of the table with at least two values.
std::vector<std::string> numeric_dimensions(const SweepRecord& sweep) {
  std::vector<std::string> names;
  for (const auto* list : {&sweep.columns, &sweep.rows})
    for (const std::string& name : *list) {
      const SweepDimension* dimension = sweep.dimension(name);
      if (dimension == nullptr) continue;
      const auto numbers =
          std::count_if(dimension->values.begin(), dimension->values.end(),
                        [](const auto& text) { return !std::isnan(number_of(text)); });
      if (numbers >= 2 && static_cast<std::size_t>(numbers) == dimension->values.size())
        names.push_back(name);
    }
  return names;
}

std::vector<std::string> other_dimensions(const SweepRecord& sweep, const std::string& name) {
  std::vector<std::string> others;
  for (const auto* list : {&sweep.rows, &sweep.columns})
    for (const std::string& other : *list)
      if (other != name) others.push_back(other);
  return others;
}

/// Cells that differ in one dimension only, in the order of its numbers.
struct Line {
  std::string name;
  std::vector<std::pair<double, const SweepCell*>> cells;
  /// Cells without that dimension, such as a baseline that has no gamma: the same for every value.
  std::vector<const SweepCell*> constant;
};

std::vector<Line> lines_over(const SweepView& view, const std::string& dimension) {
  const std::vector<std::string> others = other_dimensions(view.sweep, dimension);
  std::vector<Line> lines;
  for (const auto& row : view.grid.cells)
    for (const SweepCell& cell : row) {
      if (cell.runs.empty()) continue;
      const std::string name = others.empty() ? "here" : describe(view.sweep, cell.point, others);
      auto line = std::find_if(lines.begin(), lines.end(),
                               [&](const Line& known) { return known.name == name; });
      if (line == lines.end()) line = lines.insert(line, {name, {}, {}});
      const auto place = cell.point.find(dimension);
      if (place == cell.point.end())
        line->constant.push_back(&cell);
      else
        line->cells.emplace_back(number_of(place->second), &cell);
    }
  for (Line& line : lines)
    std::stable_sort(line.cells.begin(), line.cells.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
  return lines;
}

void add_point(PlotSeries& series, double x, double y, double low, double high) {
  series.x.push_back(x);
  series.y.push_back(y);
  series.low.push_back(low);
  series.high.push_back(high);
}

PlotAxis swept_axis(const SweepRecord& sweep, const std::string& dimension) {
  PlotAxis axis;
  axis.label = sweep.label_of(dimension);
  std::vector<double> values;
  for (const std::string& text : sweep.dimension(dimension)->values)
    values.push_back(number_of(text));
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  // Values over several powers of ten would stand on top of each other.
  constexpr double kManyTimes = 50;
  axis.logarithmic = *low > 0 && *high / *low >= kManyTimes;
  for (std::size_t i = 0; i < values.size(); ++i)
    axis.ticks.emplace_back(values[i], sweep.dimension(dimension)->values[i]);
  return axis;
}

std::vector<double> swept_values(const SweepRecord& sweep, const std::string& dimension) {
  std::vector<double> values;
  for (const std::string& text : sweep.dimension(dimension)->values)
    values.push_back(number_of(text));
  return values;
}

/// Means with their spread; a line that does not depend on the dimension lies flat.
PlotSeries mean_series(const SweepView& view, const Line& line, const std::string& dimension) {
  PlotSeries series;
  series.name = line.name;
  const auto add = [&](double x, const SweepCell& cell) {
    const Spread spread = spread_of(cell, view.sweep.metric, Reported::kLastEpoch);
    const double half = spread.count > 1 ? spread.standard_deviation : kNaN;
    add_point(series, x, spread.mean, spread.mean - half, spread.mean + half);
  };
  for (const auto& [x, cell] : line.cells) add(x, *cell);
  if (line.cells.empty() && !line.constant.empty()) {
    for (const double x : swept_values(view.sweep, dimension)) add(x, *line.constant.front());
    series.dashed = true;
    series.markers = false;
  }
  return series;
}

PlotSeries published_series(const SweepView& view, const Line& line, int colour) {
  PlotSeries series;
  series.name = line.name == "here" ? "published" : line.name + ", published";
  series.dashed = true;
  series.colour = colour;
  for (const auto& [x, cell] : line.cells) {
    const auto figure = published_of(view.sweep, cell->point);
    if (!figure) continue;
    series.x.push_back(x);
    series.y.push_back(*figure);
  }
  return series;
}

void plot_means(ReportDocument& document, const SweepView& view, const std::string& dimension) {
  std::vector<Line> lines = lines_over(view, dimension);
  const std::size_t all = lines.size();
  if (lines.size() > kMostLines) lines.resize(kMostLines);
  LinePlot plot;
  const std::string words = metric_words(view.sweep.metric);
  plot.title = words + " over " + view.sweep.label_of(dimension);
  plot.x = swept_axis(view.sweep, dimension);
  plot.y.label = words;
  plot.y.percent = true;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    plot.series.push_back(mean_series(view, lines[i], dimension));
    plot.series.back().colour = static_cast<int>(i);
  }
  bool published = false;
  try {
    for (std::size_t i = 0; i < lines.size() && plot.series.size() < kMostLines; ++i) {
      PlotSeries series = published_series(view, lines[i], static_cast<int>(i));
      if (series.x.empty()) continue;
      published = true;
      plot.series.push_back(std::move(series));
    }
  } catch (const UserError&) {
    published = false;  // said beside the table of published figures
  }
  std::string caption = "Mean of the last epoch over " + repeat_word(view.sweep) +
                        "; bars: one standard deviation to each side.";
  if (published) caption += " Dashed: the published figures, of another recipe.";
  if (all > lines.size())
    caption += " The first " + std::to_string(lines.size()) + " of " + std::to_string(all) +
               " lines; the table has all.";
  document.plot("means_over_" + dimension, svg(plot), caption);
}

void plot_differences(ReportDocument& document, const SweepView& view,
                      const std::string& dimension) {
  LinePlot plot;
  plot.title = "Paired difference to the baseline over " + view.sweep.label_of(dimension);
  plot.x = swept_axis(view.sweep, dimension);
  plot.y.label = "difference (points)";
  std::vector<Line> lines = lines_over(view, dimension);
  for (std::size_t i = 0; i < lines.size() && plot.series.size() + 1 < kMostLines; ++i) {
    PlotSeries series;
    series.name = lines[i].name;
    series.colour = static_cast<int>(i);
    for (const auto& [x, cell] : lines[i].cells) {
      const auto comparison = compare_with_baseline(view.sweep, view.grid, *cell, view.sweep.metric,
                                                    Reported::kLastEpoch);
      if (!comparison || comparison->difference.pairs == 0) continue;
      const PairedDifference& difference = comparison->difference;
      add_point(series, x, 100 * difference.mean, 100 * difference.interval.low,
                100 * difference.interval.high);
    }
    if (!series.x.empty()) plot.series.push_back(std::move(series));
  }
  if (plot.series.empty()) return;
  PlotSeries zero;
  zero.name = "no difference";
  zero.dashed = true;
  zero.markers = false;
  zero.colour = -2;
  zero.x = swept_values(view.sweep, dimension);
  std::sort(zero.x.begin(), zero.x.end());
  zero.y.assign(zero.x.size(), 0);
  plot.series.push_back(std::move(zero));
  document.plot("differences_over_" + dimension, svg(plot),
                "Mean paired difference, last epoch; bars: 95 % interval, where there are 3 or "
                "more pairs.");
}

/// For sweeps over things that are no numbers: a bar per row, colours per column.
void plot_bars(ReportDocument& document, const SweepView& view) {
  BarPlot plot;
  const std::string words = metric_words(view.sweep.metric);
  plot.title = words + " of each row of the table";
  plot.y.label = words;
  plot.y.percent = true;
  for (std::size_t row = 0; row < view.grid.row_values.size(); ++row)
    plot.categories.push_back(row_name(view, row));
  for (std::size_t column = 0; column < std::min(view.grid.column_values.size(), kMostLines);
       ++column) {
    PlotBars bars;
    bars.name = view.sweep.columns.empty() ? words : column_name(view, column);
    for (std::size_t row = 0; row < view.grid.row_values.size(); ++row) {
      const Spread spread =
          spread_of(view.grid.cells[row][column], view.sweep.metric, Reported::kLastEpoch);
      const double half = spread.count > 1 ? spread.standard_deviation : kNaN;
      bars.values.push_back(spread.mean);
      bars.low.push_back(spread.mean - half);
      bars.high.push_back(spread.mean + half);
    }
    plot.series.push_back(std::move(bars));
  }
  document.plot("means", svg(plot),
                "Mean of the last epoch; bars: one standard deviation to each side.");
}

/// Mean over the runs at each epoch, with the range of the runs as a band.
PlotSeries curve_of(const SweepCell& cell, const std::string& name, const std::string& title) {
  std::map<double, std::vector<double>> by_epoch;
  for (const SweepRun* run : cell.runs) {
    const std::vector<double> epochs = run->record.epochs.column("epoch");
    const std::vector<double> values = run->record.epochs.column(name);
    for (std::size_t i = 0; i < epochs.size(); ++i)
      if (!std::isnan(values[i])) by_epoch[epochs[i]].push_back(values[i]);
  }
  PlotSeries series;
  series.name = title;
  series.band = true;
  series.markers = false;
  for (const auto& [epoch, values] : by_epoch) {
    const auto [low, high] = std::minmax_element(values.begin(), values.end());
    add_point(series, epoch, spread_of(values).mean, *low, *high);
  }
  return series;
}

struct CurveKind {
  const char* column;
  const char* label;
  bool percent;
  const char* name;
};

/// Lines of one plot, as many as there are colours.
void plot_lines(ReportDocument& document, const CurveKind& kind, const std::string& place,
                const std::vector<PlotSeries>& lines) {
  for (std::size_t first = 0; first < lines.size(); first += kMostLines) {
    LinePlot plot;
    plot.title = std::string(kind.label) + (place.empty() ? "" : ", " + place);
    plot.x.label = "epoch";
    plot.x.whole = true;
    plot.y.label = kind.label;
    plot.y.percent = kind.percent;
    plot.width = 540;
    plot.height = 320;
    const std::size_t last = std::min(lines.size(), first + kMostLines);
    plot.series.assign(lines.begin() + static_cast<std::ptrdiff_t>(first),
                       lines.begin() + static_cast<std::ptrdiff_t>(last));
    document.plot(std::string(kind.name) + (place.empty() ? "" : "_" + place), svg(plot),
                  plot.title);
  }
}

/// A column of the table in words: "noise 0.1".
std::string column_place(const SweepView& view, std::size_t column) {
  if (view.sweep.columns.empty()) return "";
  SweepPoint point;
  for (std::size_t i = 0; i < view.sweep.columns.size(); ++i)
    point[view.sweep.columns[i]] = view.grid.column_values[column][i];
  return describe(view.sweep, point, view.sweep.columns);
}

/// One plot per column of the table with a line per row; a table of one row has one plot.
void plot_curves(ReportDocument& document, const SweepView& view, const CurveKind& kind) {
  const auto add_line = [&](const SweepCell& cell, const std::string& name,
                            std::vector<PlotSeries>& lines, std::size_t place) {
    PlotSeries line = curve_of(cell, kind.column, name);
    line.colour = static_cast<int>(place % kMostLines);
    if (!line.x.empty()) lines.push_back(std::move(line));
  };
  const std::size_t rows = view.grid.row_values.size();
  std::vector<PlotSeries> together;
  for (std::size_t column = 0; column < view.grid.column_values.size(); ++column) {
    if (rows == 1) {
      add_line(view.grid.cells[0][column], column_place(view, column), together, column);
      continue;
    }
    std::vector<PlotSeries> lines;
    for (std::size_t row = 0; row < rows; ++row)
      add_line(view.grid.cells[row][column], row_name(view, row), lines, row);
    plot_lines(document, kind, column_place(view, column), lines);
  }
  plot_lines(document, kind, "", together);
}

bool any_has(const SweepRecord& sweep, const std::string& column) {
  return std::any_of(sweep.runs.begin(), sweep.runs.end(),
                     [&](const SweepRun& run) { return run.record.epochs.has(column); });
}

}  // namespace

void add_sweep_plots(ReportDocument& document, const SweepView& view) {
  const std::vector<std::string> dimensions = numeric_dimensions(view.sweep);
  const bool bars = dimensions.empty() && view.grid.row_values.size() > 1;
  if (!bars && dimensions.empty()) return;
  document.page().section("Plots over what was varied");
  document.page().begin_figures();
  for (const std::string& dimension : dimensions) {
    plot_means(document, view, dimension);
    if (!view.sweep.baseline.empty()) plot_differences(document, view, dimension);
  }
  if (bars) plot_bars(document, view);
  document.page().end_figures();
}

void add_sweep_curves(ReportDocument& document, const SweepView& view) {
  HtmlPage& page = document.page();
  page.section("Curves");
  page.hint("Lines: mean over " + repeat_word(view.sweep) +
            "; bands: from the lowest to the highest run.");
  const std::string words = metric_words(view.sweep.metric);
  page.begin_figures();
  plot_curves(document, view, {view.sweep.metric.c_str(), words.c_str(), true, "curve"});
  page.end_figures();
  const std::vector<CurveKind> more = {
      {"train_loss", "training loss", false, "curve_loss"},
      {"labels_changed", "labels changed", false, "curve_labels_changed"},
      {"relabel_precision", "relabel precision", true, "curve_precision"},
      {"relabel_recall", "relabel recall", true, "curve_recall"},
      {"alpha_auc", "AUC of \u03B1", false, "curve_alpha_auc"},
      {"alpha_mean", "mean \u03B1", false, "curve_alpha_mean"}};
  page.begin_details("Curves of the loss, of relabelling and of the importance weights");
  for (const CurveKind& kind : more) {
    if (!any_has(view.sweep, kind.column)) continue;
    page.begin_figures();
    plot_curves(document, view, kind);
    page.end_figures();
  }
  page.end_details();
}

}  // namespace selfcure
