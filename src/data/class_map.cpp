#include "selfcure/data/class_map.h"

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <limits>
#include <numeric>
#include <unordered_map>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

constexpr std::int32_t kNowhere = -1;
constexpr std::size_t kLongestComparedName = 64;
constexpr std::size_t kMostSuggestions = 3;
constexpr std::size_t kMostListedClasses = 20;

// The first of each pair is the usual name of an expression.
constexpr std::array<std::pair<std::string_view, std::string_view>, 8> kExpressions = {{
    {"neutral", "neutrality"},
    {"happiness", "happy"},
    {"sadness", "sad"},
    {"surprise", "surprised"},
    {"fear", "fearful"},
    {"disgust", "disgusted"},
    {"anger", "angry"},
    {"contempt", "contemptuous"},
}};

std::string lower_case(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return lower;
}

std::string_view without_end_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

std::size_t edit_distance(std::string_view left, std::string_view right) {
  std::vector<std::size_t> row(right.size() + 1);
  for (std::size_t j = 0; j <= right.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= left.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= right.size(); ++j) {
      const std::size_t change = diagonal + (left[i - 1] == right[j - 1] ? 0U : 1U);
      diagonal = row[j];
      row[j] = std::min({change, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

bool is_usual_expression(const std::string& name) {
  const std::string canonical = canonical_class_name(name);
  return std::any_of(kExpressions.begin(), kExpressions.end(),
                     [&](const auto& expression) { return expression.first == canonical; });
}

/// Where the rows of each class go.
struct Targets {
  std::vector<std::string> classes;
  /// Index into `classes` or kNowhere, per class of the data set.
  std::vector<std::int32_t> of_class;
  /// Classes that are left out whatever UnmappedClasses says.
  std::vector<bool> dropped;
};

std::int32_t index_or_nowhere(const std::vector<std::string>& classes, std::string_view name) {
  const std::optional<std::size_t> index = find_class(classes, name);
  return index ? static_cast<std::int32_t>(*index) : kNowhere;
}

/// The name that each class of the data set is to have; empty for one to be left out.
std::vector<std::string> wanted_names(const Manifest& manifest, const ClassMap& map) {
  std::vector<std::string> wanted = manifest.class_names;
  std::vector<bool> is_mapped(wanted.size(), false);
  for (const auto& [from, to] : map.names) {
    const std::optional<std::size_t> source = find_class(manifest.class_names, from);
    if (!source) {
      throw DataError(manifest.name + ": expected the class map to start from classes of " +
                      class_list(manifest.class_names) + ", got " + in_quotes(from) +
                      did_you_mean(from, manifest.class_names));
    }
    if (is_mapped[*source]) {
      throw DataError(manifest.name + ": expected the class map to name " +
                      in_quotes(manifest.class_names[*source]) + " once, got it twice");
    }
    is_mapped[*source] = true;
    wanted[*source] = to;
  }
  return wanted;
}

std::vector<std::string> distinct_names(const std::vector<std::string>& names) {
  std::vector<std::string> distinct;
  for (const std::string& name : names) {
    if (!name.empty() && !find_class(distinct, name)) distinct.push_back(name);
  }
  return distinct;
}

void require_known_targets(const Manifest& manifest, const ClassMap& map) {
  for (const auto& [from, to] : map.names) {
    if (to.empty() || map.classes.empty() || find_class(map.classes, to)) continue;
    throw DataError(manifest.name + ": expected the class map to lead " + in_quotes(from) +
                    " to one of " + class_list(map.classes) + ", got " + in_quotes(to) +
                    did_you_mean(to, map.classes));
  }
}

Targets targets_of(const Manifest& manifest, const ClassMap& map) {
  require_known_targets(manifest, map);
  const std::vector<std::string> wanted = wanted_names(manifest, map);
  Targets targets;
  targets.classes = map.classes.empty() ? distinct_names(wanted) : map.classes;
  require_distinct_classes(manifest.name + ": wanted classes", targets.classes);
  std::vector<bool> is_reached(targets.classes.size(), false);
  for (const std::string& name : wanted) {
    const std::int32_t target = name.empty() ? kNowhere : index_or_nowhere(targets.classes, name);
    targets.of_class.push_back(target);
    targets.dropped.push_back(name.empty());
    if (target != kNowhere) is_reached[static_cast<std::size_t>(target)] = true;
  }
  for (std::size_t k = 0; k < targets.classes.size(); ++k) {
    if (is_reached[k] || is_usual_expression(targets.classes[k])) continue;
    throw DataError(manifest.name + ": expected wanted classes among " +
                    class_list(manifest.class_names) + ", got " + in_quotes(targets.classes[k]) +
                    did_you_mean(targets.classes[k], manifest.class_names));
  }
  return targets;
}

/// Adds up each row's values per target and divides by their sum; of multiple targets, each that is
/// right gets the same share.
/// @param keep  [size()]; entries of rows with nothing left become false
std::vector<float> mapped_distributions(const Manifest& manifest, const Targets& targets,
                                        std::vector<bool>& keep) {
  const std::size_t before = manifest.class_names.size();
  const std::size_t after = targets.classes.size();
  assert(manifest.distributions.size() == manifest.rows.size() * before);
  std::vector<float> values(manifest.rows.size() * after, 0.0F);
  for (std::size_t row = 0; row < manifest.rows.size(); ++row) {
    const float* const from = manifest.distributions.data() + row * before;
    float* const to = values.data() + row * after;
    double sum = 0;
    for (std::size_t k = 0; k < before; ++k) {
      if (targets.of_class[k] == kNowhere) continue;
      to[targets.of_class[k]] += from[k];
      sum += static_cast<double>(from[k]);
    }
    if (!(sum > 0)) {
      keep[row] = false;
      continue;
    }
    if (manifest.label_use == LabelUse::kMultiTarget) {
      std::transform(to, to + after, to, [](float value) { return value > 0 ? 1.0F : 0.0F; });
      sum = std::accumulate(to, to + after, 0.0);
    }
    for (std::size_t k = 0; k < after; ++k) {
      to[k] = static_cast<float>(static_cast<double>(to[k]) / sum);
    }
  }
  return values;
}

/// Complains of rows that lead nowhere although nobody said that they may.
class StrayRows {
 public:
  StrayRows(const Manifest& manifest, const Targets& targets)
      : manifest_(manifest), targets_(targets), count_(manifest.class_names.size(), 0) {}

  void add(std::int32_t label) { ++count_[static_cast<std::size_t>(label)]; }

  void require_none() const {
    for (std::size_t k = 0; k < count_.size(); ++k) {
      if (count_[k] == 0 || targets_.dropped[k]) continue;
      const std::string& name = manifest_.class_names[k];
      throw DataError(manifest_.name + ": expected classes that lead to one of " +
                      class_list(targets_.classes) + ", got " + std::to_string(count_[k]) +
                      (count_[k] == 1 ? " row of " : " rows of ") + in_quotes(name) +
                      did_you_mean(name, targets_.classes));
    }
  }

 private:
  const Manifest& manifest_;
  const Targets& targets_;
  std::vector<std::int64_t> count_;
};

/// @return the class that a label leads to; kUnknownLabel stays and is no stray
std::int32_t mapped_label(const Manifest& manifest, const Targets& targets, const ManifestRow& row,
                          std::int32_t label) {
  if (label == kUnknownLabel) return kUnknownLabel;
  if (label < 0 || label >= manifest.class_count()) {
    throw DataError(manifest.name + ": label " + std::to_string(label) + " of '" + row.image +
                    "' is not in 0.." + std::to_string(manifest.class_count() - 1));
  }
  return targets.of_class[static_cast<std::size_t>(label)];
}

Manifest apply(Manifest manifest, const Targets& targets, UnmappedClasses unmapped) {
  std::vector<bool> keep(manifest.rows.size(), true);
  std::vector<std::pair<std::int32_t, std::int32_t>> labels;
  labels.reserve(manifest.rows.size());
  StrayRows strays(manifest, targets);
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const ManifestRow& row = manifest.rows[i];
    const std::int32_t given = mapped_label(manifest, targets, row, row.given);
    const std::int32_t clean = mapped_label(manifest, targets, row, row.clean);
    labels.emplace_back(given, clean);
    const bool given_strays = row.given != kUnknownLabel && given == kNowhere;
    const bool clean_strays = row.clean != kUnknownLabel && clean == kNowhere;
    if (!given_strays && !clean_strays) continue;
    keep[i] = false;
    strays.add(given_strays ? row.given : row.clean);
  }
  std::vector<float> distributions;
  if (!manifest.distributions.empty()) {
    const std::vector<bool> labels_lead_somewhere = keep;
    distributions = mapped_distributions(manifest, targets, keep);
    for (std::size_t i = 0; i < keep.size(); ++i) {
      if (!labels_lead_somewhere[i] || keep[i]) continue;
      const float* const from = manifest.distributions.data() + i * manifest.class_names.size();
      strays.add(static_cast<std::int32_t>(
          std::max_element(from, from + manifest.class_names.size()) - from));
    }
  }
  if (unmapped == UnmappedClasses::kStop) strays.require_none();

  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    manifest.rows[i].given = labels[i].first;
    manifest.rows[i].clean = labels[i].second;
  }
  manifest.class_names = targets.classes;
  manifest.distributions = std::move(distributions);
  manifest.keep_rows(keep);
  if (manifest.rows.empty()) {
    throw DataError(manifest.name + ": expected rows of the classes " +
                    class_list(manifest.class_names) + ", got none");
  }
  return manifest;
}

}  // namespace

std::string canonical_class_name(std::string_view name) {
  std::string lower = lower_case(without_end_blanks(name));
  for (const auto& [usual, other] : kExpressions) {
    if (lower == other) return std::string(usual);
  }
  return lower;
}

std::optional<std::size_t> find_class(const std::vector<std::string>& classes,
                                      std::string_view name) {
  const auto same = std::find(classes.begin(), classes.end(), name);
  if (same != classes.end()) return static_cast<std::size_t>(same - classes.begin());
  const std::string canonical = canonical_class_name(name);
  const auto alike = std::find_if(classes.begin(), classes.end(), [&](const std::string& other) {
    return canonical_class_name(other) == canonical;
  });
  if (alike == classes.end()) return std::nullopt;
  return static_cast<std::size_t>(alike - classes.begin());
}

std::string did_you_mean(std::string_view wrong, const std::vector<std::string>& names) {
  if (wrong.size() > kLongestComparedName) return "";
  const std::string sought = lower_case(wrong);
  std::size_t best = std::numeric_limits<std::size_t>::max();
  std::vector<std::string> nearest;
  for (const std::string& name : names) {
    if (name.empty() || name.size() > kLongestComparedName) continue;
    const std::size_t distance = edit_distance(sought, lower_case(name));
    if (distance > best || distance > (std::max(sought.size(), name.size()) + 1) / 3) continue;
    if (distance < best) nearest.clear();
    best = distance;
    nearest.push_back(name);
  }
  if (nearest.empty() || nearest.size() > kMostSuggestions) return "";
  std::string text = "; did you mean ";
  for (std::size_t i = 0; i < nearest.size(); ++i) {
    if (i > 0) text += i + 1 == nearest.size() ? " or " : ", ";
    text += in_quotes(nearest[i]);
  }
  return text + "?";
}

std::string class_list(const std::vector<std::string>& names) {
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kMostListedClasses); ++i) {
    // in_quotes makes hostile names printable; the quotes themselves would only be in the way.
    const std::string quoted = in_quotes(names[i]);
    text += (i == 0 ? "" : ", ") + quoted.substr(1, quoted.size() - 2);
  }
  return "[" + text + (names.size() > kMostListedClasses ? ", ...]" : "]");
}

