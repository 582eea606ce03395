#include "selfcure/data/inspection.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <exception>
#include <filesystem>
#include <map>
#include <numeric>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <set>
#include <string_view>
#include <system_error>
#include <thread>
#include <tuple>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/image_decoder.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kChunkBytes = std::size_t{64} << 10;
/// Largest image that is decoded only to find its format.
constexpr std::int64_t kMostFormatPixels = std::int64_t{1} << 24;
/// What is kept of a file to find its format: as much as an image file may have to be decoded.
constexpr std::size_t kMostImageBytes = std::size_t{256} << 20;

/// Hashes a file. @param kept  its first `keep` bytes
/// @return nothing if it cannot be read
std::optional<ByteHash> hash_file(const fs::path& path, std::size_t keep,
                                  std::vector<std::uint8_t>& kept) {
  kept.clear();
  // Not blocking, so that a pipe without a writer does not stop the inspection.
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (file < 0) return std::nullopt;
  ByteHasher hasher;
  std::vector<std::uint8_t> chunk(kChunkBytes);
  ssize_t count = 0;
  std::error_code ignored;
  if (fs::is_regular_file(path, ignored)) {
    do {
      count = ::read(file, chunk.data(), chunk.size());
      if (count <= 0) continue;
      const auto size = static_cast<std::size_t>(count);
      hasher.add(chunk.data(), size);
      const std::size_t more = std::min(size, keep - kept.size());
      kept.insert(kept.end(), chunk.begin(), chunk.begin() + static_cast<std::ptrdiff_t>(more));
    } while (count > 0 || (count < 0 && errno == EINTR));
  }
  ::close(file);
  if (count < 0) return std::nullopt;
  return hasher.result();
}

/// Tells apart the rows that take different parts of one file.
ByteHash with_part(const ByteHash& file, const ManifestRow& row) {
  if (row.box.empty() && row.frame < 0) return file;
  const FaceBox box = row.box.empty() ? FaceBox{} : row.box;
  const std::array<std::int64_t, 5> part = {box.x, box.y, box.width, box.height, row.frame};
  ByteHasher hasher;
  hasher.add(&file.high, sizeof(file.high));
  hasher.add(&file.low, sizeof(file.low));
  hasher.add(part.data(), sizeof(part));
  return hasher.result();
}

std::int32_t big_endian(const std::vector<std::uint8_t>& file, std::size_t at, int bytes) {
  std::uint32_t value = 0;
  for (int i = 0; i < bytes; ++i) value = value << 8 | file[at + static_cast<std::size_t>(i)];
  return static_cast<std::int32_t>(value & 0x7FFFFFFF);
}

/// Source: PNG specification, section 11.2.2 (IHDR).
std::optional<ImageFormat> png_format(const std::vector<std::uint8_t>& file) {
  constexpr std::string_view kStart = "\x89PNG\r\n\x1a\n";
  if (file.size() < 26 ||
      !std::equal(kStart.begin(), kStart.end(), file.begin(),
                  [](char a, int b) { return static_cast<std::uint8_t>(a) == b; }))
    return std::nullopt;
  ImageFormat format{big_endian(file, 16, 4), big_endian(file, 20, 4), 3, file[24]};
  switch (file[25]) {
    case 0:
      format.channels = 1;
      break;
    case 3:  // the depth is that of the indices into the palette
      format.bits = 8;
      break;
    case 4:
      format.channels = 2;
      break;
    case 6:
      format.channels = 4;
      break;
    default:
      break;
  }
  return format;
}

/// Walks the segments up to the frame header. Source: ITU-T T.81, annex B.
std::optional<ImageFormat> jpeg_format(const std::vector<std::uint8_t>& file) {
  if (file.size() < 4 || file[0] != 0xFF || file[1] != 0xD8) return std::nullopt;
  std::size_t at = 2;
  while (at + 9 < file.size() && file[at] == 0xFF) {
    const int marker = file[at + 1];
    if (marker == 0xFF) {  // a fill byte
      ++at;
      continue;
    }
    const bool is_frame =
        marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
    if (is_frame) {
      return ImageFormat{big_endian(file, at + 7, 2), big_endian(file, at + 5, 2), file[at + 9],
                         file[at + 4]};
    }
    if (marker == 0xDA || marker == 0xD9) break;
    at += 2 + static_cast<std::size_t>(big_endian(file, at + 2, 2));
  }
  return ImageFormat{};
}

