#pragma once

#include <filesystem>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/ferplus_votes.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Which of the two forms of FERPlus's pixels to read.
enum class FerPlusPixels {
  /// The folder of the split if it exists, else the table.
  kAuto,
  /// `FER2013Train`, `FER2013Valid`, `FER2013Test` with a png per image.
  kFolders,
  /// `fer2013.csv` beside `fer2013new.csv`.
  kCsv,
};

/// Where FERPlus lies on disk.
struct FerPlusOptions {
  /// Folder that holds the three image folders or the two tables. There is no default; relative
  /// paths start at the working directory.
  std::filesystem::path root;
  /// Default kAuto. The choice also decides whose votes are used where both forms are present:
  /// folders come with `label.csv`, the table with `fer2013new.csv`, and these differ.
  FerPlusPixels pixels = FerPlusPixels::kAuto;
  /// How the votes of the training split become labels, default kMajority. Validation and test
  /// have the majority's, as in the released training code.
  FerPlusLabels labels = FerPlusLabels::kMajority;
  /// Counts bad lines, which are left out then; null: the first one ends the reading. Tables whose
  /// rows do not belong together always end it.
  BadLines* bad_lines = nullptr;
  /// True: each split has `labels`, since it is trained on; the SCN authors train on train and
  /// valid.
  bool labels_of_every_split = false;
};

/// Reads FERPlus. Classes are neutral, happiness, surprise, sadness, anger, disgust, fear,
/// contempt.
///
/// Rows that `ferplus_target` leaves out are not in the manifest; the given label of the others is
/// the one it tells. For kProbability, kCrossEntropy and kMultiTarget the manifest of a split that
/// has these labels has its distributions and says how they are used. Clean labels are unknown but
/// for kFer2013: there the given label of a row is FER2013's, taken over by the class's name, and
/// the clean one is the majority. This takes `fer2013.csv` and `fer2013new.csv`, where the
/// pixels are in folders too; images are found by their names then, and of a name that comes twice
/// the first row counts.
///
/// Folders: votes are the `label.csv` of the split's folder or, if it has none, the split's rows of
/// `<root>/fer2013new.csv`; the row's image is `FER2013Train/fer0000000.png`, relative to the root.
/// Whether each image exists shows when it is decoded.
///
/// Table: row n of `fer2013.csv` has the pixels of row n of `fer2013new.csv`. They become the
/// manifest's inline pixels, 48x48; the row's image is the name that FERPlus gave it. Rows without
/// a name (no face) are left out. The original FER2013 emotion is always checked.
///
/// The released vote tables differ: `label.csv` keeps 25,045 / 3,191 / 3,137 images of train, valid
/// and test, the numbers in the literature; `fer2013new.csv` keeps 25,060 / 3,199 / 3,153. In the
/// latter four names occur twice; both rows are kept where their votes have a majority, so that a
/// name need not be unique.
///
/// @return rows in the table's order
/// @throws DataError if the root, a folder or a table is missing, a line is not what the header
///         promises, the two tables are not row-aligned, kFer2013 meets an image that the tables do
///         not name, or the split keeps no row
/// Source: Barsoum et al., ICMI 2016, and the released training code.
Manifest read_ferplus(const FerPlusOptions& options, Split split);

}  // namespace selfcure
