#pragma once

#include <cstdint>
#include <vector>

#include "selfcure/data/label_noise.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// What a noisy list says about the rows of a manifest.
struct NoisyLabels {
  /// [size()], the listed label of each row; the row's own where the list has none.
  std::vector<std::int32_t> given;
  /// [size()], the true label where the list says it, else kUnknownLabel.
  std::vector<std::int32_t> clean;
  /// Rows that the list lacks; 0 unless NoiseOptions::require_complete is false.
  std::int64_t rows_kept = 0;
  /// Lines of images of a test split that the manifest lacks.
  std::int64_t lines_ignored = 0;
};

/// Reads a noisy list made elsewhere and joins it to a manifest by image name.
///
/// A name that ends in .csv is a CSV table (RFC 4180) with a header, in any order and case:
/// - the image: path, image or name;
/// - the label: noisy_label, noisy or label, the first that is there;
/// - the true label, which may be missing or empty: clean_label or clean;
/// - label_name and clean_name, which may be missing or empty: the same labels as class names. They
///   must agree, so that a list of another class order is noticed.
/// Any other name is a plain list with lines `path label`, see `split_list_line`. Empty lines are
/// left out in both forms. Bad lines are never left out: they are part of the experiment.
///
/// A label is an integer, counted from NoiseOptions::first_label, or the name of a class (see
/// find_class). An integer is always a number, even where classes are named 1, 2, ...
///
/// A path means the row of that image, or else, tried in this order:
/// - the row whose image is an end of it: `/elsewhere/Image/aligned/a.jpg` for
/// `Image/aligned/a.jpg`;
/// - the row with the same file name, the ending and `_aligned` before it left out on both sides:
///   RAF-DB's `train_00001.jpg` for `Image/aligned/train_00001_aligned.jpg`;
/// - where several rows have that name, the one that also lies in a folder of the same name.
/// Backslashes count as slashes in all but the first. Rows with the same image (video frames, or
/// the names that FERPlus has twice) take its lines in their order.
///
/// A line of an image that the manifest lacks is an error, but for file names that start with
/// `test_`: public lists of RAF-DB hold both splits. Their labels are checked like all others.
///
/// @param manifest  every row has a given label
/// @throws DataError with file and line if a line is none, a label is none of the classes, an image
///         comes twice, could be several rows or none, or its true label is not the known one; with
///         the file alone if it cannot be read or lacks rows
NoisyLabels read_noise_file(const Manifest& manifest, const NoiseOptions& options);

}  // namespace selfcure