ImageFormat decoded_format(const std::vector<std::uint8_t>& file) {
  const std::optional<ImageSize> size = image_size_in_header(file);
  if (!size || size->width < 1 || size->height < 1) return {};
  // Either side before their product, which must not overflow.
  if (std::max(size->width, size->height) > kMostImagePixels) return {};
  const ImageFormat stated{static_cast<std::int32_t>(size->width),
                           static_cast<std::int32_t>(size->height), 0, 0};
  if (size->width * size->height > kMostFormatPixels) return stated;
  try {
    const cv::Mat image = cv::imdecode(file, cv::IMREAD_UNCHANGED);
    if (image.empty()) return {};
    return {image.cols, image.rows, image.channels(),
            static_cast<std::int32_t>(8 * image.elemSize1())};
  } catch (const cv::Exception&) {
    return {};
  }
}

/// Luma of RGB pixels. Source: ITU-R BT.601.
std::vector<std::uint8_t> grey_of(const std::vector<std::uint8_t>& rgb) {
  std::vector<std::uint8_t> grey(rgb.size() / 3);
  for (std::size_t i = 0; i < grey.size(); ++i) {
    grey[i] = static_cast<std::uint8_t>(
        (299 * rgb[3 * i] + 587 * rgb[3 * i + 1] + 114 * rgb[3 * i + 2] + 500) / 1000);
  }
  return grey;
}

/// Inspects one file after the other; one of these per thread.
class FileInspector {
 public:
  explicit FileInspector(const Manifest& manifest)
      : manifest_(manifest), rgb_(std::size_t{3} * kFingerprintSide * kFingerprintSide) {}

  /// @param rows     one row, or those of one video
  /// @param reasons  what is wrong with each row of the manifest
  void inspect(const std::vector<std::int64_t>& rows, std::vector<ImageFacts>& facts,
               std::vector<std::string>& reasons) {
    if (manifest_.inline_pixels.empty())
      look_at_file(rows, facts);
    else
      look_at_pixels(rows, facts);
    try {
      const std::vector<Picture> pictures = decode_rows(manifest_, rows, kFingerprintSide);
      for (std::size_t i = 0; i < rows.size(); ++i) take(pictures[i], fact_of(rows[i], facts));
      return;
    } catch (const std::exception& error) {
      if (rows.size() == 1) note(rows.front(), error.what(), facts, reasons);
    }
    if (rows.size() == 1) return;
    // It may be one frame's fault.
    for (const std::int64_t row : rows) {
      try {
        take(decode_row(manifest_, row, kFingerprintSide), fact_of(row, facts));
      } catch (const std::exception& error) {
        note(row, error.what(), facts, reasons);
      }
    }
  }

 private:
  static ImageFacts& fact_of(std::int64_t row, std::vector<ImageFacts>& facts) {
    return facts[static_cast<std::size_t>(row)];
  }

  void take(const Picture& picture, ImageFacts& fact) {
    fill_rgb(picture.view(), kFingerprintSide, rgb_.data());
    fact.fingerprint = take_fingerprint(grey_of(rgb_).data());
  }

  void note(std::int64_t row, const char* reason, std::vector<ImageFacts>& facts,
            std::vector<std::string>& reasons) const {
    fact_of(row, facts).state = is_missing_ ? ImageState::kMissing : ImageState::kUnreadable;
    reasons[static_cast<std::size_t>(row)] = reason;
  }

  void look_at_file(const std::vector<std::int64_t>& rows, std::vector<ImageFacts>& facts) {
    const ManifestRow& first = manifest_.rows[static_cast<std::size_t>(rows.front())];
    const fs::path path = manifest_.root / first.image;
    const bool is_video = first.frame >= 0;
    const std::optional<ByteHash> hash = hash_file(path, is_video ? 0 : kMostImageBytes, file_);
    const ImageFormat format = hash && !is_video ? image_format(file_) : ImageFormat{};
    std::error_code error;
    is_missing_ = !hash && fs::status(path, error).type() == fs::file_type::not_found;
    for (const std::int64_t row : rows) {
      ImageFacts& fact = fact_of(row, facts);
      fact.format = format;
      if (hash) fact.bytes = with_part(*hash, manifest_.rows[static_cast<std::size_t>(row)]);
    }
  }

  void look_at_pixels(const std::vector<std::int64_t>& rows, std::vector<ImageFacts>& facts) const {
    for (const std::int64_t row : rows) {
      const PictureView picture = *inline_picture(manifest_, row);
      ByteHasher hasher;
      hasher.add(picture.pixels, picture.bytes());
      fact_of(row, facts).bytes = hasher.result();
      fact_of(row, facts).format = {picture.width, picture.height, picture.channels, 8};
    }
  }

  const Manifest& manifest_;
  std::vector<std::uint8_t> rgb_;
  std::vector<std::uint8_t> file_;
  bool is_missing_ = false;
};

