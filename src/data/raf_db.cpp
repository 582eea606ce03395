#include "selfcure/data/raf_db.h"

#include <algorithm>
#include <array>
#include <optional>
#include <unordered_map>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/list_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kAlignedFolder = "Image/aligned";
constexpr std::array<const char*, 2> kListNames = {"EmoLabel/list_patition_label.txt",
                                                   "EmoLabel/list_partition_label.txt"};

struct Located {
  fs::path base;
  fs::path list;
};

Located locate(const fs::path& root, const RafDbLayout& layout) {
  require_root(root, layout.name);
  for (const fs::path& base : {root / layout.folder, root}) {
    for (const char* const name : kListNames) {
      if (path_exists(base / name)) return {base, base / name};
    }
  }
  throw DataError(root.string() + ": expected " + kListNames[0] + " or " + kListNames[1] + " of " +
                  layout.name + " here or in " + layout.folder + "/, found neither");
}

std::optional<Split> split_of(std::string_view name) {
  if (name.substr(0, 6) == "train_") return Split::kTrain;
  if (name.substr(0, 5) == "test_") return Split::kTest;
  return std::nullopt;
}

// "train_00001.jpg" -> "Image/aligned/train_00001_aligned.jpg"
std::string aligned_image(std::string_view name) {
  const std::size_t dot = name.rfind('.');
  std::string path = std::string(kAlignedFolder) + "/";
  path.append(name.substr(0, dot)).append("_aligned").append(name.substr(dot));
  return path;
}

struct ListedFace {
  std::string_view name;
  Split split;
  std::int32_t label;
};

ListedFace parse_line(const TextFile& list, const TextLine& line, std::size_t classes) {
  require_list_line(list, line);
  const std::vector<std::string_view> parts = split_blanks(line.text);
  if (parts.size() != 2) {
    list.fail(line, "expected an image name and a label, got " + in_quotes(line.text));
  }
  const std::string_view name = parts[0];
  const std::optional<Split> split = split_of(name);
  if (!split)
    list.fail(line, "expected a name that starts with train_ or test_, got " + in_quotes(name));
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || name.find('/') != std::string_view::npos) {
    list.fail(line, "expected an image name such as train_00001.jpg, got " + in_quotes(name));
  }
  return {name, *split, raf_db_label(list, line, parts[1], classes)};
}

}  // namespace

const std::vector<std::string>& raf_db_class_names() {
  static const std::vector<std::string> names = {"Surprise", "Fear",  "Disgust", "Happiness",
                                                 "Sadness",  "Anger", "Neutral"};
  return names;
}

std::int32_t raf_db_label(const TextFile& file, const TextLine& line, std::string_view code,
                          std::size_t classes) {
  const std::optional<std::int64_t> number = parse_integer(code);
  if (!number || *number < 1 || *number > static_cast<std::int64_t>(classes)) {
    file.fail(line, "label " + in_quotes(code) + " is not in 1.." + std::to_string(classes));
  }
  return static_cast<std::int32_t>(*number - 1);
}

Manifest read_raf_db_layout(const fs::path& root, const RafDbLayout& layout, BadLines* bad_lines,
                            Split split) {
  if (split == Split::kValid) throw DataError(layout.name + " has no validation split");
  const Located located = locate(root, layout);
  if (!folder_exists(located.base / kAlignedFolder)) {
    throw DataError((located.base / kAlignedFolder).string() + ": expected the folder of " +
                    layout.name + "'s aligned faces, found none");
  }

  Manifest manifest;
  manifest.name = layout.name + " " + to_string(split);
  manifest.class_names = layout.class_names;
  manifest.root = located.base;

  TextFile list(located.list);
  std::unordered_map<std::string_view, std::int64_t> line_of_name;
  std::int32_t greatest_code = 0;
  while (const std::optional<TextLine> line = list.next_line()) {
    if (line->text.empty()) continue;
    read_or_skip(bad_lines, [&] {
      const ListedFace face = parse_line(list, *line, layout.class_names.size());
      const auto [first, is_new] = line_of_name.emplace(face.name, line->number);
      if (!is_new) {
        list.fail(*line, "expected each name once, got " + in_quotes(face.name) + " as on line " +
                             std::to_string(first->second));
      }
      greatest_code = std::max(greatest_code, face.label + 1);
      if (face.split != split) return;
      manifest.rows.push_back({aligned_image(face.name), face.label, kUnknownLabel});
    });
  }
  if (greatest_code > 0 && greatest_code <= layout.other_set_codes) {
    throw DataError(located.list.string() + ": expected labels up to " +
                    std::to_string(layout.class_names.size()) + " of " + layout.name +
                    ", got none above " + std::to_string(greatest_code) +
                    ": is this the list of the basic expressions?");
  }
  if (manifest.rows.empty()) {
    throw DataError(located.list.string() + ": expected images of the " + to_string(split) +
                    " split, got none");
  }
  return manifest;
}

Manifest read_raf_db(const RafDbOptions& options, Split split) {
  return read_raf_db_layout(options.root, {"RAF-DB", "basic", raf_db_class_names(), 0},
                            options.bad_lines, split);
}

}  // namespace selfcure
