#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "demo_artist.h"

namespace selfcure {
namespace {

using AU = ActionUnit;

double sign_of(int half) { return half == 0 ? -1.0 : 1.0; }

}  // namespace

cv::Point2d DemoArtist::eye_centre(int half) const {
  return {sign_of(half) * 0.42 * person_.eye_spacing, -0.15};
}

std::array<double, 2> DemoArtist::lid_opening(int half) const {
  const double size = person_.eye_size;
  double upper = 0.112 * person_.lid_opening + 0.085 * au(AU::kUpperLidRaiser, half) -
                 0.030 * au(AU::kLidTightener, half) - 0.030 * au(AU::kCheekRaiser, half) -
                 0.030 * au(AU::kNoseWrinkler, half) - 0.075 * au(AU::kEyesClosed, half) -
                 0.015 * au(AU::kBrowLowerer, half);
  double lower = 0.080 + 0.012 * au(AU::kUpperLidRaiser, half) -
                 0.032 * au(AU::kLidTightener, half) - 0.045 * au(AU::kCheekRaiser, half) -
                 0.020 * au(AU::kNoseWrinkler, half);
  upper = std::max(upper, 0.022);
  lower = std::max(lower, 0.014);
  return {upper * size, lower * size};
}

void DemoArtist::paint_eye(int half) {
  const double s = sign_of(half);
  const cv::Point2d c = eye_centre(half);
  const double wide = 0.235 * person_.eye_size;
  const auto [upper, lower] = lid_opening(half);
  const double tilt = person_.eye_tilt;
  // Raised inner brows pull the lid into a slant, lowered ones press it down near the nose.
  const double slant =
      0.055 * au(AU::kInnerBrowRaiser, half) *
          (1 - 0.9 * std::min(1.0, au(AU::kOuterBrowRaiser, half))) -
      0.04 * au(AU::kBrowLowerer, half) * (1 - 0.8 * au(AU::kInnerBrowRaiser, half));
  const auto at = [&](double x, double y) { return cv::Point2d(c.x + s * x, c.y + y); };
  const DemoCurve top = {at(-wide, 0.030 - tilt), at(-0.55 * wide, -0.72 * upper - slant),
                         at(0.05 * wide, -upper - 0.3 * slant),
                         at(0.60 * wide, -0.70 * upper + 0.5 * slant), at(wide, 0.0 + tilt)};
  const DemoCurve bottom = {at(wide, 0.0 + tilt), at(0.55 * wide, 0.80 * lower), at(0.0, lower),
                            at(-0.60 * wide, 0.72 * lower), at(-wide, 0.030 - tilt)};
  const DemoCurve top_line = smooth_curve(face_.on_face(top));
  const DemoCurve bottom_line = smooth_curve(face_.on_face(bottom));
  DemoCurve outline = top_line;
  outline.insert(outline.end(), bottom_line.begin() + 1, bottom_line.end());

  // Lid skin is a little darker than the cheek.
  DemoCurve lid = top_line;
  DemoCurve fold = {at(-0.95 * wide, -0.035), at(-0.5 * wide, -0.72 * upper - 0.065 - slant),
                    at(0.05 * wide, -upper - 0.070), at(0.62 * wide, -0.72 * upper - 0.055),
                    at(1.12 * wide, -0.02)};
  const DemoCurve fold_line = smooth_curve(face_.on_face(fold));
  lid.insert(lid.end(), fold_line.rbegin(), fold_line.rend());
  canvas_.fill_soft(lid, mix_colours(person_.skin * 0.74, person_.lips, 0.15), 0.55, px(0.015));

  DemoCanvas ball = canvas_;
  ball.pixels() = canvas_.pixels().clone();
  ball.fill(outline, cv::Scalar(218, 222, 226));
  const double radius = 0.108 * person_.eye_size;
  const cv::Point2d gaze(scene_.gaze_x * 0.10,
                         scene_.gaze_y * 0.05 + 0.05 * au(AU::kEyesClosed, half) - 0.008);
  const cv::Point2d middle = face_.on_face(c.x + gaze.x, c.y + gaze.y);
  const double turned = std::cos(scene_.yaw * 0.0175);
  const auto iris = [&](double r, const cv::Scalar& colour) {
    ball.disc(middle, px(r * turned), px(r), face_.roll_radians(), colour);
  };
  iris(radius, person_.iris * 0.45);
  iris(radius * 0.86, person_.iris);
  iris(radius * 0.62, mix_colours(person_.iris, cv::Scalar(120, 160, 180), 0.25));
  iris(radius * 0.46, cv::Scalar(14, 12, 12));
  const double glint = scene_.light_azimuth > 0 ? 1 : -1;
  const cv::Point2d spark = middle + cv::Point2d(glint * px(0.036), -px(0.038));
  ball.disc(spark, px(0.024), px(0.024), 0, cv::Scalar(250, 250, 250));
  // The lid throws a shadow on the ball.
  ball.fill_soft(brush_outline(top_line, {px(0.06), px(0.09), px(0.06)}), cv::Scalar(50, 44, 48),
                 0.55, px(0.015));
  const cv::Point2d corner = face_.on_face(at(-0.93 * wide, 0.032 - tilt));
  ball.disc(corner, px(0.03), px(0.024), 0, cv::Scalar(110, 112, 190));
  canvas_.paste(ball.pixels(), outline);

  const double paint = person_.masculinity < 0.4 ? 1.5 : 1.0;
  canvas_.fill(
      brush_outline(top_line, {px(0.012), px(0.030 * paint), px(0.036 * paint), px(0.018 * paint)}),
      mix_colours(person_.brow_colour * 0.4, cv::Scalar(16, 14, 16), 0.6));
  canvas_.fill_soft(brush_outline(bottom_line, {px(0.016), px(0.016), px(0.008)}),
                    person_.skin * 0.42, 0.65, px(0.006));
  canvas_.fill_soft(brush_outline(fold_line, {0.0, px(0.018), px(0.022), px(0.006)}),
                    person_.skin * 0.42, 0.75, px(0.007));
}

void DemoArtist::paint_brow(int half) {
  const double s = sign_of(half);
  const double inner = au(AU::kInnerBrowRaiser, half), outer = au(AU::kOuterBrowRaiser, half);
  const double lower = au(AU::kBrowLowerer, half), nose = au(AU::kNoseWrinkler, half);
  DemoRandom draw = random(DemoField::kHairTexture);
  const auto brow_at = [&](double t) {
    // t runs from the nose, 0, to the temple, 1.
    const double rest = -0.405 + person_.brow_height -
                        0.085 * person_.brow_arch * t * (1.55 - t) * 1.7 + 0.06 * t * t * t;
    const double raise =
        0.190 * inner * (1 - 0.45 * outer * t) * std::pow(1 - t, 1.3 - 0.5 * std::min(1.0, outer)) +
        0.180 * outer * smooth_step(0.1, 0.7, t) * (1 - 0.25 * t * t);
    const double press = 0.150 * lower * (1 - 0.75 * t) * (1 - 0.75 * std::min(1.0, inner)) +
                         0.045 * nose * (1 - 0.6 * t) + 0.05 * lower * t * inner;
    const double x = 0.145 + 0.555 * t - (0.060 * lower + 0.015 * nose) * (1 - t);
    return cv::Point2d(s * x * (0.5 + 0.5 * person_.eye_spacing), rest - raise + press);
  };
  DemoCurve spine;
  for (int i = 0; i <= 10; ++i) spine.push_back(brow_at(i / 10.0));
  const double thick = px(0.092) * std::max(0.45, person_.brow_thickness);
  const DemoCurve line = face_.on_face(spine, 0.02);
  canvas_.fill_soft(
      brush_outline(line, {0.62 * thick, thick, 0.95 * thick, 0.7 * thick, 0.12 * thick}),
      person_.brow_colour, 0.82, px(0.012));
  for (int i = 0; i < 26; ++i) {
    const double t = draw.uniform(0.0, 0.9), across = draw.uniform(-0.4, 0.4);
    const cv::Point2d root = face_.on_face(brow_at(t)) + cv::Point2d(0, across * thick);
    const cv::Point2d tip = face_.on_face(brow_at(std::min(1.0, t + 0.12))) +
                            cv::Point2d(0, (across * 0.8 - 0.25 * (1 - t)) * thick);
    canvas_.stroke({root, tip}, person_.brow_colour * draw.uniform(0.55, 1.25), px(0.012));
  }
}

void DemoArtist::paint_nose() {
  const double flare = 0.02 * au(AU::kNoseWrinkler) + 0.012 * au(AU::kUpperLipRaiser);
  const double up = 0.05 * au(AU::kNoseWrinkler) + 0.015 * au(AU::kUpperLipRaiser);
  const double base = 0.35 * person_.nose_length;
  for (int half = 0; half < 2; ++half) {
    const double s = sign_of(half);
    const double w = person_.nose_width;
    const DemoCurve nostril = {{s * 0.045 * w, base + 0.005 - 0.3 * up},
                               {s * 0.095 * w, base - 0.030 - up},
                               {s * (0.135 + flare) * w, base - 0.002 - up},
                               {s * 0.095 * w, base + 0.018 - 0.5 * up}};
    canvas_.fill_soft(smooth_curve(face_.on_face(nostril, 0.12), true),
                      mix_colours(person_.skin * 0.25, cv::Scalar(20, 18, 46), 0.5), 0.85,
                      px(0.012));
    const DemoCurve wing = {{s * (0.175 + flare) * w, base - 0.135 - up},
                            {s * (0.225 + flare) * w, base - 0.06 - up},
                            {s * (0.205 + flare) * w, base + 0.005 - up},
                            {s * (0.150 + flare) * w, base + 0.012 - up}};
    canvas_.fill_soft(brush_outline(smooth_curve(face_.on_face(wing, 0.05)),
                                    {0.0, px(0.022), px(0.026), px(0.008)}),
                      person_.skin * 0.5, 0.6, px(0.01));
  }
}

DemoArtist::Mouth DemoArtist::make_mouth() const {
  Mouth mouth;
  const double smile = au(AU::kLipCornerPuller), stretch = au(AU::kLipStretcher);
  const double part = au(AU::kLipsPart), lift = au(AU::kUpperLipRaiser);
  const double chin = au(AU::kChinRaiser), tight = au(AU::kLipTightener);
  const double press = au(AU::kLipPressor), sneer = au(AU::kNoseWrinkler);
  const double middle = 0.665 + person_.mouth_height;
  const double wide = 0.345 * person_.mouth_width;
  for (int half = 0; half < 2; ++half) {
    const double pull = au(AU::kLipCornerPuller, half), sink = au(AU::kLipCornerDepressor, half);
    const double spread =
        1 + 0.24 * pull + 0.24 * au(AU::kLipStretcher, half) + 0.04 * sink -
        0.85 * jaw_ * (1 - 0.8 * std::min(1.0, smile)) * (1 - 0.6 * std::min(1.0, stretch)) -
        0.12 * tight - 0.06 * press - 0.08 * chin;
    mouth.corner[static_cast<std::size_t>(half)] = {
        sign_of(half) * wide * spread, middle - 0.165 * pull + 0.135 * sink + 0.05 * stretch +
                                           0.40 * jaw_ * (1 - 0.5 * pull) - 0.02 * lift};
  }
  const double open_smile = smile * part;
  mouth.gap = part * (0.045 + 0.115 * smile + 0.065 * stretch + 0.085 * lift + 0.075 * tight) +
              jaw_ * (0.50 + 0.75 * std::min(1.0, part)) * (1 - 0.5 * tight);
  const double thin = (1 - 0.55 * std::min(1.0, press)) * (1 - 0.30 * std::min(1.0, tight)) *
                      (1 - 0.22 * std::min(1.0, smile)) * (1 - 0.20 * std::min(1.0, stretch));
  mouth.upper_inner = middle - 0.085 * lift - 0.045 * sneer - 0.030 * open_smile - 0.05 * chin -
                      0.015 * part + 0.015 * smile;
  mouth.lower_inner = mouth.upper_inner + mouth.gap;
  mouth.upper_outer = mouth.upper_inner - 0.078 * person_.lip_fullness * thin;
  mouth.lower_outer = mouth.lower_inner + 0.108 * person_.lip_fullness * thin * (1 + 0.25 * chin);
  return mouth;
}

void DemoArtist::paint_mouth() {
  const Mouth& m = mouth_;
  const double lift = au(AU::kUpperLipRaiser) + 0.5 * au(AU::kNoseWrinkler);
  const double square = std::clamp(
      0.25 * lift + 0.35 * au(AU::kLipStretcher) + 0.30 * au(AU::kLipTightener) * au(AU::kLipsPart),
      0.0, 0.5);
  const auto toward = [](double from, double to, double part) { return from + (to - from) * part; };
  // A row of knots from corner to corner; `fullness` says how early it reaches its middle height.
  const auto row = [&](double middle, double fullness, double inset) {
    const cv::Point2d &l = m.corner[0], &r = m.corner[1];
    const double f = std::min(0.95, fullness + 0.4 * square);
    return DemoCurve{{l.x * inset, l.y},
                     {l.x * 0.62, toward(l.y, middle, f)},
                     {l.x * 0.30, toward(l.y, middle, 0.5 + 0.5 * f)},
                     {0.0, middle},
                     {r.x * 0.30, toward(r.y, middle, 0.5 + 0.5 * f)},
                     {r.x * 0.62, toward(r.y, middle, f)},
                     {r.x * inset, r.y}};
  };
  const bool open = m.gap > 0.015;
  DemoCurve upper_outer = row(m.upper_outer, 0.66, 1.0);
  // Cupid's bow.
  const double bow = 0.022 * (1 - 0.6 * std::min(1.0, au(AU::kLipPressor)));
  upper_outer[3].y += bow;
  upper_outer[2].y -= 0.3 * bow;
  upper_outer[4].y -= 0.3 * bow;
  const DemoCurve upper_inner = row(m.upper_inner, open ? 0.60 : 0.55, 0.97);
  const DemoCurve lower_inner = row(m.lower_inner, open ? 0.72 : 0.55, 0.97);
  const DemoCurve lower_outer = row(m.lower_outer, 0.68, 1.0);
  const auto place = [&](const DemoCurve& curve) { return smooth_curve(face_.on_face(curve)); };
  const DemoCurve uo = place(upper_outer), ui = place(upper_inner);
  const DemoCurve li = place(lower_inner), lo = place(lower_outer);
  const auto ring = [](DemoCurve a, const DemoCurve& b) {
    a.insert(a.end(), b.rbegin(), b.rend());
    return a;
  };

  canvas_.fill_soft(ring(uo, lo), person_.lips, 0.9, px(0.010));
  canvas_.fill_soft(ring(uo, ui), person_.lips * 0.84, 0.9, px(0.008));
  if (open) {
    const DemoCurve inside = ring(ui, li);
    DemoCanvas cavity = canvas_;
    cavity.pixels() = canvas_.pixels().clone();
    cavity.fill(inside, cv::Scalar(26, 20, 54));
    const double tongue = smooth_step(0.12, 0.3, m.gap);
    if (tongue > 0) {
      const cv::Point2d at = face_.on_face(0, m.lower_inner + 0.01);
      cavity.disc(at, px(0.20), px(0.09 * tongue + 0.02), face_.roll_radians(),
                  cv::Scalar(84, 78, 170));
    }
    const auto teeth = [&](const DemoCurve& edge, double from, double to, double shade) {
      DemoCurve near = edge, far = edge;
      for (std::size_t i = 0; i < edge.size(); ++i) {
        // Teeth stand on a bow and disappear towards the corners.
        const double back = i == 0 || i + 1 == edge.size() ? 0.25 : 1.0;
        near[i].y += from * back;
        far[i].y += to * back;
      }
      const DemoCurve a = place(near), b = place(far);
      cavity.fill(ring(a, b), cv::Scalar(206, 222, 228) * shade);
      for (std::size_t i = 6; i + 6 < a.size(); i += 3) {
        cavity.stroke({a[i], b[i]}, cv::Scalar(168, 182, 194) * shade, px(0.006));
      }
    };
    const double grin = au(AU::kLipCornerPuller) + au(AU::kUpperLipRaiser) + au(AU::kLipStretcher) +
                        au(AU::kLipTightener);
    const double height = std::min(0.10, 0.05 + 0.05 * grin);
    const double bared = std::clamp(au(AU::kLipStretcher) + au(AU::kLipTightener), 0.0, 1.0);
    if (bared > 0.3) teeth(lower_inner, -0.055 * bared, 0.03, 0.86);
    teeth(upper_inner, -0.02, std::min(height, 0.8 * m.gap + 0.02), 1.0);
    // It gets dark towards the throat and under the upper lip.
    cavity.fill_soft(brush_outline(ui, {px(0.03)}), cv::Scalar(30, 24, 60), 0.6, px(0.012));
    canvas_.paste(cavity.pixels(), inside);
  }
  const double line = px(open ? 0.012 : 0.026);
  canvas_.fill_soft(brush_outline(ui, {0.5 * line, line, 1.2 * line, line, 0.5 * line}),
                    person_.lips * 0.34, 0.85, px(0.006));
  if (open) {
    canvas_.fill_soft(brush_outline(li, {0.0, px(0.012), 0.0}), person_.lips * 0.5, 0.7, px(0.006));
  }
  for (const cv::Point2d& corner : m.corner) {
    const cv::Point2d at = face_.on_face(corner);
    canvas_.fill_soft({at + cv::Point2d(-px(0.025), 0), at + cv::Point2d(0, -px(0.02)),
                       at + cv::Point2d(px(0.025), 0), at + cv::Point2d(0, px(0.02))},
                      person_.lips * 0.3, 0.7, px(0.015));
  }
}

void DemoArtist::paint_moustache() {
  const bool full = person_.beard == BeardStyle::kFull;
  if (person_.beard != BeardStyle::kMoustache && person_.beard != BeardStyle::kGoatee && !full) {
    return;
  }
  DemoRandom draw = random(DemoField::kProps);
  const double top = 0.44 - 0.03 * au(AU::kNoseWrinkler);
  const double bottom = mouth_.upper_outer + 0.03;
  DemoCurve outline = {{0.0, top + 0.05}, {0.16, top + 0.02}};
  const cv::Point2d &l = mouth_.corner[0], &r = mouth_.corner[1];
  outline.emplace_back(r.x * 0.85, 0.5 * (top + r.y));
  outline.emplace_back(r.x * 1.08, r.y + 0.03);
  outline.emplace_back(r.x * 0.6, 0.5 * (bottom + r.y));
  outline.emplace_back(0.0, bottom);
  outline.emplace_back(l.x * 0.6, 0.5 * (bottom + l.y));
  outline.emplace_back(l.x * 1.08, l.y + 0.03);
  outline.emplace_back(l.x * 0.85, 0.5 * (top + l.y));
  outline.emplace_back(-0.16, top + 0.02);
  canvas_.fill_soft(smooth_curve(face_.on_face(outline, 0.03), true), person_.hair_colour * 0.9,
                    0.88, px(0.018));
  for (int i = 0; i < 44; ++i) {
    const double x = draw.uniform(-1, 1);
    const cv::Point2d& corner = x < 0 ? l : r;
    const double across = std::abs(x);
    const double y = top + 0.05 + across * 0.5 * (corner.y - top);
    const double length = 0.5 * (bottom - top);
    const DemoCurve hair = {{x * std::abs(corner.x) * 0.9, y},
                            {x * std::abs(corner.x) + 0.03 * x, y + std::max(0.03, length)}};
    canvas_.stroke(face_.on_face(hair, 0.03), person_.hair_colour * draw.uniform(0.65, 1.35),
                   px(0.012));
  }
}

void DemoArtist::shape_features() {
  const double roll = face_.roll_radians();
  const auto hill = [&](double x, double y, double lift, double sx, double sy, double amount) {
    relief_.bump(face_.on_face(x, y, lift), px(sx), px(sy), roll, amount);
  };
  const double w = person_.nose_width, base = 0.35 * person_.nose_length;
  const double up = 0.05 * au(AU::kNoseWrinkler) + 0.015 * au(AU::kUpperLipRaiser);
  const double deep = person_.nose_depth;
  hill(0, -0.20, 0.02, 0.055 * w, 0.16, 0.045 * deep);
  hill(0, 0.02, 0.06, 0.062 * w, 0.16, 0.065 * deep);
  hill(0, base - 0.09 - 0.3 * up, 0.14, 0.085 * w, 0.085, 0.105 * deep);
  relief_.shade(face_.on_face(0, base + 0.05, 0.05), px(0.13 * w), px(0.035), roll, 0.42);
  for (int half = 0; half < 2; ++half) {
    const double s = half == 0 ? -1 : 1;
    hill(s * 0.15 * w, base - 0.055 - up, 0.08, 0.055, 0.055, 0.045);
    const cv::Point2d eye = eye_centre(half);
    hill(eye.x, eye.y - 0.02, 0, 0.20, 0.11, -0.035);
    hill(s * 0.20, -0.16, 0, 0.06, 0.10, -0.030);
    hill(eye.x, eye.y, 0, 0.13, 0.10, 0.028);
    relief_.shade(face_.on_face(s * 0.19, -0.17), px(0.06), px(0.08), roll, 0.28);
    relief_.shade(face_.on_face(eye.x, eye.y - 0.14), px(0.2), px(0.05), roll, 0.20);
    relief_.shade(face_.on_face(eye.x - 0.03 * s, eye.y + 0.15), px(0.14), px(0.035), roll,
                  0.06 + 0.16 * person_.age);
  }
  const Mouth& m = mouth_;
  const double puff = 0.03 + 0.02 * person_.lip_fullness;
  hill(0, 0.5 * (m.upper_outer + m.upper_inner), 0, 0.17, 0.035, 0.5 * puff);
  hill(0, 0.5 * (m.lower_outer + m.lower_inner), 0, 0.15, 0.045, puff);
  const double chin = au(AU::kChinRaiser);
  const double groove = m.lower_outer + 0.075 - 0.02 * chin;
  hill(0, groove, 0, 0.17, 0.045, -0.035 - 0.02 * chin);
  relief_.shade(face_.on_face(0, groove - 0.01), px(0.15), px(0.035), roll, 0.24 + 0.12 * chin);
  hill(0, 0.5 * (base + m.upper_outer) + 0.02, 0, 0.03, 0.06, -0.010);
  hill(0, groove + 0.16, 0, 0.13, 0.08, 0.03 * chin);
}

void DemoArtist::shape_creases(int half) {
  const double s = sign_of(half);
  const double age = person_.age, old = smooth_step(0.35, 0.9, age);
  const double inner = au(AU::kInnerBrowRaiser, half), outer = au(AU::kOuterBrowRaiser, half);
  const double lower = au(AU::kBrowLowerer, half), cheek = au(AU::kCheekRaiser, half);
  const double nose = au(AU::kNoseWrinkler, half), lift = au(AU::kUpperLipRaiser, half);
  const double smile = au(AU::kLipCornerPuller, half), sink = au(AU::kLipCornerDepressor, half);
  const double chin = au(AU::kChinRaiser, half), tight = au(AU::kLidTightener, half);
  const auto crease = [&](const DemoCurve& line, double strength, double width) {
    relief_.crease(face_.on_face(line), strength * (0.75 + 0.5 * age), px(width));
  };
  const cv::Point2d corner = mouth_.corner[half == 0 ? 0 : 1];
  const double base = 0.35 * person_.nose_length;
  const double reach = std::abs(corner.x);

  const double up = 0.06 * nose + 0.03 * lift;
  crease({{s * 0.21 * person_.nose_width, base - 0.12 - up},
          {s * (0.33 + 0.05 * smile + 0.03 * lift), base + 0.05 - 0.5 * up},
          {s * (reach + 0.075 + 0.02 * smile), corner.y - 0.06},
          {s * (reach + 0.09), corner.y + 0.04 + 0.08 * sink}},
         0.12 + 0.45 * old + 0.65 * smile + 0.65 * lift + 0.55 * nose, 0.05);
  crease({{s * (reach + 0.03), corner.y + 0.03},
          {s * (reach + 0.06), corner.y + 0.13},
          {s * (reach + 0.03), corner.y + 0.24}},
         0.25 * old + 0.75 * sink, 0.045);

  // Between the brows: lowering draws them together, raising the inner ends as well bends them.
  const double knot = lower * (1 - 0.4 * std::min(1.0, inner)) + 0.4 * nose;
  crease({{s * 0.055, -0.60}, {s * 0.07, -0.48}, {s * 0.05, -0.34}}, 0.15 * old + 0.70 * knot,
         0.030);
  for (int i = 0; i < 3; ++i) {
    const double y = -0.66 - 0.105 * i;
    const double bend = 0.06 * (inner - outer);
    crease({{0.0, y - 0.3 * bend},
            {s * 0.25, y - 0.03 + 0.3 * bend},
            {s * (0.45 + 0.15 * outer), y - 0.02 + bend}},
           0.30 * old + 0.55 * inner * (0.5 + 0.5 * outer) + 0.45 * outer, 0.03);
  }
  const cv::Point2d eye = eye_centre(half);
  for (int i = -1; i <= 1; ++i) {
    crease({{eye.x + s * 0.27, eye.y + 0.03 + 0.045 * i},
            {eye.x + s * 0.36, eye.y + 0.03 + 0.085 * i},
            {eye.x + s * 0.44, eye.y + 0.05 + 0.14 * i}},
           0.25 * old + 0.60 * cheek, 0.026);
  }
  const auto [upper, below] = lid_opening(half);
  crease({{eye.x - s * 0.20, eye.y + below + 0.035},
          {eye.x, eye.y + below + 0.075},
          {eye.x + s * 0.20, eye.y + below + 0.035}},
         0.12 + 0.35 * old + 0.45 * cheek + 0.45 * tight + 0.3 * nose, 0.03);
  for (int i = 0; i < 3; ++i) {
    crease(
        {{s * 0.02, -0.17 + 0.075 * i}, {s * 0.10, -0.20 + 0.07 * i}, {s * 0.17, -0.15 + 0.06 * i}},
        0.85 * nose, 0.03);
  }
  crease({{0.0, mouth_.lower_outer + 0.10},
          {s * 0.12, mouth_.lower_outer + 0.115},
          {s * 0.22, mouth_.lower_outer + 0.17}},
         0.75 * chin, 0.04);
  relief_.shade(face_.on_face(s * (reach + 0.1), corner.y), px(0.05), px(0.06), 0, 0.22 * smile);
}

}  // namespace selfcure
