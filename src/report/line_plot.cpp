#include <algorithm>
#include <cmath>

#include "plot_frame.h"

namespace selfcure {
namespace {

constexpr double kMarkerRadius = 3.2;
constexpr std::size_t kMostMarkers = 25;
constexpr double kDodge = 5;
constexpr double kCap = 4;
constexpr double kMarkSize = 11.5;
constexpr double kMarkLine = 15;

using Points = std::vector<std::pair<double, double>>;

bool has_error_bars(const PlotSeries& series) { return !series.band && !series.low.empty(); }

double at(const std::vector<double>& values, std::size_t i) {
  return i < values.size() ? values[i] : std::nan("");
}

void draw_band(SvgCanvas& canvas, const PlotFrame& frame, const PlotSeries& series,
               const Paint& paint) {
  Points upper;
  Points lower;
  const auto flush = [&] {
    upper.insert(upper.end(), lower.rbegin(), lower.rend());
    canvas.area(upper, paint, 0.18);
    upper.clear();
    lower.clear();
  };
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    const double low = at(series.low, i);
    const double high = at(series.high, i);
    if (!frame.x.shows(series.x[i]) || !frame.y.shows(low) || !frame.y.shows(high)) {
      flush();
      continue;
    }
    upper.emplace_back(frame.x(series.x[i]), frame.y(high));
    lower.emplace_back(frame.x(series.x[i]), frame.y(low));
  }
  flush();
}

void draw_error_bar(SvgCanvas& canvas, const PlotFrame& frame, double x, double low, double high,
                    const Paint& paint) {
  if (!frame.y.shows(low) || !frame.y.shows(high)) return;
  const double top = frame.y(high);
  const double bottom = frame.y(low);
  canvas.line(x, top, x, bottom, paint, {1.4});
  canvas.line(x - kCap, top, x + kCap, top, paint, {1.4});
  canvas.line(x - kCap, bottom, x + kCap, bottom, paint, {1.4});
}

/// Draws a series; `offset` moves it aside in pixels, so that error bars stand beside each other.
void draw_series(SvgCanvas& canvas, const LinePlot& plot, const PlotFrame& frame,
                 std::size_t position, double offset) {
  const PlotSeries& series = plot.series[position];
  const Paint paint = series_paint(series.colour, position);
  const StrokeStyle stroke = {2, series.dashed ? "6 4" : nullptr};
  if (series.band) draw_band(canvas, frame, series, paint);
  std::vector<std::size_t> shown;
  Points line;
  const auto flush = [&] {
    canvas.polyline(line, paint, stroke);
    // A value between two gaps has no line to be seen by.
    if (line.size() == 1 && !series.markers)
      canvas.marker(0, line[0].first, line[0].second, 2.2, paint);
    line.clear();
  };
  for (std::size_t i = 0; i < series.x.size(); ++i) {
    if (!frame.x.shows(series.x[i]) || !frame.y.shows(at(series.y, i))) {
      flush();
      continue;
    }
    line.emplace_back(frame.x(series.x[i]) + offset, frame.y(series.y[i]));
    shown.push_back(i);
  }
  flush();
  if (has_error_bars(series))
    for (const std::size_t i : shown)
      draw_error_bar(canvas, frame, frame.x(series.x[i]) + offset, at(series.low, i),
                     at(series.high, i), paint);
  if (!series.markers) return;
  const std::size_t stride = (shown.size() + kMostMarkers - 1) / kMostMarkers;
  for (std::size_t k = 0; k < shown.size(); ++k) {
    if (k % stride != 0 && k + 1 != shown.size()) continue;
    const std::size_t i = shown[k];
    std::string tooltip = series.name.empty() ? "" : series.name + ", ";
    tooltip += (plot.x.label.empty() ? "" : plot.x.label + " ") + value_text(plot.x, series.x[i]) +
               ": " + value_text(plot.y, series.y[i]);
    canvas.marker(position, frame.x(series.x[i]) + offset, frame.y(series.y[i]), kMarkerRadius,
                  paint, tooltip);
  }
}

/// Where the text of a mark stands: above the data, in a line where it meets no other.
struct PlacedMark {
  double x = 0;
  double left = 0;
  std::size_t line = 0;
  std::string text;
};

std::vector<PlacedMark> place_marks(const LinePlot& plot, const Scale& x, double from, double to) {
  std::vector<PlacedMark> placed;
  std::vector<double> ends;  // of the texts, by line
  std::vector<PlotMark> marks = plot.marks;
  std::stable_sort(marks.begin(), marks.end(),
                   [](const PlotMark& a, const PlotMark& b) { return a.x < b.x; });
  for (const PlotMark& mark : marks) {
    if (!x.shows(mark.x) || mark.x < x.low || mark.x > x.high) continue;
    PlacedMark one;
    one.x = x(mark.x);
    one.text = fitted_text(mark.text, kMarkSize, 0.9 * (to - from));
    const double width = text_width(one.text, kMarkSize);
    one.left = std::clamp(one.x - width / 2, from, std::max(from, to - width));
    while (one.line < ends.size() && one.left < ends[one.line]) ++one.line;
    if (one.line == ends.size()) ends.push_back(0);
    ends[one.line] = one.left + width + 8;
    placed.push_back(std::move(one));
  }
  return placed;
}

double marks_height(const std::vector<PlacedMark>& marks) {
  std::size_t lines = 0;
  for (const PlacedMark& mark : marks) lines = std::max(lines, mark.line + 1);
  return kMarkLine * static_cast<double>(lines);
}

void draw_marks(SvgCanvas& canvas, const std::vector<PlacedMark>& marks, const PlotFrame& frame) {
  for (const PlacedMark& mark : marks) {
    const double y = frame.top - 5 - kMarkLine * static_cast<double>(mark.line);
    canvas.line(mark.x, y + 3, mark.x, frame.bottom, kMuted, {1.2, "3 3"});
    canvas.text(mark.left, y, mark.text, {kMarkSize, Anchor::kStart, kMuted});
  }
}

}  // namespace

