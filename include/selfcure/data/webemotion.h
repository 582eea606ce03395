#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Where clips of expressions found in the web lie on disk and how they are split.
struct WebEmotionOptions {
  /// Folder that holds a folder per class, or that the table's paths start at. No default.
  std::filesystem::path root;
  /// A table `path,label,clip_id,keyword` instead of folders; a relative path is looked up below
  /// the root, then at the working directory. Default empty: folders.
  std::filesystem::path manifest = {};
  /// Class names in the wanted order. Default empty: the folders' names, or the table's labels, in
  /// natural order. If given, folders must be there for each of them and no other.
  std::vector<std::string> classes = {};
  /// Evenly spaced frames taken of each video file, 1 to 1000.
  int frames_per_video = 8;
  /// Shares of the clips, each in [0, 1] and not more than 1 together; the rest is for training.
  /// The set has no split of its own.
  double valid_share = 0.0;
  double test_share = 0.1;
  /// Another seed gives another choice of clips.
  std::uint64_t split_seed = 0;
  /// Default null: stop at a bad line of the table or a clip's folder without frames. Else these
  /// are left out and counted here, lines of all splits.
  BadLines* bad_lines = nullptr;
};

/// The split of a clip: a function of its id, the seed and the shares only, so that it stays when
/// clips are added, and clips of one id in several classes stay together.
Split split_of_clip(std::string_view clip_id, const WebEmotionOptions& options);

/// Reads clips whose label is the word that they were found with.
///
/// Folders: `<root>/<class>/<clip_id>/<frame>.jpg` (or another image), a row per frame, and
/// `<root>/<class>/<clip_id>.mp4` (avi, mkv, webm), F = `frames_per_video` rows per video: its
/// path with frame 0..F-1. Both forms may lie side by side. Folders named by numbers are classes of
/// these names.
///
/// Table: a header and then a row per image or video file; `keyword`, and any other column, is not
/// used. All rows of a clip have one label.
///
/// @return rows of a clip one after the other, its images in natural order; clips by class and then
///         in natural order of their ids (folders) or as the table first names them; clips are
///         numbered from 0; clean labels unknown
/// @throws DataError if the root or the table is missing, there are no classes or those given are
///         not the folders that are there, a class folder has images outside clips, a clip is there
///         twice or without frames, a row of the table is not what it should be (a file name that
///         is no image's or video's, a path that comes twice, another label than its clip's), or
///         the split has no clip; ConfigError if an option is out of range
/// Source: Wang et al., CVPR 2020 (SCN), section 4.1; the set was never released as files.
Manifest read_webemotion(const WebEmotionOptions& options, Split split);

}  // namespace selfcure
