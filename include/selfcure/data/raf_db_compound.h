#pragma once

#include <filesystem>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Where RAF-DB's compound expressions lie on disk.
struct RafDbCompoundOptions {
  /// Folder that holds `EmoLabel` and `Image`, or the one above it with both under `compound`
  /// (looked at first). There is no default; relative paths start at the working directory.
  std::filesystem::path root;
  /// As of RafDbOptions.
  BadLines* bad_lines = nullptr;
};

/// Reads RAF-DB's eleven compound expressions, laid out as the basic ones (see `read_raf_db`).
///
/// The code 1..11 is class 0..10 in the order Happily Surprised, Happily Disgusted, Sadly Fearful,
/// Sadly Angry, Sadly Surprised, Sadly Disgusted, Fearfully Angry, Fearfully Surprised, Angrily
/// Surprised, Angrily Disgusted, Disgustedly Surprised.
///
/// @param split  kTrain or kTest
/// @return rows in the list's order, clean labels unknown
/// @throws DataError as `read_raf_db` does, and if no label of the list is greater than 7: then it
///         is the list of the basic expressions
/// Source: Li and Deng, IEEE TIP 2019, the released `compound` folder.
Manifest read_raf_db_compound(const RafDbCompoundOptions& options, Split split);

}  // namespace selfcure
