#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>

#include <opencv2/core.hpp>

#include "demo_layout.h"

namespace selfcure {
namespace {

constexpr std::size_t kLandmarks = 68;
constexpr std::uint64_t kPictureField = 110, kNameField = 111, kGrainField = 112;
constexpr std::int64_t kOddEvery = 50;

/// AffectNet's code of a code 1..8, and where its expression lies: valence, arousal.
constexpr std::array<int, 9> kCodeOfCode = {0, 3, 4, 5, 1, 2, 6, 0, 7};
constexpr std::array<std::array<double, 2>, 9> kAffect = {{{0, 0},
                                                           {0.1, 0.8},
                                                           {-0.3, 0.8},
                                                           {-0.7, 0.4},
                                                           {0.8, 0.3},
                                                           {-0.7, -0.4},
                                                           {-0.5, 0.7},
                                                           {0, 0},
                                                           {-0.5, 0.5}}};

struct Affect {
  double valence;
  double arousal;
};

Affect affect_of(const LayoutFace& face) {
  const auto& [valence, arousal] = kAffect[static_cast<std::size_t>(face.code)];
  const double strength = face.recipe.truth.intensity;
  return {valence * strength, arousal * strength};
}

/// A point of an arc, from left to right, in a face of width and height 1.
std::array<double, 2> on_arc(double x, double y, double radius_x, double radius_y, double share,
                             double from_degrees, double to_degrees) {
  constexpr double kDegree = 3.14159265358979323846 / 180;
  const double angle = (from_degrees + share * (to_degrees - from_degrees)) * kDegree;
  return {x - radius_x * std::cos(angle), y + radius_y * std::sin(angle)};
}

/// The usual 68 points on an average face of width and height 1: jaw, brows, nose, eyes, mouth.
std::vector<std::array<double, 2>> average_landmarks() {
  std::vector<std::array<double, 2>> points;
  const auto arc = [&points](int count, double x, double y, double rx, double ry, double from,
                             double to) {
    for (int i = 0; i < count; ++i)
      points.push_back(on_arc(x, y, rx, ry, i / (count - 1.0), from, to));
  };
  arc(17, 0.5, 0.45, 0.42, 0.5, 0, 180);   // jaw
  arc(5, 0.3, 0.36, 0.12, 0.06, 0, -180);  // brows
  arc(5, 0.7, 0.36, 0.12, 0.06, 0, -180);
  for (int i = 0; i < 4; ++i) points.push_back({0.5, 0.42 + 0.06 * i});
  arc(5, 0.5, 0.64, 0.08, 0.02, 0, 180);     // nostrils
  arc(6, 0.31, 0.43, 0.06, 0.025, 0, -300);  // eyes, all around
  arc(6, 0.69, 0.43, 0.06, 0.025, 0, -300);
  arc(12, 0.5, 0.78, 0.14, 0.06, 0, -330);  // lips
  arc(8, 0.5, 0.78, 0.09, 0.02, 0, -315);
  points.resize(kLandmarks);
  return points;
}

class AffectNet2017Writer : public DemoLayoutWriter {
 public:
  using DemoLayoutWriter::DemoLayoutWriter;

  void make_folders() override {
    make_folder(options_.root / "Manually_Annotated_file_lists");
    for (int folder = 0; folder < kFolders; ++folder) {
      make_folder(options_.root / "Manually_Annotated_Images" / std::to_string(folder));
    }
  }

  void write(std::int64_t i) override {
    const LayoutFace face = layout_face(options_, place(i), true);
    const Frame frame = frame_of(i);
    cv::Mat picture(frame.height, frame.width, CV_8UC3);
    cv::RNG grain(layout_random(options_, place(i), kGrainField).next());
    grain.fill(picture, cv::RNG::UNIFORM, cv::Scalar::all(80), cv::Scalar::all(130));
    const cv::Mat painted = paint_layout_face(face, options_.side);
    painted.copyTo(picture(cv::Rect(frame.x, frame.y, options_.side, options_.side)));
    write_jpeg(options_.root / "Manually_Annotated_Images" / name(i), picture,
               options_.jpeg_quality);
  }

  void write_lists() override {
    std::array<std::string, 2> lists = {
        "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
        "valence,arousal\n",
        ""};
    for (std::int64_t i = 0; i < count(); ++i) {
      const LayoutFace face = layout_face(options_, place(i), true);
      lists[place(i).split == DemoSplit::kTrain ? 0 : 1] += row(i, face);
      add_truth(name(i), face);
    }
    const std::filesystem::path folder = options_.root / "Manually_Annotated_file_lists";
    write_by_rename(folder / "training.csv", lists[0]);
    write_by_rename(folder / "validation.csv", lists[1]);
    write_truth();
  }

 private:
  static constexpr int kFolders = 4;

  struct Frame {
    int width, height, x, y;
  };

  /// The picture and where the face lies in it.
  Frame frame_of(std::int64_t i) const {
    DemoRandom random = layout_random(options_, place(i), kPictureField);
    const int side = options_.side;
    Frame frame{2 * side, side + side / 2, 0, 0};
    frame.x = random.below(frame.width - side + 1);
    frame.y = random.below(frame.height - side + 1);
    return frame;
  }

