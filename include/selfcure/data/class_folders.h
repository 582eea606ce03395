#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// Whether the name ends, in any case, in .jpg, .jpeg, .png, .bmp, .webp, .tif or .tiff.
bool is_image_file(std::string_view name);

/// Whether the name ends, in any case, in .mp4, .avi, .mkv or .webm.
bool is_video_file(std::string_view name);

/// Order in which people count: "clip2" before "clip10". Digits compare by their number, all else
/// by its bytes; names that differ only in leading zeros compare as texts. A total order.
bool natural_less(std::string_view left, std::string_view right);

/// What lies in one folder, each list in natural order.
struct FolderListing {
  std::vector<std::string> folders;
  /// Plain files, and links with the ending of an image or a video, which are not followed.
  std::vector<std::string> files;
};

/// Lists a folder in one pass without asking for the state of each file.
///
/// Names that start with a dot are left out: they are litter such as macOS's "._face.jpg". A link
/// to a folder is a folder; links that lead nowhere and special files are left out.
/// @throws DataError that names the folder if it cannot be listed
FolderListing list_folder(const std::filesystem::path& folder);

/// @param what  name of the data set for the message
/// @throws DataError if no root is given or it is not a folder
void require_root(const std::filesystem::path& root, const std::string& what);

/// The split that people mean by train, training, valid, val, validation, test or testing, in any
/// case.
std::optional<Split> split_of_name(std::string_view name);

/// Assigns folders to classes by name (see `find_class`).
///
/// @param where    the folder that holds them, for messages
/// @param folders  those that are there
/// @return folder of each class; empty where a class has none
/// @throws DataError if a folder is of no class (with the nearest class) or two are of one class
std::vector<std::string> folders_of_classes(const std::filesystem::path& where,
                                            const std::vector<std::string>& folders,
                                            const std::vector<std::string>& classes);

/// The first class without a folder is an error that names the folders that are there.
/// @param assigned  what `folders_of_classes` returned
void require_all_folders(const std::filesystem::path& where,
                         const std::vector<std::string>& folders,
                         const std::vector<std::string>& classes,
                         const std::vector<std::string>& assigned);

/// Where a data set with a folder per class lies on disk.
struct ClassFoldersOptions {
  /// Folder that holds a folder per split. No default; relative paths start at the working
  /// directory.
  std::filesystem::path root;
  /// Class names in the wanted order. Default empty: the names of the folders in natural order.
  /// If given, each split must have a folder for each of them and no other.
  std::vector<std::string> classes;
};

/// Reads `<root>/<split>/<class>/*`, any data set that is sorted into folders.
///
/// The folder of a split has one of the names of `split_of_name`. Without `classes`, the classes
/// are the folders of all splits that are there, so that a class that one split lacks has the same
/// number in all. Folders that are named 1, 2, ... are classes of these names: nothing is guessed
/// about what they mean. Images are the files with the ending of an image; others, and whatever
/// lies deeper, are left alone. A class may be empty, the split may not.
///
/// @return rows by class and then by name in natural order, clean labels unknown
/// @throws DataError if the root or the split's folder is missing or there twice, a class folder is
///         missing or extra, two differ only in the spelling of one class, a class folder has
///         folders and no image, or the split has no image
Manifest read_class_folders(const ClassFoldersOptions& options, Split split);

}  // namespace selfcure
