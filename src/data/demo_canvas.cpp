#include "demo_canvas.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include <opencv2/imgproc.hpp>

namespace selfcure {
namespace {

constexpr double kDegrees = 0.017453292519943295;
// OpenCV's drawing functions take fixed-point coordinates with this many fractional bits.
constexpr int kShift = 4;
// The face is an ellipsoid with these half axes; the outline of the cheeks lies a little inside.
constexpr double kDepth = 0.85, kAcross = 1.06, kDown = 1.55;

std::vector<cv::Point> fixed_point(const DemoCurve& curve, double scale = 1.0) {
  std::vector<cv::Point> points;
  points.reserve(curve.size());
  for (const cv::Point2d& p : curve) {
    points.emplace_back(cvRound(p.x * scale * (1 << kShift)), cvRound(p.y * scale * (1 << kShift)));
  }
  return points;
}

void fill_polygon(cv::Mat& picture, const DemoCurve& outline, const cv::Scalar& colour,
                  double scale = 1.0) {
  if (outline.size() < 3) return;
  const std::vector<std::vector<cv::Point>> polygons = {fixed_point(outline, scale)};
  cv::fillPoly(picture, polygons, colour, cv::LINE_AA, kShift);
}

// Calls visit(pixel, weight) with the weights of a rotated Gaussian around `centre`.
template <typename Visit>
void visit_gaussian(cv::Mat& map, const cv::Point2d& centre, double sigma_x, double sigma_y,
                    double angle, const Visit& visit) {
  const double reach = 2.6 * std::max(sigma_x, sigma_y);
  const int left = std::max(0, static_cast<int>(std::floor(centre.x - reach)));
  const int right = std::min(map.cols - 1, static_cast<int>(std::ceil(centre.x + reach)));
  const int top = std::max(0, static_cast<int>(std::floor(centre.y - reach)));
  const int bottom = std::min(map.rows - 1, static_cast<int>(std::ceil(centre.y + reach)));
  const auto cosine = static_cast<float>(std::cos(angle));
  const auto sine = static_cast<float>(std::sin(angle));
  // Lowered so that it ends at 0: a step would show as a ring.
  constexpr float kEnd = 6.76F;
  const float floor = std::exp(-0.5F * kEnd);
  const auto inverse_x = static_cast<float>(1.0 / sigma_x);
  const auto inverse_y = static_cast<float>(1.0 / sigma_y);
  for (int y = top; y <= bottom; ++y) {
    auto* row = map.ptr<float>(y);
    const auto dy = static_cast<float>(y - centre.y);
    for (int x = left; x <= right; ++x) {
      const auto dx = static_cast<float>(x - centre.x);
      const float u = (dx * cosine + dy * sine) * inverse_x;
      const float v = (dy * cosine - dx * sine) * inverse_y;
      const float square = u * u + v * v;
      if (square < kEnd) visit(row[x], (std::exp(-0.5F * square) - floor) / (1 - floor));
    }
  }
}

}  // namespace

double smooth_step(double low, double high, double value) {
  const double t = std::clamp((value - low) / (high - low), 0.0, 1.0);
  return t * t * (3 - 2 * t);
}

DemoCurve smooth_curve(const DemoCurve& knots, bool closed, int steps) {
  if (knots.size() < 3) return knots;
  const auto count = static_cast<int>(knots.size());
  const auto knot = [&](int i) -> const cv::Point2d& {
    const int at = closed ? (i + count) % count : std::clamp(i, 0, count - 1);
    return knots[static_cast<std::size_t>(at)];
  };
  DemoCurve curve;
  const int spans = closed ? count : count - 1;
  curve.reserve(static_cast<std::size_t>(spans) * static_cast<std::size_t>(steps) + 1);
  for (int i = 0; i < spans; ++i) {
    const cv::Point2d &a = knot(i - 1), &b = knot(i), &c = knot(i + 1), &d = knot(i + 2);
    for (int s = 0; s < steps; ++s) {
      const double t = static_cast<double>(s) / steps;
      curve.push_back(0.5 * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * (t * t) +
                             (3 * b - a - 3 * c + d) * (t * t * t)));
    }
  }
  if (!closed) curve.push_back(knots.back());
  return curve;
}

