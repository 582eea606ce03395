#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/manifest.h"
#include "selfcure/data/text_file.h"

namespace selfcure {

/// Where RAF-DB (basic expressions) lies on disk.
struct RafDbOptions {
  /// Folder that holds `EmoLabel` and `Image`, or the one above it with both under `basic`.
  /// There is no default; relative paths start at the working directory.
  std::filesystem::path root;
  /// Default null: stop at a bad line. Else bad lines, of both splits, are left out and counted.
  BadLines* bad_lines = nullptr;
};

/// Reads the list of RAF-DB's basic expressions and names the aligned face of each row.
///
/// The list is `EmoLabel/list_patition_label.txt` (the set's own spelling) or
/// `list_partition_label.txt`, lines such as `train_00001.jpg 5`; the prefix `train` or `test` is
/// the split, the code 1..7 is class 0..6 in the order Surprise, Fear, Disgust, Happiness, Sadness,
/// Anger, Neutral. The row's image is `Image/aligned/train_00001_aligned.jpg`. All lines are
/// checked, those of the other split too; whether each image exists shows when it is decoded.
///
/// @param split  kTrain or kTest
/// @return rows in the list's order, clean labels unknown
/// @throws DataError if the root, the list or the folder of aligned faces is missing, a line is
///         not a name and a label, a name has no split prefix or comes twice, a label is not in
///         1..7, the split has no row, or for kValid
/// Source: Li et al., CVPR 2017, the released `basic` folder.
Manifest read_raf_db(const RafDbOptions& options, Split split);

/// The basic expressions in the order of their codes 1..7.
const std::vector<std::string>& raf_db_class_names();

/// Class of a code of RAF-DB, `classes` of which count from 1.
/// @throws DataError with file and line if it is not a number in 1..`classes`
std::int32_t raf_db_label(const TextFile& file, const TextLine& line, std::string_view code,
                          std::size_t classes);

/// In what the two label sets of RAF-DB differ.
struct RafDbLayout {
  /// For messages and the manifest's name, for example "RAF-DB".
  std::string name;
  /// Folder of the set in the full download; the root itself is looked at after it.
  std::string folder;
  /// By code, from 1.
  std::vector<std::string> class_names;
  /// Some label of the list must be greater than this, else it is the list of the other set.
  std::int32_t other_set_codes = 0;
};

/// Reads either label set of RAF-DB; `read_raf_db` says how.
/// @throws DataError also if no label is greater than `layout.other_set_codes`
Manifest read_raf_db_layout(const std::filesystem::path& root, const RafDbLayout& layout,
                            BadLines* bad_lines, Split split);

}  // namespace selfcure