  std::string name(std::int64_t i) const {
    DemoRandom random = layout_random(options_, place(i), kNameField);
    std::array<char, 80> text{};
    std::snprintf(text.data(), text.size(), "%d/%016llx%016llx%016llx.jpg",
                  static_cast<int>(i % kFolders), static_cast<unsigned long long>(random.next()),
                  static_cast<unsigned long long>(random.next()),
                  static_cast<unsigned long long>(random.next()));
    return text.data();
  }

  std::string row(std::int64_t i, const LayoutFace& face) const {
    const Frame frame = frame_of(i);
    std::ostringstream out = plain_stream();
    out.setf(std::ios::fixed);
    out.precision(2);
    const std::int64_t odd = place(i).split == DemoSplit::kTrain ? i % kOddEvery : 0;
    int code = kCodeOfCode[static_cast<std::size_t>(face.code)];
    if (odd == 11) code = 8;
    if (odd == 22) code = 9;
    if (odd == 33) {
      out << name(i) << ",0,0,-1,-1,NULL,10,-2,-2\n";
      return out.str();
    }
    const int side = options_.side;
    out << name(i) << ',' << frame.x << ',' << frame.y << ',' << side << ',' << side << ',';
    const std::vector<std::array<double, 2>> points = average_landmarks();
    for (std::size_t p = 0; p < points.size(); ++p) {
      out << (p == 0 ? "" : ";") << frame.x + side * points[p][0] << ';'
          << frame.y + side * points[p][1];
    }
    const Affect affect = affect_of(face);
    out << ',' << code << ',' << affect.valence << ',' << affect.arousal << '\n';
    return out.str();
  }
};

/// The bytes that numpy.save writes.
std::string npy(const std::string& descr, const std::string& shape, const std::string& data) {
  std::string header =
      "{'descr': '" + descr + "', 'fortran_order': False, 'shape': " + shape + ", }";
  constexpr std::size_t kBeforeHeader = 10, kUnit = 64;
  while ((kBeforeHeader + header.size() + 1) % kUnit != 0) header += ' ';
  header += '\n';
  std::string bytes("\x93NUMPY\x01\0", 8);
  bytes += static_cast<char>(header.size() & 0xFF);
  bytes += static_cast<char>(header.size() >> 8);
  return bytes + header + data;
}

template <typename Number>
std::string bytes_of(Number value) {
  std::string bytes(sizeof(value), '\0');
  std::memcpy(bytes.data(), &value, sizeof(value));
  return bytes;
}

class AffectNet2021Writer : public DemoLayoutWriter {
 public:
  using DemoLayoutWriter::DemoLayoutWriter;

  void make_folders() override {
    for (const char* const set : {"train_set", "val_set"}) {
      make_folder(options_.root / set / "images");
      make_folder(options_.root / set / "annotations");
    }
  }

  void write(std::int64_t i) override {
    const LayoutFace face = layout_face(options_, place(i), true);
    const std::filesystem::path set = options_.root / set_of(i);
    write_jpeg(set / "images" / (std::to_string(i) + ".jpg"),
               paint_layout_face(face, options_.side), options_.jpeg_quality);
    const auto annotate = [&](const char* what, const std::string& bytes) {
      write_file(set / "annotations" / (std::to_string(i) + "_" + what + ".npy"), bytes.data(),
                 bytes.size());
    };
    const int code = kCodeOfCode[static_cast<std::size_t>(face.code)];
    const bool train = place(i).split == DemoSplit::kTrain;
    annotate("exp",
             train ? npy("<U1", "()", bytes_of(std::uint32_t{'0'} + static_cast<unsigned>(code)))
                   : npy("<i8", "()", bytes_of(std::int64_t{code})));
    const Affect affect = affect_of(face);
    annotate("val", npy("<f8", "()", bytes_of(affect.valence)));
    annotate("aro", npy("<f8", "()", bytes_of(affect.arousal)));
    std::string landmarks;
    for (const std::array<double, 2>& point : average_landmarks()) {
      landmarks += bytes_of(options_.side * point[0]) + bytes_of(options_.side * point[1]);
    }
    annotate("lnd", npy("<f8", "(136,)", landmarks));
  }

  void write_lists() override {
    for (std::int64_t i = 0; i < count(); ++i) {
      add_truth(std::string(set_of(i)) + "/images/" + std::to_string(i) + ".jpg",
                layout_face(options_, place(i), true));
    }
    write_truth();
  }

 private:
  const char* set_of(std::int64_t i) const {
    return place(i).split == DemoSplit::kTrain ? "train_set" : "val_set";
  }
};

}  // namespace

std::unique_ptr<DemoLayoutWriter> make_affectnet_2017_writer(const DemoDataOptions& options) {
  return std::make_unique<AffectNet2017Writer>(options);
}

std::unique_ptr<DemoLayoutWriter> make_affectnet_2021_writer(const DemoDataOptions& options) {
  return std::make_unique<AffectNet2021Writer>(options);
}

}  // namespace selfcure
