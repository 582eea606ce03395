#include "selfcure/data/image_list.h"

#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <set>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "list_labels.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/list_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSet = "an image list";
constexpr std::int64_t kMostPixels = 1'000'000;
constexpr std::int64_t kMostFrames = 1000;

struct ListedImage {
  /// Its labels are numbers of `ListLabels`.
  ManifestRow row;
  std::int64_t line = 0;
};

struct List {
  fs::path path;
  std::vector<ListedImage> images = {};
  int frames_per_video = 0;
};

/// Which columns of a table say what.
struct TableColumns {
  std::size_t path = 0;
  std::size_t label = 0;
  std::optional<std::size_t> clean;
  std::optional<std::size_t> split;
  /// face_x, face_y, face_width, face_height.
  std::optional<std::array<std::size_t, 4>> box;
  std::optional<std::size_t> clip;
  std::optional<std::size_t> frame;
  std::size_t frames_per_video = 0;
};

constexpr std::array<const char*, 4> kBoxColumns = {"face_x", "face_y", "face_width",
                                                    "face_height"};
constexpr const char* kFrame = "frame";
constexpr const char* kFramesPerVideo = "frames_per_video";

TableColumns find_columns(const CsvTable& table, const ImageListOptions& options,
                          bool needs_split) {
  using Names = std::vector<std::string>;
  TableColumns columns;
  columns.path = table.column(options.path_column.empty() ? Names{"path", "image", "name"}
                                                          : Names{options.path_column});
  columns.label = table.column({options.label_column});
  columns.clean = table.find_column(options.clean_column);
  columns.split =
      needs_split ? table.column({options.split_column}) : table.find_column(options.split_column);
  if (table.find_column(kBoxColumns[0])) {
    std::array<std::size_t, 4> box{};
    for (std::size_t i = 0; i < box.size(); ++i) box[i] = table.column({kBoxColumns[i]});
    columns.box = box;
  }
  columns.clip = table.find_column("clip_id");
  columns.frame = table.find_column(kFrame);
  if (columns.frame) columns.frames_per_video = table.column({kFramesPerVideo});
  return columns;
}

/// One list and the images that it has of the split asked for.
class ListReader {
 public:
  /// @param bad_lines  as of ImageListOptions
  ListReader(const ImageListOptions& options, ListLabels& labels, BadLines* bad_lines)
      : options_(options), labels_(labels), bad_lines_(bad_lines) {}

  /// @param of_rows  split of rows that do not say theirs; nothing: each row must
  /// @param wanted   rows of other splits are checked and left out; nothing: all rows are
  List read(const fs::path& path, std::optional<Split> of_rows, std::optional<Split> wanted) const {
    List list{path};
    const bool is_csv = options_.format == ListFormat::kCsv ||
                        (options_.format == ListFormat::kAuto && is_table_file(path));
    if (is_csv) {
      read_table(list, of_rows, wanted);
    } else if (of_rows) {
      read_text(list, *of_rows == wanted);
    } else {
      throw DataError(path.string() + ": expected a CSV table with a column of splits, got a " +
                      "plain list");
    }
    return list;
  }

 private:
  void read_text(List& list, bool is_wanted) const {
    TextFile file(list.path);
    while (const std::optional<TextLine> line = file.next_line()) {
      if (labels_.has_too_many()) return;
      if (without_end_blanks(line->text).empty()) continue;
      read_or_skip(bad_lines_, [&] {
        require_list_line(file, *line);
        const std::optional<ListLine> parts = split_list_line(line->text, options_.classes);
        if (!parts) file.fail(*line, "expected a path and a label, got " + in_quotes(line->text));
        require_list_path(file, *line, parts->path);
        ListedImage image;
        image.line = line->number;
        image.row.image = parts->path;
        image.row.given = labels_.add(parts->label, file, *line);
        if (is_wanted) list.images.push_back(std::move(image));
      });
    }
  }

  void read_table(List& list, std::optional<Split> of_rows, std::optional<Split> wanted) const {
    CsvTable table(list.path, bad_lines_);
    const TableColumns columns = find_columns(table, options_, !of_rows);
    std::unordered_map<std::string, std::int32_t> number_of_clip;
    while (std::optional<CsvTable::Row> row = table.next_row()) {
      if (labels_.has_too_many()) return;
      read_or_skip(bad_lines_, [&] {
        const std::optional<Split> split =
            columns.split ? parse_split(table.file(), row->line, row->fields[*columns.split])
                          : of_rows;
        ListedImage image = parse_row(table.file(), columns, *row, list.frames_per_video);
        if (!wanted || split != wanted) return;
        if (columns.clip && !row->fields[*columns.clip].empty()) {
          const auto next = static_cast<std::int32_t>(number_of_clip.size());
          image.row.clip = number_of_clip.emplace(row->fields[*columns.clip], next).first->second;
        }
        list.images.push_back(std::move(image));
      });
    }
  }

