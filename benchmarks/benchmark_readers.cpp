// Time and memory of reading AffectNet's lists at their real size.

#include <malloc.h>
#include <sys/resource.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "selfcure/data/affectnet.h"

namespace {

namespace fs = std::filesystem;

constexpr const char* kUsage =
    "usage: benchmark_readers [ROWS]     (default 450000)\n"
    "\n"
    "Writes an AffectNet list of 2017 with ROWS rows of 68 landmarks each, and a tenth as many\n"
    "annotation files of 2021, into a temporary folder, reads both and prints a line per release:\n"
    "rows, seconds, peak resident memory of this program so far, and bytes that a row takes.\n";

/// Peak resident memory in bytes.
double peak_bytes() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  return 1024.0 * static_cast<double>(use.ru_maxrss);
}

/// Bytes that are allocated now.
double bytes_in_use() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks) + static_cast<double>(info.hblkhd);
}

void write_list(const fs::path& root, int rows) {
  fs::create_directories(root / "Manually_Annotated_file_lists");
  std::ofstream out(root / "Manually_Annotated_file_lists" / "training.csv", std::ios::binary);
  out << "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
         "valence,arousal\n";
  std::string landmarks;
  for (int point = 0; point < 68; ++point) {
    landmarks += (point == 0 ? "" : ";") + std::to_string(100 + 3 * point) + ".83;" +
                 std::to_string(900 - 2 * point) + ".07";
  }
  char name[128];
  for (int row = 0; row < rows; ++row) {
    std::snprintf(name, sizeof(name), "%d/%056d.jpg", row % 1500, row);
    out << name << ",134,134,899,899," << landmarks << ',' << row % 11 << ",0.0,0.0\n";
  }
}

void write_annotations(const fs::path& root, int files) {
  const fs::path folder = root / "train_set" / "annotations";
  fs::create_directories(folder);
  fs::create_directories(root / "train_set" / "images");
  std::string header = "{'descr': '<U1', 'fortran_order': False, 'shape': (), }";
  header += std::string(117 - header.size(), ' ') + "\n";
  const std::string start = std::string("\x93NUMPY\x01\0\x76\0", 10) + header;
  for (int file = 0; file < files; ++file) {
    std::ofstream(folder / (std::to_string(file) + "_exp.npy"), std::ios::binary)
        << start << static_cast<char>('0' + file % 8) << std::string(3, '\0');
  }
}

void measure(const char* name, const selfcure::AffectNetOptions& options) {
  const double before = bytes_in_use();
  const auto begin = std::chrono::steady_clock::now();
  const selfcure::Manifest manifest = read_affectnet(options, selfcure::Split::kTrain);
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  const auto rows = static_cast<double>(manifest.size());
  std::printf("%s: %lld rows kept, %.2f s, peak %.0f MB, %.0f bytes per kept row\n", name,
              static_cast<long long>(manifest.size()), seconds, peak_bytes() / 1e6,
              (bytes_in_use() - before) / rows);
}

}  // namespace

int main(int argc, char** argv) {
  const int rows = argc > 1 ? std::atoi(argv[1]) : 450000;
  if (argc > 2 || rows < 100) {
    std::fputs(kUsage, stderr);
    return 2;
  }
  std::string pattern = (fs::temp_directory_path() / "selfcure-readers-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) {
    std::fprintf(stderr, "%s: cannot be made\n", pattern.c_str());
    return 2;
  }
  const fs::path root = pattern;
  write_list(root, rows);
  write_annotations(root, rows / 10);
  std::printf(
      "list of %d rows, %.0f MB\n", rows,
      static_cast<double>(fs::file_size(root / "Manually_Annotated_file_lists" / "training.csv")) /
          1e6);
  selfcure::AffectNetOptions options;
  options.root = root;
  measure("2017", options);
  options.release = selfcure::AffectNetRelease::k2021;
  measure("2021", options);
  fs::remove_all(root);
  return 0;
}
