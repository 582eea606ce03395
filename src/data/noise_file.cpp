#include "selfcure/data/noise_file.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_map.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

/// Deeper paths are compared by this many of their last parts.
constexpr std::size_t kMostParts = 16;
constexpr std::string_view kAligned = "_aligned";
constexpr std::string_view kTestPrefix = "test_";

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

std::size_t start_of_file_name(std::string_view path) { return path.rfind('/') + 1; }

/// "a/b/face_aligned.jpg" -> "a/b/face"
std::string_view without_ending(std::string_view path) {
  const std::size_t dot = path.rfind('.');
  if (dot != std::string_view::npos && dot > start_of_file_name(path)) path = path.substr(0, dot);
  if (ends_with(path, kAligned)) path.remove_suffix(kAligned.size());
  return path;
}

/// "a/b/face" -> "face"
std::string_view stem_of(std::string_view plain) { return plain.substr(start_of_file_name(plain)); }

/// "a/b/face" -> "b/face"; nothing without a folder
std::optional<std::string_view> folder_and_stem_of(std::string_view plain) {
  const std::size_t name = start_of_file_name(plain);
  if (name < 2) return std::nullopt;
  return plain.substr(start_of_file_name(plain.substr(0, name - 1)));
}

/// Finds the row that a path in a list means.
class RowFinder {
 public:
  static constexpr std::int64_t kNone = -1;
  static constexpr std::int64_t kAmbiguous = -2;

  /// @param manifest  must outlive the finder
  explicit RowFinder(const Manifest& manifest) {
    next_.assign(manifest.rows.size(), kNone);
    std::vector<std::int64_t> last(manifest.rows.size(), kNone);
    for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
      const std::string_view image = manifest.rows[i].image;
      const auto row = static_cast<std::int64_t>(i);
      const std::int64_t first = by_image_.emplace(image, row).first->second;
      std::int64_t& end = last[static_cast<std::size_t>(first)];
      if (end != kNone) next_[static_cast<std::size_t>(end)] = row;
      end = row;
      if (first != row) continue;
      const std::string_view plain = without_ending(image);
      add(by_stem_, stem_of(plain), row);
      if (const auto tail = folder_and_stem_of(plain)) add(by_tail_, *tail, row);
    }
  }

  /// @return the first row of the image, kNone or kAmbiguous
  std::int64_t find(std::string_view path) const {
    const auto same = by_image_.find(path);
    if (same != by_image_.end()) return same->second;
    std::string slashed(path);
    std::replace(slashed.begin(), slashed.end(), '\\', '/');
    const std::int64_t row = find_end(slashed);
    return row != kNone ? row : find_name(without_ending(slashed));
  }

  /// The next row of the same image, or kNone.
  std::int64_t next(std::int64_t row) const { return next_[static_cast<std::size_t>(row)]; }

 private:
  using Rows = std::unordered_map<std::string_view, std::int64_t>;

  static void add(Rows& rows, std::string_view name, std::int64_t row) {
    const auto [other, is_new] = rows.emplace(name, row);
    if (!is_new) other->second = kAmbiguous;
  }

  static std::int64_t look_up(const Rows& rows, std::string_view name) {
    const auto found = rows.find(name);
    return found == rows.end() ? kNone : found->second;
  }

  std::int64_t find_end(std::string_view path) const {
    std::size_t start = path.size();
    for (std::size_t parts = 0; parts < kMostParts && start > 0; ++parts) {
      start = path.substr(0, start - 1).rfind('/') + 1;
    }
    while (true) {
      const std::int64_t row = look_up(by_image_, path.substr(start));
      if (row != kNone) return row;
      const std::size_t slash = path.find('/', start);
      if (slash == std::string_view::npos) return kNone;
      start = slash + 1;
    }
  }

  std::int64_t find_name(std::string_view plain) const {
    const std::int64_t row = look_up(by_stem_, stem_of(plain));
    const auto tail = folder_and_stem_of(plain);
    if (row != kAmbiguous || !tail) return row;
    const std::int64_t in_folder = look_up(by_tail_, *tail);
    return in_folder != kNone ? in_folder : kAmbiguous;
  }

  /// First row of each image.
  Rows by_image_;
  /// Row of each file name, and of each one with its folder; kAmbiguous where images share it.
  Rows by_stem_;
  Rows by_tail_;
  std::vector<std::int64_t> next_;
};

