#include "selfcure/data/demo_layouts.h"

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <thread>

#include "demo_artist.h"
#include "demo_layout.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr int kLayoutVersion = 1;  // raised whenever the same options would give other files
constexpr std::int64_t kContemptEvery = 25;
constexpr std::uint64_t kContemptField = 100;

std::unique_ptr<DemoLayoutWriter> make_writer(const DemoDataOptions& options, DemoLayout layout) {
  switch (layout) {
    case DemoLayout::kFerPlus:
      return make_ferplus_writer(options);
    case DemoLayout::kAffectNet2017:
      return make_affectnet_2017_writer(options);
    case DemoLayout::kAffectNet2021:
      return make_affectnet_2021_writer(options);
    case DemoLayout::kWebEmotion:
      return make_webemotion_writer(options);
    case DemoLayout::kFolders:
      return make_folders_writer(options);
    case DemoLayout::kRafDb:
      break;
  }
  throw Error("write_demo_layout: no such layout");
}

std::string describe(const DemoDataOptions& options, DemoLayout layout) {
  std::ostringstream out = plain_stream();
  out.precision(15);
  out << "{\n  \"layout\": \"" << demo_layout_name(layout)
      << "\",\n  \"layout_version\": " << kLayoutVersion << ",\n  \"seed\": " << options.seed
      << ",\n  \"train_count\": " << options.train_count
      << ",\n  \"test_count\": " << options.test_count
      << ",\n  \"class_count\": " << options.class_count << ",\n  \"side\": " << options.side
      << ",\n  \"ambiguity\": " << options.ambiguity
      << ",\n  \"jpeg_quality\": " << options.jpeg_quality << "\n}\n";
  return out.str();
}

/// One corner of the mouth pulled and tightened, the rest of the face at ease.
void show_contempt(LayoutFace& face, DemoRandom random) {
  const double intensity = 0.6 + 0.4 * random.uniform();
  set_demo_expression(face.recipe, 7, 4, 1.0, 0.0);
  ActionUnits& side = face.recipe.action_units[random.chance(0.5) ? 1 : 0];
  side[static_cast<std::size_t>(ActionUnit::kLipCornerPuller)] = 0.9 * intensity;
  side[static_cast<std::size_t>(ActionUnit::kLipTightener)] = 0.5 * intensity;
  face.recipe.truth.intensity = intensity;
  face.code = kContemptCode;
}

}  // namespace

DemoRandom layout_random(const DemoDataOptions& options, const LayoutPlace& place,
                         std::uint64_t field) {
  return DemoRandom(options.seed, static_cast<std::uint64_t>(place.split),
                    static_cast<std::uint64_t>(place.index), field);
}

LayoutFace layout_face(const DemoDataOptions& options, const LayoutPlace& place,
                       bool with_contempt) {
  DemoFaceKey key;
  key.seed = options.seed;
  key.split = place.split;
  key.index = place.index;
  key.class_count = options.class_count;
  key.ambiguity = options.ambiguity;
  LayoutFace face{make_demo_recipe(key), 7};
  face.code = face.recipe.truth.label;
  if (with_contempt && options.class_count == 7 && place.index % kContemptEvery == 0) {
    show_contempt(face, layout_random(options, place, kContemptField));
  }
  return face;
}

cv::Mat paint_layout_face(const LayoutFace& face, int side) {
  return DemoArtist(face.recipe, side).paint();
}

std::string layout_class_name(int code) {
  return code == kContemptCode ? "Contempt" : demo_class_name(code);
}

void write_jpeg(const fs::path& path, const cv::Mat& image, int quality) {
  std::vector<unsigned char> bytes;
  if (!cv::imencode(".jpg", image, bytes, {cv::IMWRITE_JPEG_QUALITY, quality})) {
    throw DataError(path.string() + ": cannot be encoded as JPEG");
  }
  write_file(path, reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

void DemoLayoutWriter::add_truth(const std::string& file, const LayoutFace& face) {
  std::ostringstream row = plain_stream();
  row.setf(std::ios::fixed);
  row.precision(4);
  const DemoTruth& truth = face.recipe.truth;
  row << file << ',' << layout_class_name(face.code) << ',' << truth.intensity << ','
      << truth.ambiguity << ',' << demo_class_name(truth.second_label) << '\n';
  truth_ += row.str();
}

void DemoLayoutWriter::write_truth() const {
  write_by_rename(options_.root / "demo_truth.csv", truth_);
}

std::string demo_layout_name(DemoLayout layout) {
  switch (layout) {
    case DemoLayout::kRafDb:
      return "raf_db";
    case DemoLayout::kFerPlus:
      return "ferplus";
    case DemoLayout::kAffectNet2017:
      return "affectnet_2017";
    case DemoLayout::kAffectNet2021:
      return "affectnet_2021";
    case DemoLayout::kWebEmotion:
      return "webemotion";
    case DemoLayout::kFolders:
      break;
  }
  return "folders";
}

std::vector<DemoLayout> all_demo_layouts() {
  return {DemoLayout::kRafDb,         DemoLayout::kFerPlus,    DemoLayout::kAffectNet2017,
          DemoLayout::kAffectNet2021, DemoLayout::kWebEmotion, DemoLayout::kFolders};
}

bool write_demo_layout(const DemoDataOptions& options, DemoLayout layout,
                       const DemoProgress& progress) {
  if (layout == DemoLayout::kRafDb) return !write_demo_data(options, progress).already_there;
  check_demo_options(options);
  const std::string description = describe(options, layout);
  if (holds_demo_set(options.root, description)) return false;
  make_folder(options.root);
  write_by_rename(options.root / kUnfinishedDemoName, description);
  const std::unique_ptr<DemoLayoutWriter> writer = make_writer(options, layout);
  writer->make_folders();
  const int cores = static_cast<int>(std::max(1U, std::thread::hardware_concurrency()));
  DemoCrew(writer->count(), progress)
      .run(options.threads > 0 ? options.threads : cores,
           [&writer](std::int64_t i) { writer->write(i); });
  writer->write_lists();
  write_by_rename(options.root / "demo_data.json", description);
  std::error_code ignored;
  fs::remove(options.root / kUnfinishedDemoName, ignored);
  return true;
}

}  // namespace selfcure
