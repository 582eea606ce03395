#include "selfcure/data/align_tree.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cmath>
#include <exception>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "align_files.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/image_decoder.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;
using Bytes = std::vector<std::uint8_t>;

/// Raised whenever the same options would give other crops.
constexpr int kAlignmentVersion = 1;
constexpr const char* kTableName = "alignment.csv";
constexpr const char* kRecordName = "alignment.json";

constexpr std::uintmax_t kMaxFileBytes = std::uintmax_t{256} << 20;
/// OpenCV warps pictures of up to 32,767 pixels on a side.
constexpr std::int64_t kMaxPictureSide = 32000;

void require_range(const char* what, int value, int low, int high) {
  if (value >= low && value <= high) return;
  throw DataError(std::string("align: ") + what + ": expected " + std::to_string(low) + ".." +
                  std::to_string(high) + ", got " + std::to_string(value));
}

std::string output_name(const std::string& picture, CropFormat format) {
  if (format == CropFormat::kKeep) return picture;
  return fs::path(picture).replace_extension(format == CropFormat::kJpeg ? ".jpg" : ".png");
}

void check_for_collisions(const std::vector<std::string>& pictures,
                          const AlignTreeOptions& options) {
  std::map<std::string, std::string> sources;
  for (const std::string& picture : pictures) {
    const std::string output = output_name(picture, options.format);
    const auto [first, is_new] = sources.emplace(output, picture);
    if (is_new) continue;
    throw DataError(options.in.string() + ": expected another name for each output, got " +
                    in_quotes(output) + " for " + in_quotes(first->second) + " and " +
                    in_quotes(picture) + " (keeping the format avoids it)");
  }
}

// Pictures in

std::string_view text_of(const Bytes& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The decoders fill what is missing with grey; both formats end with a marker.
bool is_cut_short(const Bytes& bytes) {
  const std::string_view text = text_of(bytes);
  if (text.substr(0, 4) == "\x89PNG") return text.rfind("IEND\xAE\x42\x60\x82") == text.npos;
  if (text.substr(0, 3) != "\xFF\xD8\xFF") return false;
  const std::size_t scan = text.rfind("\xFF\xDA");
  return scan == text.npos || text.find("\xFF\xD9", scan) == text.npos;
}

void check_size(const fs::path& path, std::int64_t width, std::int64_t height) {
  if (std::max(width, height) <= kMaxPictureSide && width * height <= kMostImagePixels) return;
  throw DataError(path.string() + ": expected at most " + std::to_string(kMaxPictureSide) +
                  " pixels on a side and " + std::to_string(kMostImagePixels) + " in all, got " +
                  std::to_string(width) + " x " + std::to_string(height));
}

Bytes read_picture_bytes(const fs::path& path) {
  std::error_code error;
  const std::uintmax_t size = fs::file_size(path, error);
  if (error) throw DataError(path.string() + ": cannot be read: " + error.message());
  if (size == 0) throw DataError(path.string() + ": expected an image, got an empty file");
  if (size > kMaxFileBytes)
    throw DataError(path.string() + ": expected an image, got a file of more than 256 MiB");
  const std::string text = read_file(path);
  return {text.begin(), text.end()};
}

/// 8-bit grey or BGR, turned as its EXIF data say: whoever opens a photo sees it so, and a face
/// that lies on its side is not found.
cv::Mat decode(const fs::path& path) {
  const Bytes bytes = read_picture_bytes(path);
  const std::optional<ImageSize> claimed = image_size_in_header(bytes);
  const std::string got = std::to_string(bytes.size()) + " bytes that no decoder reads";
  if (!claimed) throw DataError(path.string() + ": expected an image, got " + got);
  check_size(path, claimed->width, claimed->height);
  if (is_cut_short(bytes)) {
    throw DataError(path.string() + ": expected a whole image, got one that is cut short (" +
                    std::to_string(bytes.size()) + " bytes)");
  }
  cv::Mat picture = cv::imdecode(bytes, cv::IMREAD_ANYCOLOR);
  if (picture.empty()) throw DataError(path.string() + ": expected an image, got " + got);
  check_size(path, picture.cols, picture.rows);
  return picture;
}

// Crops out

/// The file's bytes. Of the portable anymaps one takes grey only and one colour only.
std::string encode(const cv::Mat& picture, const std::string& name, int jpeg_quality) {
  std::string extension = fs::path(name).extension();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
  cv::Mat pixels = picture;
  if (extension == ".pgm" && pixels.channels() == 3)
    cv::cvtColor(picture, pixels, cv::COLOR_BGR2GRAY);
  if (extension == ".ppm" && pixels.channels() == 1)
    cv::cvtColor(picture, pixels, cv::COLOR_GRAY2BGR);
  std::vector<std::uint8_t> bytes;
  std::vector<int> parameters;
  if (extension.compare(0, 3, ".jp") == 0) parameters = {cv::IMWRITE_JPEG_QUALITY, jpeg_quality};
  cv::imencode(extension, pixels, bytes, parameters);
  return {bytes.begin(), bytes.end()};
}

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(folder.string() + ": cannot be made: " + error.message());
}