  /// All of a row but its clip.
  ListedImage parse_row(const TextFile& file, const TableColumns& columns, CsvTable::Row& row,
                        int& frames_per_video) const {
    ListedImage image;
    image.line = row.line.number;
    std::string& path = row.fields[columns.path];
    require_list_path(file, row.line, path);
    if (columns.box) image.row.box = parse_box(file, *columns.box, row);
    if (columns.frame) parse_frame(file, columns, row, image.row.frame, frames_per_video);
    image.row.given = labels_.add(without_end_blanks(row.fields[columns.label]), file, row.line);
    const std::string_view clean =
        columns.clean ? without_end_blanks(row.fields[*columns.clean]) : std::string_view();
    if (!clean.empty()) image.row.clean = labels_.add(clean, file, row.line);
    image.row.image = std::move(path);
    return image;
  }

  static Split parse_split(const TextFile& file, const TextLine& line, std::string_view text) {
    const std::optional<Split> split = split_of_name(without_end_blanks(text));
    if (split) return *split;
    file.fail(line, "expected a split such as train, valid or test, got " + in_quotes(text));
  }

  static std::int32_t parse_field(const TextFile& file, const CsvTable::Row& row,
                                  std::size_t column, const char* name, std::int64_t low,
                                  std::int64_t high) {
    const std::string& field = row.fields[column];
    const std::optional<std::int64_t> value = parse_integer(without_end_blanks(field));
    if (value && *value >= low && *value <= high) return static_cast<std::int32_t>(*value);
    file.fail(row.line, std::string("expected ") + name + " in " + std::to_string(low) + ".." +
                            std::to_string(high) + ", got " + in_quotes(field));
  }

  static FaceBox parse_box(const TextFile& file, const std::array<std::size_t, 4>& columns,
                           const CsvTable::Row& row) {
    const bool is_empty = std::all_of(columns.begin(), columns.end(), [&row](std::size_t column) {
      return row.fields[column].empty();
    });
    if (is_empty) return {};
    std::array<std::int32_t, 4> values{};
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::int64_t low = i < 2 ? -kMostPixels : 1;
      values[i] = parse_field(file, row, columns[i], kBoxColumns[i], low, kMostPixels);
    }
    return {values[0], values[1], values[2], values[3]};
  }

  static void parse_frame(const TextFile& file, const TableColumns& columns,
                          const CsvTable::Row& row, std::int32_t& frame, int& frames_per_video) {
    if (row.fields[*columns.frame].empty()) return;
    const std::int32_t frames =
        parse_field(file, row, columns.frames_per_video, kFramesPerVideo, 1, kMostFrames);
    if (frames_per_video != 0 && frames != frames_per_video) {
      file.fail(row.line, "expected " + std::to_string(frames_per_video) + " " + kFramesPerVideo +
                              " as in the rows above, got " + std::to_string(frames));
    }
    frame = parse_field(file, row, *columns.frame, kFrame, 0, frames - 1);
    frames_per_video = frames;
  }

  const ImageListOptions& options_;
  ListLabels& labels_;
  BadLines* bad_lines_;
};

std::string_view file_name(std::string_view path) {
  return path.substr(path.find_last_of("/\\") + 1);
}

/// Where the files of some names lie below a folder.
class FileIndex {
 public:
  explicit FileIndex(fs::path root) : root_(std::move(root)) {}

  /// Remembers a name that `search` looks for. @param name  must outlive the index
  void want(std::string_view name) { places_.emplace(name, Places{}); }

  /// Looks through all folders below the root, each once even where links lead to it again.
  void search() {
    std::set<std::pair<dev_t, ino_t>> visited;
    std::vector<std::string> open = {""};
    while (!open.empty()) {
      const std::string below = std::move(open.back());
      open.pop_back();
      struct stat status {};
      if (::stat((root_ / below).c_str(), &status) != 0) continue;
      if (!visited.emplace(status.st_dev, status.st_ino).second) continue;
      const FolderListing listing = list_folder(root_ / below);
      for (const std::string& file : listing.files) remember(file, below + file);
      for (auto folder = listing.folders.rbegin(); folder != listing.folders.rend(); ++folder) {
        open.push_back(below + *folder + "/");
      }
    }
  }

  /// @param fail  throws what it is told
  /// @return the path below the root; calls `fail` unless there is exactly one
  template <typename Fail>
  const std::string& find(std::string_view name, const Fail& fail) const {
    const Places& places = places_.at(name);
    if (places.first.empty() || !places.second.empty()) {
      fail("expected one file named " + in_quotes(name) + " below " + root_.string() + ", found " +
           (places.first.empty() ? "none"
                                 : in_quotes(places.first) + " and " + in_quotes(places.second)));
    }
    return places.first;
  }

 private:
  struct Places {
    std::string first;
    std::string second;
  };

  void remember(const std::string& name, std::string path) {
    const auto wanted = places_.find(name);
    if (wanted == places_.end()) return;
    Places& places = wanted->second;
    (places.first.empty() ? places.first : places.second) = std::move(path);
  }

  fs::path root_;
  std::unordered_map<std::string_view, Places> places_;
};

