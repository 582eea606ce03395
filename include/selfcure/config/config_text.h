#pragma once

#include <string>
#include <utility>
#include <vector>

namespace selfcure {

/// Keys of a config text and what they say, without asking whether this version knows them.
///
/// Nested keys are joined with dots, elements of lists of sections as `data.train[0].root`; a list
/// of plain values is one value, "[0.5, 0.25]"; nothing is "null". What is no YAML ends the list.
///
/// @param text  for example config.resolved.yaml of a run of an older version
std::vector<std::pair<std::string, std::string>> flatten_config_text(const std::string& text);

}  // namespace selfcure
