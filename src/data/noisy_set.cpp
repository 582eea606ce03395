#include "selfcure/data/noisy_set.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

/// A reader takes it off the start of a file.
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool has_line_break(const std::string& text) {
  return text.find_first_of("\r\n") != std::string::npos;
}

/// @throws DataError unless the label is one of the classes
void require_label(const Manifest& manifest, const ManifestRow& row, std::int32_t label) {
  if (label >= 0 && label < manifest.class_count()) return;
  throw DataError(manifest.name + ": expected labels in 0.." +
                  std::to_string(manifest.class_count() - 1) + ", got " + std::to_string(label) +
                  " for " + in_quotes(row.image));
}

void require_table_rows(const Manifest& manifest) {
  for (const ManifestRow& row : manifest.rows) {
    require_label(manifest, row, row.given);
    if (row.clean != kUnknownLabel) require_label(manifest, row, row.clean);
    if (!has_line_break(row.image) && !without_end_blanks(row.image).empty()) continue;
    throw DataError(manifest.name + ": expected names of images without line breaks, got " +
                    in_quotes(row.image));
  }
}

/// What a row adds to the table beyond its labels.
struct MoreColumns {
  explicit MoreColumns(const Manifest& manifest) : frames_per_video(manifest.frames_per_video) {
    for (const ManifestRow& row : manifest.rows) {
      has_boxes = has_boxes || !row.box.empty();
      has_clips = has_clips || row.clip >= 0;
      has_frames = has_frames || row.frame >= 0;
    }
  }

  std::string header() const {
    return std::string(has_boxes ? ",face_x,face_y,face_width,face_height" : "") +
           (has_clips ? ",clip_id" : "") + (has_frames ? ",frame,frames_per_video" : "");
  }

  std::string fields(const ManifestRow& row) const {
    std::string text;
    const auto add = [&text](bool has_value, std::int32_t value) {
      text += ",";
      if (has_value) text += std::to_string(value);
    };
    if (has_boxes) {
      const bool has_box = !row.box.empty();
      for (const std::int32_t value : {row.box.x, row.box.y, row.box.width, row.box.height}) {
        add(has_box, value);
      }
    }
    if (has_clips) add(row.clip >= 0, row.clip);
    if (has_frames) {
      add(row.frame >= 0, row.frame);
      add(row.frame >= 0, frames_per_video);
    }
    return text;
  }

  int frames_per_video;
  bool has_boxes = false;
  bool has_clips = false;
  bool has_frames = false;
};

}  // namespace

std::string noisy_list_text(const Manifest& manifest) {
  std::string text;
  for (const ManifestRow& row : manifest.rows) {
    require_label(manifest, row, row.given);
    const std::string line = row.image + " " + std::to_string(row.given);
    const std::optional<ListLine> parts = split_list_line(line, manifest.class_names);
    const bool starts_as_mark = row.image.compare(0, kByteOrderMark.size(), kByteOrderMark) == 0;
    if (has_line_break(row.image) || starts_as_mark || !parts || parts->path != row.image) {
      throw DataError(manifest.name + ": expected names that fit into a line of a list, got " +
                      in_quotes(row.image));
    }
    text += line + "\n";
  }
  return text;
}

std::string noisy_table_text(const Manifest& manifest) {
  require_table_rows(manifest);
  std::string text = "path,label\n";
  for (const ManifestRow& row : manifest.rows) {
    text += csv_field(row.image) + "," + std::to_string(row.given) + "\n";
  }
  return text;
}

std::string noise_manifest_text(const Manifest& manifest) {
  require_table_rows(manifest);
  for (const std::string& name : manifest.class_names) {
    if (!has_line_break(name)) continue;
    throw DataError(manifest.name + ": expected class names without line breaks, got " +
                    in_quotes(name));
  }
  const auto name_of = [&manifest](std::int32_t label) {
    return csv_field(manifest.class_names[static_cast<std::size_t>(label)]);
  };
  const MoreColumns more(manifest);
  std::string text = "path,label,clean_label,label_name,clean_name" + more.header() + "\n";
  for (const ManifestRow& row : manifest.rows) {
    const bool has_clean = row.clean != kUnknownLabel;
    text += csv_field(row.image) + "," + std::to_string(row.given) + "," +
            (has_clean ? std::to_string(row.clean) : "") + "," + name_of(row.given) + "," +
            (has_clean ? name_of(row.clean) : "") + more.fields(row) + "\n";
  }
  return text;
}

void write_noisy_set(const fs::path& folder, const Manifest& manifest, const NoiseOptions& options,
                     const NoiseReport& report, bool replace) {
  const std::vector<std::pair<const char*, std::string>> files = {
      {kNoisyListName, noisy_list_text(manifest)},
      {kNoisyTableName, noisy_table_text(manifest)},
      {kNoiseManifestName, noise_manifest_text(manifest)},
      {kNoiseRecordName, noise_record(report, options, manifest)}};
  if (!replace) {
    for (const auto& [name, text] : files) {
      if (!path_exists(folder / name)) continue;
      throw RunError((folder / name).string() + ": expected no such file yet, found one");
    }
  }
  std::error_code error;
  fs::create_directories(folder, error);
  if (!folder_exists(folder)) {
    throw RunError(folder.string() + ": expected a folder to write to, got: " + error.message());
  }
  // A record of an earlier noise must not stand beside the lists of this one.
  fs::remove(folder / kNoiseRecordName, error);
  for (const auto& [name, text] : files) write_file_atomically(folder / name, text);
}

}  // namespace selfcure
