#include <algorithm>
#include <cmath>

#include "plot_frame.h"

namespace selfcure {
namespace {

using Points = std::vector<std::pair<double, double>>;

/// Counts as shares of their sum; all 0 where there is none.
std::vector<double> shares_of(const std::vector<double>& counts) {
  double sum = 0;
  for (const double count : counts) sum += std::isfinite(count) ? std::max(0.0, count) : 0;
  std::vector<double> shares(counts.size(), 0);
  if (sum > 0)
    for (std::size_t i = 0; i < counts.size(); ++i)
      shares[i] = std::isfinite(counts[i]) ? std::max(0.0, counts[i]) / sum : 0;
  return shares;
}

/// Outline of a histogram as steps, from the baseline to the baseline, over its non-empty bins.
template <class Height>
Points steps(const std::vector<double>& shares, const Scale& x, double low, double high,
             double baseline, const Height& height) {
  Points points;
  const double width = (high - low) / static_cast<double>(shares.size());
  std::size_t first = 0;
  while (first < shares.size() && shares[first] <= 0) ++first;
  std::size_t end = shares.size();
  while (end > first && shares[end - 1] <= 0) --end;
  for (std::size_t i = first; i < end; ++i) {
    const double left = x(low + width * static_cast<double>(i));
    const double right = x(low + width * static_cast<double>(i + 1));
    if (i == first) points.emplace_back(left, baseline);
    points.emplace_back(left, height(shares[i]));
    points.emplace_back(right, height(shares[i]));
    if (i + 1 == end) points.emplace_back(right, baseline);
  }
  return points;
}

}  // namespace

std::string svg(const HistogramPlot& plot) {
  Range y;
  y.add(0);
  std::vector<std::vector<double>> shares;
  for (const PlotHistogramGroup& group : plot.groups) {
    shares.push_back(shares_of(group.counts));
    for (const double share : shares.back()) y.add(share);
  }
  FrameContent content;
  content.width = plot.width;
  content.height = plot.height;
  content.x = plot.x;
  if (!content.x.low) content.x.low = plot.low;
  if (!content.x.high) content.x.high = plot.high;
  content.y.label = "share of the group";
  content.y.percent = true;
  content.y.low = 0;
  content.x_plan = plan_axis(content.x, {}, std::max(2, static_cast<int>(plot.width / 75)), false);
  content.y_plan = plan_axis(content.y, y, std::max(2, static_cast<int>(plot.height / 60)), true);
  content.x_padding = 0;
  if (plot.groups.size() > 1)
    for (std::size_t i = 0; i < plot.groups.size(); ++i)
      content.legend.push_back({plot.groups[i].name, series_paint(plot.groups[i].colour, i),
                                i == 0 ? LegendEntry::Kind::kBox : LegendEntry::Kind::kLine, 0,
                                series_dashes(i)});
  SvgCanvas canvas(plot.width, plot.height, plot.title);
  const PlotFrame frame = draw_frame(canvas, content);
  canvas.begin_clip(frame.left, frame.top - 2, frame.right - frame.left,
                    frame.bottom - frame.top + 3);
  for (std::size_t i = 0; i < plot.groups.size(); ++i) {
    const Paint paint = series_paint(plot.groups[i].colour, i);
    const Points outline = steps(shares[i], frame.x, plot.low, plot.high, frame.y(0),
                                 [&](double share) { return frame.y(share); });
    canvas.area(outline, paint, i == 0 ? 0.45 : 0.15);
    canvas.polyline(outline, paint, {1.6, series_dashes(i)});
  }
  canvas.end_clip();
  return std::move(canvas).finish();
}

std::string svg(const RidgePlot& plot) {
  constexpr double kOverlap = 1.3;
  const double rows_height = plot.row_height * static_cast<double>(plot.rows.size());
  FrameContent content;
  content.width = plot.width;
  content.x = plot.x;
  if (!content.x.low) content.x.low = plot.low;
  if (!content.x.high) content.x.high = plot.high;
  content.x_plan = plan_axis(content.x, {}, std::max(2, static_cast<int>(plot.width / 75)), false);
  content.y.label = plot.row_label;
  content.y_plan.low = 0;
  content.y_plan.high = rows_height;
  for (std::size_t r = 0; r < plot.rows.size(); ++r)
    content.y_plan.ticks.emplace_back(rows_height - plot.row_height * static_cast<double>(r + 1),
                                      fitted_text(plot.rows[r].label, 12, plot.width / 4));
  content.horizontal_grid = false;
  content.vertical_grid = true;
  content.x_padding = 0;
  const auto paint_of = [&](std::size_t group) {
    return series_paint(group < plot.colours.size() ? plot.colours[group] : -1, group);
  };
  if (plot.groups.size() > 1)
    for (std::size_t g = 0; g < plot.groups.size(); ++g)
      content.legend.push_back({plot.groups[g], paint_of(g),
                                g == 0 ? LegendEntry::Kind::kBox : LegendEntry::Kind::kLine, 0,
                                series_dashes(g)});
  // Room above for the first ridge, and what draw_frame() takes around the rows.
  const double above = plot.row_height * (kOverlap - 1);
  const double legend_height =
      plot.groups.size() > 1 ? Legend(content.legend, plot.width - 90).height() + 5 : 0;
  content.y_plan.high += above;
  content.height = rows_height + above + legend_height + 10 + 30 + (plot.x.label.empty() ? 0 : 20);

  SvgCanvas canvas(plot.width, content.height, plot.title);
  const PlotFrame frame = draw_frame(canvas, content);
  for (std::size_t r = 0; r < plot.rows.size(); ++r) {
    const double baseline = frame.y(rows_height - plot.row_height * static_cast<double>(r + 1));
    std::vector<std::vector<double>> shares;
    double largest = 0;
    for (const auto& counts : plot.rows[r].counts) {
      shares.push_back(shares_of(counts));
      for (const double share : shares.back()) largest = std::max(largest, share);
    }
    const double unit = std::abs(frame.y(0) - frame.y(plot.row_height * kOverlap));
    canvas.begin_clip(frame.left, frame.top - 2, frame.right - frame.left,
                      frame.bottom - frame.top + 3);
    for (std::size_t g = 0; g < shares.size(); ++g) {
      if (shares[g].empty() || largest <= 0) continue;
      const Points outline =
          steps(shares[g], frame.x, plot.low, plot.high, baseline,
                [&](double share) { return baseline - unit * 0.95 * share / largest; });
      if (g == 0) canvas.area(outline, kPaper, 0.6);
      canvas.area(outline, paint_of(g), g == 0 ? 0.5 : 0.15);
      canvas.polyline(outline, paint_of(g), {1.4, series_dashes(g)});
    }
    canvas.end_clip();
    canvas.line(frame.left, baseline, frame.right, baseline, kMuted, {0.6});
  }
  return std::move(canvas).finish();
}

}  // namespace selfcure
