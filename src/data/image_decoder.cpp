#include "selfcure/data/image_decoder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <opencv2/core.hpp>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <opencv2/videoio.hpp>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using Bytes = std::vector<std::uint8_t>;

/// An image file that is larger than this is not one of a face.
constexpr std::int64_t kLargestFileBytes = std::int64_t{256} << 20;

[[noreturn]] void fail(const fs::path& path, const std::string& expected, const std::string& got) {
  throw DataError(path.string() + ": expected " + expected + ", got " + got);
}

std::string text_of(const ImageSize& size) {
  return std::to_string(size.width) + " x " + std::to_string(size.height);
}

Bytes read_bytes(const fs::path& path) {
  // Not blocking, so that a pipe without a writer does not stop everything.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0)
    throw DataError(path.string() + ": expected an image, got: " + std::strerror(errno));
  struct stat status {};
  Bytes bytes;
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
  if (!problem.empty()) fail(path, "an image", problem);
  return bytes;
}

bool starts_with(const Bytes& file, std::string_view text, std::size_t at = 0) {
  return file.size() >= at + text.size() &&
         std::memcmp(file.data() + at, text.data(), text.size()) == 0;
}

bool is_jpeg(const Bytes& file) { return starts_with(file, "\xFF\xD8\xFF"); }
bool is_png(const Bytes& file) { return starts_with(file, "\x89PNG\r\n\x1A\n"); }

/// libjpeg fills the missing part of a truncated file with grey and only warns; libpng's callers
/// differ. Both formats end with a marker, so look for it.
bool is_cut_short(const Bytes& bytes) {
  const auto ends_with_marker = [&](const Bytes& start, const Bytes& end) {
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

/// The number in `count` bytes; the file must have them.
std::int64_t big_endian(const Bytes& file, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = 0; i < count; ++i) value = value << 8 | file[at + i];
  return value;
}

std::int64_t little_endian(const Bytes& file, std::size_t at, std::size_t count) {
  std::int64_t value = 0;
  for (std::size_t i = count; i > 0; --i) value = value << 8 | file[at + i - 1];
  return value;
}

/// Walks the markers as libjpeg does, up to the frame header. Source: ITU-T T.81, annex B.
std::optional<ImageSize> jpeg_size(const Bytes& file) {
  std::size_t at = 2;
  while (at < file.size()) {
    while (at < file.size() && file[at] != 0xFF) ++at;
    while (at < file.size() && file[at] == 0xFF) ++at;
    if (at + 8 > file.size()) break;
    const int marker = file[at++];
    const bool stands_alone = marker <= 0x01 || (marker >= 0xD0 && marker <= 0xD8);
    if (stands_alone) continue;
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) return ImageSize{big_endian(file, at + 5, 2), big_endian(file, at + 3, 2)};
    if (marker == 0xDA || marker == 0xD9) break;
    at += static_cast<std::size_t>(big_endian(file, at, 2));
  }
  return std::nullopt;
}

std::optional<ImageSize> bmp_size(const Bytes& file) {
  if (file.size() < 26) return std::nullopt;
  if (little_endian(file, 14, 4) == 12)
    return ImageSize{little_endian(file, 18, 2), little_endian(file, 20, 2)};
  const auto height = static_cast<std::int32_t>(little_endian(file, 22, 4));  // < 0: from the top
  return ImageSize{little_endian(file, 18, 4), std::abs(static_cast<std::int64_t>(height))};
}

