// Images per second that the ImageStore decodes, gathers from memory, and gathers from a pack, and
// that augmentation turns into network input (published SCN recipe, batches of 32, on the CPU).
//
//   benchmark_data [--images FOLDER | --source-size 100] [--count 2000] [--size 224] [--threads 2]
//
// Without --images it draws JPEGs of --source-size pixels into a temporary folder. Files are read
// once before, so that the disk has no part in the figures. Prints one line of JSON.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "selfcure/data/augment.h"
#include "selfcure/data/image_store.h"
#include "selfcure/data/pixel_pack.h"

namespace {

namespace fs = std::filesystem;

std::string argument(int argc, char** argv, const std::string& name, const std::string& fallback) {
  for (int i = 1; i + 1 < argc; ++i)
    if (argv[i] == name) return argv[i + 1];
  return fallback;
}

int number(int argc, char** argv, const std::string& name, int fallback) {
  return std::atoi(argument(argc, argv, name, std::to_string(fallback)).c_str());
}

/// A folder that goes with everything in it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "benchmark_data-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error(pattern + ": cannot be made");
    path_ = pattern;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

void add_row(selfcure::Manifest& manifest, std::string image) {
  selfcure::ManifestRow row;
  row.image = std::move(image);
  row.given = 0;
  manifest.rows.push_back(std::move(row));
}

/// JPEGs with about as much detail as a photograph has: noise, smoothed.
void draw_images(selfcure::Manifest& manifest, int count, int side) {
  constexpr int kDifferent = 32;
  for (int i = 0; i < count; ++i) {
    const std::string name = std::to_string(i) + ".jpg";
    const fs::path path = manifest.root / name;
    if (i >= kDifferent) {
      fs::copy_file(manifest.root / (std::to_string(i % kDifferent) + ".jpg"), path);
    } else {
      cv::Mat image(side, side, CV_8UC3);
      cv::RNG random(static_cast<std::uint64_t>(i) + 1);
      random.fill(image, cv::RNG::UNIFORM, 0, 256);
      cv::GaussianBlur(image, image, {}, 2);
      cv::normalize(image, image, 0, 255, cv::NORM_MINMAX);
      cv::imwrite(path.string(), image, {cv::IMWRITE_JPEG_QUALITY, 90});
    }
    add_row(manifest, name);
  }
}

void find_images(selfcure::Manifest& manifest, int count) {
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(manifest.root)) {
    const std::string extension = entry.path().extension().string();
    if (extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".bmp")
      names.push_back(entry.path().lexically_relative(manifest.root).string());
  }
  std::sort(names.begin(), names.end());
  names.resize(std::min(names.size(), static_cast<std::size_t>(count)));
  for (std::string& name : names) add_row(manifest, std::move(name));
}

void read_all_files(const selfcure::Manifest& manifest) {
  std::vector<char> buffer(std::size_t{1} << 20);
  for (const selfcure::ManifestRow& row : manifest.rows) {
    std::ifstream file(manifest.root / row.image, std::ios::binary);
    while (file.read(buffer.data(), static_cast<std::streamsize>(buffer.size()))) continue;
  }
}

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Fills every row once with several threads. @return images per second
double rate_of(const selfcure::ImageStore& store, int threads) {
  std::atomic<std::int64_t> next{0};
  const auto work = [&] {
    std::vector<std::uint8_t> pixels(static_cast<std::size_t>(store.image_bytes()));
    for (std::int64_t row = next++; row < store.size(); row = next++)
      store.fill(row, pixels.data());
  };
  const auto begin = std::chrono::steady_clock::now();
  std::vector<std::thread> team;
  for (int i = 0; i < threads; ++i) team.emplace_back(work);
  for (std::thread& member : team) member.join();
  return static_cast<double>(store.size()) / seconds_since(begin);
}