DemoCurve brush_outline(const DemoCurve& spine, const std::vector<double>& widths) {
  const std::size_t count = spine.size();
  if (count < 2 || widths.empty()) return {};
  DemoCurve outline(2 * count);
  for (std::size_t i = 0; i < count; ++i) {
    const cv::Point2d along = spine[std::min(i + 1, count - 1)] - spine[i == 0 ? 0 : i - 1];
    const double length = std::max(1e-9, std::hypot(along.x, along.y));
    const double place = static_cast<double>(i) / static_cast<double>(count - 1) *
                         static_cast<double>(widths.size() - 1);
    const auto low = std::min(static_cast<std::size_t>(place), widths.size() - 1);
    const std::size_t high = std::min(low + 1, widths.size() - 1);
    const double part = place - static_cast<double>(low);
    const double half = 0.5 * (widths[low] * (1 - part) + widths[high] * part);
    const cv::Point2d normal(-along.y / length * half, along.x / length * half);
    outline[i] = spine[i] + normal;
    outline[2 * count - 1 - i] = spine[i] - normal;
  }
  return outline;
}

FaceProjection::FaceProjection(const DemoPerson& person, const DemoScene& scene, int canvas_side)
    : unit_(canvas_side / 2.75 * scene.zoom),
      width_(person.face_width),
      height_(person.face_height),
      sin_yaw_(std::sin(scene.yaw * kDegrees)),
      cos_yaw_(std::cos(scene.yaw * kDegrees)),
      sin_pitch_(std::sin(scene.pitch * kDegrees)),
      cos_pitch_(std::cos(scene.pitch * kDegrees)),
      sin_roll_(std::sin(scene.roll * kDegrees)),
      cos_roll_(std::cos(scene.roll * kDegrees)),
      roll_(scene.roll * kDegrees) {
  // Half of the shift of the features goes back: datasets are aligned by the features.
  const double drift = 0.45 * kDepth * unit_;
  centre_ = {canvas_side * 0.5 + scene.shift_x * unit_ - drift * sin_yaw_,
             canvas_side * 0.485 + scene.shift_y * unit_ + drift * sin_pitch_};
}

cv::Point2d FaceProjection::in_space(double x, double y, double z) const {
  x *= width_;
  y *= height_;
  const double turned_x = x * cos_yaw_ + z * sin_yaw_;
  const double turned_z = z * cos_yaw_ - x * sin_yaw_;
  const double turned_y = y * cos_pitch_ - turned_z * sin_pitch_;
  const double depth = turned_z * cos_pitch_ + y * sin_pitch_;
  const double scale = unit_ * (1 + 0.05 * depth);
  return {centre_.x + scale * (turned_x * cos_roll_ - turned_y * sin_roll_),
          centre_.y + scale * (turned_x * sin_roll_ + turned_y * cos_roll_)};
}

cv::Point2d FaceProjection::on_face(double x, double y, double lift) const {
  const double across = x / kAcross, down = (y + 0.05) / kDown;
  const double z = kDepth * std::sqrt(std::max(0.0, 1 - across * across - down * down));
  return in_space(x, y, z + lift);
}

DemoCurve FaceProjection::on_face(const DemoCurve& points, double lift) const {
  DemoCurve placed;
  placed.reserve(points.size());
  for (const cv::Point2d& p : points) placed.push_back(on_face(p.x, p.y, lift));
  return placed;
}

DemoCurve FaceProjection::in_space(const DemoCurve& points, double z) const {
  DemoCurve placed;
  placed.reserve(points.size());
  for (const cv::Point2d& p : points) placed.push_back(in_space(p.x, p.y, z));
  return placed;
}

DemoCanvas::DemoCanvas(int side) : pixels_(side, side, CV_8UC3, cv::Scalar::all(0)) {}

