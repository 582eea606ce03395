#include "demo_set.h"

#include <fstream>
#include <iterator>
#include <locale>

#include "selfcure/core/errors.h"

namespace selfcure {

namespace fs = std::filesystem;

std::ostringstream plain_stream() {
  std::ostringstream out;
  out.imbue(std::locale::classic());
  return out;
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

bool holds_demo_set(const fs::path& root, const std::string& description) {
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
  if (found.empty() && content(kUnfinishedDemoName) == description) return false;
  if (found.empty()) {
    throw DataError(root.string() +
                    ": expected an empty folder or a complete demo set, got other files "
                    "(or one of other options that was cut short: remove the folder)");
  }
  if (found == description) return true;
  throw DataError((root / "demo_data.json").string() +
                  ": expected an empty folder or the same demo set, got one of other options");
}

std::string demo_truth_header() {
  return "name,label,class,intensity,ambiguity,second_label,second_class,yaw_degrees,"
         "pitch_degrees,roll_degrees,light_azimuth_degrees,light_elevation_degrees,"
         "light_contrast,occlusion,blur,noise,grey,glasses,beard\n";
}

void append_truth(std::ostringstream& out, const std::string& file, const DemoTruth& truth) {
  out << file << ',' << truth.label << ',' << demo_class_name(truth.label) << ',' << truth.intensity
      << ',' << truth.ambiguity << ',' << truth.second_label << ','
      << demo_class_name(truth.second_label) << ',' << truth.yaw_degrees << ','
      << truth.pitch_degrees << ',' << truth.roll_degrees << ',' << truth.light_azimuth_degrees
      << ',' << truth.light_elevation_degrees << ',' << truth.light_contrast << ','
      << demo_occlusion_name(truth.occlusion) << ',' << truth.blur << ',' << truth.noise << ','
      << truth.grey << ',' << truth.glasses << ',' << truth.beard << '\n';
}

}  // namespace selfcure
