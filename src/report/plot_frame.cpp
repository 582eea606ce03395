#include "plot_frame.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>

namespace selfcure {
namespace {

constexpr double kTickSize = 12;
constexpr double kLabelSize = 12.5;
constexpr double kLegendSize = 12.5;
constexpr double kLegendLine = 19;
constexpr double kSample = 24;
constexpr double kMaxRotatedLabel = 150;
/// Crowded labels up to this width are thinned out, longer ones are slanted.
constexpr double kShortLabel = 40;
constexpr double kPi = 3.14159265358979323846;
constexpr double kSlope = 35;

/// Digits after the point that a step needs.
int decimals_of(double step) {
  for (int digits = 0; digits < 8; ++digits) {
    const double scaled = step * std::pow(10, digits);
    if (std::abs(scaled - std::round(scaled)) < 1e-6 * std::max(1.0, std::abs(scaled)))
      return digits;
  }
  return 8;
}

double nice_step(double range, int count, bool whole) {
  const double raw = range / std::max(1, count);
  const double power = std::pow(10, std::floor(std::log10(raw)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power < raw * (1 - 1e-9)) continue;
    step = factor * power;
    if (whole && step != std::floor(step)) continue;
    break;
  }
  return whole ? std::max(1.0, std::ceil(step)) : step;
}

/// Multiples of a step within bounds.
std::vector<double> multiples(double step, double low, double high) {
  std::vector<double> ticks;
  for (double index = std::ceil(low / step - 1e-9); index * step <= high + 1e-9 * step; ++index) {
    if (ticks.size() > 1000) break;
    ticks.push_back(index == 0 ? 0 : index * step);
  }
  return ticks;
}

AxisTicks labelled(const std::vector<double>& ticks, const PlotAxis& axis) {
  const double factor = axis.percent ? 100 : 1;
  AxisTicks result;
  const double step = ticks.size() > 1 ? factor * (ticks[1] - ticks[0]) : 0;
  for (const double tick : ticks) {
    const double value = factor * tick;
    if (ticks.size() < 2 || std::abs(value) >= 1e6 || step < 1e-5) {
      result.emplace_back(tick, short_number(value));
      continue;
    }
    char text[64];
    std::snprintf(text, sizeof(text), "%.*f", decimals_of(step), value);
    std::string label = text;
    if (label.find_first_not_of("-0.") == std::string::npos && label[0] == '-') label.erase(0, 1);
    result.emplace_back(tick, label);
  }
  return result;
}

AxisTicks log_ticks(double low, double high) {
  AxisTicks ticks;
  const int first = static_cast<int>(std::floor(std::log10(low) + 1e-9));
  const int last = static_cast<int>(std::ceil(std::log10(high) - 1e-9));
  const bool few = last - first < 3;
  const int stride = std::max(1, (last - first) / 6);
  for (int power = first; power <= last; power += stride)
    for (const double factor : {1.0, 2.0, 5.0}) {
      if (factor > 1 && !few) continue;
      const double value = factor * std::pow(10, power);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9))
        ticks.emplace_back(value, short_number(value));
    }
  return ticks;
}

AxisPlan plan_logarithmic(const PlotAxis& axis, const Range& range) {
  AxisPlan plan;
  plan.low = axis.low && *axis.low > 0 ? *axis.low : range.empty ? 0.1 : range.low;
  plan.high = axis.high && *axis.high > 0 ? *axis.high : range.empty ? 1 : range.high;
  if (!(plan.high > plan.low * 1.01)) {
    plan.low /= 2;
    plan.high = plan.low * 4;
  } else {
    plan.low /= 1.15;
    plan.high *= 1.15;
  }
  plan.ticks = axis.ticks.empty() ? log_ticks(plan.low, plan.high) : axis.ticks;
  return plan;
}

/// Ticks that stand on each other's labels at this width per unit must be slanted.
bool crowded(const AxisTicks& ticks, const Scale& scale) {
  for (std::size_t i = 0; i + 1 < ticks.size(); ++i) {
    const double room = std::abs(scale(ticks[i + 1].first) - scale(ticks[i].first));
    const double wanted =
        (text_width(ticks[i].second, kTickSize) + text_width(ticks[i + 1].second, kTickSize)) / 2 +
        8;
    if (wanted > room) return true;
  }
  return false;
}

