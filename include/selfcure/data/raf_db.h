#pragma once

#include <filesystem>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// Where RAF-DB (basic expressions) lies on disk.
struct RafDbOptions {
  /// Folder that holds `EmoLabel` and `Image`, or the one above it with both under `basic`.
  /// There is no default; relative paths start at the working directory.
  std::filesystem::path root;
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

}  // namespace selfcure
