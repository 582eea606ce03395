#include <algorithm>
#include <limits>
#include <numeric>

#include "item.h"
#include "selfcure/core/edit_distance.h"

namespace selfcure {
namespace {

constexpr std::size_t kFar = std::numeric_limits<std::size_t>::max();
constexpr std::size_t kLongestName = 64;

/// Distance of two names, kFar unless they are alike: about a third may differ.
std::size_t likeness(const std::string& wrong, const std::string& name) {
  if (wrong.size() > kLongestName || name.empty()) return kFar;
  const std::size_t distance = edit_distance(wrong, name);
  if (distance <= (std::max(wrong.size(), name.size()) + 1) / 3) return distance;
  // "batch" for "batch_size".
  const bool part = wrong.size() >= 4 && name.find(wrong) != std::string::npos;
  const bool whole = name.size() >= 4 && wrong.find(name) != std::string::npos;
  return part || whole ? std::max(wrong.size(), name.size()) / 2 : kFar;
}

std::string question(const std::vector<std::string>& names) {
  constexpr std::size_t kMostNames = 3;
  if (names.empty() || names.size() > kMostNames) return "";
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) text += i + 1 == names.size() ? " or " : ", ";
    text += "'" + names[i] + "'";
  }
  return text + "?";
}

std::string last_part(const std::string& path) { return path.substr(path.rfind('.') + 1); }

std::string section_of(const std::string& path) {
  const std::size_t dot = path.rfind('.');
  return dot == std::string::npos ? "" : path.substr(0, dot);
}

/// "data.train[0].root" -> "data.train[].root"
std::string without_indices(const std::string& path) {
  std::string text;
  bool inside = false;
  for (const char c : path) {
    if (c == ']') inside = false;
    if (!inside) text += c;
    if (c == '[') inside = true;
  }
  return text;
}

}  // namespace

std::string suggest_name(const std::string& wrong, const std::vector<std::string>& names) {
  std::size_t best = kFar;
  std::vector<std::string> nearest;
  for (const std::string& name : names) {
    const std::size_t distance = likeness(wrong, name);
    if (distance > best || distance == kFar) continue;
    if (distance < best) nearest.clear();
    best = distance;
    nearest.push_back(name);
  }
  return question(nearest);
}

std::string suggest_key(const std::string& wrong_path, const std::vector<std::string>& paths) {
  const std::string wrong = without_indices(wrong_path);
  std::size_t best = kFar;
  std::vector<std::string> nearest;
  for (const std::string& path : paths) {
    // A key that was put into the wrong section is a likely mistake, a misspelt one in the right
    // section a likelier one; whole paths find a misspelt section.
    std::size_t score = kFar;
    const std::size_t last = likeness(last_part(wrong), last_part(path));
    const bool same_section = section_of(wrong) == section_of(path);
    if (last != kFar) score = 2 * last + (same_section ? 0 : 1);
    if (!same_section && wrong.find('.') != std::string::npos) {
      const std::size_t whole = likeness(wrong, path);
      if (whole != kFar && last_part(wrong) == last_part(path)) score = std::min(score, 2 * whole);
    }
    if (score > best || score == kFar) continue;
    if (score < best) nearest.clear();
    best = score;
    nearest.push_back(same_section && !section_of(path).empty()
                          ? section_of(wrong_path) + "." + last_part(path)
                          : path);
  }
  return question(nearest);
}

}  // namespace selfcure
