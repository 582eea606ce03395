#include "selfcure/data/class_folders.h"

#include <dirent.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <iterator>
#include <memory>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_map.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::array<std::string_view, 7> kImageEndings = {"jpg",  "jpeg", "png", "bmp",
                                                           "webp", "tif",  "tiff"};
constexpr std::array<std::string_view, 4> kVideoEndings = {"mp4", "avi", "mkv", "webm"};

struct SplitName {
  std::string_view name;
  Split split;
};
constexpr std::array<SplitName, 7> kSplitNames = {{{"train", Split::kTrain},
                                                   {"training", Split::kTrain},
                                                   {"valid", Split::kValid},
                                                   {"val", Split::kValid},
                                                   {"validation", Split::kValid},
                                                   {"test", Split::kTest},
                                                   {"testing", Split::kTest}}};

char lower_case(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_in_any_case(std::string_view text, std::string_view lower) {
  return text.size() == lower.size() &&
         std::equal(text.begin(), text.end(), lower.begin(),
                    [](char left, char right) { return lower_case(left) == right; });
}

template <std::size_t N>
bool ends_as(std::string_view name, const std::array<std::string_view, N>& endings) {
  const std::size_t dot = name.rfind('.');
  if (dot == std::string_view::npos || dot == 0) return false;
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view ending) {
    return same_in_any_case(name.substr(dot + 1), ending);
  });
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Takes the digits from the front of a text, leading zeros left out.
std::string_view take_number(std::string_view& text) {
  std::size_t end = 0;
  while (end < text.size() && is_digit(text[end])) ++end;
  std::string_view number = text.substr(0, end);
  text.remove_prefix(end);
  number.remove_prefix(std::min(number.find_first_not_of('0'), number.size()));
  return number;
}

enum class EntryType { kFolder, kFile, kOther };

EntryType type_of(const fs::path& folder, const dirent& entry) {
  if (entry.d_type == DT_DIR) return EntryType::kFolder;
  if (entry.d_type == DT_REG) return EntryType::kFile;
  if (entry.d_type != DT_LNK && entry.d_type != DT_UNKNOWN) return EntryType::kOther;
  // Asking for the state of each of a million linked images would take minutes on a network disk.
  if (is_image_file(entry.d_name) || is_video_file(entry.d_name)) return EntryType::kFile;
  struct stat status {};
  if (::stat((folder / entry.d_name).c_str(), &status) != 0) return EntryType::kOther;
  if (S_ISDIR(status.st_mode)) return EntryType::kFolder;
  return S_ISREG(status.st_mode) ? EntryType::kFile : EntryType::kOther;
}

struct SplitFolder {
  Split split;
  std::string name;
  std::vector<std::string> class_folders;
};

std::vector<SplitFolder> find_splits(const fs::path& root, Split wanted) {
  const FolderListing listing = list_folder(root);
  std::vector<SplitFolder> splits;
  for (const std::string& folder : listing.folders) {
    const std::optional<Split> split = split_of_name(folder);
    if (!split) continue;
    const auto other = std::find_if(splits.begin(), splits.end(), [&](const SplitFolder& found) {
      return found.split == *split;
    });
    if (other != splits.end()) {
      throw DataError(root.string() + ": expected one folder of the " + to_string(*split) +
                      " split, found " + in_quotes(other->name) + " and " + in_quotes(folder));
    }
    splits.push_back({*split, folder, {}});
  }
  const bool has_wanted = std::any_of(splits.begin(), splits.end(), [&](const SplitFolder& found) {
    return found.split == wanted;
  });
  if (has_wanted) return splits;
  std::string names;
  for (const SplitName& known : kSplitNames) {
    if (known.split == wanted) names.append(names.empty() ? "" : " or ").append(known.name);
  }
  throw DataError(root.string() + ": expected a folder " + names + ", found " +
                  (listing.folders.empty() ? "no folder" : class_list(listing.folders)));
}

/// The folders' names of all splits, so that a class has the same number in each of them.
std::vector<std::string> names_of_all(const std::vector<SplitFolder>& splits) {
  std::vector<std::string> names;
  for (const SplitFolder& split : splits) {
    names.insert(names.end(), split.class_folders.begin(), split.class_folders.end());
  }
  std::sort(names.begin(), names.end(), natural_less);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

void append_images(const fs::path& root, const fs::path& folder, std::int32_t label,
                   Manifest& manifest) {
  const FolderListing listing = list_folder(root / folder);
  bool has_image = false;
  for (const std::string& file : listing.files) {
    if (!is_image_file(file)) continue;
    has_image = true;
    manifest.rows.push_back({(folder / file).string(), label, kUnknownLabel});
  }
  if (has_image || listing.folders.empty()) return;
  throw DataError((root / folder).string() + ": expected the images of a class, found none and " +
                  (listing.folders.size() == 1 ? "the folder " : "folders such as ") +
                  in_quotes(listing.folders.front()));
}

}  // namespace

bool is_image_file(std::string_view name) { return ends_as(name, kImageEndings); }

bool is_video_file(std::string_view name) { return ends_as(name, kVideoEndings); }

