#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Most classes that a list may have: more means that another column was taken for the label.
inline constexpr std::size_t kMaxListClasses = 1000;

/// What the paths in a list mean.
enum class ListJoin {
  /// Relative to the root, or absolute.
  kPath,
  /// Only the file name counts; the image of this name is searched below the root. For lists that
  /// were made on another machine or for another layout.
  kName,
};

/// How the lines of a list are written.
enum class ListFormat {
  /// kCsv if the file's name ends in .csv, else kText.
  kAuto,
  kText,
  kCsv,
};

/// Which lists to read and how.
struct ImageListOptions {
  /// Folder that relative paths start at and that kName searches. No default.
  std::filesystem::path root;
  /// A list per split; a split without one cannot be read. Relative paths: see `find_list_file`.
  std::filesystem::path train = {};
  std::filesystem::path valid = {};
  std::filesystem::path test = {};
  /// Instead of these: one table for all, whose column `split_column` says the split of each row.
  std::filesystem::path file = {};
  ListFormat format = ListFormat::kAuto;
  ListJoin join = ListJoin::kPath;
  /// Class names in the order of the integer labels. Default empty: see `read_image_list`.
  std::vector<std::string> classes = {};
  /// The smallest integer label, 0 or 1.
  int first_label = 0;
  /// Columns of a CSV table. An empty `path_column` means path, image or name, whichever is there
  /// first in this order.
  std::string path_column = {};
  std::string label_column = "label";
  /// May be missing; also a row's field may be empty: the clean label is unknown then.
  std::string clean_column = "clean_label";
  /// May be missing unless `file` is used.
  std::string split_column = "split";
  /// Default null: stop at a bad line. Else bad lines of the split's list are left out and counted
  /// here; those of the lists of other splits are left out.
  BadLines* bad_lines = nullptr;
};

/// Reads a plain list of images and labels, or a CSV table.
///
/// A line of a plain list is `path label`, see `split_list_line`; empty lines are left out. Names
/// of classes that hold blanks need `classes` or a CSV table.
///
/// Labels are class names or integers from `first_label`. With `classes`, a label is one of them
/// (see `find_class`; a name goes before a number) or an integer. Without, all labels of all lists
/// given must be of one kind: names, which give the classes in natural order, or integers, whose
/// classes are called "class 0", "class 1", ... up to the greatest one, by the number in the list.
///
/// A table may have more columns, each field of which may be empty: `face_x`, `face_y`,
/// `face_width` and `face_height`, the part of the image to use, in pixels; `clip_id`, any text,
/// the same for the images of one clip (clips are numbered as they come); `frame` and
/// `frames_per_video`, where the path is a video's: which of how many frames, from 0.
///
/// A row whose table says another split than the one asked for is left out. Lists of the other
/// splits are read too, so that a class has the same number in all. Whether an image exists shows
/// when it is decoded, except that kName finds each one.
///
/// @return rows in the list's order; with kPath their image is the path as the list has it
/// @throws DataError if the root or a list is missing, a line is not what is said above, a label is
///         unknown (with the nearest class), a path comes twice in the split with the same box and
///         frame, the split has no row, or kName finds no image or several; ConfigError if the
///         options contradict each other
Manifest read_image_list(const ImageListOptions& options, Split split);

}  // namespace selfcure