/// Source: RFC 9649, section 2.
std::optional<ImageSize> webp_size(const Bytes& file) {
  if (file.size() < 30) return std::nullopt;
  if (starts_with(file, "VP8 ", 12))
    return ImageSize{little_endian(file, 26, 2) & 0x3FFF, little_endian(file, 28, 2) & 0x3FFF};
  if (starts_with(file, "VP8L", 12)) {
    const std::int64_t bits = little_endian(file, 21, 4);
    return ImageSize{(bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1};
  }
  if (starts_with(file, "VP8X", 12))
    return ImageSize{little_endian(file, 24, 3) + 1, little_endian(file, 27, 3) + 1};
  return std::nullopt;
}

/// First directory, tags 256 and 257. Source: TIFF 6.0, section 2.
std::optional<ImageSize> tiff_size(const Bytes& file) {
  const auto number = file[0] == 'I' ? little_endian : big_endian;
  if (file.size() < 8) return std::nullopt;
  const auto directory = static_cast<std::size_t>(number(file, 4, 4));
  if (directory + 2 > file.size()) return std::nullopt;
  const std::int64_t entries = number(file, directory, 2);
  ImageSize size;
  for (std::int64_t i = 0; i < entries; ++i) {
    const std::size_t at = directory + 2 + 12 * static_cast<std::size_t>(i);
    if (at + 12 > file.size()) break;
    const std::int64_t tag = number(file, at, 2);
    if (tag != 256 && tag != 257) continue;
    const bool is_short = number(file, at + 2, 2) == 3;
    (tag == 256 ? size.width : size.height) = number(file, at + 8, is_short ? 2 : 4);
  }
  return size;
}

/// Source: netpbm's pbm(5), pgm(5) and ppm(5).
std::optional<ImageSize> anymap_size(const Bytes& file) {
  std::size_t at = 2;
  const auto next_number = [&] {
    while (at < file.size() && (std::isspace(file[at]) != 0 || file[at] == '#')) {
      if (file[at] == '#')
        while (at < file.size() && file[at] != '\n') ++at;
      else
        ++at;
    }
    std::int64_t number = 0;
    for (; at < file.size() && std::isdigit(file[at]) != 0 && number <= kMostImagePixels; ++at)
      number = 10 * number + (file[at] - '0');
    return number;
  };
  const std::int64_t width = next_number();
  return ImageSize{width, next_number()};
}

std::optional<ImageSize> size_by_format(const Bytes& file) {
  if (is_jpeg(file)) return jpeg_size(file);
  if (is_png(file) && file.size() >= 24)
    return ImageSize{big_endian(file, 16, 4), big_endian(file, 20, 4)};
  if (starts_with(file, "BM")) return bmp_size(file);
  if (starts_with(file, "RIFF") && starts_with(file, "WEBP", 8)) return webp_size(file);
  if (starts_with(file, std::string_view("II*\0", 4)) ||
      starts_with(file, std::string_view("MM\0*", 4)))
    return tiff_size(file);
  if (file.size() > 2 && file[0] == 'P' && file[1] >= '1' && file[1] <= '6')
    return anymap_size(file);
  return std::nullopt;
}

void check_size(const fs::path& path, const ImageSize& size) {
  // The product is looked at only where neither side is so long that it overflows.
  const bool is_long = std::max(size.width, size.height) > kMostImagePixels;
  if (is_long || size.width * size.height > kMostImagePixels)
    fail(path, "an image of at most " + std::to_string(kMostImagePixels) + " pixels",
         text_of(size));
}

/// The part of an image that a box takes. @throws DataError if it is empty
cv::Rect part_of(const fs::path& path, const ImageSize& size, const FaceBox& box) {
  std::int64_t left = 0, top = 0, right = size.width, bottom = size.height;
  if (!box.empty()) {
    left = std::max<std::int64_t>(box.x, 0);
    top = std::max<std::int64_t>(box.y, 0);
    right = std::min(right, std::int64_t{box.x} + box.width);
    bottom = std::min(bottom, std::int64_t{box.y} + box.height);
  }
  if (left >= right || top >= bottom)
    fail(path, "a face box within the image of " + text_of(size) + " pixels",
         "one at (" + std::to_string(box.x) + ", " + std::to_string(box.y) + ") of " +
             text_of({box.width, box.height}));
  return {static_cast<int>(left), static_cast<int>(top), static_cast<int>(right - left),
          static_cast<int>(bottom - top)};
}

/// Threads that decode are many already; OpenCV's own would fight them for the cores.
void keep_opencv_to_one_thread() {
  [[maybe_unused]] static const bool done = (cv::setNumThreads(0), true);
}

/// What OpenCV logs of a damaged image is said by the error, in one line. Whoever sets OpenCV's own
/// variable wants to see it all the same.
void keep_opencv_quiet() {
  using namespace cv::utils::logging;
  [[maybe_unused]] static const bool done =
      std::getenv("OPENCV_LOG_LEVEL") != nullptr || (setLogLevel(LOG_LEVEL_ERROR), true);
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
void resize_to(const cv::Mat& image, cv::Mat& out, int side) {
  const bool shrinks = image.rows > side || image.cols > side;
  cv::resize(image, out, cv::Size(side, side), 0, 0, shrinks ? cv::INTER_AREA : cv::INTER_LINEAR);
}

/// The form in which pixels are kept. @param image  BGR or grey
Picture kept(cv::Mat image, int side) {
  keep_opencv_to_one_thread();
  if (image.channels() == 3 && is_grey(image)) {
    cv::Mat grey;
    cv::extractChannel(image, grey, 0);
    image = grey;
  }
  const bool shrinks = image.rows > side || image.cols > side;
  Picture picture;
  picture.width = shrinks ? side : image.cols;
  picture.height = shrinks ? side : image.rows;
  picture.channels = image.channels();
  picture.pixels.resize(picture.view().bytes());
  cv::Mat out(picture.height, picture.width, CV_8UC(picture.channels), picture.pixels.data());
  if (shrinks)
    resize_to(image, out, side);
  else
    image.copyTo(out);
  return picture;
}

/// 8, 4, 2 or 1: the part of its size at which a JPEG still covers the target.
int reduction_of(const cv::Rect& part, int side) {
  for (const int factor : {8, 4, 2}) {
    if (part.width / factor >= side && part.height / factor >= side) return factor;
  }
  return 1;
}

int flags_of(int reduction) {
  const int flags = reduction == 8   ? cv::IMREAD_REDUCED_COLOR_8
                    : reduction == 4 ? cv::IMREAD_REDUCED_COLOR_4
                    : reduction == 2 ? cv::IMREAD_REDUCED_COLOR_2
                                     : cv::IMREAD_COLOR;
  return flags | cv::IMREAD_IGNORE_ORIENTATION;
}

cv::Rect reduced(const cv::Rect& part, int reduction, const cv::Size& within) {
  const auto scaled = [&](int edge) { return (edge + reduction / 2) / reduction; };
  const cv::Rect all({0, 0}, within);
  return cv::Rect(cv::Point(scaled(part.x), scaled(part.y)),
                  cv::Point(scaled(part.br().x), scaled(part.br().y))) &
         all;
}

/// What one pass over a video gave.
struct VideoPass {
  /// By the index of their cut; empty where the video ended before.
  std::vector<Picture> pictures;
  std::int64_t frame_count = 0;
};

cv::VideoCapture open_video(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) fail(path, "a video", "nothing there");
  if (status.type() != fs::file_type::regular) fail(path, "a video", "not a regular file");
  // An absolute path can be taken for nothing but a file, whatever characters it has.
  cv::VideoCapture video(fs::absolute(path).string(), cv::CAP_FFMPEG);
  if (!video.isOpened()) fail(path, "a video", "a file that no decoder reads");
  check_size(path, {static_cast<std::int64_t>(video.get(cv::CAP_PROP_FRAME_WIDTH)),
                    static_cast<std::int64_t>(video.get(cv::CAP_PROP_FRAME_HEIGHT))});
  return video;
}

/// Goes through a video to its end and takes frames.
/// @param expected_count  says where the frames are
VideoPass go_through(const fs::path& path, const std::vector<FrameCut>& cuts, int frames_per_video,
                     std::int64_t expected_count, cv::VideoCapture& video, int side) {
  VideoPass pass;
  pass.pictures.resize(cuts.size());
  for (; video.grab(); ++pass.frame_count) {
    if (pass.frame_count == kMostVideoFrames)
      fail(path, "a video of at most " + std::to_string(kMostVideoFrames) + " frames", "more");
    cv::Mat frame;
    for (std::size_t i = 0; i < cuts.size(); ++i) {
      if (frame_position(cuts[i].frame, frames_per_video, expected_count) != pass.frame_count)
        continue;
      if (frame.empty() && !video.retrieve(frame)) fail(path, "a video", "a damaged frame");
      const cv::Rect part = part_of(path, {frame.cols, frame.rows}, cuts[i].box);
      pass.pictures[i] = kept(frame(part), side);
    }
  }
  return pass;
}

cv::Mat matrix_of(const PictureView& picture) {
  // OpenCV has no read-only matrices; nothing writes to this one.
  return {picture.height, picture.width, CV_8UC(picture.channels),
          const_cast<std::uint8_t*>(picture.pixels)};
}

const ManifestRow& row_at(const Manifest& manifest, std::int64_t row) {
  return manifest.rows[static_cast<std::size_t>(row)];
}

}  // namespace