cv::Rect DemoCanvas::bounds(const DemoCurve& outline, double margin) const {
  double left = 1e9, top = 1e9, right = -1e9, bottom = -1e9;
  for (const cv::Point2d& p : outline) {
    left = std::min(left, p.x);
    right = std::max(right, p.x);
    top = std::min(top, p.y);
    bottom = std::max(bottom, p.y);
  }
  const cv::Point low(static_cast<int>(std::floor(std::clamp(left - margin, -9e3, 9e3))),
                      static_cast<int>(std::floor(std::clamp(top - margin, -9e3, 9e3))));
  const cv::Point high(static_cast<int>(std::ceil(std::clamp(right + margin, -9e3, 9e3))) + 1,
                       static_cast<int>(std::ceil(std::clamp(bottom + margin, -9e3, 9e3))) + 1);
  return cv::Rect(low, high) & cv::Rect(0, 0, pixels_.cols, pixels_.rows);
}

void DemoCanvas::fill(const DemoCurve& outline, const cv::Scalar& colour) {
  fill_polygon(pixels_, outline, colour);
}

void DemoCanvas::fill_soft(const DemoCurve& outline, const cv::Scalar& colour, double opacity,
                           double softness) {
  const cv::Rect box = bounds(outline, 3 * softness + 2);
  if (box.empty() || opacity <= 0.0) return;
  DemoCurve moved = outline;
  for (cv::Point2d& p : moved) p -= cv::Point2d(box.x, box.y);
  // A wide blur leaves nothing that a coarser mask could not hold.
  const int coarse = softness > 6 ? 4 : softness > 2.5 ? 2 : 1;
  cv::Mat mask((box.height + coarse - 1) / coarse, (box.width + coarse - 1) / coarse, CV_8U,
               cv::Scalar(0));
  fill_polygon(mask, moved, cv::Scalar(255), 1.0 / coarse);
  if (softness > 0.3) {
    cv::GaussianBlur(mask, mask, {}, softness / coarse, softness / coarse, cv::BORDER_REPLICATE);
  }
  if (coarse > 1) cv::resize(mask, mask, box.size(), 0, 0, cv::INTER_LINEAR);
  const int weight = cvRound(256 * std::min(opacity, 1.0));
  int target[3];
  for (int c = 0; c < 3; ++c) target[c] = std::clamp(cvRound(colour[c]), 0, 255);
  for (int y = 0; y < box.height; ++y) {
    const std::uint8_t* cover = mask.ptr(y);
    std::uint8_t* pixel = pixels_.ptr(box.y + y) + 3 * box.x;
    for (int x = 0; x < box.width; ++x, pixel += 3) {
      const int part = cover[x] * weight;
      if (part == 0) continue;
      for (int c = 0; c < 3; ++c) {
        pixel[c] =
            static_cast<std::uint8_t>(pixel[c] + (target[c] - pixel[c]) * part / (255 * 256));
      }
    }
  }
}

void DemoCanvas::stroke(const DemoCurve& line, const cv::Scalar& colour, double width) {
  if (line.size() < 2) return;
  const std::vector<std::vector<cv::Point>> lines = {fixed_point(line)};
  cv::polylines(pixels_, lines, false, colour, std::max(1, cvRound(width)), cv::LINE_AA, kShift);
}

void DemoCanvas::disc(const cv::Point2d& centre, double radius_x, double radius_y, double angle,
                      const cv::Scalar& colour) {
  DemoCurve outline;
  const double cosine = std::cos(angle), sine = std::sin(angle);
  for (int i = 0; i < 28; ++i) {
    const double turn = i * 2 * CV_PI / 28;
    const double x = radius_x * std::cos(turn), y = radius_y * std::sin(turn);
    outline.emplace_back(centre.x + x * cosine - y * sine, centre.y + x * sine + y * cosine);
  }
  fill(outline, colour);
}

