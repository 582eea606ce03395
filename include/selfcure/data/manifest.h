#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace selfcure {

/// The parts that data sets divide themselves into.
enum class Split { kTrain, kValid, kTest };

/// "train", "valid" or "test".
const char* to_string(Split split);

/// A class index that is not known.
inline constexpr std::int32_t kUnknownLabel = -1;

/// Part of an image in pixels, x to the right and y down from its upper left corner.
struct FaceBox {
  std::int32_t x = 0;
  std::int32_t y = 0;
  std::int32_t width = 0;
  std::int32_t height = 0;

  /// An empty box stands for the whole image.
  bool empty() const { return width <= 0 || height <= 0; }
};

/// One image of a data set and what is said of it.
struct ManifestRow {
  /// Path below Manifest::root; also the row's name in every output file.
  std::string image;
  /// Label that training is given: 0-based index into Manifest::class_names.
  std::int32_t given = kUnknownLabel;
  /// True label where it is known (for example before noise was injected), else kUnknownLabel.
  std::int32_t clean = kUnknownLabel;
  /// Part of the image that is the face. It may reach beyond the image: only what lies within is
  /// used.
  FaceBox box = {};
  /// Clip that the image is a frame of, from 0; -1: not from a video. Rows of one clip stay in one
  /// split.
  std::int32_t clip = -1;
  /// -1: `image` is a picture. Else `image` is a video file and this says which of its
  /// Manifest::frames_per_video evenly spaced frames, from 0.
  std::int32_t frame = -1;
};

/// What training makes of rows that have a label distribution.
enum class LabelUse {
  /// Their given label is the target; no row has a distribution.
  kGiven,
  /// At each visit one class is drawn from the distribution.
  kDraw,
  /// The distribution is the target of the cross-entropy.
  kDistribution,
  /// The loss is -log max_k(t_k p_k), t the distribution and p the prediction.
  kMultiTarget,
};

/// Class names and labelled images: what every reader returns and all else builds on.
struct Manifest {
  /// Says in messages where this came from, for example "RAF-DB train".
  std::string name;
  /// In the data set's own order; a label is an index into it.
  std::vector<std::string> class_names;
  /// Folder that the rows' paths are relative to.
  std::filesystem::path root;
  std::vector<ManifestRow> rows;
  /// Pixels that came inside a table instead of image files: one `inline_side` x `inline_side`
  /// grey image per row, row after row; empty when the rows name files.
  std::vector<std::uint8_t> inline_pixels;
  int inline_side = 0;
  /// Evenly spaced frames that are taken of each video file; 0 if no row is in a video file.
  int frames_per_video = 0;
  /// Label distributions, [size()][class_count()] row after row, each summing to 1; empty when
  /// every row has one label only.
  std::vector<float> distributions;
  /// kGiven if and only if `distributions` is empty.
  LabelUse label_use = LabelUse::kGiven;

  std::int64_t class_count() const { return static_cast<std::int64_t>(class_names.size()); }
  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }
  /// Rows per given label, [class_count].
  std::vector<std::int64_t> count_per_class() const;
  /// Leaves out the rows whose entry is false, with their pixels and distributions.
  /// @param keep  [size()]
  void keep_rows(const std::vector<bool>& keep);
};

/// Appends the manifests one after the other.
///
/// Roots may differ: the joined root is empty then and the paths carry their root. Clips are
/// renumbered. Where only some parts have distributions, a row of the others gets all of its given
/// label.
/// @throws DataError unless all name the same classes in the same order, have pixels of the same
///         kind, take the same number of frames of a video and use distributions in the same way,
///         or if `parts` is empty
Manifest join(std::vector<Manifest> parts);

}  // namespace selfcure