/// Every n-th label, so that short ones stand level.
AxisTicks thinned(const AxisTicks& ticks, const Scale& scale) {
  AxisTicks result = ticks;
  for (std::size_t stride = 2; crowded(result, scale) && stride <= ticks.size(); ++stride) {
    result.clear();
    for (std::size_t i = 0; i < ticks.size(); i += stride) result.push_back(ticks[i]);
  }
  return result;
}

double widest(const AxisTicks& ticks) {
  double width = 0;
  for (const auto& [value, label] : ticks) width = std::max(width, text_width(label, kTickSize));
  return width;
}

}  // namespace

double Scale::operator()(double value) const {
  const double share =
      logarithmic ? std::log(value / low) / std::log(high / low) : (value - low) / (high - low);
  return from + share * (to - from);
}

bool Scale::shows(double value) const {
  return std::isfinite(value) && (!logarithmic || value > 0);
}

void Range::add(double value, bool logarithmic) {
  if (!std::isfinite(value) || (logarithmic && value <= 0)) return;
  low = empty ? value : std::min(low, value);
  high = empty ? value : std::max(high, value);
  empty = false;
}

std::vector<double> nice_ticks(double low, double high, int count, bool whole) {
  if (!std::isfinite(low) || !std::isfinite(high) || high < low) return {};
  const double size = std::max(std::abs(low), std::abs(high));
  if (high - low <= 1e-12 * size || high == low) return {low};
  if (!std::isfinite(high - low)) return {};
  std::vector<double> ticks = multiples(nice_step(high - low, count, whole), low, high);
  if (ticks.size() < 2 && !whole && count < 20) return nice_ticks(low, high, count + 1, whole);
  return ticks;
}

AxisPlan plan_axis(const PlotAxis& axis, const Range& range, int tick_count, bool to_ticks) {
  if (axis.logarithmic) return plan_logarithmic(axis, range);
  AxisPlan plan;
  plan.low = axis.low.value_or(range.empty ? 0 : range.low);
  plan.high = axis.high.value_or(range.empty ? 1 : range.high);
  if (!(plan.high > plan.low) || plan.high - plan.low < 1e-9 * std::abs(plan.high)) {
    const double pad =
        axis.whole ? 0.5 : std::max(0.1 * std::abs(plan.high), axis.percent ? 0.01 : 1e-6);
    const double middle = plan.low;
    plan.low = axis.low ? *axis.low : middle - pad;
    plan.high = axis.high && *axis.high > plan.low ? *axis.high : middle + pad;
  }
  if (!axis.ticks.empty()) {
    plan.ticks = axis.ticks;
    return plan;
  }
  if (to_ticks) {
    const double step = nice_step(plan.high - plan.low, tick_count, axis.whole);
    if (!axis.low) plan.low = step * std::floor(plan.low / step + 1e-9);
    if (!axis.high) plan.high = step * std::ceil(plan.high / step - 1e-9);
    // A step for the wider range could miss its ends.
    plan.ticks = labelled(multiples(step, plan.low, plan.high), axis);
    return plan;
  }
  plan.ticks = labelled(nice_ticks(plan.low, plan.high, tick_count, axis.whole), axis);
  return plan;
}

std::string axis_label(const PlotAxis& axis) {
  if (!axis.percent || axis.label.find('%') != std::string::npos) return axis.label;
  return axis.label + " (%)";
}

std::string value_text(const PlotAxis& axis, double value) {
  if (!axis.percent) return short_number(value);
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%", 100 * value);
  return text;
}

Legend::Legend(std::vector<LegendEntry> entries, double width) : entries_(std::move(entries)) {
  double x = 0;
  double y = 0;
  for (LegendEntry& entry : entries_) {
    entry.name = fitted_text(entry.name, kLegendSize, std::max(40.0, width - kSample - 8));
    const double needed = kSample + 6 + text_width(entry.name, kLegendSize);
    if (x > 0 && x + needed > width) {
      x = 0;
      y += kLegendLine;
    }
    places_.emplace_back(x, y);
    x += needed + 16;
  }
  height_ = entries_.empty() ? 0 : y + kLegendLine;
}