/// Texts of one line of a list.
struct Entry {
  std::string_view path;
  std::string_view label;
  std::string_view clean = {};
  std::string_view label_name = {};
  std::string_view clean_name = {};
};

/// Gathers what the lines of a list say.
class ListJoiner {
 public:
  ListJoiner(const Manifest& manifest, const NoiseOptions& options)
      : manifest_(manifest), options_(options), finder_(manifest) {
    for (const ManifestRow& row : manifest.rows) labels_.given.push_back(row.given);
    labels_.clean.assign(manifest.rows.size(), kUnknownLabel);
    line_of_row_.assign(manifest.rows.size(), 0);
    for (std::int64_t i = 0; i < manifest.size(); ++i) free_.push_back(i);
  }

  void add(const TextFile& list, const TextLine& line, const Entry& entry) {
    if (entry.path.empty()) list.fail(line, "expected the name of an image, got an empty field");
    const std::int32_t label = label_of(list, line, entry.label, entry.label_name);
    const std::int32_t clean =
        entry.clean.empty() ? kUnknownLabel : label_of(list, line, entry.clean, entry.clean_name);
    const std::int64_t first = finder_.find(entry.path);
    if (first == RowFinder::kAmbiguous) {
      list.fail(line, "expected a path that means one image of " + manifest_.name + ", got " +
                          in_quotes(entry.path) + ", which is the name of several");
    }
    if (first == RowFinder::kNone) {
      const std::string_view name = entry.path.substr(entry.path.find_last_of("/\\") + 1);
      if (name.substr(0, kTestPrefix.size()) != kTestPrefix) {
        list.fail(line,
                  "expected an image of " + manifest_.name + ", got " + in_quotes(entry.path));
      }
      ++labels_.lines_ignored;
      return;
    }
    const std::size_t row = take(list, line, first, entry.path);
    labels_.given[row] = label;
    labels_.clean[row] = clean;
    const std::int32_t known = manifest_.rows[row].clean;
    if (clean != kUnknownLabel && known != kUnknownLabel && clean != known) {
      list.fail(line, "expected the true label " + name_of(known) + " that " + manifest_.name +
                          " has, got " + name_of(clean));
    }
  }

  NoisyLabels finish(const fs::path& list) {
    const auto first = std::find(line_of_row_.begin(), line_of_row_.end(), 0);
    if (first == line_of_row_.end()) return std::move(labels_);
    labels_.rows_kept = std::count(first, line_of_row_.end(), 0);
    if (!options_.require_complete && labels_.rows_kept < manifest_.size()) {
      return std::move(labels_);
    }
    const auto row = static_cast<std::size_t>(first - line_of_row_.begin());
    throw DataError(list.string() + ": expected labels for the " +
                    std::to_string(manifest_.size()) + " images of " + manifest_.name +
                    ", got none for " + std::to_string(labels_.rows_kept) + " of them, first for " +
                    in_quotes(manifest_.rows[row].image));
  }

 private:
  /// The next row of an image that has no label yet.
  std::size_t take(const TextFile& list, const TextLine& line, std::int64_t first,
                   std::string_view path) {
    std::int64_t& free = free_[static_cast<std::size_t>(first)];
    if (free == RowFinder::kNone) {
      list.fail(line, "expected each image once, got " + in_quotes(path) + " as on line " +
                          std::to_string(line_of_row_[static_cast<std::size_t>(first)]));
    }
    const auto row = static_cast<std::size_t>(free);
    free = finder_.next(free);
    line_of_row_[row] = line.number;
    return row;
  }

