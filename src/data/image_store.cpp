#include "selfcure/data/image_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <exception>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <system_error>
#include <thread>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

/// An image file that is larger than this is not one of a face.
constexpr std::int64_t kLargestFileBytes = std::int64_t{256} << 20;

std::vector<std::uint8_t> read_bytes(const std::filesystem::path& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0)
    throw DataError(path.string() + ": expected an image, got: " + std::strerror(errno));
  struct stat status {};
  std::vector<std::uint8_t> bytes;
  std::string problem;
  if (::fstat(file, &status) != 0) {
    problem = std::strerror(errno);
  } else if (!S_ISREG(status.st_mode)) {
    problem = "not a regular file";
  } else if (status.st_size == 0) {
    problem = "an empty file";
  } else if (status.st_size > kLargestFileBytes) {
    problem = "a file of more than 256 MiB";
  } else {
    bytes.resize(static_cast<std::size_t>(status.st_size));
    std::size_t done = 0;
    while (done < bytes.size()) {
      const ssize_t count = ::read(file, bytes.data() + done, bytes.size() - done);
      if (count < 0 && errno == EINTR) continue;
      if (count <= 0) break;
      done += static_cast<std::size_t>(count);
    }
    if (done < bytes.size()) problem = "a file that could not be read to its end";
  }
  ::close(file);
  if (!problem.empty()) throw DataError(path.string() + ": expected an image, got " + problem);
  return bytes;
}

/// libjpeg fills the missing part of a truncated file with grey and only warns; libpng's callers
/// differ. Both formats end with a marker, so look for it.
bool is_cut_short(const std::vector<std::uint8_t>& bytes) {
  const auto ends_with_marker = [&](const std::vector<std::uint8_t>& start,
                                    const std::vector<std::uint8_t>& end) {
    const auto from = start.empty()
                          ? bytes.begin()
                          : std::find_end(bytes.begin(), bytes.end(), start.begin(), start.end());
    return std::search(from, bytes.end(), end.begin(), end.end()) != bytes.end();
  };
  if (bytes.size() > 2 && bytes[0] == 0xFF && bytes[1] == 0xD8)
    return !ends_with_marker({0xFF, 0xDA}, {0xFF, 0xD9});
  if (bytes.size() > 4 && bytes[0] == 0x89 && bytes[1] == 'P' && bytes[2] == 'N')
    return !ends_with_marker({}, {'I', 'E', 'N', 'D', 0xAE, 0x42, 0x60, 0x82});
  return false;
}

bool is_grey(const cv::Mat& image) {
  for (int y = 0; y < image.rows; ++y) {
    const std::uint8_t* p = image.ptr<std::uint8_t>(y);
    for (int x = 0; x < image.cols; ++x, p += 3)
      if (p[0] != p[1] || p[1] != p[2]) return false;
  }
  return true;
}

/// Enlarging is bilinear; shrinking averages, so that fine detail does not alias.
cv::Mat resize_to(const cv::Mat& image, int side) {
  cv::Mat out;
  const bool shrinks = image.rows > side || image.cols > side;
  cv::resize(image, out, cv::Size(side, side), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
  return out;
}

}  // namespace

/// Pixels as they are kept: grey or BGR, at most image_size on a side.
struct ImageStore::Decoded {
  cv::Mat pixels;
  std::int64_t bytes() const {
    return static_cast<std::int64_t>(pixels.total() * pixels.elemSize());
  }
};

ImageStore::ImageStore(const Manifest& manifest, const ImageStoreOptions& options)
    : manifest_(manifest), options_(options), cache_(static_cast<std::size_t>(manifest.size())) {
  // The workers are the parallelism; OpenCV's own threads would fight them for the cores.
  cv::setNumThreads(0);
}

ImageStore::~ImageStore() {
  for (std::atomic<Decoded*>& entry : cache_) delete entry.load();
}

std::int64_t ImageStore::image_bytes() const {
  return std::int64_t{3} * options_.image_size * options_.image_size;
}