double Legend::height() const { return height_; }

void Legend::draw(SvgCanvas& canvas, double x, double y) const {
  for (std::size_t i = 0; i < entries_.size(); ++i) {
    const LegendEntry& entry = entries_[i];
    const double left = x + places_[i].first;
    const double middle = y + places_[i].second + kLegendLine / 2 - 1;
    if (entry.kind == LegendEntry::Kind::kBox) {
      canvas.rect(left + 6, middle - 5, 12, 10, entry.paint, 0.75);
    } else {
      canvas.line(left, middle, left + kSample, middle, entry.paint, {2, entry.dashes});
      if (entry.kind == LegendEntry::Kind::kMarker)
        canvas.marker(entry.marker, left + kSample / 2, middle, 3.4, entry.paint);
    }
    canvas.text(left + kSample + 6, middle + 4.3, entry.name, {kLegendSize});
  }
}

PlotFrame draw_frame(SvgCanvas& canvas, const FrameContent& content) {
  PlotFrame frame;
  const std::string x_label = axis_label(content.x);
  const std::string y_label = axis_label(content.y);
  frame.left = 10 + (y_label.empty() ? 0 : 19) + widest(content.y_plan.ticks) + 8;
  frame.right = content.width - 16;
  AxisTicks x_ticks = content.x_plan.ticks;
  // The last label of the x axis reaches beyond it.
  if (!x_ticks.empty())
    frame.right =
        std::min(frame.right, content.width - 4 - text_width(x_ticks.back().second, kTickSize) / 2);
  const Legend legend(content.legend, frame.right - frame.left);
  frame.top = 10 + (content.legend.empty() ? 0 : legend.height() + 5) + content.above;
  frame.x = {content.x_plan.low, content.x_plan.high, frame.left + content.x_padding,
             frame.right - content.x_padding, content.x.logarithmic};
  if (widest(x_ticks) <= kShortLabel) x_ticks = thinned(x_ticks, frame.x);
  const bool slanted = crowded(x_ticks, frame.x);
  const double angle = kSlope * kPi / 180;
  const double label_height =
      slanted ? std::min(kMaxRotatedLabel, widest(x_ticks)) * std::sin(angle) + kTickSize
              : kTickSize;
  frame.bottom = content.height - 10 - label_height - 8 - (x_label.empty() ? 0 : 20);
  frame.bottom = std::max(frame.bottom, frame.top + 20);
  frame.y = {content.y_plan.low, content.y_plan.high, frame.bottom, frame.top,
             content.y.logarithmic};

  legend.draw(canvas, frame.left, 4);
  for (const auto& [value, label] : content.y_plan.ticks) {
    const double y = frame.y(value);
    if (content.horizontal_grid) canvas.line(frame.left, y, frame.right, y, kGrid);
    canvas.text(frame.left - 7, y + 4, label, {kTickSize, Anchor::kEnd, kMuted});
  }
  for (const auto& [value, label] : x_ticks) {
    const double x = frame.x(value);
    if (content.vertical_grid) canvas.line(x, frame.top, x, frame.bottom, kGrid);
    canvas.line(x, frame.bottom, x, frame.bottom + 4, kMuted);
    if (slanted)
      canvas.text(x + 4, frame.bottom + 14,
                  fitted_text(label, kTickSize, std::min(kMaxRotatedLabel, x / std::cos(angle))),
                  {kTickSize, Anchor::kEnd, kMuted, false, -kSlope});
    else
      canvas.text(x, frame.bottom + 17, label, {kTickSize, Anchor::kMiddle, kMuted});
  }
  canvas.line(frame.left, frame.bottom, frame.right, frame.bottom, kMuted);
  canvas.text((frame.left + frame.right) / 2, content.height - 9,
              fitted_text(x_label, kLabelSize, content.width - 16), {kLabelSize, Anchor::kMiddle});
  canvas.text(17, (frame.top + frame.bottom) / 2,
              fitted_text(y_label, kLabelSize, content.height - 8),
              {kLabelSize, Anchor::kMiddle, kInk, false, -90});
  return frame;
}

}  // namespace selfcure
