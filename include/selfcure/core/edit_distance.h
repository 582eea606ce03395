#pragma once

#include <cstddef>
#include <string>

namespace selfcure {

/// Levenshtein distance in which swapping two neighbours is one step too.
std::size_t edit_distance(const std::string& left, const std::string& right);

}  // namespace selfcure
