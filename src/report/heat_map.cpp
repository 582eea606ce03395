#include <algorithm>
#include <cmath>
#include <cstdio>

#include "selfcure/report/svg_plot.h"
#include "svg_canvas.h"

namespace selfcure {
namespace {

constexpr double kLabelSize = 12.5;
constexpr double kMaxName = 150;
constexpr double kPi = 3.14159265358979323846;
constexpr double kSlope = 40;
/// Cells are between these and as large as this width allows.
constexpr double kLeastCell = 9;
constexpr double kLargestCell = 52;
constexpr double kWantedWidth = 480;
/// From this shade on, numbers are light on dark.
constexpr double kDarkShade = 0.72;

std::string number_text(const HeatMap& map, double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", std::clamp(map.decimals, 0, 6),
                map.percent ? 100 * value : value);
  return text;
}

/// Start and end of a name: names of a set often differ at their end.
std::string fitted_name(const std::string& name, double size) {
  if (text_width(name, size) <= kMaxName) return name;
  const auto within_letter = [&](std::size_t at) {
    return at < name.size() && (static_cast<unsigned char>(name[at]) & 0xC0) == 0x80;
  };
  std::size_t tail = name.size();
  while (tail > 0) {
    std::size_t next = tail - 1;
    while (next > 0 && within_letter(next)) --next;
    if (text_width(name.substr(next), size) > 0.4 * kMaxName) break;
    tail = next;
  }
  const std::string end = name.substr(tail);
  return fitted_text(name, size, kMaxName - text_width(end, size)) + end;
}

double widest_name(const std::vector<std::string>& names, double size) {
  double width = 0;
  for (const std::string& name : names) width = std::max(width, text_width(name, size));
  return std::min(width, kMaxName);
}

double largest_value(const HeatMap& map) {
  double largest = 0;
  for (const auto& row : map.values)
    for (const double value : row)
      if (std::isfinite(value)) largest = std::max(largest, std::abs(value));
  return largest;
}

}  // namespace

std::string svg(const HeatMap& plot) {
  const auto columns = static_cast<double>(plot.columns.size());
  const auto rows = static_cast<double>(plot.rows.size());
  const double cell = std::clamp(kWantedWidth / std::max(1.0, columns), kLeastCell, kLargestCell);
  const double cell_height = std::min(cell, 40.0);
  const double name_size = std::clamp(cell_height - 2, 7.0, 12.0);
  const double row_names = widest_name(plot.rows, name_size);
  const double column_names = widest_name(plot.columns, name_size);
  // Slanted names of narrow columns would stand on each other.
  const double slope = cell < 1.9 * name_size ? 90 : kSlope;
  const double angle = slope * kPi / 180;
  const bool level = column_names <= cell - 6;
  const double left = 8 + (plot.row_label.empty() ? 0 : 20) + row_names + 8;
  const double top = 8 + (plot.column_label.empty() ? 0 : 20) +
                     (level ? name_size + 8 : column_names * std::sin(angle) + name_size + 6);
  // Slanted names of the last columns reach beyond the last cell.
  const double beyond = level ? 8 : std::max(8.0, column_names * std::cos(angle) - cell / 2 + 10);
  const double width = left + columns * cell + beyond;
  const double height = top + rows * cell_height + 8;

  SvgCanvas canvas(width, height, plot.title);
  canvas.text(left + columns * cell / 2, 19, plot.column_label, {kLabelSize, Anchor::kMiddle});
  canvas.text(18, top + rows * cell_height / 2, plot.row_label,
              {kLabelSize, Anchor::kMiddle, kInk, false, -90});
  for (std::size_t c = 0; c < plot.columns.size(); ++c) {
    const double x = left + (static_cast<double>(c) + 0.5) * cell;
    const std::string name = fitted_name(plot.columns[c], name_size);
    if (level)
      canvas.text(x, top - 7, name, {name_size, Anchor::kMiddle, kMuted});
    else
      canvas.text(x + (slope == 90 ? 0.36 * name_size : 0), top - 6, name,
                  {name_size, Anchor::kStart, kMuted, false, -slope});
  }
  const double largest = largest_value(plot);
  for (std::size_t r = 0; r < plot.rows.size(); ++r) {
    const double y = top + static_cast<double>(r) * cell_height;
    canvas.text(left - 7, y + cell_height / 2 + name_size * 0.36,
                fitted_name(plot.rows[r], name_size), {name_size, Anchor::kEnd, kMuted});
    for (std::size_t c = 0; c < plot.columns.size(); ++c) {
      const double x = left + static_cast<double>(c) * cell;
      const double value =
          r < plot.values.size() && c < plot.values[r].size() ? plot.values[r][c] : std::nan("");
      double shade = largest > 0 ? std::abs(value) / largest : 0;
      if (r < plot.shades.size() && c < plot.shades[r].size()) shade = plot.shades[r][c];
      shade = std::isfinite(shade) ? std::clamp(shade, 0.0, 1.0) : 0;
      if (!std::isfinite(value)) {
        canvas.rect(x + 0.5, y + 0.5, cell - 1, cell_height - 1, kGrid, 0.35);
        continue;
      }
      const std::string number = number_text(plot, value);
      canvas.rect(x + 0.5, y + 0.5, cell - 1, cell_height - 1, kGrid, 0.35);
      canvas.rect(
          x + 0.5, y + 0.5, cell - 1, cell_height - 1, kHeat, shade,
          plot.rows[r] + " / " + plot.columns[c] + ": " + number + (plot.percent ? " %" : ""));
      const double size = std::min(12.0, 0.9 * cell * 12 / std::max(1.0, text_width(number, 12)));
      if (size >= 7.5 && cell_height >= 14)
        canvas.text(x + cell / 2, y + cell_height / 2 + size * 0.36, number,
                    {size, Anchor::kMiddle,
                     shade >= kDarkShade ? kOnHeat
                     : value == 0        ? kMuted
                                         : kInk});
    }
  }
  if (plot.diagonal && cell >= 16)
    for (std::size_t i = 0; i < std::min(plot.rows.size(), plot.columns.size()); ++i)
      canvas.frame(left + static_cast<double>(i) * cell + 1,
                   top + static_cast<double>(i) * cell_height + 1, cell - 2, cell_height - 2,
                   kMuted, 1);
  return std::move(canvas).finish();
}

}  // namespace selfcure
