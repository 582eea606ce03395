#include "selfcure/data/demo_faces.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <exception>
#include <fstream>
#include <iterator>
#include <locale>
#include <mutex>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "demo_artist.h"
#include "demo_recipe.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

// Says which set is being drawn, so that the same call goes on after an interruption.
constexpr const char* kUnfinishedName = "demo_data.unfinished";

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

void check_options(const DemoDataOptions& options) {
  require_range<std::int64_t>("train count", options.train_count, 1, kMaxFaces);
  require_range<std::int64_t>("test count", options.test_count, 1, kMaxFaces);
  require_range("class count", options.class_count, 2, 7);
  require_range("side", options.side, kMinSide, kMaxSide);
  require_range("ambiguity", options.ambiguity, 0.0, 1.0);
  require_range("JPEG quality", options.jpeg_quality, 1, 100);
  require_range("threads", options.threads, 0, 1024);
  if (options.root.empty()) throw DataError("demo data: expected a folder to write, got no path");
}

std::ostringstream plain_stream() {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  return out;
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

void write_file(const fs::path& path, const char* bytes, std::size_t count) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file.write(bytes, static_cast<std::streamsize>(count));
  file.close();
  if (!file) throw DataError(path.string() + ": cannot be written");
}

void write_by_rename(const fs::path& path, const std::string& text) {
  fs::path partial = path;
  partial += ".partial";
  write_file(partial, text.data(), text.size());
  std::error_code error;
  fs::rename(partial, path, error);
  if (error) throw DataError(path.string() + ": cannot be written: " + error.message());
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw DataError(folder.string() + ": cannot be made: " + error.message());
}

// Whether the root holds the wanted set already; throws if it holds anything else.
bool holds_set(const fs::path& root, const std::string& description) {
  std::error_code error;
  const fs::file_status status = fs::status(root, error);
  if (!fs::exists(status)) return false;
  if (!fs::is_directory(status)) {
    throw DataError(root.string() + ": expected a folder or nothing, got a file");
  }
  const bool empty = fs::is_empty(root, error);
  if (error) throw DataError(root.string() + ": cannot be read: " + error.message());
  if (empty) return false;
  const auto content = [&](const char* name) {
    std::ifstream file(root / name, std::ios::binary);
    return std::string((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  };
  const std::string found = content("demo_data.json");
  if (found.empty() && content(kUnfinishedName) == description) return false;
  if (found.empty()) {
    throw DataError(root.string() +
                    ": expected an empty folder or a complete demo set, got other files "
                    "(or one of other options that was cut short: remove the folder)");
  }
  if (found == description) return true;
  throw DataError((root / "demo_data.json").string() +
                  ": expected an empty folder or the same demo set, got one of other options");
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

void append_truth(std::ostringstream& out, const std::string& name, const DemoTruth& truth) {
  out << name << ".jpg," << truth.label << ',' << demo_class_name(truth.label) << ','
      << truth.intensity << ',' << truth.ambiguity << ',' << truth.second_label << ','
      << demo_class_name(truth.second_label) << ',' << truth.yaw_degrees << ','
      << truth.pitch_degrees << ',' << truth.roll_degrees << ',' << truth.light_azimuth_degrees
      << ',' << truth.light_elevation_degrees << ',' << truth.light_contrast << ','
      << demo_occlusion_name(truth.occlusion) << ',' << truth.blur << ',' << truth.noise << ','
      << truth.grey << ',' << truth.glasses << ',' << truth.beard << '\n';
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

// Runs work(0..count-1) on some threads, this one among them. The first exception stops all of
// them and is thrown here.
class FaceCrew {
 public:
  FaceCrew(std::int64_t count, DemoProgress progress)
      : count_(count), progress_(std::move(progress)) {}

  template <typename Work>
  void run(int threads, const Work& work) {
    const auto loop = [this, &work] {
      try {
        for (std::int64_t i = next_++; i < count_ && !stopped_; i = next_++) {
          work(i);
          const std::lock_guard<std::mutex> lock(mutex_);
          ++done_;
          if (progress_ && !stopped_) progress_(done_, count_);
        }
      } catch (...) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        stopped_ = true;
      }
    };
    std::vector<std::thread> helpers;
    try {
      for (int i = 1; i < threads && i < count_; ++i) helpers.emplace_back(loop);
    } catch (const std::system_error&) {
      // Fewer threads than wished draw the same set, only later.
    }
    loop();
    for (std::thread& helper : helpers) helper.join();
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  std::int64_t count_;
  DemoProgress progress_;
  std::mutex mutex_;
  std::int64_t done_ = 0;
  std::exception_ptr failure_;
  std::atomic<std::int64_t> next_{0};
  std::atomic<bool> stopped_{false};
};

void write_text(cv::Mat& picture, const std::string& text, int x, int y, double size, double grey) {
  cv::putText(picture, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, size, cv::Scalar::all(grey), 1,
              cv::LINE_AA);
}

}  // namespace

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
  check_options(options);
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
  if (holds_set(options.root, description)) {
    summary.already_there = true;
    return summary;
  }

  make_folder(options.root);
  write_by_rename(options.root / kUnfinishedName, description);
  make_folder(options.root / "EmoLabel");
  make_folder(options.root / "Image" / "aligned");
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  FaceCrew(count, progress).run(options.threads > 0 ? options.threads : cores, [&](std::int64_t i) {
    write_image(options, nth_key(options, i));
  });

  std::ostringstream list = plain_stream();
  std::ostringstream truth = plain_stream();
  truth.setf(std::ios::fixed);
  truth.precision(4);
  truth << "name,label,class,intensity,ambiguity,second_label,second_class,yaw_degrees,"
           "pitch_degrees,roll_degrees,light_azimuth_degrees,light_elevation_degrees,"
           "light_contrast,occlusion,blur,noise,grey,glasses,beard\n";
  for (std::int64_t i = 0; i < count; ++i) {
    const DemoFaceKey key = nth_key(options, i);
    const DemoRecipe recipe = make_demo_recipe(key);
    list << stem(key) << ".jpg " << recipe.truth.label << '\n';
    append_truth(truth, stem(key), recipe.truth);
  }
  write_by_rename(summary.list, list.str());
  write_by_rename(summary.truth, truth.str());
  write_by_rename(options.root / "demo_data.json", description);
  std::error_code ignored;
  fs::remove(options.root / kUnfinishedName, ignored);
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
