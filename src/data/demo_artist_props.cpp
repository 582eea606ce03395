#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "demo_artist.h"

namespace selfcure {

void DemoArtist::paint_glasses() {
  if (person_.glasses == 0) return;
  const bool round = person_.glasses == 1, thin = person_.glasses == 3;
  const cv::Scalar frame =
      thin ? cv::Scalar(120, 140, 150) : (round ? cv::Scalar(34, 40, 60) : cv::Scalar(22, 20, 22));
  const double width = px(thin ? 0.022 : 0.04);
  for (int half = 0; half < 2; ++half) {
    const double s = half == 0 ? -1 : 1;
    const cv::Point2d c = eye_centre(half) + cv::Point2d(0, 0.03);
    DemoCurve rim;
    for (int i = 0; i < 24; ++i) {
      const double turn = i * 2 * CV_PI / 24, x = std::cos(turn), y = std::sin(turn);
      // A superellipse: power 1 is round, smaller powers are squarer.
      const double power = round ? 1.0 : 0.55;
      rim.emplace_back(c.x + 0.315 * std::copysign(std::pow(std::abs(x), power), x),
                       c.y + 0.25 * std::copysign(std::pow(std::abs(y), power), y));
    }
    DemoCurve lens = face_.on_face(rim, 0.12);
    canvas_.fill_soft(lens, cv::Scalar(235, 235, 230), 0.07, 1.0);
    const DemoCurve gleam = {{c.x - 0.20, c.y + 0.02},
                             {c.x - 0.06, c.y - 0.18},
                             {c.x + 0.02, c.y - 0.18},
                             {c.x - 0.12, c.y + 0.02}};
    canvas_.fill_soft(face_.on_face(gleam, 0.12), cv::Scalar(255, 255, 255), 0.20, px(0.02));
    lens.push_back(lens.front());
    canvas_.stroke(lens, frame, width);
    canvas_.stroke(
        {face_.on_face(c.x + s * 0.31, c.y - 0.06, 0.12), face_.on_face(s * 0.94, -0.18)}, frame,
        width);
  }
  const DemoCurve bridge = {{-0.12, -0.14}, {0.0, -0.19}, {0.12, -0.14}};
  canvas_.stroke(smooth_curve(face_.on_face(bridge, 0.14)), frame, width);
}

void DemoArtist::paint_sunglasses() {
  const cv::Scalar glass(28, 24, 26);
  for (int half = 0; half < 2; ++half) {
    const double s = half == 0 ? -1 : 1;
    const cv::Point2d c = eye_centre(half) + cv::Point2d(0, 0.04);
    const DemoCurve rim = {{c.x - s * 0.28, c.y - 0.17}, {c.x, c.y - 0.23},
                           {c.x + s * 0.34, c.y - 0.20}, {c.x + s * 0.35, c.y + 0.02},
                           {c.x + s * 0.12, c.y + 0.24}, {c.x - s * 0.2, c.y + 0.16}};
    canvas_.fill(smooth_curve(face_.on_face(rim, 0.12), true), glass);
    const DemoCurve gleam = {{c.x - 0.18, c.y + 0.06},
                             {c.x - 0.02, c.y - 0.17},
                             {c.x + 0.08, c.y - 0.17},
                             {c.x - 0.08, c.y + 0.06}};
    canvas_.fill_soft(face_.on_face(gleam, 0.12), cv::Scalar(210, 200, 190), 0.4, px(0.03));
    canvas_.stroke(
        {face_.on_face(c.x + s * 0.33, c.y - 0.15, 0.12), face_.on_face(s * 0.94, -0.20)}, glass,
        px(0.05));
  }
  const DemoCurve bridge = {{-0.16, -0.20}, {0.0, -0.23}, {0.16, -0.20}};
  canvas_.stroke(smooth_curve(face_.on_face(bridge, 0.14)), glass, px(0.05));
}

void DemoArtist::paint_hand() {
  DemoRandom draw = random(DemoField::kProps);
  const double s = scene_.occlusion_side;
  const cv::Scalar skin = person_.skin * draw.uniform(0.82, 0.98);
  const double reach = draw.uniform(0.0, 0.25);
  // Four fingers along the cheek, palm below the picture's edge; each with a lit middle.
  for (int finger = 3; finger >= 0; --finger) {
    const double x = s * (0.98 - 0.185 * finger);
    const double top = 0.42 + 0.07 * std::abs(finger - 1.5) - reach + 0.10 * finger;
    const DemoCurve spine = smooth_curve(face_.in_space(
        {{x - s * 0.06, top}, {x, top + 0.35}, {x + s * 0.07, top + 0.8}, {x + s * 0.25, 2.0}},
        0.9));
    const double wide = px(0.19);
    const std::vector<double> widths = {0.55 * wide, 0.92 * wide, wide, wide, 1.15 * wide};
    DemoCurve shadow = brush_outline(spine, widths);
    for (cv::Point2d& p : shadow) p += cv::Point2d(-s * px(0.03), px(0.02));
    canvas_.fill_soft(shadow, cv::Scalar(20, 24, 44), 0.45, px(0.03));
    canvas_.disc(spine.front(), 0.29 * wide, 0.29 * wide, 0, skin * 0.78);
    canvas_.fill(brush_outline(spine, widths), skin * 0.78);
    canvas_.fill_soft(brush_outline(spine, {0.2 * wide, 0.5 * wide, 0.5 * wide, 0.5 * wide}), skin,
                      0.9, px(0.03));
    const cv::Point2d nail = spine[1];
    canvas_.disc(nail, 0.17 * wide, 0.22 * wide, 0,
                 mix_colours(skin, cv::Scalar(190, 190, 235), 0.5));
  }
}

void DemoArtist::paint_scarf() {
  DemoRandom draw = random(DemoField::kProps);
  const double top = draw.uniform(0.90, 1.02);
  const DemoCurve edge = {{-1.2, top - 0.12},
                          {-0.6, top + 0.02},
                          {0.0, top + 0.10},
                          {0.6, top + 0.0},
                          {1.2, top - 0.14}};
  DemoCurve outline = smooth_curve(face_.in_space(edge, 0.5));
  const DemoCurve line = outline;
  const double below = canvas_.side() * 1.2;
  outline.emplace_back(below, below);
  outline.emplace_back(-0.2 * below, below);
  canvas_.fill_soft(outline, cv::Scalar(20, 20, 34), 0.4, px(0.05));
  canvas_.fill(outline, person_.fabric * 0.9);
  for (int i = 0; i < 7; ++i) {
    DemoCurve fold = line;
    const double drop = px(0.04 + 0.10 * i), wave = px(0.03) * draw.bell();
    for (std::size_t k = 0; k < fold.size(); ++k) {
      const double place = static_cast<double>(k) / static_cast<double>(fold.size());
      fold[k] += cv::Point2d(0, drop + wave * std::sin(6 * place + i));
    }
    canvas_.fill_soft(brush_outline(fold, {px(0.02), px(0.05), px(0.02)}),
                      person_.fabric * (i % 2 == 0 ? 1.25 : 0.6), 0.6, px(0.015));
  }
}

void DemoArtist::paint_hair_strand() {
  DemoRandom draw = random(DemoField::kProps);
  const double s = scene_.occlusion_side;
  const double from = draw.uniform(0.0, 0.3), to = draw.uniform(0.55, 0.8);
  for (int i = 0; i < 22; ++i) {
    const double shift = 0.016 * i + 0.015 * draw.bell();
    const double end = 0.35 + 0.2 * draw.bell();
    const DemoCurve lock = {{s * (from + 0.3 * shift), -1.22},
                            {s * (0.30 + shift), -0.72},
                            {s * (to + 0.9 * shift - 0.12), -0.15},
                            {s * (to + 0.5 * shift + 0.08 * draw.bell()), end}};
    canvas_.fill(brush_outline(smooth_curve(face_.on_face(lock, 0.06)),
                               {px(0.045), px(0.04), px(0.024), px(0.004)}),
                 person_.hair_colour * draw.uniform(0.65, 1.2));
  }
}

void DemoArtist::paint_microphone() {
  const double s = scene_.occlusion_side;
  const cv::Point2d head = face_.in_space(s * 0.30, 1.02, 1.0);
  const cv::Point2d end = face_.in_space(s * 0.75, 2.0, 1.0);
  canvas_.fill(brush_outline({head, end}, {px(0.2), px(0.16)}), cv::Scalar(34, 32, 32));
  canvas_.disc(head, px(0.23), px(0.23), 0, cv::Scalar(52, 50, 50));
  for (int i = -3; i <= 3; ++i) {
    const double offset = px(0.06) * i;
    const double half = std::sqrt(std::max(0.0, px(0.21) * px(0.21) - offset * offset));
    canvas_.stroke({head + cv::Point2d(offset, -half), head + cv::Point2d(offset, half)},
                   cv::Scalar(92, 90, 90), 1);
    canvas_.stroke({head + cv::Point2d(-half, offset), head + cv::Point2d(half, offset)},
                   cv::Scalar(92, 90, 90), 1);
  }
  const DemoCurve gleam = {head + cv::Point2d(-px(0.13), -px(0.10)),
                           head + cv::Point2d(0, -px(0.18)),
                           head + cv::Point2d(px(0.02), -px(0.06))};
  canvas_.fill_soft(gleam, cv::Scalar(200, 200, 200), 0.6, px(0.03));
}

void DemoArtist::paint_occlusion() {
  switch (scene_.occlusion) {
    case DemoOcclusion::kHand:
      return paint_hand();
    case DemoOcclusion::kScarf:
      return paint_scarf();
    case DemoOcclusion::kSunglasses:
      return paint_sunglasses();
    case DemoOcclusion::kHairStrand:
      return paint_hair_strand();
    case DemoOcclusion::kMicrophone:
      return paint_microphone();
    case DemoOcclusion::kNone:
      return;
  }
}

cv::Mat DemoArtist::photograph() {
  cv::Mat picture;
  cv::resize(canvas_.pixels(), picture, {side_, side_}, 0, 0, cv::INTER_AREA);
  const double blur = scene_.blur * side_ / 100.0;
  if (blur > 0.2) cv::GaussianBlur(picture, picture, {}, blur);
  if (scene_.grey) {
    cv::Mat grey;
    cv::cvtColor(picture, grey, cv::COLOR_BGR2GRAY);
    cv::cvtColor(grey, picture, cv::COLOR_GRAY2BGR);
  }
  DemoRandom draw = random(DemoField::kSensor);
  const double warm = scene_.grey ? 0.0 : scene_.warmth;
  const double gain[3] = {scene_.exposure * (1 - warm), scene_.exposure,
                          scene_.exposure * (1 + warm)};
  // A sum of two bytes has a standard deviation of 104.5.
  const double strength = scene_.noise / 104.5;
  for (int y = 0; y < picture.rows; ++y) {
    std::uint8_t* pixel = picture.ptr(y);
    for (int x = 0; x < picture.cols; ++x, pixel += 3) {
      const std::uint64_t bits = draw.next();
      for (int c = 0; c < 3; ++c) {
        const int shift = scene_.grey ? 0 : 16 * c;
        const auto sum = static_cast<int>((bits >> shift) & 255) +
                         static_cast<int>((bits >> (shift + 8)) & 255) - 255;
        const double value = pixel[c] * gain[c] + strength * sum;
        pixel[c] = static_cast<std::uint8_t>(std::clamp(cvRound(value), 0, 255));
      }
    }
  }
  return picture;
}

}  // namespace selfcure