// One picture

/// Aligns pictures one after the other; one of these per thread.
class PictureAligner {
 public:
  PictureAligner(const AlignTreeOptions& options, FaceDetector& detector)
      : options_(options), detector_(detector) {}

  /// Writes the crop and returns its row. @param problem  why it cannot be read, or empty
  AlignmentRow align(const std::string& picture, std::string& problem) {
    const std::string output = output_name(picture, options_.format);
    std::string crop;
    AlignmentRow row;
    try {
      row = make(picture, output, crop);
    } catch (const UserError& error) {
      problem = error.what();
    } catch (const cv::Exception& error) {
      problem = (options_.in / picture).string() + ": expected an image, OpenCV says: " + error.err;
    }
    if (!problem.empty())
      row = make_alignment_row(picture, AlignStatus::kUnreadable, "", nullptr, 0);
    const fs::path path = options_.out / output;
    if (row.output.empty()) {
      // What a killed call or an earlier version of the picture left.
      std::error_code ignored;
      fs::remove(path, ignored);
    } else {
      make_folder(path.parent_path());
      write_file_atomically(path, crop);
    }
    return row;
  }

 private:
  AlignmentRow make(const std::string& picture, const std::string& output, std::string& crop) {
    const cv::Mat pixels = decode(options_.in / picture);
    const PictureView view{pixels.data, pixels.cols, pixels.rows, pixels.channels()};
    const std::vector<DetectedFace> faces = detector_.detect(view);
    const auto chosen = choose_face(faces, view.width, view.height, options_.choice);
    if (!chosen) {
      if (options_.no_face == NoFacePolicy::kCopy)
        crop = encode(pixels, output, options_.jpeg_quality);
      if (options_.no_face == NoFacePolicy::kCentre)
        crop = cut(view, crop_by_centre(view.width, view.height, options_.crop), output);
      return make_alignment_row(picture, AlignStatus::kNoFace, crop.empty() ? "" : output, nullptr,
                                faces.size());
    }
    const DetectedFace& face = faces[*chosen];
    const bool has_eyes = has_usable_eyes(face);
    crop = cut(
        view, has_eyes ? crop_by_eyes(*face.eyes, options_.crop) : crop_by_box(face, options_.crop),
        output);
    return make_alignment_row(picture, has_eyes ? AlignStatus::kAligned : AlignStatus::kBoxOnly,
                              output, &face, faces.size());
  }

  std::string cut(const PictureView& view, const Similarity& place, const std::string& output) {
    Picture crop = cut_crop(view, place, options_.crop.side);
    const cv::Mat pixels(crop.height, crop.width, CV_8UC(crop.channels), crop.pixels.data());
    return encode(pixels, output, options_.jpeg_quality);
  }

  const AlignTreeOptions& options_;
  FaceDetector& detector_;
};

// The folder that is written