std::optional<ImageSize> image_size_in_header(const Bytes& file) {
  const std::optional<ImageSize> size = size_by_format(file);
  if (!size || size->width < 1 || size->height < 1) return std::nullopt;
  return size;
}

Picture decode_image(const fs::path& path, const FaceBox& box, int side) {
  keep_opencv_quiet();
  const Bytes bytes = read_bytes(path);
  if (is_cut_short(bytes))
    fail(path, "a whole image",
         "one that is cut short (" + std::to_string(bytes.size()) + " bytes)");
  const std::string unreadable = std::to_string(bytes.size()) + " bytes that no decoder reads";
  const std::optional<ImageSize> size = image_size_in_header(bytes);
  if (!size) fail(path, "an image", unreadable);
  check_size(path, *size);
  const cv::Rect part = part_of(path, *size, box);
  const int reduction = is_jpeg(bytes) ? reduction_of(part, side) : 1;
  try {
    const cv::Mat image = cv::imdecode(bytes, flags_of(reduction));
    const cv::Rect cut = reduced(part, reduction, image.size());
    if (cut.empty()) fail(path, "an image", unreadable);
    return kept(image(cut), side);
  } catch (const cv::Exception& error) {
    throw DataError(path.string() + ": expected an image, OpenCV says: " + error.err);
  }
}