/// Augments one gathered batch again and again. @return images per second
double augment_rate(const selfcure::ImageStore& store, int threads) {
  constexpr std::int64_t kBatch = 32;
  constexpr int kRepetitions = 20;
  at::set_num_threads(threads);
  selfcure::AugmentOptions augment;
  augment.flip_or_noise = true;
  augment.erase = 0.5;
  at::Tensor pixels = at::empty({kBatch, store.image_size(), store.image_size(), 3}, at::kByte);
  std::vector<std::int64_t> rows;
  for (std::int64_t i = 0; i < kBatch; ++i) {
    rows.push_back(i % store.size());
    store.fill(rows.back(), pixels.data_ptr<std::uint8_t>() + i * store.image_bytes());
  }
  (void)selfcure::augment_images(pixels, rows, augment, {}, {1, 0, 0});
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t epoch = 1; epoch <= kRepetitions; ++epoch)
    (void)selfcure::augment_images(pixels, rows, augment, {}, {1, epoch, 0});
  return static_cast<double>(kBatch * kRepetitions) / seconds_since(begin);
}

void run(int argc, char** argv) {
  const int threads = std::max(1, number(argc, argv, "--threads", 2));
  const int count = number(argc, argv, "--count", 2000);
  const TemporaryFolder folder;
  selfcure::Manifest manifest;
  manifest.name = "benchmark";
  manifest.class_names = {"face"};
  manifest.root = argument(argc, argv, "--images", folder.path().string());
  if (manifest.root == folder.path())
    draw_images(manifest, count, number(argc, argv, "--source-size", 100));
  else
    find_images(manifest, count);
  if (manifest.rows.empty()) throw std::runtime_error(manifest.root.string() + ": no images");
  read_all_files(manifest);

  selfcure::ImageStoreOptions options;
  options.image_size = number(argc, argv, "--size", 224);
  options.memory_budget_bytes = 0;
  const double decoded = rate_of(selfcure::ImageStore(manifest, options), threads);
  options.memory_budget_bytes = selfcure::kAutoMemoryBudget;
  const selfcure::ImageStore cached(manifest, options);
  const double first_epoch = rate_of(cached, threads);
  const double gathered = rate_of(cached, threads);

  selfcure::PixelPackOptions pack_options;
  pack_options.folder = folder.path() / "packs";
  pack_options.threads = threads;
  pack_options.warn = [](const std::string& message) { throw std::runtime_error(message); };
  auto begin = std::chrono::steady_clock::now();
  selfcure::open_or_build_pack(manifest, options.image_size, pack_options);
  const double packed = static_cast<double>(manifest.size()) / seconds_since(begin);
  begin = std::chrono::steady_clock::now();
  const std::shared_ptr<selfcure::PixelPack> pack =
      selfcure::open_or_build_pack(manifest, options.image_size, pack_options);
  const double open_seconds = seconds_since(begin);
  if (pack == nullptr) throw std::runtime_error(manifest.root.string() + ": no image can be read");
  const selfcure::ImageStore mapped(manifest, options, pack);
  const double from_pack_first = rate_of(mapped, threads);
  const double from_pack = rate_of(mapped, threads);
  const double augmented = augment_rate(cached, threads);

  std::printf(
      "{\"mode\":\"data\",\"images\":%lld,\"image_size\":%d,\"threads\":%d,"
      "\"decoded_per_second\":%.0f,\"first_epoch_per_second\":%.0f,\"gathered_per_second\":%.0f,"
      "\"packed_per_second\":%.0f,\"pack_open_seconds\":%.4f,\"pack_bytes\":%lld,"
      "\"from_pack_first_per_second\":%.0f,\"from_pack_per_second\":%.0f,"
      "\"augmented_per_second\":%.0f,\"cached_bytes\":%lld}\n",
      static_cast<long long>(manifest.size()), options.image_size, threads, decoded, first_epoch,
      gathered, packed, open_seconds, static_cast<long long>(pack->bytes()), from_pack_first,
      from_pack, augmented, static_cast<long long>(cached.cached_bytes()));
}

}  // namespace

int main(int argc, char** argv) {
  try {
    run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "benchmark_data: %s\n", error.what());
    return 1;
  }
  return 0;
}