/// What tells images apart: one picture may hold several faces, one video several frames.
struct Place {
  std::string_view image;
  FaceBox box;
  std::int32_t frame;

  auto parts() const { return std::tie(image, box.x, box.y, box.width, box.height, frame); }
  bool operator==(const Place& other) const { return parts() == other.parts(); }
};

struct PlaceHash {
  std::size_t operator()(const Place& place) const {
    std::size_t hash = std::hash<std::string_view>()(place.image);
    const FaceBox& box = place.box;
    for (const std::int32_t part : {box.x, box.y, box.width, box.height, place.frame})
      hash = hash * 1099511628211ULL + static_cast<std::size_t>(part);
    return hash;
  }
};

void check_options(const ImageListOptions& options) {
  const bool has_split_lists =
      !options.train.empty() || !options.valid.empty() || !options.test.empty();
  if (has_split_lists && !options.file.empty()) {
    throw ConfigError("image list: expected either one file or a list per split, got both");
  }
  if (!has_split_lists && options.file.empty()) {
    throw ConfigError("image list: expected a file or a list per split, got neither");
  }
  if (options.first_label != 0 && options.first_label != 1) {
    throw ConfigError("image list: expected 0 or 1 as the first label, got " +
                      std::to_string(options.first_label));
  }
}

/// Reads all lists and keeps that of the split.
List read_lists(const ImageListOptions& options, Split split, ListLabels& labels) {
  const ListReader reader(options, labels, options.bad_lines);
  if (!options.file.empty()) {
    return reader.read(find_list_file(options.root, options.file), std::nullopt, split);
  }
  BadLines uncounted;
  const ListReader other_reader(options, labels,
                                options.bad_lines == nullptr ? nullptr : &uncounted);
  std::optional<List> list;
  for (const auto& [of_rows, path] :
       {std::pair(Split::kTrain, &options.train), std::pair(Split::kValid, &options.valid),
        std::pair(Split::kTest, &options.test)}) {
    if (path->empty()) continue;
    const fs::path found = find_list_file(options.root, *path);
    if (of_rows == split) {
      list = reader.read(found, of_rows, split);
    } else {
      (void)other_reader.read(found, of_rows, std::nullopt);
    }
  }
  if (list) return std::move(*list);
  throw DataError(options.root.string() + ": expected a list of the " + to_string(split) +
                  " split, got none");
}

/// Moves the images to the manifest; gives them their classes and, with kName, their places.
void append_rows(const ImageListOptions& options, List& list, const ListLabels& labels,
                 Manifest& manifest) {
  FileIndex index(options.root);
  std::vector<std::string> names;
  if (options.join == ListJoin::kName) {
    names.reserve(list.images.size());
    for (const ListedImage& image : list.images) names.emplace_back(file_name(image.row.image));
    for (const std::string& name : names) index.want(name);
    index.search();
  }
  std::unordered_map<Place, std::int64_t, PlaceHash> line_of_place;
  line_of_place.reserve(list.images.size());
  std::vector<bool> keep(list.images.size());
  for (std::size_t i = 0; i < list.images.size(); ++i) {
    ManifestRow& row = list.images[i].row;
    const std::int64_t line = list.images[i].line;
    const auto fail = [&list, line](const std::string& what) {
      throw DataError(list.path.string() + ":" + std::to_string(line) + ": " + what);
    };
    keep[i] = read_or_skip(options.bad_lines, [&] {
      for (std::int32_t* const label : {&row.given, &row.clean}) {
        if (!labels.problem_of(*label).empty()) fail(labels.problem_of(*label));
        *label = labels.class_of(*label);
      }
      if (!names.empty()) row.image = index.find(names[i], fail);
      const auto [first, is_new] =
          line_of_place.emplace(Place{row.image, row.box, row.frame}, line);
      if (is_new) return;
      fail("expected each path once, got " + in_quotes(row.image) +
           (row.frame < 0 ? "" : " (frame " + std::to_string(row.frame) + ")") + " as on line " +
           std::to_string(first->second));
    });
  }
  for (std::size_t i = 0; i < keep.size(); ++i) {
    if (!keep[i]) continue;
    manifest.rows.push_back(std::move(list.images[i].row));
    if (manifest.rows.back().frame >= 0) manifest.frames_per_video = list.frames_per_video;
  }
}

}  // namespace

Manifest read_image_list(const ImageListOptions& options, Split split) {
  check_options(options);
  require_root(options.root, kSet);
  ListLabels labels(options);
  List list = read_lists(options, split, labels);
  Manifest manifest;
  manifest.class_names = labels.resolve();
  manifest.name = list.path.filename().string() + " " + to_string(split);
  manifest.root = options.root;
  manifest.rows.reserve(list.images.size());
  append_rows(options, list, labels, manifest);
  if (manifest.rows.empty()) {
    throw DataError(list.path.string() + ": expected images of the " + to_string(split) +
                    " split, got none");
  }
  return manifest;
}

}  // namespace selfcure
