#include "selfcure/data/webemotion.h"

#include <algorithm>
#include <locale>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/class_map.h"
#include "selfcure/data/image_list.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSet = "WebEmotion";
constexpr int kMostFrames = 1000;
constexpr double kShareRounding = 1e-9;

std::string text_of(double value) {
  std::ostringstream text;
  text.imbue(std::locale::classic());
  text << value;
  return text.str();
}

void check_options(const WebEmotionOptions& options) {
  if (options.frames_per_video < 1 || options.frames_per_video > kMostFrames) {
    throw ConfigError("frames_per_video: expected 1.." + std::to_string(kMostFrames) + ", got " +
                      std::to_string(options.frames_per_video));
  }
  for (const auto& [name, share] :
       {std::pair<const char*, double>("valid_share", options.valid_share),
        {"test_share", options.test_share}}) {
    // Written so that NaN fails as well.
    if (share >= 0.0 && share <= 1.0) continue;
    throw ConfigError(std::string(name) + ": expected a share in [0, 1], got " + text_of(share));
  }
  if (options.valid_share + options.test_share > 1.0 + kShareRounding) {
    throw ConfigError("valid_share + test_share: expected at most 1, got " +
                      text_of(options.valid_share + options.test_share));
  }
}

/// FNV-1a: the same on every machine.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 14695981039346656037ULL;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  return hash;
}

/// Appends the rows of clips, one clip after the other.
class ClipWriter {
 public:
  ClipWriter(Manifest& manifest, int frames_per_video)
      : manifest_(manifest), frames_per_video_(frames_per_video) {}

  void begin_clip(std::int32_t label) {
    label_ = label;
    ++clip_;
  }

  void add_image(std::string path) { add(std::move(path), -1); }

  void add_video(const std::string& path) {
    manifest_.frames_per_video = frames_per_video_;
    for (int frame = 0; frame < frames_per_video_; ++frame) add(path, frame);
  }

 private:
  void add(std::string path, std::int32_t frame) {
    ManifestRow row;
    row.image = std::move(path);
    row.given = label_;
    row.clip = clip_;
    row.frame = frame;
    manifest_.rows.push_back(std::move(row));
  }

  Manifest& manifest_;
  int frames_per_video_;
  std::int32_t label_ = kUnknownLabel;
  std::int32_t clip_ = -1;
};

struct FolderClip {
  std::string id;
  /// File or folder below the class folder.
  std::string name;
  bool is_video = false;
};

/// Clips of a class folder in natural order of their ids.
std::vector<FolderClip> list_clips(const fs::path& folder) {
  FolderListing listing = list_folder(folder);
  std::vector<FolderClip> clips;
  clips.reserve(listing.folders.size() + listing.files.size());
  for (std::string& name : listing.folders) clips.push_back({name, name, false});
  for (const std::string& name : listing.files) {
    if (is_image_file(name)) {
      throw DataError(folder.string() +
                      ": expected a folder or a video per clip, found the image " +
                      in_quotes(name));
    }
    if (is_video_file(name)) clips.push_back({name.substr(0, name.rfind('.')), name, true});
  }
  std::stable_sort(clips.begin(), clips.end(), [](const FolderClip& left, const FolderClip& right) {
    return natural_less(left.id, right.id);
  });
  const auto twice = std::adjacent_find(
      clips.begin(), clips.end(),
      [](const FolderClip& left, const FolderClip& right) { return left.id == right.id; });
  if (twice == clips.end()) return clips;
  throw DataError(folder.string() + ": expected clip " + in_quotes(twice->id) + " once, found " +
                  in_quotes(twice->name) + " and " + in_quotes((twice + 1)->name));
}

std::vector<std::string> list_frames(const fs::path& folder) {
  std::vector<std::string> files = list_folder(folder).files;
  files.erase(std::remove_if(files.begin(), files.end(),
                             [](const std::string& file) { return !is_image_file(file); }),
              files.end());
  if (!files.empty()) return files;
  throw DataError(folder.string() + ": expected the frames of a clip, found no image");
}

void read_folders(const WebEmotionOptions& options, Split split, Manifest& manifest) {
  const std::vector<std::string> folders = list_folder(options.root).folders;
  if (folders.empty()) {
    throw DataError(options.root.string() + ": expected a folder per class, found no folder");
  }
  const bool are_given = !options.classes.empty();
  manifest.class_names = are_given ? options.classes : folders;
  require_distinct_classes(are_given ? "classes" : options.root.string() + ": class folders",
                           manifest.class_names);
  const std::vector<std::string> assigned =
      folders_of_classes(options.root, folders, manifest.class_names);
  require_all_folders(options.root, folders, manifest.class_names, assigned);

  ClipWriter writer(manifest, options.frames_per_video);
  for (std::size_t k = 0; k < assigned.size(); ++k) {
    for (const FolderClip& clip : list_clips(options.root / assigned[k])) {
      if (split_of_clip(clip.id, options) != split) continue;
      const std::string path = assigned[k] + "/" + clip.name;
      read_or_skip(options.bad_lines, [&] {
        const std::vector<std::string> frames =
            clip.is_video ? std::vector<std::string>() : list_frames(options.root / path);
        writer.begin_clip(static_cast<std::int32_t>(k));
        if (clip.is_video) writer.add_video(path);
        for (const std::string& frame : frames) writer.add_image((fs::path(path) / frame).string());
      });
    }
  }
}

