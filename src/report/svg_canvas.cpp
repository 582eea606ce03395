#include "svg_canvas.h"

#include <array>
#include <cmath>
#include <cstdio>

#include "selfcure/report/svg_plot.h"

namespace selfcure {
namespace {

/// Okabe and Ito, Color Universal Design, 2008; the yellow is darker, to be seen on white.
constexpr std::array<Paint, kPlotColours> kSeries = {{{"c0", "#0072b2"},
                                                      {"c1", "#d55e00"},
                                                      {"c2", "#009e73"},
                                                      {"c3", "#cc79a7"},
                                                      {"c4", "#e69f00"},
                                                      {"c5", "#56b4e9"},
                                                      {"c6", "#4d4d4d"},
                                                      {"c7", "#a58a00"}}};

/// Plots wider than this are not shrunk to fit a page, which scrolls them instead.
constexpr double kDenseWidth = 700;

std::string paint_text(const Paint& paint) {
  return std::string(" class=\"") + paint.css_class + "\" color=\"" + paint.colour + "\"";
}

std::string stroke_text(const StrokeStyle& style) {
  std::string text =
      " fill=\"none\" stroke=\"currentColor\" stroke-width=\"" + coordinate(style.width) + "\"";
  if (style.dashes != nullptr) text += std::string(" stroke-dasharray=\"") + style.dashes + "\"";
  if (style.opacity < 1) text += " stroke-opacity=\"" + coordinate(style.opacity) + "\"";
  return text;
}

std::string closed(const char* element, const std::string& tooltip) {
  if (tooltip.empty()) return "/>\n";
  return "><title>" + escape_markup(tooltip) + "</title></" + element + ">\n";
}

std::string path_text(const std::vector<std::pair<double, double>>& points) {
  std::string path;
  for (std::size_t i = 0; i < points.size(); ++i)
    path += (i == 0 ? "M" : "L") + coordinate(points[i].first) + " " + coordinate(points[i].second);
  return path;
}

}  // namespace

Paint series_paint(int colour, std::size_t position) {
  if (colour == -2) return kMuted;
  const std::size_t index = colour >= 0 ? static_cast<std::size_t>(colour) : position;
  return kSeries[index % kSeries.size()];
}

const char* series_dashes(std::size_t position) {
  static constexpr std::array<const char*, 4> kDashes = {nullptr, "7 3", "2 3", "9 3 2 3"};
  return kDashes[position % kDashes.size()];
}

std::string coordinate(double value) {
  if (!std::isfinite(value)) value = 0;  // a caller's bug must not make a file that no one can read
  char text[64];
  std::snprintf(text, sizeof(text), "%.2f", value);
  std::string result = text;
  while (result.back() == '0') result.pop_back();
  if (result.back() == '.') result.pop_back();
  return result == "-0" ? "0" : result;
}

SvgCanvas::SvgCanvas(double width, double height, const std::string& title) {
  const std::string w = coordinate(width);
  const std::string h = coordinate(height);
  const std::string name = escape_markup(title);
  svg_ = std::string("<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"") +
         (width > kDenseWidth ? "plot dense" : "plot") + "\" role=\"img\" width=\"" + w +
         "\" height=\"" + h + "\" viewBox=\"0 0 " + w + " " + h + "\" aria-label=\"" + name +
         "\" color=\"" + kInk.colour +
         "\" fill=\"currentColor\" font-family=\"'Helvetica Neue', Helvetica, Arial, "
         "'Liberation Sans', 'DejaVu Sans', sans-serif\">\n";
  rect(0, 0, width, height, kPaper);
}

void SvgCanvas::rect(double x, double y, double width, double height, const Paint& fill,
                     double opacity, const std::string& tooltip) {
  svg_ += "<rect x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" width=\"" +
          coordinate(width) + "\" height=\"" + coordinate(height) + "\"" + paint_text(fill);
  if (opacity < 1) svg_ += " fill-opacity=\"" + coordinate(opacity) + "\"";
  svg_ += closed("rect", tooltip);
}

void SvgCanvas::frame(double x, double y, double width, double height, const Paint& stroke,
                      double stroke_width) {
  svg_ += "<rect x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" width=\"" +
          coordinate(width) + "\" height=\"" + coordinate(height) + "\"" + paint_text(stroke) +
          stroke_text({stroke_width}) + "/>\n";
}

void SvgCanvas::line(double x1, double y1, double x2, double y2, const Paint& stroke,
                     const StrokeStyle& style) {
  polyline({{x1, y1}, {x2, y2}}, stroke, style);
}

void SvgCanvas::polyline(const std::vector<std::pair<double, double>>& points, const Paint& stroke,
                         const StrokeStyle& style) {
  if (points.size() < 2) return;
  svg_ += "<path d=\"" + path_text(points) + "\"" + paint_text(stroke) + stroke_text(style) +
          " stroke-linejoin=\"round\"/>\n";
}

void SvgCanvas::area(const std::vector<std::pair<double, double>>& points, const Paint& fill,
                     double opacity) {
  if (points.size() < 3) return;
  svg_ += "<path d=\"" + path_text(points) + "Z\"" + paint_text(fill) + " fill-opacity=\"" +
          coordinate(opacity) + "\"/>\n";
}

void SvgCanvas::marker(std::size_t shape, double x, double y, double radius, const Paint& paint,
                       const std::string& tooltip) {
  const std::string colours = paint_text(paint);
  const auto path = [&](const std::vector<std::pair<double, double>>& points) {
    svg_ += "<path d=\"" + path_text(points) + "Z\"" + colours + closed("path", tooltip);
  };
  const double r = radius;
  switch (shape % 6) {
    case 0:
      svg_ += "<circle cx=\"" + coordinate(x) + "\" cy=\"" + coordinate(y) + "\" r=\"" +
              coordinate(r) + "\"" + colours + closed("circle", tooltip);
      break;
    case 1:
      path({{x - r, y - r}, {x + r, y - r}, {x + r, y + r}, {x - r, y + r}});
      break;
    case 2:
      path({{x, y - 1.3 * r}, {x + 1.2 * r, y + r}, {x - 1.2 * r, y + r}});
      break;
    case 3:
      path({{x, y - 1.4 * r}, {x + 1.4 * r, y}, {x, y + 1.4 * r}, {x - 1.4 * r, y}});
      break;
    case 4:
      path({{x, y + 1.3 * r}, {x + 1.2 * r, y - r}, {x - 1.2 * r, y - r}});
      break;
    default:
      path({{x - r, y - 0.4 * r},
            {x, y - 1.3 * r},
            {x + r, y - 0.4 * r},
            {x + 0.7 * r, y + r},
            {x - 0.7 * r, y + r}});
  }
}

void SvgCanvas::text(double x, double y, const std::string& text, const TextStyle& style) {
  if (text.empty()) return;
  static constexpr const char* kAnchors[] = {"start", "middle", "end"};
  svg_ += "<text x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" font-size=\"" +
          coordinate(style.size) + "\"" + paint_text(style.paint);
  if (style.anchor != Anchor::kStart)
    svg_ += std::string(" text-anchor=\"") + kAnchors[static_cast<int>(style.anchor)] + "\"";
  if (style.bold) svg_ += " font-weight=\"600\"";
  if (style.rotate != 0)
    svg_ += " transform=\"rotate(" + coordinate(style.rotate) + " " + coordinate(x) + " " +
            coordinate(y) + ")\"";
  svg_ += ">" + escape_markup(text) + "</text>\n";
}

void SvgCanvas::begin_clip(double x, double y, double width, double height) {
  const std::string box =
      coordinate(x) + " " + coordinate(y) + " " + coordinate(width) + " " + coordinate(height);
  svg_ += "<svg x=\"" + coordinate(x) + "\" y=\"" + coordinate(y) + "\" width=\"" +
          coordinate(width) + "\" height=\"" + coordinate(height) + "\" viewBox=\"" + box + "\">\n";
}

void SvgCanvas::end_clip() { svg_ += "</svg>\n"; }

std::string SvgCanvas::finish() && { return std::move(svg_) + "</svg>\n"; }

}  // namespace selfcure