/// Keeps other calls out as long as it lives, whatever ends the process.
class FolderLock {
 public:
  explicit FolderLock(const fs::path& folder)
      : file_(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    // File systems without locks are not worth giving up for.
    if (file_ < 0 || ::flock(file_, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK) return;
    ::close(file_);
    throw DataError(folder.string() + ": expected to be alone, got another call that writes here");
  }
  ~FolderLock() {
    if (file_ >= 0) ::close(file_);
  }
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int file_;
};

/// What a crop depends on, as alignment.json keeps it.
std::string record_of(const AlignTreeOptions& options, const std::string& detector) {
  constexpr const char* kPolicies[] = {"skip", "copy", "centre"};
  constexpr const char* kFormats[] = {"keep", "jpeg", "png"};
  const ordered_json record = {
      {"version", kAlignmentVersion},
      {"in", options.in.string()},
      {"detector", detector},
      {"side", options.crop.side},
      {"eye_distance", options.crop.eye_distance},
      {"eye_height", options.crop.eye_height},
      {"box_margin", options.crop.box_margin},
      {"choice", options.choice == FaceChoice::kLargest ? "largest" : "most_central"},
      {"no_face", kPolicies[static_cast<std::size_t>(options.no_face)]},
      {"format", kFormats[static_cast<std::size_t>(options.format)]},
      {"jpeg_quality", options.jpeg_quality}};
  // Paths need not be UTF-8.
  return record.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

/// The first entry in which two records differ, for a message.
std::string difference(const std::string& before, const std::string& now) {
  const ordered_json old_record = ordered_json::parse(before, nullptr, false);
  const ordered_json new_record = ordered_json::parse(now);
  if (!old_record.is_object()) return "expected the record of an alignment, got something else";
  const auto text = [](const ordered_json& value) {
    return value.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
  };
  for (const auto& [key, value] : new_record.items()) {
    const ordered_json other = old_record.value(key, ordered_json());
    if (other != value) {
      return "expected the options of the work there, " + key + " " + text(other) + ", got " +
             text(value);
    }
  }
  return "expected the options of the work there, got fewer";
}

void remove_earlier_work(const AlignTreeOptions& options, const std::vector<std::string>& pictures,
                         const AlignmentTable& table) {
  std::error_code ignored;
  for (const auto& [picture, row] : table) {
    if (!row.output.empty()) fs::remove(options.out / row.output, ignored);
  }
  // A killed call may have written crops that it had no time to list.
  for (const std::string& picture : pictures) {
    for (const CropFormat format : {CropFormat::kKeep, CropFormat::kJpeg, CropFormat::kPng})
      fs::remove(options.out / output_name(picture, format), ignored);
  }
  fs::remove(options.out / kTableName, ignored);
}

/// Whether the folder has anything but what a call killed at its very start leaves.
bool holds_files(const fs::path& folder) {
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().filename() != std::string(kRecordName) + ".tmp") return true;
  }
  return false;
}

/// Makes the folder ready and returns the rows of earlier calls.
AlignmentTable take_over(const AlignTreeOptions& options, const std::vector<std::string>& pictures,
                         const std::string& record) {
  const fs::path record_path = options.out / kRecordName;
  const fs::path table_path = options.out / kTableName;
  AlignmentTable table;
  if (path_exists(record_path)) {
    const std::string before = read_file(record_path);
    if (options.force) {
      // A damaged table is no reason to refuse to throw it away.
      try {
        table = read_alignment_table(table_path);
      } catch (const DataError&) {
        table.clear();
      }
      remove_earlier_work(options, pictures, table);
      table.clear();
    } else if (before != record) {
      throw DataError(record_path.string() + ": " + difference(before, record) +
                      " (force starts afresh)");
    } else {
      table = read_alignment_table(table_path);
    }
  } else if (holds_files(options.out)) {
    throw DataError(options.out.string() +
                    ": expected an empty folder or one with an alignment.json, got other files");
  }
  write_file_atomically(record_path, record);
  write_alignment_table(table_path, table);
  return table;
}

/// Pictures that still have to be aligned.
std::vector<std::string> pending(const AlignTreeOptions& options,
                                 const std::vector<std::string>& pictures,
                                 const AlignmentTable& table) {
  std::vector<std::string> left;
  for (const std::string& picture : pictures) {
    const auto row = table.find(picture);
    const bool done = row != table.end() && row->second.status != AlignStatus::kUnreadable &&
                      (row->second.output.empty() || path_exists(options.out / row->second.output));
    if (!done) left.push_back(picture);
  }
  return left;
}

/// The threads' common work.
class TreeRun {
 public:
  TreeRun(const AlignTreeOptions& options, const AlignCallbacks& callbacks,
          std::vector<std::string> left, std::int64_t total, AlignmentTable& table)
      : options_(options),
        callbacks_(callbacks),
        left_(std::move(left)),
        total_(total),
        done_(total - static_cast<std::int64_t>(left_.size())),
        table_(table),
        appender_(options.out / kTableName) {}

  /// @return whether it was stopped
  bool run(const std::vector<std::unique_ptr<FaceDetector>>& detectors) {
    if (callbacks_.progress) callbacks_.progress(done_, total_);
    std::vector<std::thread> team;
    try {
      for (std::size_t i = 1; i < detectors.size(); ++i)
        team.emplace_back([this, &detectors, i] { work(*detectors[i]); });
    } catch (const std::system_error&) {
      // The system gives no more threads: this one and those that started do the work.
    }
    work(*detectors.front());
    for (std::thread& member : team) member.join();
    if (error_) std::rethrow_exception(error_);
    return stopped_;
  }