std::int64_t frame_position(std::int32_t frame, int frames_per_video, std::int64_t frame_count) {
  assert(frame >= 0 && frame < frames_per_video);
  return (2 * std::int64_t{frame} + 1) * frame_count / (2 * std::int64_t{frames_per_video});
}

std::vector<Picture> decode_frames(const fs::path& path, const std::vector<FrameCut>& cuts,
                                   int frames_per_video, int side) {
  keep_opencv_quiet();
  try {
    cv::VideoCapture video = open_video(path);
    const double stated = video.get(cv::CAP_PROP_FRAME_COUNT);
    const std::int64_t expected =
        stated >= 1 ? static_cast<std::int64_t>(std::min(stated, double{kMostVideoFrames})) : 1;
    VideoPass pass = go_through(path, cuts, frames_per_video, expected, video, side);
    if (pass.frame_count == 0) fail(path, "a video", "one without a frame that can be decoded");
    if (pass.frame_count != expected) {
      const std::int64_t counted = pass.frame_count;
      video = open_video(path);
      pass = go_through(path, cuts, frames_per_video, counted, video, side);
      if (pass.frame_count != counted) fail(path, "a video", "one that ends anywhere");
    }
    return std::move(pass.pictures);
  } catch (const cv::Exception& error) {
    throw DataError(path.string() + ": expected a video, OpenCV says: " + error.err);
  }
}

std::vector<Picture> decode_rows(const Manifest& manifest, const std::vector<std::int64_t>& rows,
                                 int side) {
  const ManifestRow& first = row_at(manifest, rows.front());
  std::vector<Picture> pictures;
  if (!manifest.inline_pixels.empty()) {
    for (const std::int64_t row : rows)
      pictures.push_back(kept(matrix_of(*inline_picture(manifest, row)), side));
    return pictures;
  }
  const fs::path path = manifest.root / first.image;
  if (first.frame < 0) {
    for (const std::int64_t row : rows)
      pictures.push_back(decode_image(path, row_at(manifest, row).box, side));
    return pictures;
  }
  std::vector<FrameCut> cuts;
  cuts.reserve(rows.size());
  for (const std::int64_t row : rows)
    cuts.push_back({row_at(manifest, row).frame, row_at(manifest, row).box});
  return decode_frames(path, cuts, manifest.frames_per_video, side);
}

std::optional<PictureView> inline_picture(const Manifest& manifest, std::int64_t row) {
  if (manifest.inline_pixels.empty()) return std::nullopt;
  const int side = manifest.inline_side;
  const std::size_t bytes = static_cast<std::size_t>(side) * static_cast<std::size_t>(side);
  return PictureView{manifest.inline_pixels.data() + static_cast<std::size_t>(row) * bytes, side,
                     side, 1};
}

Picture decode_row(const Manifest& manifest, std::int64_t row, int side) {
  return std::move(decode_rows(manifest, {row}, side).front());
}

std::vector<std::vector<std::int64_t>> rows_by_file(const Manifest& manifest) {
  std::vector<std::vector<std::int64_t>> groups;
  std::unordered_map<std::string_view, std::size_t> videos;
  for (std::int64_t row = 0; row < manifest.size(); ++row) {
    const ManifestRow& entry = row_at(manifest, row);
    if (entry.frame >= 0) {
      const auto [video, is_new] = videos.emplace(entry.image, groups.size());
      if (!is_new) {
        groups[video->second].push_back(row);
        continue;
      }
    }
    groups.push_back({row});
  }
  return groups;
}

void fill_rgb(const PictureView& picture, int side, std::uint8_t* pixels) {
  keep_opencv_to_one_thread();
  cv::Mat out(side, side, CV_8UC3, pixels);
  cv::Mat sized = matrix_of(picture);
  if (sized.rows != side || sized.cols != side) {
    cv::Mat resized;
    resize_to(sized, resized, side);
    sized = resized;
  }
  cv::cvtColor(sized, out, sized.channels() == 1 ? cv::COLOR_GRAY2RGB : cv::COLOR_BGR2RGB);
}

}  // namespace selfcure
