#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "unpickler.h"

namespace selfcure {

/// Puts the tensors and values of a pickle into an index, sections as their dictionaries.
///
/// @param place  gives the index's storage for one of the pickle's
void walk_pickle(const InputFile& file, const Pickle& pickle,
                 const std::function<std::size_t(const PickleStorage&)>& place, WeightIndex& index);

}  // namespace selfcure