struct TableClip {
  std::string id;
  std::string label;
  std::int64_t line = 0;
  std::vector<std::string> paths = {};
};

/// The clips of a table in the order in which it first names them.
class ClipTable {
 public:
  ClipTable(const fs::path& path, const WebEmotionOptions& options)
      : classes_(options.classes),
        table_(path, options.bad_lines),
        path_column_(table_.column({"path"})),
        label_column_(table_.column({"label"})),
        clip_column_(table_.column({"clip_id"})) {
    while (std::optional<CsvTable::Row> row = table_.next_row()) {
      read_or_skip(options.bad_lines, [&] { add(*row); });
    }
  }

  const TextFile& file() const { return table_.file(); }
  std::vector<TableClip>& clips() { return clips_; }

 private:
  void add(CsvTable::Row& row) {
    std::string& path = row.fields[path_column_];
    require_list_path(file(), row.line, path);
    if (!is_image_file(path) && !is_video_file(path)) {
      file().fail(row.line, "expected the path of an image or a video, got " + in_quotes(path));
    }
    // A blank after a comma must not make another clip, which may be in another split.
    const std::string id(without_end_blanks(row.fields[clip_column_]));
    const std::string label(without_end_blanks(row.fields[label_column_]));
    if (id.empty()) file().fail(row.line, "expected a clip id, got an empty field");
    if (label.empty()) file().fail(row.line, "expected a label, got an empty field");
    if (!classes_.empty() && !find_class(classes_, label)) {
      file().fail(row.line, "label " + in_quotes(label) + " is none of the classes " +
                                class_list(classes_) + did_you_mean(label, classes_));
    }
    const auto known = clip_of_id_.find(id);
    if (known != clip_of_id_.end() && clips_[known->second].label != label) {
      const TableClip& clip = clips_[known->second];
      file().fail(row.line, "expected label " + in_quotes(clip.label) + " of clip " +
                                in_quotes(id) + " as on line " + std::to_string(clip.line) +
                                ", got " + in_quotes(label));
    }
    const auto [first, is_new_path] = line_of_path_.emplace(path, row.line.number);
    if (!is_new_path) {
      file().fail(row.line, "expected each path once, got " + in_quotes(path) + " as on line " +
                                std::to_string(first->second));
    }
    const auto [found, is_new_clip] = clip_of_id_.emplace(id, clips_.size());
    if (is_new_clip) clips_.push_back({id, label, row.line.number});
    clips_[found->second].paths.push_back(std::move(path));
  }

  const std::vector<std::string>& classes_;
  CsvTable table_;
  std::size_t path_column_;
  std::size_t label_column_;
  std::size_t clip_column_;
  std::vector<TableClip> clips_;
  std::unordered_map<std::string, std::size_t> clip_of_id_;
  std::unordered_map<std::string, std::int64_t> line_of_path_;
};

std::vector<std::string> labels_of(const std::vector<TableClip>& clips) {
  std::vector<std::string> labels;
  labels.reserve(clips.size());
  for (const TableClip& clip : clips) labels.push_back(clip.label);
  std::sort(labels.begin(), labels.end(), natural_less);
  labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
  return labels;
}

void read_table(const WebEmotionOptions& options, Split split, Manifest& manifest) {
  ClipTable table(find_list_file(options.root, options.manifest), options);
  std::vector<TableClip>& clips = table.clips();
  manifest.class_names = options.classes.empty() ? labels_of(clips) : options.classes;
  const std::string where = table.file().path().string();
  if (manifest.class_names.size() > kMaxListClasses) {
    throw DataError(where + ": expected at most " + std::to_string(kMaxListClasses) +
                    " different labels, got " + std::to_string(manifest.class_names.size()));
  }
  require_distinct_classes(options.classes.empty() ? where + ": labels" : "classes",
                           manifest.class_names);

  ClipWriter writer(manifest, options.frames_per_video);
  for (TableClip& clip : clips) {
    if (split_of_clip(clip.id, options) != split) continue;
    writer.begin_clip(static_cast<std::int32_t>(*find_class(manifest.class_names, clip.label)));
    std::sort(clip.paths.begin(), clip.paths.end(), natural_less);
    for (std::string& path : clip.paths) {
      if (is_video_file(path)) {
        writer.add_video(path);
      } else {
        writer.add_image(std::move(path));
      }
    }
  }
}

}  // namespace

Split split_of_clip(std::string_view clip_id, const WebEmotionOptions& options) {
  const double place =
      KeyedRandom(RandomStream::kClipSplit, {options.split_seed, hash_of(clip_id), 0, 0}).uniform();
  if (place < options.test_share) return Split::kTest;
  return place < options.test_share + options.valid_share ? Split::kValid : Split::kTrain;
}

Manifest read_webemotion(const WebEmotionOptions& options, Split split) {
  check_options(options);
  require_root(options.root, kSet);
  Manifest manifest;
  manifest.name = std::string(kSet) + " " + to_string(split);
  manifest.root = options.root;
  if (options.manifest.empty()) {
    read_folders(options, split, manifest);
  } else {
    read_table(options, split, manifest);
  }
  if (manifest.rows.empty()) {
    throw DataError(options.root.string() + ": expected clips of the " + to_string(split) +
                    " split with valid_share " + text_of(options.valid_share) + " and test_share " +
                    text_of(options.test_share) + ", got none");
  }
  return manifest;
}

}  // namespace selfcure