std::unique_ptr<ImageStore::Decoded> ImageStore::decode(std::int64_t row) const {
  const int side = options_.image_size;
  auto decoded = std::make_unique<Decoded>();
  if (!manifest_.inline_pixels.empty()) {
    const int inline_side = manifest_.inline_side;
    const auto offset = static_cast<std::size_t>(row) * static_cast<std::size_t>(inline_side) *
                        static_cast<std::size_t>(inline_side);
    // The manifest keeps the pixels: a view is enough unless they shrink.
    decoded->pixels = cv::Mat(inline_side, inline_side, CV_8UC1,
                              const_cast<std::uint8_t*>(manifest_.inline_pixels.data()) + offset);
    if (inline_side > side) decoded->pixels = resize_to(decoded->pixels, side);
    return decoded;
  }
  const std::filesystem::path path =
      manifest_.root / manifest_.rows[static_cast<std::size_t>(row)].image;
  const std::vector<std::uint8_t> bytes = read_bytes(path);
  if (is_cut_short(bytes))
    throw DataError(path.string() + ": expected a whole image, got one that is cut short (" +
                    std::to_string(bytes.size()) + " bytes)");
  cv::Mat image;
  try {
    image = cv::imdecode(bytes, cv::IMREAD_COLOR);
    if (!image.empty() && is_grey(image)) cv::extractChannel(image.clone(), image, 0);
    if (image.rows > side || image.cols > side) image = resize_to(image, side);
  } catch (const cv::Exception& error) {
    throw DataError(path.string() + ": expected an image, OpenCV says: " + error.err);
  }
  if (image.empty())
    throw DataError(path.string() + ": expected an image, got " + std::to_string(bytes.size()) +
                    " bytes that no decoder reads");
  decoded->pixels = std::move(image);
  return decoded;
}

const ImageStore::Decoded* ImageStore::cached_or_decoded(std::int64_t row,
                                                         std::unique_ptr<Decoded>& owned) const {
  std::atomic<Decoded*>& entry = cache_[static_cast<std::size_t>(row)];
  if (const Decoded* cached = entry.load(std::memory_order_acquire)) return cached;
  owned = decode(row);
  const std::int64_t bytes = owned->bytes();
  if (cached_bytes_.fetch_add(bytes) + bytes > options_.memory_budget_bytes) {
    cached_bytes_.fetch_sub(bytes);
    return owned.get();
  }
  Decoded* expected = nullptr;
  if (!entry.compare_exchange_strong(expected, owned.get(), std::memory_order_acq_rel)) {
    cached_bytes_.fetch_sub(bytes);  // another thread decoded the same row meanwhile
    return expected;
  }
  return owned.release();
}

void ImageStore::fill(std::int64_t row, std::uint8_t* pixels) const {
  std::unique_ptr<Decoded> owned;
  const Decoded* decoded = cached_or_decoded(row, owned);
  const int side = options_.image_size;
  cv::Mat out(side, side, CV_8UC3, pixels);
  cv::Mat sized = decoded->pixels;
  if (sized.rows != side || sized.cols != side) sized = resize_to(sized, side);
  cv::cvtColor(sized, out, sized.channels() == 1 ? cv::COLOR_GRAY2RGB : cv::COLOR_BGR2RGB);
}

std::int64_t drop_unreadable_rows(Manifest& manifest, const ImageStoreOptions& options, int threads,
                                  const std::function<void(const std::string&)>& report) {
  const std::size_t count = manifest.rows.size();
  std::vector<std::string> problems(count);
  {
    // Nothing is kept: the rows are renumbered below, and the training's own store starts afresh.
    ImageStoreOptions no_cache = options;
    no_cache.memory_budget_bytes = 0;
    const ImageStore store(manifest, no_cache);
    std::atomic<std::size_t> next{0};
    const auto check = [&] {
      std::vector<std::uint8_t> pixels(static_cast<std::size_t>(store.image_bytes()));
      for (std::size_t row = next++; row < count; row = next++) {
        try {
          store.fill(static_cast<std::int64_t>(row), pixels.data());
        } catch (const std::exception& error) {
          problems[row] = error.what();
        }
      }
    };
    std::vector<std::thread> team;
    try {
      for (int i = 1; i < threads; ++i) team.emplace_back(check);
    } catch (const std::system_error&) {
      // The system gives no more threads: this one and those that started do the work.
    }
    check();
    for (std::thread& member : team) member.join();
  }
  std::vector<bool> keep(count, true);
  for (std::size_t row = 0; row < count; ++row) {
    if (problems[row].empty()) continue;
    report(problems[row]);
    keep[row] = false;
  }
  manifest.keep_rows(keep);
  return static_cast<std::int64_t>(std::count(keep.begin(), keep.end(), false));
}

}  // namespace selfcure