bool natural_less(std::string_view left, std::string_view right) {
  std::string_view l = left;
  std::string_view r = right;
  while (!l.empty() && !r.empty()) {
    if (is_digit(l.front()) && is_digit(r.front())) {
      const std::string_view left_number = take_number(l);
      const std::string_view right_number = take_number(r);
      if (left_number.size() != right_number.size()) {
        return left_number.size() < right_number.size();
      }
      if (left_number != right_number) return left_number < right_number;
      continue;
    }
    if (l.front() != r.front()) {
      return static_cast<unsigned char>(l.front()) < static_cast<unsigned char>(r.front());
    }
    l.remove_prefix(1);
    r.remove_prefix(1);
  }
  if (l.empty() != r.empty()) return l.empty();
  return left < right;
}

FolderListing list_folder(const fs::path& folder) {
  const std::unique_ptr<DIR, int (*)(DIR*)> directory(::opendir(folder.c_str()), ::closedir);
  if (!directory) {
    throw DataError(folder.string() + ": expected a folder to list, got: " + std::strerror(errno));
  }
  FolderListing listing;
  while (true) {
    errno = 0;
    const dirent* const entry = ::readdir(directory.get());
    if (entry == nullptr) break;
    if (entry->d_name[0] == '.') continue;
    const EntryType type = type_of(folder, *entry);
    if (type == EntryType::kFolder) listing.folders.emplace_back(entry->d_name);
    if (type == EntryType::kFile) listing.files.emplace_back(entry->d_name);
  }
  if (errno != 0) {
    throw DataError(folder.string() + ": expected a folder to list, got: " + std::strerror(errno));
  }
  std::sort(listing.folders.begin(), listing.folders.end(), natural_less);
  std::sort(listing.files.begin(), listing.files.end(), natural_less);
  return listing;
}

void require_root(const fs::path& root, const std::string& what) {
  if (root.empty()) throw DataError(what + ": no root folder is given");
  if (folder_exists(root)) return;
  throw DataError(root.string() + ": expected the root folder of " + what + ", found " +
                  (path_exists(root) ? "something that is not a folder" : "nothing there"));
}

std::optional<Split> split_of_name(std::string_view name) {
  for (const SplitName& known : kSplitNames) {
    if (same_in_any_case(name, known.name)) return known.split;
  }
  return std::nullopt;
}

std::vector<std::string> folders_of_classes(const fs::path& where,
                                            const std::vector<std::string>& folders,
                                            const std::vector<std::string>& classes) {
  std::vector<std::string> assigned(classes.size());
  for (const std::string& folder : folders) {
    const std::optional<std::size_t> index = find_class(classes, folder);
    if (!index) {
      throw DataError(where.string() + ": expected folders of the classes " + class_list(classes) +
                      ", found " + in_quotes(folder) + did_you_mean(folder, classes));
    }
    if (!assigned[*index].empty()) {
      throw DataError(where.string() + ": expected one folder of class " +
                      in_quotes(classes[*index]) + ", found " + in_quotes(assigned[*index]) +
                      " and " + in_quotes(folder));
    }
    assigned[*index] = folder;
  }
  return assigned;
}

void require_all_folders(const fs::path& where, const std::vector<std::string>& folders,
                         const std::vector<std::string>& classes,
                         const std::vector<std::string>& assigned) {
  for (std::size_t k = 0; k < classes.size(); ++k) {
    if (!assigned[k].empty()) continue;
    throw DataError(where.string() + ": expected a folder of class " + in_quotes(classes[k]) +
                    ", found " + (folders.empty() ? "no folder" : class_list(folders)));
  }
}

Manifest read_class_folders(const ClassFoldersOptions& options, Split split) {
  require_root(options.root, "a set of class folders");
  std::vector<SplitFolder> splits = find_splits(options.root, split);
  for (SplitFolder& found : splits) {
    found.class_folders = list_folder(options.root / found.name).folders;
  }
  const SplitFolder& wanted = *std::find_if(
      splits.begin(), splits.end(), [&](const SplitFolder& found) { return found.split == split; });
  const fs::path folder = options.root / wanted.name;

  Manifest manifest;
  manifest.name = options.root.string() + " " + to_string(split);
  manifest.root = options.root;
  const bool are_given = !options.classes.empty();
  manifest.class_names = are_given ? options.classes : names_of_all(splits);
  require_distinct_classes(are_given ? "classes" : options.root.string() + ": class folders",
                           manifest.class_names);
  const std::vector<std::string> assigned =
      folders_of_classes(folder, wanted.class_folders, manifest.class_names);
  if (are_given) {
    require_all_folders(folder, wanted.class_folders, manifest.class_names, assigned);
  }
  for (std::size_t k = 0; k < assigned.size(); ++k) {
    if (assigned[k].empty()) continue;
    append_images(options.root, fs::path(wanted.name) / assigned[k], static_cast<std::int32_t>(k),
                  manifest);
  }
  if (manifest.rows.empty()) {
    throw DataError(folder.string() + ": expected images in a folder per class, found " +
                    (wanted.class_folders.empty() ? "no folder"
                                                  : "none in " + class_list(wanted.class_folders)));
  }
  return manifest;
}

}  // namespace selfcure