std::string svg(const LinePlot& plot) {
  Range x;
  Range y;
  std::size_t with_bars = 0;
  for (const PlotSeries& series : plot.series) {
    with_bars += has_error_bars(series);
    for (std::size_t i = 0; i < series.x.size(); ++i) {
      x.add(series.x[i], plot.x.logarithmic);
      y.add(at(series.y, i), plot.y.logarithmic);
      y.add(at(series.low, i), plot.y.logarithmic);
      y.add(at(series.high, i), plot.y.logarithmic);
    }
  }
  for (const auto& tick : plot.x.ticks) x.add(tick.first, plot.x.logarithmic);

  FrameContent content;
  content.width = plot.width;
  content.height = plot.height;
  content.x = plot.x;
  content.y = plot.y;
  content.x_plan = plan_axis(plot.x, x, std::max(2, static_cast<int>(plot.width / 75)), false);
  content.y_plan = plan_axis(plot.y, y, std::max(2, static_cast<int>(plot.height / 60)), true);
  content.x_padding = with_bars > 1 ? 24 : 12;
  if (plot.series.size() > 1)
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      const PlotSeries& series = plot.series[i];
      content.legend.push_back(
          {series.name, series_paint(series.colour, i),
           series.markers ? LegendEntry::Kind::kMarker : LegendEntry::Kind::kLine, i,
           series.dashed ? "6 4" : nullptr});
    }

  // How many lines the marks take depends on the frame's width, which does not depend on them.
  {
    SvgCanvas scratch(plot.width, plot.height, plot.title);
    const PlotFrame frame = draw_frame(scratch, content);
    content.above = marks_height(place_marks(plot, frame.x, frame.left, frame.right));
  }
  SvgCanvas canvas(plot.width, plot.height, plot.title);
  const PlotFrame frame = draw_frame(canvas, content);
  draw_marks(canvas, place_marks(plot, frame.x, frame.left, frame.right), frame);
  if (y.empty)
    canvas.text((frame.left + frame.right) / 2, (frame.top + frame.bottom) / 2, "no values",
                {13, Anchor::kMiddle, kMuted});
  // Values beyond given bounds are cut off at the edges, markers on an edge are not.
  canvas.begin_clip(frame.left, frame.top - 6, frame.right - frame.left,
                    frame.bottom - frame.top + 12);
  std::size_t bar = 0;
  for (std::size_t i = 0; i < plot.series.size(); ++i) {
    double offset = 0;
    if (with_bars > 1 && has_error_bars(plot.series[i]))
      offset = kDodge * (static_cast<double>(bar++) - static_cast<double>(with_bars - 1) / 2);
    draw_series(canvas, plot, frame, i, offset);
  }
  canvas.end_clip();
  return std::move(canvas).finish();
}

}  // namespace selfcure