void DemoCanvas::paste(const cv::Mat& other, const DemoCurve& outline) {
  const cv::Rect box = bounds(outline, 2);
  if (box.empty()) return;
  DemoCurve moved = outline;
  for (cv::Point2d& p : moved) p -= cv::Point2d(box.x, box.y);
  cv::Mat mask(box.size(), CV_8U, cv::Scalar(0));
  fill_polygon(mask, moved, cv::Scalar(255));
  for (int y = 0; y < box.height; ++y) {
    const std::uint8_t* cover = mask.ptr(y);
    const std::uint8_t* source = other.ptr(box.y + y) + 3 * box.x;
    std::uint8_t* pixel = pixels_.ptr(box.y + y) + 3 * box.x;
    for (int x = 0; x < box.width; ++x, pixel += 3, source += 3) {
      for (int c = 0; c < 3; ++c) {
        pixel[c] = static_cast<std::uint8_t>(pixel[c] + (source[c] - pixel[c]) * cover[x] / 255);
      }
    }
  }
}

DemoRelief::DemoRelief(int canvas_side, double pixels_per_unit) : unit_(pixels_per_unit / 2) {
  const int side = (canvas_side + 1) / 2;
  height_ = cv::Mat(side, side, CV_32F, cv::Scalar(0));
  shade_ = height_.clone();
  flush_ = height_.clone();
  crease_ = cv::Mat(side, side, CV_8U, cv::Scalar(0));
  cover_ = crease_.clone();
  over_ = crease_.clone();
}

void DemoRelief::bump(const cv::Point2d& centre, double sigma_x, double sigma_y, double angle,
                      double amount) {
  const auto weight = static_cast<float>(amount);
  visit_gaussian(height_, centre / 2, sigma_x / 2, sigma_y / 2, angle,
                 [weight](float& pixel, float part) { pixel += weight * part; });
}

void DemoRelief::shade(const cv::Point2d& centre, double sigma_x, double sigma_y, double angle,
                       double amount) {
  const auto weight = static_cast<float>(amount);
  visit_gaussian(shade_, centre / 2, sigma_x / 2, sigma_y / 2, angle,
                 [weight](float& pixel, float part) { pixel += weight * part; });
}

void DemoRelief::flush(const cv::Point2d& centre, double sigma, double amount) {
  const auto weight = static_cast<float>(amount);
  visit_gaussian(flush_, centre / 2, sigma / 2, sigma / 2, 0,
                 [weight](float& pixel, float part) { pixel += weight * part; });
}

void DemoRelief::crease(const DemoCurve& line, double strength, double width) {
  if (strength < 0.04) return;
  const DemoCurve spine = smooth_curve(line);
  const DemoCurve outline = brush_outline(spine, {0.15 * width, width, width, 0.15 * width});
  fill_polygon(crease_, outline, cv::Scalar(255 * std::min(1.0, strength)), 0.5);
}

void DemoRelief::cover(const DemoCurve& outline) {
  fill_polygon(cover_, outline, cv::Scalar(255), 0.5);
}

void DemoRelief::smooth_over(const DemoCurve& outline) {
  fill_polygon(over_, outline, cv::Scalar(255), 0.5);
}

