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

/// One image of a data set and what is said of it.
struct ManifestRow {
  /// Path below Manifest::root; also the row's name in every output file.
  std::string image;
  /// Label that training is given: 0-based index into Manifest::class_names.
  std::int32_t given = kUnknownLabel;
  /// True label where it is known (for example before noise was injected), else kUnknownLabel.
  std::int32_t clean = kUnknownLabel;
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

  std::int64_t class_count() const { return static_cast<std::int64_t>(class_names.size()); }
  std::int64_t size() const { return static_cast<std::int64_t>(rows.size()); }
  /// Rows per given label, [class_count].
  std::vector<std::int64_t> count_per_class() const;
};

/// Appends the manifests one after the other.
///
/// Roots may differ: the joined root is empty then and the paths carry their root.
/// @throws DataError unless all name the same classes in the same order, or if `parts` is empty
Manifest join(std::vector<Manifest> parts);

}  // namespace selfcure
