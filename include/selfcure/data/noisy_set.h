#pragma once

#include <filesystem>
#include <string>

#include "selfcure/data/label_noise.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// Names of the files that write_noisy_set() writes.
inline constexpr const char* kNoisyListName = "noisy_list.txt";
inline constexpr const char* kNoisyTableName = "noisy_list.csv";
inline constexpr const char* kNoiseManifestName = "manifest.csv";
inline constexpr const char* kNoiseRecordName = "noise.json";

/// Lines `path label`, labels counted from 0, for other people's programs.
///
/// read_noise_file() gives the same labels back, read_image_list() with the class names the same
/// rows (unless the names are numbers, which it takes for names).
/// @throws DataError if a row has no label or an image's name would not be read back: line breaks,
///         blanks at its ends, blanks and no image's ending, a byte order mark at its start
std::string noisy_list_text(const Manifest& manifest);

/// The same as a CSV table `path,label` with a header (RFC 4180, lines end in LF).
/// @throws DataError if a row has no label or a name holds a line break
std::string noisy_table_text(const Manifest& manifest);

/// A CSV table `path,label,clean_label,label_name,clean_name`, labels counted from 0, the clean
/// ones empty where unknown.
///
/// Where rows have them, these columns follow, which read_image_list() explains: `face_x`,
/// `face_y`, `face_width`, `face_height`; `clip_id`; `frame`, `frames_per_video`. So it gives the
/// same rows back, as read_noise_file() gives the same labels. Inline pixels and distributions are
/// not in it.
/// @throws DataError if a row has no label or a name holds a line break
std::string noise_manifest_text(const Manifest& manifest);

/// Writes the four files above and a noise_record() into a folder, which is made if it is missing.
///
/// All texts are there before the first file is written, each file is replaced as a whole, and the
/// record comes last: where it is, the others are.
///
/// @param manifest  after the noise
/// @param replace   false: it is an error if one of the files is there already
/// @throws DataError as the functions above do; RunError if a file is there or cannot be written
void write_noisy_set(const std::filesystem::path& folder, const Manifest& manifest,
                     const NoiseOptions& options, const NoiseReport& report, bool replace);

}  // namespace selfcure
