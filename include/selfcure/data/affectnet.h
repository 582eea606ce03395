#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// The two forms in which AffectNet was released.
enum class AffectNetRelease { k2017, k2021 };

/// Where AffectNet lies on disk.
struct AffectNetOptions {
  /// Folder of the release as it was unpacked. No default; relative paths start at the working
  /// directory.
  std::filesystem::path root;
  AffectNetRelease release = AffectNetRelease::k2017;
  /// Default true: eight classes. False leaves the images of contempt out: seven classes.
  bool contempt = true;
  /// What becomes of a row or an annotation that cannot be understood; see BadLines.
  BadLines* bad_lines = nullptr;
};

/// Neutral, Happy, Sad, Surprise, Fear, Disgust, Anger and, if wanted, Contempt, by their codes.
std::vector<std::string> affectnet_class_names(bool contempt);

/// Reads AffectNet; the codes 8 None, 9 Uncertain and 10 Non-Face are left out.
///
/// 2017: `training.csv` and `validation.csv` in `Manually_Annotated_file_lists` or in the root
/// itself, with or without a header line. Without one, the columns are subDirectory_filePath,
/// face_x, face_y, face_width, face_height, facial_landmarks, expression, valence, arousal; with
/// one they may be in any order and more. A row's box is the face's; rows with a face of negative
/// width or height are left out. Valence and arousal are not looked at. Images lie in
/// `Manually_Annotated_Images`, in the root or in `Manually_Annotated` below it; without such a
/// folder the paths start at the root. An image may come in several rows. The file is read as a
/// stream: memory grows by the rows that are kept.
///
/// 2021: an image `images/<id>.jpg` per `annotations/<id>_exp.npy` in `train_set` and `val_set`,
/// ordered by id as people count. The annotations are read by several threads.
///
/// Whether an image exists shows when it is decoded.
///
/// @param split  kTrain, or kTest: the validation set, which the field tests on
/// @return clean labels unknown
/// @throws DataError if the root, a list or a folder is missing, a row is cut short or not as its
///         columns promise, a code is not in 0..10, an annotation is no number, the split keeps no
///         row, or for kValid
/// Source: Mollahosseini, Hasani and Mahoor, IEEE TAC 2019, and the releases' readme files.
Manifest read_affectnet(const AffectNetOptions& options, Split split);

}  // namespace selfcure
