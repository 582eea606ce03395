#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "selfcure/data/sources.h"

namespace selfcure {

/// Recognises a data set by what lies in its folder.
///
/// Lists and annotation folders decide before folders of classes; a folder that has the splits of
/// none of the known sets but `train` or `test` is kFolders, one whose folders hold clips is
/// kWebEmotion. Plain lists cannot be recognised: their names are the user's.
/// @return nothing if it looks like none of them
/// @throws DataError if it is not a folder
std::optional<Dataset> recognise_dataset(const std::filesystem::path& root);

/// Name in configs: "raf_db", "ferplus", ...
const char* to_string(Dataset dataset);

/// The splits that a copy of a data set has: those that its reader knows, of folders those that are
/// there.
std::vector<Split> splits_of(Dataset dataset, const std::filesystem::path& root);

}  // namespace selfcure
