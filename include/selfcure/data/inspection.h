#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/data/duplicates.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// What can be said of the image of a row.
enum class ImageState : std::uint8_t {
  kReadable,
  /// There is no file.
  kMissing,
  /// There is one, but training could not use it.
  kUnreadable,
};

/// Size and pixel format as the file states them, before any conversion.
struct ImageFormat {
  /// In pixels; 0 where unknown: the file is missing, not an image, or a video.
  std::int32_t width = 0;
  std::int32_t height = 0;
  /// 1 grey, 2 grey and alpha, 3 colour, 4 colour and alpha, or CMYK. A palette counts as colour.
  /// 0 where unknown.
  std::int32_t channels = 0;
  /// Bits per channel; 0 where unknown.
  std::int32_t bits = 0;

  bool operator==(const ImageFormat& other) const;
  bool operator<(const ImageFormat& other) const;
};

/// What inspection found out about the image of one row.
struct ImageFacts {
  ImageState state = ImageState::kReadable;
  ImageFormat format;
  /// Of the file's bytes, together with the row's face box and frame; of the inline pixels else.
  ByteHash bytes;
  /// Taken of the part of the image that training sees. Meaningless unless readable.
  Fingerprint fingerprint;
};

/// Why an image cannot be used.
struct ImageProblem {
  std::int64_t row = 0;
  ImageState state = ImageState::kUnreadable;
  /// One line that names the file, as training would say it.
  std::string reason;
};

/// The images of a manifest, one by one.
struct ImageInspection {
  /// [size()]
  std::vector<ImageFacts> images;
  /// In row order.
  std::vector<ImageProblem> problems;
};

/// Reads and decodes the image of every row once.
///
/// Images are decoded as ImageStore does it, so that what training could not read is found, for the
/// same reason. Frames of one video take one pass over it. Inline pixels are inspected too.
///
/// @param threads   at least 1
/// @param progress  called by the calling thread with (rows done, all rows); may be empty
ImageInspection inspect_images(const Manifest& manifest, int threads,
                               const std::function<void(std::int64_t, std::int64_t)>& progress);

/// Size and pixel format of an image file.
///
/// From the header of PNG and JPEG; other formats are decoded, if they have at most 2^24 pixels.
/// @return all 0 if it is not an image
ImageFormat image_format(const std::vector<std::uint8_t>& file);

/// How many images have a format.
struct FormatCount {
  ImageFormat format;
  std::int64_t count = 0;
};

/// Formats of the readable images whose size is known, the commonest first.
std::vector<FormatCount> count_formats(const ImageInspection& inspection);

/// How far the given labels agree with the clean ones.
struct LabelAgreement {
  /// Rows that have both labels, and those of them where they are the same.
  std::int64_t compared = 0;
  std::int64_t agreeing = 0;
  /// [K][K], rows per clean and given label.
  std::vector<std::vector<std::int64_t>> confusion;

  /// In [0, 1].
  double share() const { return static_cast<double>(agreeing) / static_cast<double>(compared); }
};

/// @return nothing if no row has two labels
/// @throws DataError if a label is not one of the classes
std::optional<LabelAgreement> label_agreement(const Manifest& manifest);

/// A part of a data set whose images were inspected; both are kept by reference.
struct InspectedPart {
  const Manifest& manifest;
  const ImageInspection& inspection;
};

/// A row of one of several parts.
struct PartRow {
  std::size_t part = 0;
  std::int64_t row = 0;
};

/// Images that are the same, or nearly.
struct DuplicateGroup {
  /// At least two, by part and row.
  std::vector<PartRow> images;
  /// Two of the given labels differ.
  bool conflicting = false;
  /// The images are in more than one part: what a model is tested on, it has seen.
  bool leak = false;
};

struct DuplicateReport {
  /// Groups of the same bytes.
  std::vector<DuplicateGroup> same;
  /// Groups that look nearly the same and are not all of the same bytes. Copies of an image that
  /// are the same byte for byte are listed with it.
  std::vector<DuplicateGroup> near;
};

/// Finds duplicates within and across parts.
///
/// Frames of one clip of one part are expected to look alike and do not count. Classes are compared
/// by name, so that parts may order them differently.
///
/// @param near  nothing: only the same bytes are looked for
DuplicateReport find_duplicates(const std::vector<InspectedPart>& parts,
                                const std::optional<NearDuplicateOptions>& near);

/// Images beyond the first of each group: what would go if one of each were kept.
std::int64_t surplus_images(const std::vector<DuplicateGroup>& groups);

/// Images of part `seen` that have a duplicate in part `part`, and the other way round.
struct LeakCount {
  std::size_t part = 0;
  std::size_t seen = 0;
  std::int64_t images_of_part = 0;
  std::int64_t images_of_seen = 0;
};

/// One entry for each two parts that share images.
std::vector<LeakCount> count_leaks(const std::vector<DuplicateGroup>& groups, std::size_t parts);

}  // namespace selfcure
