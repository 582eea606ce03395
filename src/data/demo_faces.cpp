#include "selfcure/data/demo_faces.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <fstream>
#include <locale>
#include <sstream>
#include <thread>
#include <utility>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "demo_artist.h"
#include "demo_recipe.h"
#include "demo_set.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

// Raised whenever the same options would give other pixels.
constexpr int kPainterVersion = 1;
constexpr std::int64_t kMaxFaces = 99999;  // five digits in a name
constexpr int kMinSide = 32, kMaxSide = 512;

template <typename Value>
void require_range(const char* what, Value value, Value low, Value high) {
  if (value >= low && value <= high) return;  // false for NaN too
  std::ostringstream message;
  message.imbue(std::locale::classic());
  message << "demo data: " << what << ": expected " << low << ".." << high << ", got " << value;
  throw DataError(message.str());
}

void check_key(const DemoFaceKey& key, int side) {
  require_range<std::int64_t>("index", key.index, 0, kMaxFaces - 1);
  require_range("class count", key.class_count, 2, 7);
  require_range("ambiguity", key.ambiguity, 0.0, 1.0);
  require_range("side", side, kMinSide, kMaxSide);
}

std::string describe(const DemoDataOptions& options, const DemoDataSummary& summary) {
  std::ostringstream out = plain_stream();
  out.precision(15);
  out << "{\n  \"painter_version\": " << kPainterVersion << ",\n  \"seed\": " << options.seed
      << ",\n  \"train_count\": " << options.train_count
      << ",\n  \"test_count\": " << options.test_count
      << ",\n  \"class_count\": " << options.class_count << ",\n  \"side\": " << options.side
      << ",\n  \"ambiguity\": " << options.ambiguity
      << ",\n  \"jpeg_quality\": " << options.jpeg_quality << ",\n  \"label_counts\": {";
  const char* comma = "";
  for (int label = 1; label <= 7; ++label) {
    out << comma << '"' << demo_class_name(label)
        << "\": " << summary.label_counts[static_cast<std::size_t>(label)];
    comma = ", ";
  }
  out << "}\n}\n";
  return out.str();
}

DemoFaceKey nth_key(const DemoDataOptions& options, std::int64_t position) {
  DemoFaceKey key;
  key.seed = options.seed;
  key.class_count = options.class_count;
  key.ambiguity = options.ambiguity;
  const bool train = position < options.train_count;
  key.split = train ? DemoSplit::kTrain : DemoSplit::kTest;
  key.index = train ? position : position - options.train_count;
  return key;
}

std::string stem(const DemoFaceKey& key) {
  const std::string digits = std::to_string(key.index + 1);
  const char* split = key.split == DemoSplit::kTrain ? "train_" : "test_";
  return split + std::string(5 - std::min<std::size_t>(5, digits.size()), '0') + digits;
}

