#pragma once

#include <cstddef>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

/// Plots as SVG text.
///
/// One text serves inline in a page, as a file and as the source of a PNG: every shape has a plain
/// colour as attribute and a class (`ink`, `muted`, `grid`, `paper`, `c0` to `c7`, `heat`), through
/// which a page's style sheet gives it the colours of light or dark. Colours are those of Okabe and
/// Ito; dashes and marker shapes tell series apart without them. Values that are not finite leave
/// gaps. All texts are escaped; letters are measured, so that labels do not overlap.
namespace selfcure {

/// Number of series colours before they repeat.
inline constexpr int kPlotColours = 8;

/// What an axis shows and how.
struct PlotAxis {
  /// Words below or beside the axis, with the unit where there is one: "time per epoch (s)".
  std::string label = {};
  /// Bounds; what is not given follows from the data.
  std::optional<double> low = std::nullopt;
  std::optional<double> high = std::nullopt;
  /// Values are ratios and are shown as percent.
  bool percent = false;
  /// Ticks at whole numbers only.
  bool whole = false;
  /// Base 10; values of 0 or below are left out.
  bool logarithmic = false;
  /// Where ticks stand and what they say; empty: chosen. For swept values that are names or uneven.
  std::vector<std::pair<double, std::string>> ticks = {};
};

/// One line of a LinePlot.
struct PlotSeries {
  std::string name;
  std::vector<double> x;
  /// As many as x; not finite: a gap.
  std::vector<double> y;
  /// Ends of error bars or of a band; empty: none.
  std::vector<double> low = {};
  std::vector<double> high = {};
  /// Shade from low to high rather than draw bars.
  bool band = false;
  bool dashed = false;
  bool markers = true;
  /// 0 to kPlotColours - 1; -1: by position; -2: grey.
  int colour = -1;
};

/// A vertical line that says what happened there.
struct PlotMark {
  double x = 0;
  std::string text;
};

struct LinePlot {
  /// Says what is to be seen; alternative text for who cannot see it.
  std::string title;
  PlotAxis x;
  PlotAxis y;
  std::vector<PlotSeries> series;
  std::vector<PlotMark> marks = {};
  double width = 640;
  double height = 360;
};

/// Bars of one colour, a value per category; not finite: no bar.
struct PlotBars {
  std::string name;
  std::vector<double> values;
  std::vector<double> low = {};
  std::vector<double> high = {};
  int colour = -1;
};

struct BarPlot {
  std::string title;
  std::string category_label;
  PlotAxis y;
  std::vector<std::string> categories;
  std::vector<PlotBars> series;
  /// On top of each other rather than side by side.
  bool stacked = false;
  double width = 640;
  double height = 360;
};

/// One group of a histogram over equal bins.
struct PlotHistogramGroup {
  std::string name;
  /// Per bin.
  std::vector<double> counts;
  int colour = -1;
};

/// Groups over each other, each as its share per bin, so that groups of other sizes compare.
struct HistogramPlot {
  std::string title;
  PlotAxis x;
  /// Of all bins together.
  double low = 0;
  double high = 1;
  std::vector<PlotHistogramGroup> groups;
  double width = 640;
  double height = 300;
};

/// Distributions below each other, for example one per epoch.
struct RidgePlot {
  struct Row {
    std::string label;
    /// Counts per bin, [groups][bins]; empty where a group has none.
    std::vector<std::vector<double>> counts;
  };
  std::string title;
  PlotAxis x;
  std::string row_label;
  double low = 0;
  double high = 1;
  std::vector<std::string> groups;
  std::vector<int> colours = {};
  std::vector<Row> rows;
  double width = 640;
  double row_height = 30;
};

/// A table of numbers with shades.
struct HeatMap {
  std::string title;
  /// What rows and columns are: "true class", "predicted class".
  std::string row_label;
  std::string column_label;
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  /// [rows][columns]; not finite: empty.
  std::vector<std::vector<double>> values;
  /// Shade in [0, 1] of each cell; empty: value / largest value.
  std::vector<std::vector<double>> shades = {};
  /// Digits after the point; values are shown times 100 with `percent`.
  int decimals = 0;
  bool percent = false;
  /// Frame the cells on the diagonal.
  bool diagonal = false;
};

std::string svg(const LinePlot& plot);
std::string svg(const BarPlot& plot);
std::string svg(const HistogramPlot& plot);
std::string svg(const RidgePlot& plot);
std::string svg(const HeatMap& plot);

/// A plot that follows its reader's choice of light or dark where no page's style sheet does it:
/// as a file of its own, or as the picture of a README.
///
/// @param plot  what svg() returned
std::string standalone_svg(const std::string& plot);

/// Round values that divide [low, high]: 1, 2, 2.5 or 5 times a power of ten apart.
///
/// @param count  wanted number; the result has about as many, at least 2 unless the range is empty
/// @param whole  only whole numbers
/// @return ascending, within [low, high]; one value for an empty range; none if a bound is not
/// finite
std::vector<double> nice_ticks(double low, double high, int count, bool whole = false);

/// Width of a text in pixels, as wide fonts have it (DejaVu Sans); others need less.
double text_width(const std::string& text, double font_size);

/// What fits into `width` pixels, with "…" where something was cut off.
std::string fitted_text(const std::string& text, double font_size, double width);

/// Text for XML and HTML: &, <, >, quotes escaped; control characters and broken UTF-8 replaced.
std::string escape_markup(const std::string& text);

/// 3 significant digits or so, without an exponent where that is readable: "0.001", "12.5",
/// "1.2e-05".
std::string short_number(double value);

}  // namespace selfcure
