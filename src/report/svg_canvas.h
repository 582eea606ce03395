#pragma once

#include <string>
#include <utility>
#include <vector>

namespace selfcure {

/// A colour with the class through which a page replaces it.
struct Paint {
  const char* css_class;
  const char* colour;
};

inline constexpr Paint kInk = {"ink", "#1f2328"};
inline constexpr Paint kMuted = {"muted", "#656d76"};
inline constexpr Paint kGrid = {"grid", "#dfe3e8"};
inline constexpr Paint kPaper = {"paper", "#ffffff"};
inline constexpr Paint kHeat = {"heat", "#00507f"};
inline constexpr Paint kOnHeat = {"on-heat", "#ffffff"};
/// Colour of a series: `colour` of PlotSeries, or its position.
Paint series_paint(int colour, std::size_t position);

enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  Anchor anchor = Anchor::kStart;
  Paint paint = kInk;
  bool bold = false;
  /// Degrees around the text's own point, clockwise.
  double rotate = 0;
};

struct StrokeStyle {
  double width = 1;
  /// Lengths as of stroke-dasharray; null: solid.
  const char* dashes = nullptr;
  double opacity = 1;
};

/// Dash pattern that tells a series apart beside its colour.
const char* series_dashes(std::size_t position);

/// Gathers SVG elements; colours go through `color`, so that a class sets fill and stroke alike.
class SvgCanvas {
 public:
  SvgCanvas(double width, double height, const std::string& title);

  void rect(double x, double y, double width, double height, const Paint& fill, double opacity = 1,
            const std::string& tooltip = {});
  void frame(double x, double y, double width, double height, const Paint& stroke,
             double stroke_width);
  void line(double x1, double y1, double x2, double y2, const Paint& stroke,
            const StrokeStyle& style = {});
  void polyline(const std::vector<std::pair<double, double>>& points, const Paint& stroke,
                const StrokeStyle& style);
  void area(const std::vector<std::pair<double, double>>& points, const Paint& fill,
            double opacity);
  /// One of six shapes.
  void marker(std::size_t shape, double x, double y, double radius, const Paint& paint,
              const std::string& tooltip = {});
  void text(double x, double y, const std::string& text, const TextStyle& style = {});
  /// What follows, until end_clip(), is cut off outside of the box.
  void begin_clip(double x, double y, double width, double height);
  void end_clip();

  std::string finish() &&;

 private:
  std::string svg_;
};

/// A coordinate: at most two digits after the point.
std::string coordinate(double value);

}  // namespace selfcure