void write_image(const DemoDataOptions& options, const DemoFaceKey& key) {
  const DemoFace face = draw_demo_face(key, options.side);
  std::vector<unsigned char> bytes;
  const std::vector<int> settings = {cv::IMWRITE_JPEG_QUALITY, options.jpeg_quality};
  const fs::path path = options.root / "Image" / "aligned" / (stem(key) + "_aligned.jpg");
  if (!cv::imencode(".jpg", face.image, bytes, settings)) {
    throw DataError(path.string() + ": cannot be encoded as JPEG");
  }
  write_file(path, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void write_text(cv::Mat& picture, const std::string& text, int x, int y, double size, double grey) {
  cv::putText(picture, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, size, cv::Scalar::all(grey), 1,
              cv::LINE_AA);
}

}  // namespace

void check_demo_options(const DemoDataOptions& options) {
  require_range<std::int64_t>("train count", options.train_count, 1, kMaxFaces);
  require_range<std::int64_t>("test count", options.test_count, 1, kMaxFaces);
  require_range("class count", options.class_count, 2, 7);
  require_range("side", options.side, kMinSide, kMaxSide);
  require_range("ambiguity", options.ambiguity, 0.0, 1.0);
  require_range("JPEG quality", options.jpeg_quality, 1, 100);
  require_range("threads", options.threads, 0, 1024);
  if (options.root.empty()) throw DataError("demo data: expected a folder to write, got no path");
}

std::string demo_class_name(int label) {
  static const std::array<const char*, 7> kNames = {"Surprise", "Fear",  "Disgust", "Happiness",
                                                    "Sadness",  "Anger", "Neutral"};
  require_range("label", label, 1, 7);
  return kNames[static_cast<std::size_t>(label - 1)];
}

std::string demo_occlusion_name(DemoOcclusion occlusion) {
  switch (occlusion) {
    case DemoOcclusion::kHand:
      return "hand";
    case DemoOcclusion::kScarf:
      return "scarf";
    case DemoOcclusion::kSunglasses:
      return "sunglasses";
    case DemoOcclusion::kHairStrand:
      return "hair_strand";
    case DemoOcclusion::kMicrophone:
      return "microphone";
    case DemoOcclusion::kNone:
      break;
  }
  return "none";
}

DemoFace draw_demo_face(const DemoFaceKey& key, int side) {
  check_key(key, side);
  const DemoRecipe recipe = make_demo_recipe(key);
  return {DemoArtist(recipe, side).paint(), recipe.truth};
}

DemoDataSummary write_demo_data(const DemoDataOptions& options, const DemoProgress& progress) {
  check_demo_options(options);
  const std::int64_t count = options.train_count + options.test_count;
  DemoDataSummary summary;
  summary.root = options.root;
  summary.list = options.root / "EmoLabel" / "list_patition_label.txt";
  summary.truth = options.root / "demo_truth.csv";
  summary.train_count = options.train_count;
  summary.test_count = options.test_count;
  for (std::int64_t i = 0; i < count; ++i) {
    ++summary.label_counts[static_cast<std::size_t>(demo_label(nth_key(options, i)))];
  }
  const std::string description = describe(options, summary);
  if (holds_demo_set(options.root, description)) {
    summary.already_there = true;
    return summary;
  }

  make_folder(options.root);
  write_by_rename(options.root / kUnfinishedDemoName, description);
  make_folder(options.root / "EmoLabel");
  make_folder(options.root / "Image" / "aligned");
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  DemoCrew(count, progress).run(options.threads > 0 ? options.threads : cores, [&](std::int64_t i) {
    write_image(options, nth_key(options, i));
  });

  std::ostringstream list = plain_stream();
  std::ostringstream truth = plain_stream();
  truth.setf(std::ios::fixed);
  truth.precision(4);
  truth << demo_truth_header();
  for (std::int64_t i = 0; i < count; ++i) {
    const DemoFaceKey key = nth_key(options, i);
    const DemoRecipe recipe = make_demo_recipe(key);
    list << stem(key) << ".jpg " << recipe.truth.label << '\n';
    append_truth(truth, stem(key) + ".jpg", recipe.truth);
  }
  write_by_rename(summary.list, list.str());
  write_by_rename(summary.truth, truth.str());
  write_by_rename(options.root / "demo_data.json", description);
  std::error_code ignored;
  fs::remove(options.root / kUnfinishedDemoName, ignored);
  return summary;
}

cv::Mat draw_demo_contact_sheet(std::uint64_t seed, int class_count, int columns, int side) {
  require_range("class count", class_count, 2, 7);
  require_range("columns", columns, 2, 32);
  require_range("side", side, kMinSide, kMaxSide);
  const int gap = std::max(2, side / 32);
  const int margin = std::max(70, side * 9 / 10), head = std::max(16, side / 5);
  const double size = std::max(0.34, side / 260.0);
  cv::Mat sheet(head + class_count * (side + gap) + gap, margin + columns * (side + gap) + gap,
                CV_8UC3, cv::Scalar::all(252));
  write_text(sheet, "ambiguous", margin, head - gap - 2, 0.85 * size, 110);
  int baseline = 0;
  const cv::Size words =
      cv::getTextSize("obvious", cv::FONT_HERSHEY_SIMPLEX, 0.85 * size, 1, &baseline);
  write_text(sheet, "obvious", sheet.cols - gap - words.width, head - gap - 2, 0.85 * size, 110);

  for (int row = 0; row < class_count; ++row) {
    const int label = kDemoClassOrder[static_cast<std::size_t>(row)];
    const int second = likeliest_second_label(label, class_count);
    DemoFaceKey key;
    key.seed = seed;
    key.index = row;
    key.class_count = class_count;
    DemoRecipe recipe = make_demo_recipe(key);
    recipe.person.resting = {};
    recipe.scene.yaw *= 0.6;
    recipe.scene.occlusion = DemoOcclusion::kNone;
    recipe.scene.blur = 0;
    recipe.scene.noise = 0.5;
    recipe.scene.grey = false;
    const int top = head + gap + row * (side + gap);
    write_text(sheet, demo_class_name(label), gap + 4, top + side / 2, size, 30);
    write_text(sheet, "from " + demo_class_name(second), gap + 4,
               top + side / 2 + cvRound(36 * size), 0.72 * size, 130);
    for (int column = 0; column < columns; ++column) {
      const double clarity = column / (columns - 1.0);
      const double intensity = label == 7 ? 1.0 : 0.5 + 0.5 * clarity;
      set_demo_expression(recipe, label, second, intensity, 0.48 * (1 - clarity));
      const cv::Rect place(margin + gap + column * (side + gap), top, side, side);
      DemoArtist(recipe, side).paint().copyTo(sheet(place));
    }
  }
  return sheet;
}

}  // namespace selfcure
