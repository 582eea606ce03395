#include <algorithm>
#include <cmath>

#include <opencv2/imgproc.hpp>

#include "demo_artist.h"

namespace selfcure {
namespace {

// Side of the canvas in pixels of the picture: about 300 to 400 pixels whatever the picture's
// side, more only for large pictures.
int canvas_scale(int side) { return side < 64 ? 6 : side < 96 ? 4 : side <= 160 ? 3 : 2; }

// Mirrors the right half of an outline that runs from the top to the bottom.
DemoCurve mirrored(DemoCurve right) {
  DemoCurve whole = right;
  for (auto p = right.rbegin(); p != right.rend(); ++p) {
    if (p->x != 0.0) whole.emplace_back(-p->x, p->y);
  }
  return whole;
}

cv::Scalar vary(const cv::Scalar& colour, double factor) { return colour * factor; }

}  // namespace

DemoArtist::DemoArtist(const DemoRecipe& recipe, int side)
    : recipe_(recipe),
      person_(recipe.person),
      scene_(recipe.scene),
      side_(side),
      canvas_(side * canvas_scale(side)),
      face_(recipe.person, recipe.scene, canvas_.side()),
      relief_(canvas_.side(), face_.unit()),
      jaw_(0.31 * au(ActionUnit::kJawDrop)),
      mouth_(make_mouth()) {}

cv::Mat DemoArtist::paint() {
  paint_background();
  paint_back_hair();
  paint_neck();
  paint_head();
  paint_beard();
  paint_nose();
  paint_moustache();
  paint_mouth();
  for (int half = 0; half < 2; ++half) {
    paint_eye(half);
    paint_brow(half);
  }
  paint_front_hair();
  shape_head();
  shape_features();
  for (int half = 0; half < 2; ++half) shape_creases(half);
  const cv::Point2d centre = face_.in_space(0, -0.12, 0.3);
  relief_.light(canvas_.pixels(), scene_, centre, {px(1.12), px(1.42)}, 34.0);
  paint_glasses();
  paint_occlusion();
  return photograph();
}

DemoRandom DemoArtist::random(DemoField field) const {
  const DemoFaceKey& key = recipe_.key;
  return {key.seed, static_cast<std::uint64_t>(key.split), static_cast<std::uint64_t>(key.index),
          static_cast<std::uint64_t>(field)};
}

double DemoArtist::au(ActionUnit which, int half) const {
  return recipe_.action_units[static_cast<std::size_t>(half)][static_cast<std::size_t>(which)];
}

double DemoArtist::au(ActionUnit which) const { return 0.5 * (au(which, 0) + au(which, 1)); }

double DemoArtist::jaw_shift(double y) const { return 0.8 * jaw_ * smooth_step(0.4, 1.1, y); }

void DemoArtist::paint_background() {
  DemoRandom draw = random(DemoField::kBackground);
  const int small = 48;
  DemoCanvas picture(small);
  const auto colour = [&draw] {
    const double grey = draw.uniform(50, 215);
    return cv::Scalar(grey + 28 * draw.bell(), grey + 14 * draw.bell(), grey + 24 * draw.bell());
  };
  const cv::Scalar top = colour();
  const cv::Scalar bottom = mix_colours(top, colour(), scene_.background == 0 ? 0.2 : 0.6);
  for (int y = 0; y < small; ++y) {
    picture.pixels().row(y).setTo(mix_colours(top, bottom, y / (small - 1.0)));
  }
  if (scene_.background == 2) {  // lights out of focus
    for (int i = 0; i < 12; ++i) {
      const double radius = draw.uniform(2, 6);
      picture.disc({draw.uniform(0, small), draw.uniform(0, small)}, radius, radius, 0,
                   mix_colours(bottom, colour(), 0.7));
    }
  } else if (scene_.background == 3) {  // shelves, a street, a crowd: blocks of colour
    for (int i = 0; i < 16; ++i) {
      const double x = draw.uniform(-5, small), y = draw.uniform(-5, small);
      const double w = draw.uniform(4, 18), h = draw.uniform(4, 22);
      picture.fill({{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}},
                   mix_colours(top, colour(), 0.8));
    }
  } else if (scene_.background == 4) {  // leaves
    for (int i = 0; i < 60; ++i) {
      const cv::Scalar leaf(draw.uniform(30, 90), draw.uniform(80, 170), draw.uniform(50, 120));
      picture.disc({draw.uniform(0, small), draw.uniform(0, small)}, draw.uniform(1, 4),
                   draw.uniform(1, 3), draw.uniform(0, 3), leaf);
    }
  }
  cv::GaussianBlur(picture.pixels(), picture.pixels(), {}, 1.2);
  cv::resize(picture.pixels(), canvas_.pixels(), canvas_.pixels().size(), 0, 0, cv::INTER_CUBIC);
}

DemoCurve DemoArtist::face_outline() const {
  const double jaw = person_.jaw_width;
  DemoCurve right = {{0.0, -1.30},       {0.50, -1.22}, {0.84, -0.88},       {0.97, -0.35},
                     {0.965, 0.05},      {0.93, 0.36},  {0.835 * jaw, 0.67}, {0.60 * jaw, 0.97},
                     {0.32 * jaw, 1.17}, {0.0, 1.22}};
  for (cv::Point2d& p : right) {
    p.y += person_.chin_length * smooth_step(0.5, 1.2, p.y) + jaw_shift(p.y);
    p.x *= 1 - 0.25 * jaw_ * smooth_step(0.3, 0.9, p.y);
  }
  return smooth_curve(mirrored(right), true);
}

DemoCurve DemoArtist::hair_outline() const {
  double volume = 0.06;
  if (person_.hair == HairStyle::kCurly) volume = 0.26;
  if (person_.hair == HairStyle::kLong || person_.hair == HairStyle::kFringe) volume = 0.13;
  if (person_.hair == HairStyle::kKnitCap) volume = 0.12;
  if (person_.hair == HairStyle::kTiedBack) volume = 0.03;
  return {{0.0, -1.42 - volume},
          {0.48, -1.36 - volume},
          {0.86 + 0.6 * volume, -1.04 - 0.5 * volume},
          {1.03 + volume, -0.55},
          {1.02 + volume, -0.12}};
}

void DemoArtist::paint_back_hair() {
  DemoRandom draw = random(DemoField::kHairTexture);
  const cv::Scalar dark = vary(person_.hair_colour, 0.62);
  if (person_.hair == HairStyle::kLong || person_.hair == HairStyle::kFringe) {
    const double length = draw.uniform(0.7, 2.2), flare = draw.uniform(1.12, 1.32);
    const DemoCurve right = {
        {0.0, -1.55},          {0.55, -1.47},       {0.98, -1.05},
        {1.16, -0.4},          {flare, 0.3},        {flare, 0.3 + 0.5 * length},
        {flare - 0.1, length}, {0.5, length + 0.1}, {0.0, length}};
    const DemoCurve outline = face_.in_space(smooth_curve(mirrored(right), true), -0.25);
    canvas_.fill(outline, dark);
    relief_.cover(outline);
    for (int i = 0; i < 36; ++i) {
      const double x = draw.uniform(0.75, flare) * (draw.chance(0.5) ? 1 : -1);
      const double bend = 0.05 * draw.bell();
      const DemoCurve lock = {{x * 0.9, -0.7}, {x + bend, 0.1}, {x, 0.3 + 0.6 * length}};
      canvas_.stroke(smooth_curve(face_.in_space(lock, -0.25)),
                     vary(person_.hair_colour, draw.uniform(0.6, 1.15)), px(0.02));
    }
  } else if (person_.hair == HairStyle::kCurly) {
    const double reach = draw.uniform(0.1, 0.7);
    for (int i = 0; i < 60; ++i) {
      const double turn = CV_PI * (0.5 - 1.0 + (i % 2 == 0 ? 1 : -1) * draw.uniform(0, 0.62));
      const double radius = draw.uniform(1.0, 1.12 + 0.25 * reach);
      const cv::Point2d at =
          face_.in_space(radius * std::cos(turn), -0.42 + 1.12 * radius * std::sin(turn), -0.25);
      const double size = px(draw.uniform(0.10, 0.2));
      canvas_.disc(at, size, size, 0, vary(person_.hair_colour, draw.uniform(0.55, 0.95)));
    }
    relief_.cover(face_.in_space(
        smooth_curve(mirrored({{0, -1.7}, {0.9, -1.35}, {1.2, -0.5}, {1.1, 0.2}, {0, 0.4}}), true),
        -0.25));
  } else if (person_.hair == HairStyle::kHeadscarf) {
    const DemoCurve right = {{0.0, -1.5}, {0.6, -1.4}, {1.0, -0.95}, {1.15, -0.3},
                             {1.1, 0.5},  {1.0, 1.1},  {1.4, 2.0},   {0.0, 2.2}};
    const DemoCurve outline = face_.in_space(smooth_curve(mirrored(right), true), -0.1);
    canvas_.fill(outline, vary(person_.fabric, 0.8));
    relief_.cover(outline);
  }
}

void DemoArtist::paint_neck() {
  const double wide = 0.56 + 0.14 * person_.masculinity;
  const DemoCurve neck = {{-wide, 0.5}, {wide, 0.5}, {wide, 1.3},        {wide + 0.3, 1.7},
                          {1.5, 2.6},   {-1.5, 2.6}, {-wide - 0.3, 1.7}, {-wide, 1.3}};
  const DemoCurve outline = face_.in_space(neck, -0.15);
  if (person_.hair != HairStyle::kHeadscarf) {
    canvas_.fill(outline, person_.skin * 0.86);
    const DemoCurve shirt = {{-0.9, 1.45}, {-0.4, 1.55}, {0.0, 1.75}, {0.4, 1.55}, {0.9, 1.45},
                             {2.2, 1.8},   {2.2, 3.0},   {-2.2, 3.0}, {-2.2, 1.8}};
    const DemoCurve cloth = face_.in_space(shirt, -0.2);
    canvas_.fill(cloth, person_.fabric);
    relief_.cover(cloth);
  }
  relief_.cover(outline);

  const bool hidden = person_.hair == HairStyle::kHeadscarf || person_.hair == HairStyle::kLong ||
                      person_.hair == HairStyle::kFringe;
  for (int half = 0; half < 2 && !hidden; ++half) {
    const double s = half == 0 ? -1 : 1;
    DemoCurve ear = {{0.93 * s, -0.30}, {1.05 * s, -0.33}, {1.11 * s, -0.18},
                     {1.06 * s, 0.12},  {0.99 * s, 0.27},  {0.92 * s, 0.2}};
    const DemoCurve ear_outline = smooth_curve(face_.in_space(ear, -0.02), true);
    canvas_.fill(ear_outline, mix_colours(person_.skin, cv::Scalar(70, 80, 190), 0.12) * 0.95);
    relief_.cover(ear_outline);
    for (cv::Point2d& p : ear) p = cv::Point2d(s, -0.05) + (p - cv::Point2d(s, -0.05)) * 0.55;
    canvas_.fill_soft(smooth_curve(face_.in_space(ear, 0.0), true), person_.skin * 0.62, 0.55,
                      px(0.02));
  }
}

void DemoArtist::paint_head() {
  const DemoCurve outline = face_.on_face(face_outline());
  canvas_.fill_soft(outline, cv::Scalar(20, 20, 30), 0.35, px(0.05));
  canvas_.fill(outline, person_.skin);
  relief_.cover(outline);

  // Skin is never of one tone.
  DemoRandom draw = random(DemoField::kSkinTexture);
  for (int i = 0; i < 30; ++i) {
    const cv::Point2d at = face_.on_face(draw.uniform(-0.85, 0.85), draw.uniform(-1.0, 1.0));
    relief_.shade(at, px(draw.uniform(0.03, 0.12)), px(draw.uniform(0.03, 0.12)), 0,
                  draw.chance(0.5) ? 0.05 : -0.04);
  }
  if (person_.freckles) {
    for (int i = 0; i < 60; ++i) {
      const cv::Point2d at = face_.on_face(0.38 * draw.bell(), 0.1 + 0.12 * draw.bell());
      const double radius = px(draw.uniform(0.008, 0.018));
      canvas_.disc(at, radius, radius, 0, vary(person_.skin, draw.uniform(0.72, 0.85)));
    }
  }
}

void DemoArtist::paint_beard() {
  if (person_.beard == BeardStyle::kNone || person_.beard == BeardStyle::kMoustache) return;
  DemoRandom draw = random(DemoField::kHairTexture);
  const double jaw = person_.jaw_width;
  const bool goatee = person_.beard == BeardStyle::kGoatee;
  DemoCurve right =
      goatee ? DemoCurve{{0.0, 0.86},  {0.24, 0.82}, {0.34, 0.9},
                         {0.30, 1.14}, {0.12, 1.27}, {0.0, 1.28}}
             : DemoCurve{{0.0, 0.52},        {0.30, 0.50}, {0.55, 0.56},       {0.80, 0.22},
                         {0.95, 0.02},       {0.94, 0.36}, {0.85 * jaw, 0.67}, {0.61 * jaw, 1.0},
                         {0.33 * jaw, 1.21}, {0.0, 1.27}};
  for (cv::Point2d& p : right) {
    p.y += person_.chin_length * smooth_step(0.5, 1.2, p.y) + jaw_shift(p.y);
  }
  const bool stubble = person_.beard == BeardStyle::kStubble;
  const DemoCurve whole = smooth_curve(mirrored(right), true);
  canvas_.fill_soft(face_.on_face(whole), vary(person_.hair_colour, stubble ? 1.0 : 0.9),
                    stubble ? 0.30 : 0.85, px(stubble ? 0.06 : 0.035));
  for (int i = 0; i < (goatee ? 30 : 110) && !stubble; ++i) {
    const double x = goatee ? 0.10 * draw.bell() : draw.uniform(-0.7, 0.7);
    const double low = 1.16 - 0.8 * x * x;
    const double y = draw.uniform(goatee ? 0.9 : std::min(0.75, low - 0.1), low);
    const double drop = jaw_shift(y);
    const DemoCurve hair = {{x, y + drop}, {x * 1.02 + 0.02 * draw.bell(), y + drop + 0.10}};
    canvas_.stroke(face_.on_face(hair), vary(person_.hair_colour, draw.uniform(0.7, 1.4)),
                   px(0.012));
  }
}

void DemoArtist::paint_locks(const DemoCurve& from, const DemoCurve& to, int count,
                             double overshoot, double width) {
  DemoRandom draw = random(DemoField::kProps);
  const auto last_from = static_cast<double>(from.size() - 1);
  const auto last_to = static_cast<double>(to.size() - 1);
  const auto at = [](const DemoCurve& curve, double place) {
    const auto low = static_cast<std::size_t>(place);
    const std::size_t high = std::min(low + 1, curve.size() - 1);
    const double part = place - static_cast<double>(low);
    return curve[low] * (1 - part) + curve[high] * part;
  };
  for (int i = 0; i < count; ++i) {
    const double place = draw.uniform(0.02, 0.98);
    const double other = std::clamp(place + 0.02 * draw.bell(), 0.0, 1.0);
    const cv::Point2d start = at(from, place * last_from), end = at(to, other * last_to);
    const double begin = draw.uniform(0.0, 0.35), stop = draw.uniform(0.6, overshoot);
    const cv::Point2d a = start + (end - start) * begin, b = start + (end - start) * stop;
    const cv::Point2d middle = (a + b) * 0.5 + cv::Point2d(px(0.012) * draw.bell(), 0);
    // Hair shines in a band half way down.
    const double tone = draw.uniform(0.68, 1.22) + (draw.chance(0.3) ? 0.12 : 0.0);
    canvas_.stroke(smooth_curve({a, middle, b}),
                   vary(person_.hair_colour, tone) + cv::Scalar::all(3), width);
  }
}

void DemoArtist::paint_front_hair() {
  if (person_.hair == HairStyle::kBald) return;
  DemoRandom draw = random(DemoField::kHairTexture);
  const double line = person_.hairline;
  const bool cloth = person_.hair == HairStyle::kHeadscarf || person_.hair == HairStyle::kKnitCap;
  const cv::Scalar colour = cloth ? person_.fabric : person_.hair_colour;
  const DemoCurve outer_half = hair_outline();
  double part = 0;  // where the hair is parted, for the styles that are
  DemoCurve inner;  // hairline from the left temple to the right one
  switch (person_.hair) {
    case HairStyle::kFringe:
      inner = {{-1.0, 0.05},         {-0.93, -0.35},      {-0.80, -0.58},
               {-0.4, -0.63 + line}, {0.0, -0.66 + line}, {0.4, -0.63 + line},
               {0.80, -0.58},        {0.93, -0.35},       {1.0, 0.05}};
      break;
    case HairStyle::kSidePart:
      part = draw.chance(0.5) ? 0.45 : -0.45;
      inner = {{-0.98, -0.02},        {-0.93, -0.35},      {-0.80, -0.66},
               {-0.45, -0.80 + line}, {0.0, -0.83 + line}, {0.45, -0.90 + line},
               {0.78, -0.72},         {0.92, -0.35},       {0.98, -0.02}};
      if (part < 0) {
        for (cv::Point2d& p : inner) p.x = -p.x;
        std::reverse(inner.begin(), inner.end());
      }
      break;
    case HairStyle::kLong:
      part = 0.15 * draw.bell();
      inner = {{-1.06, 0.55},         {-0.95, 0.0},         {-0.86, -0.40},
               {-0.55, -0.78 + line}, {part, -1.05 + line}, {0.55, -0.78 + line},
               {0.86, -0.40},         {0.95, 0.0},          {1.06, 0.55}};
      break;
    case HairStyle::kKnitCap:
      inner = {{-1.04, -0.42}, {-0.85, -0.60}, {-0.45, -0.70}, {0.0, -0.73},
               {0.45, -0.70},  {0.85, -0.60},  {1.04, -0.42}};
      break;
    case HairStyle::kHeadscarf:
      inner = {{-0.96, 0.6},  {-0.94, 0.0},  {-0.90, -0.45}, {-0.66, -0.78}, {0.0, -0.90},
               {0.66, -0.78}, {0.90, -0.45}, {0.94, 0.0},    {0.96, 0.6}};
      break;
    default:
      inner = {{-0.985, 0.0},         {-0.93, -0.35},        {-0.87, -0.66},
               {-0.64, -0.86 + line}, {-0.25, -0.97 + line}, {0.25, -0.97 + line},
               {0.64, -0.86 + line},  {0.87, -0.66},         {0.93, -0.35},
               {0.985, 0.0}};
      if (person_.hair == HairStyle::kTiedBack) {
        for (cv::Point2d& p : inner) p.y -= 0.05;
      }
  }

  DemoCurve outer;
  for (auto p = outer_half.rbegin(); p != outer_half.rend(); ++p) outer.emplace_back(-p->x, p->y);
  outer.insert(outer.end(), outer_half.begin() + 1, outer_half.end());
  DemoCurve outer_line = face_.in_space(smooth_curve(outer), -0.05);
  DemoCurve inner_line = face_.on_face(smooth_curve(inner), 0.03);
  if (!cloth) {  // hair ends in tufts, not in a line
    const double tuft = px(person_.hair == HairStyle::kCurly ? 0.03 : 0.014);
    for (cv::Point2d& p : inner_line) p += cv::Point2d(0, tuft * draw.bell());
  }
  DemoCurve outline = outer_line;
  outline.insert(outline.end(), inner_line.rbegin(), inner_line.rend());
  // The shadow that hair throws on the forehead.
  canvas_.fill_soft(outline, cv::Scalar(18, 22, 40), 0.35, px(0.05));
  canvas_.fill(outline, colour);
  relief_.cover(outline);
  relief_.smooth_over(outline);

  if (person_.hair == HairStyle::kCurly) {
    for (int i = 0; i < 150; ++i) {
      const auto at = static_cast<std::size_t>(draw.below(static_cast<int>(outer_line.size())));
      const double place = static_cast<double>(at) / static_cast<double>(outer_line.size());
      const auto other = static_cast<std::size_t>(place * static_cast<double>(inner_line.size()));
      const double depth = draw.uniform();
      const cv::Point2d centre = outer_line[at] * (1 - depth) + inner_line[other] * depth;
      const double size = px(draw.uniform(0.035, 0.075));
      canvas_.disc(centre, size, size * 0.8, draw.uniform(0, 3),
                   vary(colour, draw.uniform(0.72, 1.14)));
      relief_.cover({centre + cv::Point2d(-size, -size), centre + cv::Point2d(size, -size),
                     centre + cv::Point2d(size, size), centre + cv::Point2d(-size, size)});
    }
  } else if (person_.hair == HairStyle::kKnitCap) {
    for (int i = 1; i < 24; ++i) {
      const auto at = outer_line.size() * static_cast<std::size_t>(i) / 24;
      const auto other = inner_line.size() * static_cast<std::size_t>(i) / 24;
      canvas_.stroke({outer_line[at], inner_line[other]}, vary(colour, 0.8), px(0.014));
    }
    DemoCurve rim = inner_line;
    for (cv::Point2d& p : rim) p -= cv::Point2d(0, px(0.09));
    canvas_.fill(brush_outline(rim, {px(0.2)}), vary(colour, 1.12));
  } else if (person_.hair == HairStyle::kHeadscarf) {
    for (int i = 0; i < 7; ++i) {
      DemoCurve fold;
      const double depth = draw.uniform(0.1, 0.9);
      for (std::size_t k = 0; k < 12; ++k) {
        const cv::Point2d a = outer_line[k * (outer_line.size() - 1) / 11];
        const cv::Point2d b = inner_line[k * (inner_line.size() - 1) / 11];
        fold.push_back(a * (1 - depth) + b * depth);
      }
      canvas_.fill_soft(brush_outline(smooth_curve(fold), {0.0, px(0.05), 0.0}),
                        vary(colour, draw.chance(0.5) ? 0.7 : 1.2), 0.6, px(0.015));
    }
  } else if (person_.hair == HairStyle::kLong || person_.hair == HairStyle::kSidePart) {
    // Combed from the parting: all locks start near it.
    const cv::Point2d parting = face_.in_space(part, -1.44, 0.1);
    DemoCurve start;
    for (const cv::Point2d& p : outer_line) start.push_back(p * 0.45 + parting * 0.55);
    paint_locks(start, inner_line, 110, 1.01, px(0.018));
    paint_locks(outer_line, start, 60, 1.0, px(0.018));
  } else {
    paint_locks(outer_line, inner_line, 170, person_.hair == HairStyle::kTiedBack ? 0.99 : 1.04,
                px(0.016));
  }
}

void DemoArtist::shape_head() {
  const double roll = face_.roll_radians();
  const auto hill = [&](double x, double y, double sx, double sy, double amount) {
    relief_.bump(face_.on_face(x, y), px(sx), px(sy), roll, amount);
  };
  const double m = person_.masculinity, age = person_.age;
  const double cheek_up = 0.5 * (au(ActionUnit::kCheekRaiser) + au(ActionUnit::kLipCornerPuller));
  const double chin = 1.03 + person_.chin_length + jaw_shift(1.03);
  for (int half = 0; half < 2; ++half) {
    const double s = half == 0 ? -1 : 1;
    const double raise =
        au(ActionUnit::kCheekRaiser, half) * 0.6 + au(ActionUnit::kLipCornerPuller, half) * 0.4;
    hill(s * 0.56, 0.22 - 0.06 * raise, 0.17, 0.13, 0.035 + 0.055 * raise);
    hill(s * 0.60, 0.58, 0.14, 0.20, -0.03 - 0.05 * age);
    hill(s * 0.40, -0.43, 0.22, 0.06, 0.012 + 0.02 * m);
    hill(s * 0.80, -0.55, 0.10, 0.20, -0.02);
    relief_.flush(face_.on_face(s * 0.56, 0.26 - 0.05 * raise), px(0.17), 0.35 + 0.35 * cheek_up);
    relief_.shade(face_.on_face(s * 0.92, 0.55), px(0.12), px(0.4), roll - s * 0.35, 0.22);
  }
  hill(0, -0.75, 0.4, 0.25, 0.03);
  hill(0, chin, 0.17, 0.11, 0.05);
  relief_.flush(face_.on_face(0, 0.33, 0.2), px(0.12), 0.4);
  relief_.flush(face_.on_face(0, chin), px(0.15), 0.15);
  // Under the chin little light arrives.
  relief_.shade(face_.in_space(0, 1.42 + person_.chin_length + jaw_shift(1.2), 0.2), px(0.6),
                px(0.16), roll, 0.9);
}

}  // namespace selfcure
