#pragma once

#include <filesystem>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Where the widely used repack of RAF-DB (basic expressions) lies on disk.
struct RafDbRepackOptions {
  /// Folder that holds `DATASET` with, beside it, `train_labels.csv` and `test_labels.csv`; or
  /// `DATASET` itself with or without the tables inside. There is no default; relative paths start
  /// at the working directory.
  std::filesystem::path root;
  /// Default null: stop where the table is wrong. Else bad lines are left out and counted, and so
  /// are images whose line is missing or names another folder.
  BadLines* bad_lines = nullptr;
};

/// Reads `DATASET/{train,test}/{1..7}/*.jpg`; the folders are RAF-DB's codes (see `read_raf_db`).
///
/// If the table of the split is there, a header line and then `name,label`, it must say of each
/// image what its folder says; if it is not, the folders alone are the labels. Its columns may be
/// in any order where they are called label and image, name or path.
///
/// @param split  kTrain or kTest
/// @return rows by file name in natural order, which is the order of the original list; clean
///         labels unknown
/// @throws DataError if the root, the split's folder or one of its folders 1..7 is missing, there
///         is another folder, an image lies in two folders or the split has none, for kValid, and
///         with file and line if the table and the folders disagree
Manifest read_raf_db_repack(const RafDbRepackOptions& options, Split split);

}  // namespace selfcure
