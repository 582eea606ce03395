#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/report/svg_plot.h"
#include "svg_canvas.h"

namespace selfcure {

/// Maps values of an axis to coordinates.
struct Scale {
  double low = 0;
  double high = 1;
  double from = 0;
  double to = 1;
  bool logarithmic = false;

  double operator()(double value) const;
  bool shows(double value) const;
};

/// Smallest and largest finite value; for logarithmic axes of those above 0.
struct Range {
  double low = 0;
  double high = 0;
  bool empty = true;

  void add(double value, bool logarithmic = false);
};

using AxisTicks = std::vector<std::pair<double, std::string>>;

/// Bounds and ticks of an axis: wide enough for the range, ending at ticks where `to_ticks`.
struct AxisPlan {
  double low = 0;
  double high = 1;
  AxisTicks ticks;
};
AxisPlan plan_axis(const PlotAxis& axis, const Range& range, int tick_count, bool to_ticks);

/// The axis' label with its unit.
std::string axis_label(const PlotAxis& axis);
/// A value as tooltips say it.
std::string value_text(const PlotAxis& axis, double value);

/// Sample of a series in the legend.
struct LegendEntry {
  std::string name;
  Paint paint;
  /// Filled box, line alone, or line with a marker.
  enum class Kind { kBox, kLine, kMarker } kind = Kind::kBox;
  std::size_t marker = 0;
  const char* dashes = nullptr;
};

/// A legend that breaks into lines; entries that are too long are cut.
class Legend {
 public:
  Legend(std::vector<LegendEntry> entries, double width);
  double height() const;
  void draw(SvgCanvas& canvas, double x, double y) const;

 private:
  std::vector<LegendEntry> entries_;
  std::vector<std::pair<double, double>> places_;
  double height_ = 0;
};

/// Where the data of a plot with two axes lie, everything around it drawn.
struct PlotFrame {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;
  Scale x;
  Scale y;
};

/// What stands around the data.
struct FrameContent {
  double width = 0;
  double height = 0;
  PlotAxis x;
  AxisPlan x_plan;
  PlotAxis y;
  AxisPlan y_plan;
  /// Lines across at the y ticks, and at the x ticks.
  bool horizontal_grid = true;
  bool vertical_grid = false;
  /// Room at both ends of the x axis, in pixels.
  double x_padding = 8;
  std::vector<LegendEntry> legend;
  /// Room between legend and data, in pixels.
  double above = 0;
};

PlotFrame draw_frame(SvgCanvas& canvas, const FrameContent& content);

}  // namespace selfcure
