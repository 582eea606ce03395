#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/data/ferplus.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// The data sets that have a reader.
enum class Dataset { kRafDb, kFerPlus };

/// One part of one data set on disk.
struct SourceOptions {
  Dataset dataset = Dataset::kRafDb;
  /// Folder of the data set as it was downloaded. No default: it has to be given.
  std::filesystem::path root;
  /// Splits to take, joined in this order, for example {kTrain, kValid} as the SCN authors train
  /// on FERPlus. Empty means the split that the place asks for (train, valid or test).
  std::vector<Split> splits;
  /// Where the pixels of FERPlus lie; the other data sets ignore it.
  FerPlusPixels pixels = FerPlusPixels::kAuto;
};

/// Reads one source. @throws DataError as the reader of its data set does
Manifest read_source(const SourceOptions& source, Split default_split);

/// Reads and joins sources. @throws DataError also when they name different classes
Manifest read_sources(const std::vector<SourceOptions>& sources, Split default_split);

}  // namespace selfcure