void check_label(const Manifest& manifest, const ManifestRow& row, std::int32_t label) {
  if (label >= 0 && label < manifest.class_count()) return;
  throw DataError(manifest.name + ": expected a label in 0.." +
                  std::to_string(manifest.class_count() - 1) + " for '" + row.image + "', got " +
                  std::to_string(label));
}

}  // namespace

bool ImageFormat::operator==(const ImageFormat& other) const {
  return !(*this < other) && !(other < *this);
}

bool ImageFormat::operator<(const ImageFormat& other) const {
  return std::tie(width, height, channels, bits) <
         std::tie(other.width, other.height, other.channels, other.bits);
}

ImageFormat image_format(const std::vector<std::uint8_t>& file) {
  if (const auto png = png_format(file)) return *png;
  if (const auto jpeg = jpeg_format(file)) return *jpeg;
  return decoded_format(file);
}

ImageInspection inspect_images(const Manifest& manifest, int threads,
                               const std::function<void(std::int64_t, std::int64_t)>& progress) {
  const std::vector<std::vector<std::int64_t>> files = rows_by_file(manifest);
  ImageInspection inspection;
  inspection.images.resize(manifest.rows.size());
  std::vector<std::string> reasons(manifest.rows.size());
  std::atomic<std::size_t> next_file{0};
  std::atomic<std::int64_t> rows_done{0};
  const auto work = [&](bool reports) {
    FileInspector inspector(manifest);
    for (std::size_t file = next_file++; file < files.size(); file = next_file++) {
      inspector.inspect(files[file], inspection.images, reasons);
      rows_done += static_cast<std::int64_t>(files[file].size());
      if (reports && progress) progress(rows_done, manifest.size());
    }
  };
  std::vector<std::thread> team;
  try {
    for (int i = 1; i < threads; ++i) team.emplace_back(work, false);
  } catch (const std::system_error&) {
    // The system gives no more threads: this one and those that started do the work.
  }
  work(true);
  for (std::thread& member : team) member.join();
  if (progress) progress(manifest.size(), manifest.size());

  for (std::size_t row = 0; row < reasons.size(); ++row) {
    const ImageState state = inspection.images[row].state;
    if (state == ImageState::kReadable) continue;
    inspection.problems.push_back({static_cast<std::int64_t>(row), state, std::move(reasons[row])});
  }
  return inspection;
}

std::vector<FormatCount> count_formats(const ImageInspection& inspection) {
  std::map<ImageFormat, std::int64_t> counts;
  for (const ImageFacts& image : inspection.images) {
    if (image.state == ImageState::kReadable && image.format.width > 0) ++counts[image.format];
  }
  std::vector<FormatCount> formats;
  formats.reserve(counts.size());
  for (const auto& [format, count] : counts) formats.push_back({format, count});
  std::stable_sort(formats.begin(), formats.end(),
                   [](const FormatCount& a, const FormatCount& b) { return a.count > b.count; });
  return formats;
}

std::optional<LabelAgreement> label_agreement(const Manifest& manifest) {
  const std::size_t classes = manifest.class_names.size();
  LabelAgreement agreement;
  agreement.confusion.assign(classes, std::vector<std::int64_t>(classes, 0));
  for (const ManifestRow& row : manifest.rows) {
    if (row.given == kUnknownLabel || row.clean == kUnknownLabel) continue;
    check_label(manifest, row, row.given);
    check_label(manifest, row, row.clean);
    ++agreement.compared;
    if (row.given == row.clean) ++agreement.agreeing;
    ++agreement.confusion[static_cast<std::size_t>(row.clean)][static_cast<std::size_t>(row.given)];
  }
  if (agreement.compared == 0) return std::nullopt;
  return agreement;
}

namespace {

/// The readable images of all parts, numbered one after the other.
class ImagePool {
 public:
  explicit ImagePool(const std::vector<InspectedPart>& parts) : parts_(parts) {
    for (std::size_t part = 0; part < parts.size(); ++part) {
      const std::vector<ImageFacts>& images = parts[part].inspection.images;
      for (std::size_t row = 0; row < images.size(); ++row) {
        if (images[row].state != ImageState::kReadable) continue;
        places_.push_back({part, static_cast<std::int64_t>(row)});
      }
    }
  }

  std::size_t size() const { return places_.size(); }
  const ImageFacts& facts(std::size_t index) const {
    const PartRow& place = places_[index];
    return parts_[place.part].inspection.images[static_cast<std::size_t>(place.row)];
  }

  /// Whether both are frames of the same clip.
  bool share_clip(std::size_t a, std::size_t b) const {
    return row(a).clip >= 0 && row(a).clip == row(b).clip && places_[a].part == places_[b].part;
  }