 private:
  void work(FaceDetector& detector) {
    try {
      PictureAligner aligner(options_, detector);
      while (!stopped_) {
        const std::size_t index = next_++;
        if (index >= left_.size()) return;
        if (callbacks_.should_stop && callbacks_.should_stop()) {
          stopped_ = true;
          return;
        }
        std::string problem;
        AlignmentRow row = aligner.align(left_[index], problem);
        finish(left_[index], std::move(row), problem);
      }
    } catch (...) {
      const std::lock_guard<std::mutex> lock(mutex_);
      if (!error_) error_ = std::current_exception();
      stopped_ = true;
    }
  }

  void finish(const std::string& picture, AlignmentRow row, const std::string& problem) {
    const std::lock_guard<std::mutex> lock(mutex_);
    appender_.append(row.line);
    table_[picture] = std::move(row);
    ++done_;
    if (!problem.empty() && callbacks_.warning) callbacks_.warning(problem);
    if (callbacks_.progress) callbacks_.progress(done_, total_);
  }

  const AlignTreeOptions& options_;
  const AlignCallbacks& callbacks_;
  const std::vector<std::string> left_;
  const std::int64_t total_;
  std::int64_t done_;
  AlignmentTable& table_;
  TableAppender appender_;
  std::mutex mutex_;
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> stopped_{false};
  std::exception_ptr error_;
};

AlignSummary summarize(const AlignmentTable& table) {
  AlignSummary summary;
  for (const auto& [picture, row] : table) {
    std::int64_t* const counts[] = {&summary.aligned, &summary.box_only, &summary.no_face,
                                    &summary.unreadable};
    ++*counts[static_cast<std::size_t>(row.status)];
  }
  return summary;
}

/// With canonical folders. @throws DataError unless both are folders apart from each other
AlignTreeOptions checked(const AlignTreeOptions& options) {
  check_crop_options(options.crop);
  require_range("JPEG quality", options.jpeg_quality, 1, 100);
  require_range("threads", options.threads, 0, 1024);
  if (!folder_exists(options.in))
    throw DataError(options.in.string() + ": expected a folder of pictures, found none");
  if (path_exists(options.out) && !folder_exists(options.out))
    throw DataError(options.out.string() + ": expected a folder to write to, got a file");
  AlignTreeOptions result = options;
  std::error_code error;
  result.in = fs::canonical(options.in, error);
  if (!error) result.out = fs::weakly_canonical(options.out, error);
  if (error) throw DataError(options.out.string() + ": cannot be used: " + error.message());
  if (is_within(result.out, result.in) || is_within(result.in, result.out)) {
    throw DataError(options.out.string() + ": expected a folder apart from " + options.in.string() +
                    ", got one inside or around it");
  }
  return result;
}

}  // namespace

AlignSummary align_tree(const AlignTreeOptions& given,
                        const std::function<std::unique_ptr<FaceDetector>()>& make_detector,
                        const AlignCallbacks& callbacks) {
  const AlignTreeOptions options = checked(given);
  const std::vector<std::string> pictures = find_pictures(options.in, options.out);
  if (pictures.empty())
    throw DataError(options.in.string() + ": expected pictures in it or below, found none");
  check_for_collisions(pictures, options);
  cv::setNumThreads(0);  // the threads are many already, and OpenCV's would fight them
  const std::size_t wanted = options.threads > 0
                                 ? static_cast<std::size_t>(options.threads)
                                 : std::max<std::size_t>(1, std::thread::hardware_concurrency());
  std::vector<std::unique_ptr<FaceDetector>> detectors;
  for (std::size_t i = 0; i < std::min(wanted, pictures.size()); ++i)
    detectors.push_back(make_detector());

  make_folder(options.out);
  const FolderLock lock(options.out);
  AlignmentTable table =
      take_over(options, pictures, record_of(options, detectors.front()->description()));
  std::vector<std::string> left = pending(options, pictures, table);
  const auto total = static_cast<std::int64_t>(pictures.size());
  const std::int64_t done_before = total - static_cast<std::int64_t>(left.size());
  TreeRun run(options, callbacks, std::move(left), total, table);
  const bool stopped = run.run(detectors);
  write_alignment_table(options.out / kTableName, table);
  AlignSummary summary = summarize(table);
  summary.pictures = total;
  summary.done_before = done_before;
  summary.stopped = stopped;
  return summary;
}

}  // namespace selfcure