void require_distinct_classes(const std::string& where, const std::vector<std::string>& classes) {
  std::unordered_map<std::string, std::string> name_of;
  for (const std::string& name : classes) {
    const std::string canonical = canonical_class_name(name);
    if (canonical.empty()) {
      throw DataError(where + ": expected names, got an empty one in " + class_list(classes));
    }
    const auto [other, is_new] = name_of.emplace(canonical, name);
    if (is_new) continue;
    throw DataError(where + ": expected one name for each class, got " + in_quotes(other->second) +
                    " and " + in_quotes(name));
  }
}

Manifest map_classes(Manifest manifest, const ClassMap& map) {
  const Targets targets = targets_of(manifest, map);
  return apply(std::move(manifest), targets, map.unmapped);
}

Manifest join_by_name(std::vector<Manifest> parts, UnmappedClasses unmapped) {
  for (std::size_t i = 1; i < parts.size(); ++i) {
    Manifest& part = parts[i];
    if (part.class_names == parts.front().class_names) continue;
    Targets targets;
    targets.classes = parts.front().class_names;
    targets.dropped.assign(part.class_names.size(), false);
    for (const std::string& name : part.class_names) {
      targets.of_class.push_back(index_or_nowhere(targets.classes, name));
    }
    part = apply(std::move(part), targets, unmapped);
  }
  return join(std::move(parts));
}

}  // namespace selfcure