  std::string name_of(std::int32_t label) const {
    return in_quotes(manifest_.class_names[static_cast<std::size_t>(label)]);
  }

  std::int32_t label_of(const TextFile& list, const TextLine& line, std::string_view text,
                        std::string_view name) const {
    const std::int32_t label = class_index(list, line, text);
    if (name.empty()) return label;
    const std::optional<std::size_t> named = find_class(manifest_.class_names, name);
    if (!named || *named != static_cast<std::size_t>(label)) {
      list.fail(line, "expected " + name_of(label) + " as the name of label " + in_quotes(text) +
                          ", got " + in_quotes(name));
    }
    return label;
  }

  std::int32_t class_index(const TextFile& list, const TextLine& line,
                           std::string_view text) const {
    const std::int64_t first = options_.first_label;
    const std::int64_t last = first + manifest_.class_count() - 1;
    const std::optional<std::int64_t> number = parse_integer(text);
    if (number && *number >= first && *number <= last) {
      return static_cast<std::int32_t>(*number - first);
    }
    const std::string range = std::to_string(first) + ".." + std::to_string(last);
    if (number) {
      const bool other_base = first == 0 ? *number == last + 1 : *number == 0;
      list.fail(line, "label " + in_quotes(text) + " is not in " + range +
                          (other_base ? "; is first_label " + std::to_string(1 - first) + "?"
                                      : std::string()));
    }
    const std::optional<std::size_t> named = find_class(manifest_.class_names, text);
    if (!named) {
      list.fail(line, "label " + in_quotes(text) + " is neither in " + range + " nor one of " +
                          class_list(manifest_.class_names) +
                          did_you_mean(text, manifest_.class_names));
    }
    return static_cast<std::int32_t>(*named);
  }

  const Manifest& manifest_;
  const NoiseOptions& options_;
  RowFinder finder_;
  NoisyLabels labels_;
  /// 0 where a row has no label yet.
  std::vector<std::int64_t> line_of_row_;
  /// At the first row of each image: its next row without a label.
  std::vector<std::int64_t> free_;
};

void join_table(const fs::path& path, ListJoiner& joiner) {
  CsvTable table(path);
  const std::size_t image = table.column({"path", "image", "name"});
  const std::size_t label = table.column({"noisy_label", "noisy", "label"});
  std::optional<std::size_t> clean = table.find_column("clean_label");
  if (!clean) clean = table.find_column("clean");
  const std::optional<std::size_t> label_name = table.find_column("label_name");
  const std::optional<std::size_t> clean_name = table.find_column("clean_name");
  while (const std::optional<CsvTable::Row> row = table.next_row()) {
    const auto field = [&row](std::optional<std::size_t> column) {
      return column ? without_end_blanks(row->fields[*column]) : std::string_view();
    };
    joiner.add(
        table.file(), row->line,
        {row->fields[image], field(label), field(clean), field(label_name), field(clean_name)});
  }
}

void join_text(const fs::path& path, const std::vector<std::string>& classes, ListJoiner& joiner) {
  TextFile list(path);
  while (const std::optional<TextLine> line = list.next_line()) {
    if (without_end_blanks(line->text).empty()) continue;
    require_list_line(list, *line);
    const std::optional<ListLine> parts = split_list_line(line->text, classes);
    if (!parts) list.fail(*line, "expected a path and a label, got " + in_quotes(line->text));
    joiner.add(list, *line, {parts->path, parts->label});
  }
}

}  // namespace

NoisyLabels read_noise_file(const Manifest& manifest, const NoiseOptions& options) {
  ListJoiner joiner(manifest, options);
  if (is_table_file(options.file)) {
    join_table(options.file, joiner);
  } else {
    join_text(options.file, manifest.class_names, joiner);
  }
  return joiner.finish(options.file);
}

}  // namespace selfcure
