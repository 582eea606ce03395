#include "selfcure/data/dataset_layout.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

bool any_exists(const fs::path& root, const std::vector<fs::path>& paths) {
  return std::any_of(paths.begin(), paths.end(),
                     [&](const fs::path& path) { return path_exists(root / path); });
}

bool has_list(const fs::path& folder) {
  return any_exists(folder,
                    {"EmoLabel/list_patition_label.txt", "EmoLabel/list_partition_label.txt"});
}

/// A class folder holds clips: videos, or folders of frames.
bool holds_clips(const fs::path& folder) {
  const FolderListing listing = list_folder(folder);
  if (std::any_of(listing.files.begin(), listing.files.end(), is_video_file)) return true;
  if (listing.folders.empty()) return false;
  const FolderListing clip = list_folder(folder / listing.folders.front());
  return std::any_of(clip.files.begin(), clip.files.end(), is_image_file);
}

}  // namespace

std::optional<Dataset> recognise_dataset(const fs::path& root) {
  if (!folder_exists(root)) {
    throw DataError(root.string() + ": expected the folder of a data set, found " +
                    (path_exists(root) ? "something that is not a folder" : "nothing there"));
  }
  if (has_list(root / "basic") || has_list(root)) return Dataset::kRafDb;
  if (has_list(root / "compound")) return Dataset::kRafDbCompound;
  if (any_exists(root, {"fer2013new.csv", "FER2013Train", "FER2013Test"})) {
    return Dataset::kFerPlus;
  }
  if (any_exists(root, {"Manually_Annotated_file_lists", "training.csv", "validation.csv",
                        "Manually_Annotated/Manually_Annotated_file_lists"})) {
    return Dataset::kAffectNet2017;
  }
  if (any_exists(root, {"train_set/annotations", "val_set/annotations"})) {
    return Dataset::kAffectNet2021;
  }
  if (any_exists(root, {"DATASET/train/1", "train_labels.csv"})) return Dataset::kRafDbRepack;
  const FolderListing listing = list_folder(root);
  const bool has_splits =
      std::any_of(listing.folders.begin(), listing.folders.end(),
                  [](const std::string& name) { return split_of_name(name).has_value(); });
  if (has_splits) return Dataset::kFolders;
  const bool has_clips =
      std::any_of(listing.folders.begin(), listing.folders.end(),
                  [&](const std::string& name) { return holds_clips(root / name); });
  if (has_clips) return Dataset::kWebEmotion;
  return std::nullopt;
}

const char* to_string(Dataset dataset) {
  constexpr std::array<const char*, 9> kNames = {"raf_db",     "raf_db_compound", "raf_db_repack",
                                                 "ferplus",    "affectnet_2017",  "affectnet_2021",
                                                 "webemotion", "folders",         "list"};
  return kNames.at(static_cast<std::size_t>(dataset));
}

std::vector<Split> splits_of(Dataset dataset, const fs::path& root) {
  switch (dataset) {
    case Dataset::kRafDb:
    case Dataset::kRafDbCompound:
    case Dataset::kRafDbRepack:
    case Dataset::kAffectNet2017:
    case Dataset::kAffectNet2021:
    case Dataset::kWebEmotion:  // its splits are made, by default without a validation set
      return {Split::kTrain, Split::kTest};
    case Dataset::kFerPlus:
    case Dataset::kList:
      return {Split::kTrain, Split::kValid, Split::kTest};
    case Dataset::kFolders:
      break;
  }
  std::vector<Split> splits;
  for (const std::string& name : list_folder(root).folders) {
    const std::optional<Split> split = split_of_name(name);
    if (split && std::count(splits.begin(), splits.end(), *split) == 0) splits.push_back(*split);
  }
  std::sort(splits.begin(), splits.end());
  return splits;
}

}  // namespace selfcure
