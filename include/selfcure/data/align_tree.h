#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "selfcure/data/face_alignment.h"
#include "selfcure/data/face_detector.h"

namespace selfcure {

/// What becomes of a picture without a face.
enum class NoFacePolicy {
  /// Nothing is written.
  kSkip,
  /// The whole picture, in its own size.
  kCopy,
  /// The largest square in its middle, in the crop's size.
  kCentre,
};

/// Image format of what is written.
enum class CropFormat {
  /// The picture's own, by its extension.
  kKeep,
  /// JPEG, extension .jpg.
  kJpeg,
  /// PNG, extension .png.
  kPng,
};

struct AlignTreeOptions {
  /// Folder of pictures: .jpg .jpeg .jpe .png .bmp .webp .tif .tiff .pgm .ppm .pnm in any letter
  /// case, in it and below. Other files, hidden files and hidden folders are left out. A link to a
  /// folder is followed unless that folder is visited anyway; so no loop is.
  std::filesystem::path in;
  /// Folder to write, made if missing; neither in `in` nor around it.
  std::filesystem::path out;
  CropOptions crop = {};
  FaceChoice choice = FaceChoice::kLargest;
  NoFacePolicy no_face = NoFacePolicy::kSkip;
  CropFormat format = CropFormat::kKeep;
  /// In 1..100, for JPEG.
  int jpeg_quality = 95;
  /// In 0..1024, 0 for one per core. What is written does not depend on it.
  int threads = 0;
  /// Removes what an earlier call wrote to `out` and starts afresh, whatever its options were.
  bool force = false;
};

/// What the caller may follow and stop; every entry may be empty.
struct AlignCallbacks {
  /// (pictures done, pictures in all), those of earlier calls included; never from two threads at
  /// once.
  std::function<void(std::int64_t, std::int64_t)> progress;
  /// Asked before every picture, by any thread; true ends the call early.
  std::function<bool()> should_stop;
  /// Why a picture counts as unreadable, in one line; never from two threads at once.
  std::function<void(const std::string&)> warning;
};

/// Counts of alignment.csv, those of earlier calls included.
struct AlignSummary {
  std::int64_t aligned = 0;
  std::int64_t box_only = 0;
  std::int64_t no_face = 0;
  std::int64_t unreadable = 0;
  /// Pictures found in `in`.
  std::int64_t pictures = 0;
  /// Of these, done by earlier calls and left as they were.
  std::int64_t done_before = 0;
  /// `should_stop` said so before all were done.
  bool stopped = false;
};

/// Detects, aligns and crops the faces of a whole tree of pictures.
///
/// A crop lies in `out` under the picture's path in `in`. Of several faces one is cut out. Without
/// usable eyes the face box is cut out, unturned. `out/alignment.csv` has a row per picture:
///
///     path,status,output,x,y,width,height,left_eye_x,left_eye_y,right_eye_x,right_eye_y,
///     angle_degrees,score,faces
///
/// `path` and `output` (empty if nothing was written) are relative to `in` and `out`; status is
/// aligned, box_only, no_face or unreadable; the rest is in pixels of the picture and empty where
/// it is not known; `faces` is how many were found. `out/alignment.json` records the options.
///
/// Rows are appended as pictures get done, each after its crop, and sorted by path at the end and
/// at a stop; so another call goes on after a kill at any moment. It skips pictures that have a row
/// and whose output, if the row has one, exists; unreadable ones are tried again. Sources that
/// changed meanwhile are not noticed.
///
/// @param make_detector  called once per thread, one after the other, before anything is written
/// @throws DataError if an option is out of range, `in` is no folder or has no pictures, `out` lies
///         in the wrong place, holds other files or the work of other options (without `force`),
///         two pictures would get one name, or another call is writing to `out`
/// @throws RunError if a file cannot be written
AlignSummary align_tree(const AlignTreeOptions& given,
                        const std::function<std::unique_ptr<FaceDetector>()>& make_detector,
                        const AlignCallbacks& callbacks = {});

}  // namespace selfcure
