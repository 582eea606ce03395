#include "selfcure/data/raf_db.h"

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kClasses = 7;
constexpr const char* kAlignedFolder = "Image/aligned";
constexpr std::array<const char*, 2> kListNames = {"EmoLabel/list_patition_label.txt",
                                                   "EmoLabel/list_partition_label.txt"};

struct Located {
  fs::path base;
  fs::path list;
};

Located locate(const fs::path& root) {
  if (root.empty()) throw DataError("RAF-DB: no root folder is given");
  if (!folder_exists(root)) {
    throw DataError(root.string() + ": expected the root folder of RAF-DB, found " +
                    (path_exists(root) ? "something that is not a folder" : "nothing there"));
  }
  for (const fs::path& base : {root, root / "basic"}) {
    for (const char* const name : kListNames) {
      if (path_exists(base / name)) return {base, base / name};
    }
  }
  throw DataError(root.string() + ": expected " + kListNames[0] + " or " + kListNames[1] +
                  " of RAF-DB here or in basic/, found neither");
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

ListedFace parse_line(const TextFile& list, const TextLine& line) {
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
  const std::optional<std::int64_t> code = parse_integer(parts[1]);
  if (!code || *code < 1 || *code > kClasses) {
    list.fail(line, "label " + in_quotes(parts[1]) + " is not in 1.." + std::to_string(kClasses));
  }
  return {name, *split, static_cast<std::int32_t>(*code - 1)};
}

}  // namespace

Manifest read_raf_db(const RafDbOptions& options, Split split) {
  if (split == Split::kValid) throw DataError("RAF-DB has no validation split");
  const Located located = locate(options.root);
  if (!folder_exists(located.base / kAlignedFolder)) {
    throw DataError((located.base / kAlignedFolder).string() +
                    ": expected the folder of RAF-DB's aligned faces, found none");
  }

  Manifest manifest;
  manifest.name = std::string("RAF-DB ") + to_string(split);
  manifest.class_names = {"Surprise", "Fear",  "Disgust", "Happiness",
                          "Sadness",  "Anger", "Neutral"};
  manifest.root = located.base;

  TextFile list(located.list);
  std::unordered_map<std::string_view, std::int64_t> line_of_name;
  while (const std::optional<TextLine> line = list.next_line()) {
    if (line->text.empty()) continue;
    const ListedFace face = parse_line(list, *line);
    const auto [first, is_new] = line_of_name.emplace(face.name, line->number);
    if (!is_new) {
      list.fail(*line, "expected each name once, got " + in_quotes(face.name) + " as on line " +
                           std::to_string(first->second));
    }
    if (face.split != split) continue;
    manifest.rows.push_back({aligned_image(face.name), face.label, kUnknownLabel});
  }
  if (manifest.rows.empty()) {
    throw DataError(located.list.string() + ": expected images of the " + to_string(split) +
                    " split, got none");
  }
  return manifest;
}

}  // namespace selfcure