  DuplicateGroup describe(const std::vector<std::size_t>& members) const {
    DuplicateGroup group;
    std::set<std::string_view> labels;
    for (const std::size_t index : members) {
      const Manifest& manifest = parts_[places_[index].part].manifest;
      const std::int32_t given = row(index).given;
      if (given != kUnknownLabel) {
        check_label(manifest, row(index), given);
        labels.insert(manifest.class_names[static_cast<std::size_t>(given)]);
      }
      group.images.push_back(places_[index]);
      group.leak = group.leak || places_[index].part != group.images.front().part;
    }
    group.conflicting = labels.size() > 1;
    return group;
  }

 private:
  const ManifestRow& row(std::size_t index) const {
    const PartRow& place = places_[index];
    return parts_[place.part].manifest.rows[static_cast<std::size_t>(place.row)];
  }

  const std::vector<InspectedPart>& parts_;
  std::vector<PartRow> places_;
};

std::vector<std::size_t> as_indices(const IndexGroup& group) {
  return {group.begin(), group.end()};
}

/// Whether there is more in a group than one clip.
bool counts(const ImagePool& pool, const std::vector<std::size_t>& members) {
  return std::any_of(members.begin() + 1, members.end(),
                     [&](std::size_t member) { return !pool.share_clip(members.front(), member); });
}

/// Looks for near-duplicates among one image of each content.
/// @param copies  for the first image of each content of several, the others
std::vector<DuplicateGroup> find_near(const ImagePool& pool,
                                      const std::map<std::size_t, std::vector<std::size_t>>& copies,
                                      const std::vector<bool>& is_first,
                                      const NearDuplicateOptions& options) {
  std::vector<std::size_t> firsts;
  std::vector<Fingerprint> fingerprints;
  for (std::size_t i = 0; i < pool.size(); ++i) {
    if (!is_first[i]) continue;
    firsts.push_back(i);
    fingerprints.push_back(pool.facts(i).fingerprint);
  }
  const auto place = [&](std::int64_t index) { return firsts[static_cast<std::size_t>(index)]; };
  const auto may_pair = [&](std::int64_t a, std::int64_t b) {
    return !pool.share_clip(place(a), place(b));
  };
  std::vector<DuplicateGroup> groups;
  for (const IndexGroup& found : near_duplicate_groups(fingerprints, options, may_pair)) {
    std::vector<std::size_t> members;
    for (const std::int64_t index : found) {
      members.push_back(place(index));
      const auto more = copies.find(place(index));
      if (more != copies.end())
        members.insert(members.end(), more->second.begin(), more->second.end());
    }
    std::sort(members.begin(), members.end());
    groups.push_back(pool.describe(members));
  }
  return groups;
}

}  // namespace

DuplicateReport find_duplicates(const std::vector<InspectedPart>& parts,
                                const std::optional<NearDuplicateOptions>& near) {
  const ImagePool pool(parts);
  std::vector<ByteHash> hashes;
  for (std::size_t i = 0; i < pool.size(); ++i) hashes.push_back(pool.facts(i).bytes);
  DuplicateReport report;
  std::vector<bool> is_first(pool.size(), true);
  std::map<std::size_t, std::vector<std::size_t>> copies;
  for (const IndexGroup& found : equal_hash_groups(hashes)) {
    const std::vector<std::size_t> members = as_indices(found);
    copies[members.front()].assign(members.begin() + 1, members.end());
    for (std::size_t i = 1; i < members.size(); ++i) is_first[members[i]] = false;
    if (counts(pool, members)) report.same.push_back(pool.describe(members));
  }
  if (near) report.near = find_near(pool, copies, is_first, *near);
  return report;
}

std::int64_t surplus_images(const std::vector<DuplicateGroup>& groups) {
  std::int64_t surplus = 0;
  for (const DuplicateGroup& group : groups)
    surplus += static_cast<std::int64_t>(group.images.size()) - 1;
  return surplus;
}

std::vector<LeakCount> count_leaks(const std::vector<DuplicateGroup>& groups, std::size_t parts) {
  std::map<std::pair<std::size_t, std::size_t>, LeakCount> counts;
  for (const DuplicateGroup& group : groups) {
    if (!group.leak) continue;
    std::vector<std::int64_t> images(parts, 0);
    for (const PartRow& image : group.images) ++images[image.part];
    for (std::size_t seen = 0; seen < parts; ++seen) {
      for (std::size_t part = seen + 1; part < parts; ++part) {
        if (images[seen] == 0 || images[part] == 0) continue;
        LeakCount& count = counts[{seen, part}];
        count = {part, seen, count.images_of_part + images[part],
                 count.images_of_seen + images[seen]};
      }
    }
  }
  std::vector<LeakCount> leaks;
  leaks.reserve(counts.size());
  for (const auto& entry : counts) leaks.push_back(entry.second);
  return leaks;
}

}  // namespace selfcure
