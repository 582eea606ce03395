#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "selfcure/core/errors.h"

namespace selfcure {

/// Parses JSON that is nested at most 64 deep; nothing that selfcure writes comes near. Deeper
/// values would overflow the stack of what walks through them.
///
/// @param place  file, or file and line, for the message
/// @throws nlohmann::json::exception if it is no JSON; RunError if it is nested deeper
inline nlohmann::ordered_json parse_shallow_json(std::string_view text, const std::string& place) {
  constexpr int kDeepest = 64;
  const auto check = [&](int depth, nlohmann::ordered_json::parse_event_t,
                         const nlohmann::ordered_json&) {
    if (depth > kDeepest)
      throw RunError(place + ": expected JSON nested at most " + std::to_string(kDeepest) +
                     " deep, got more");
    return true;
  };
  return nlohmann::ordered_json::parse(text.begin(), text.end(), check);
}

}  // namespace selfcure