void DemoRelief::light(cv::Mat& canvas, const DemoScene& scene, const cv::Point2d& head_centre,
                       const cv::Size2d& head_radii, double gloss) const {
  const int side = height_.rows;
  cv::Mat wrinkles;
  crease_.convertTo(wrinkles, CV_32F, 1 / 255.0);
  cv::GaussianBlur(wrinkles, wrinkles, {}, 0.011 * unit_ + 0.35);
  cv::Mat relief;
  cv::scaleAdd(wrinkles, -0.045, height_, relief);

  const double azimuth = scene.light_azimuth * kDegrees;
  const double elevation = scene.light_elevation * kDegrees;
  const auto light_x = static_cast<float>(std::sin(azimuth) * std::cos(elevation));
  const auto light_y = static_cast<float>(-std::sin(elevation));
  const auto light_z = static_cast<float>(std::cos(azimuth) * std::cos(elevation));
  // Half way between the light and the viewer, for highlights.
  const float half_length = std::sqrt(2 * (1 + light_z));
  const float half_x = light_x / half_length, half_y = light_y / half_length;
  const float half_z = (light_z + 1) / half_length;
  const auto diffuse = static_cast<float>(0.42 + 0.55 * scene.light_contrast);
  const auto ambient = static_cast<float>(0.66 - 0.44 * scene.light_contrast);
  const auto slope = static_cast<float>(unit_ * 0.5);  // of a central difference
  const auto shine = static_cast<float>(gloss);

  // Channels: factor of the colour, highlight, blood.
  cv::Mat lit(side, side, CV_32FC3);
  for (int y = 0; y < side; ++y) {
    const auto* above = relief.ptr<float>(std::max(0, y - 1));
    const auto* below = relief.ptr<float>(std::min(side - 1, y + 1));
    const auto* here = relief.ptr<float>(y);
    const auto* folds = wrinkles.ptr<float>(y);
    const auto* shades = shade_.ptr<float>(y);
    const auto* blood = flush_.ptr<float>(y);
    const std::uint8_t* covered = cover_.ptr(y);
    const std::uint8_t* over = over_.ptr(y);
    auto* out = lit.ptr<cv::Vec3f>(y);
    const auto v = static_cast<float>((2 * y - head_centre.y) / head_radii.height);
    for (int x = 0; x < side; ++x) {
      if (covered[x] == 0) {
        out[x] = cv::Vec3f(1, 0, 0);
        continue;
      }
      const auto u = static_cast<float>((2 * x - head_centre.x) / head_radii.width);
      const float bare = 1.0F - static_cast<float>(over[x]) / 255.0F;
      const float base_z = std::sqrt(std::max(0.09F, 1 - 0.8F * (u * u + v * v)));
      const float slope_x = (here[std::min(side - 1, x + 1)] - here[std::max(0, x - 1)]) * slope;
      const float slope_y = (below[x] - above[x]) * slope;
      float normal_x = 0.85F * u - bare * slope_x * base_z;
      float normal_y = 0.75F * v - bare * slope_y * base_z;
      float normal_z = base_z;
      const float length =
          std::sqrt(normal_x * normal_x + normal_y * normal_y + normal_z * normal_z);
      normal_x /= length;
      normal_y /= length;
      normal_z /= length;
      // Skin lets light bleed around the edge of a shadow, hence the wrap of 0.25.
      const float facing = normal_x * light_x + normal_y * light_y + normal_z * light_z;
      const float received = std::max(0.0F, (facing + 0.25F) / 1.25F);
      const float open = std::exp(-bare * (shades[x] + 0.55F * folds[x]));
      float sharp = std::max(0.0F, normal_x * half_x + normal_y * half_y + normal_z * half_z);
      sharp *= sharp;
      sharp *= sharp;
      sharp *= sharp;
      sharp *= sharp;
      out[x] = cv::Vec3f((ambient + diffuse * received) * open, shine * bare * sharp * open,
                         bare * blood[x]);
      const float part = static_cast<float>(covered[x]) / 255.0F;
      out[x] = out[x] * part + cv::Vec3f(1, 0, 0) * (1 - part);
    }
  }

  cv::Mat full;
  cv::resize(lit, full, canvas.size(), 0, 0, cv::INTER_LINEAR);
  for (int y = 0; y < canvas.rows; ++y) {
    const auto* light = full.ptr<cv::Vec3f>(y);
    std::uint8_t* pixel = canvas.ptr(y);
    for (int x = 0; x < canvas.cols; ++x, pixel += 3) {
      const float factor = light[x][0], highlight = light[x][1], blood = light[x][2];
      // Shadows on skin are warm: blue fades first.
      const float dark = std::max(0.0F, 1 - factor);
      const float tint[3] = {factor * (1 - 0.16F * dark) * (1 - 0.20F * blood),
                             factor * (1 - 0.08F * dark) * (1 - 0.24F * blood),
                             factor * (1 + 0.05F * dark)};
      for (int c = 0; c < 3; ++c) {
        const float value = static_cast<float>(pixel[c]) * tint[c] + highlight;
        pixel[c] = static_cast<std::uint8_t>(std::clamp(value + 0.5F, 0.0F, 255.0F));
      }
    }
  }
}

}  // namespace selfcure
