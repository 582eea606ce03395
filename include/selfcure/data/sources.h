#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/class_map.h"
#include "selfcure/data/ferplus.h"
#include "selfcure/data/image_list.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// The data sets that have a reader.
enum class Dataset {
  kRafDb,
  kRafDbCompound,
  kRafDbRepack,
  kFerPlus,
  kAffectNet2017,
  kAffectNet2021,
  kWebEmotion,
  kFolders,
  kList,
};

/// One part of one data set on disk. What a data set has no use for is ignored.
struct SourceOptions {
  Dataset dataset = Dataset::kRafDb;
  /// Folder of the data set as it was downloaded. No default: it has to be given.
  std::filesystem::path root;
  /// Splits to take, joined in this order, for example {kTrain, kValid} as the SCN authors train
  /// on FERPlus. Empty means the split that the place asks for (train, valid or test).
  std::vector<Split> splits;
  /// Turns the data set's own classes into others: pairs of names, "" leaves a class out.
  std::vector<std::pair<std::string, std::string>> class_map;

  /// Where the pixels of FERPlus lie.
  FerPlusPixels pixels = FerPlusPixels::kAuto;
  /// What FERPlus's votes become in training, of whichever splits; what is evaluated has the
  /// majority.
  FerPlusLabels labels = FerPlusLabels::kMajority;
  /// Whether AffectNet's contempt is an eighth class or left out.
  bool contempt = true;
  /// Names of WebEmotion's or a list's classes, or of the folders to take, in the wanted order.
  std::vector<std::string> class_names;
  /// Of WebEmotion; see WebEmotionOptions.
  std::filesystem::path clip_table;
  int frames_per_video = 8;
  double valid_share = 0.0;
  double test_share = 0.1;
  std::uint64_t split_seed = 0;
  /// Of a list; see ImageListOptions.
  std::filesystem::path train_list;
  std::filesystem::path valid_list;
  std::filesystem::path test_list;
  std::filesystem::path table;
  ListJoin paths = ListJoin::kPath;
  int first_label = 0;
};

/// How sources are read together.
struct ReadSourcesOptions {
  /// See DataOptions.
  std::vector<std::string> classes;
  UnmappedClasses other_classes = UnmappedClasses::kStop;
  /// Null: stop at a bad line of a list. Else they are left out and counted.
  BadLines* bad_lines = nullptr;
};

/// Reads one source with its own class map.
/// @param place  what the rows are for; also the split of a source that names none
/// @throws DataError as the reader of its data set does
Manifest read_source(const SourceOptions& source, Split place);

/// Reads sources, brings them to the same classes by name and joins them.
/// @throws DataError also when classes lead nowhere, as map_classes() and join_by_name() say
Manifest read_sources(const std::vector<SourceOptions>& sources, Split place,
                      const ReadSourcesOptions& options = {});

}  // namespace selfcure
