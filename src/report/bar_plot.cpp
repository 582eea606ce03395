#include <algorithm>
#include <cmath>

#include "plot_frame.h"

namespace selfcure {
namespace {

constexpr double kCap = 4;

double at(const std::vector<double>& values, std::size_t i) {
  return i < values.size() ? values[i] : std::nan("");
}

}  // namespace

std::string svg(const BarPlot& plot) {
  const std::size_t categories = plot.categories.size();
  Range y;
  y.add(0);
  for (std::size_t c = 0; c < categories; ++c) {
    double sum = 0;
    for (const PlotBars& bars : plot.series) {
      const double value = at(bars.values, c);
      if (std::isfinite(value)) sum += value;
      y.add(plot.stacked ? sum : value);
      y.add(at(bars.low, c));
      y.add(at(bars.high, c));
    }
  }
  FrameContent content;
  content.width = plot.width;
  content.height = plot.height;
  content.x.label = plot.category_label;
  for (std::size_t c = 0; c < categories; ++c)
    content.x.ticks.emplace_back(static_cast<double>(c), plot.categories[c]);
  content.x.low = -0.5;
  content.x.high = std::max(0.5, static_cast<double>(categories) - 0.5);
  content.y = plot.y;
  content.x_plan = plan_axis(content.x, {}, 1, false);
  content.y_plan = plan_axis(plot.y, y, std::max(2, static_cast<int>(plot.height / 60)), true);
  content.x_padding = 0;
  if (plot.series.size() > 1)
    for (std::size_t i = 0; i < plot.series.size(); ++i)
      content.legend.push_back({plot.series[i].name, series_paint(plot.series[i].colour, i)});

  SvgCanvas canvas(plot.width, plot.height, plot.title);
  const PlotFrame frame = draw_frame(canvas, content);
  const double slot = frame.x(1) - frame.x(0);
  const std::size_t beside = plot.stacked ? 1 : std::max<std::size_t>(1, plot.series.size());
  const double bar_width = std::min(48.0, 0.78 * slot / static_cast<double>(beside));
  canvas.begin_clip(frame.left, frame.top, frame.right - frame.left, frame.bottom - frame.top);
  for (std::size_t c = 0; c < categories; ++c) {
    double base = 0;
    for (std::size_t i = 0; i < plot.series.size(); ++i) {
      const PlotBars& bars = plot.series[i];
      const double value = at(bars.values, c);
      if (!std::isfinite(value)) continue;
      const double place =
          plot.stacked ? 0 : static_cast<double>(i) - static_cast<double>(beside - 1) / 2;
      const double middle = frame.x(static_cast<double>(c)) + place * bar_width;
      const double from = frame.y(base);
      const double to = frame.y(base + value);
      const Paint paint = series_paint(bars.colour, i);
      const double gap = bar_width > 6 ? 1 : 0;
      canvas.rect(middle - bar_width / 2 + gap, std::min(from, to), bar_width - 2 * gap,
                  std::abs(to - from), paint, 0.85,
                  plot.categories[c] + (bars.name.empty() ? "" : ", " + bars.name) + ": " +
                      value_text(plot.y, value));
      const double low = at(bars.low, c);
      const double high = at(bars.high, c);
      if (!plot.stacked && std::isfinite(low) && std::isfinite(high)) {
        canvas.line(middle, frame.y(low), middle, frame.y(high), kInk, {1.3});
        canvas.line(middle - kCap, frame.y(low), middle + kCap, frame.y(low), kInk, {1.3});
        canvas.line(middle - kCap, frame.y(high), middle + kCap, frame.y(high), kInk, {1.3});
      }
      if (plot.stacked) base += value;
    }
  }
  canvas.end_clip();
  if (frame.y.low < 0 && frame.y.high > 0)
    canvas.line(frame.left, frame.y(0), frame.right, frame.y(0), kMuted);
  return std::move(canvas).finish();
}

}  // namespace selfcure
