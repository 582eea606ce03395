#include "list_labels.h"

#include <algorithm>
#include <cassert>
#include <cstddef>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/class_map.h"

namespace selfcure {

std::int32_t ListLabels::add(std::string_view text, const TextFile& file, const TextLine& line) {
  if (text.empty()) file.fail(line, "expected a label, got an empty field");
  const auto [found, is_new] =
      number_of_.emplace(std::string(text), static_cast<std::int32_t>(texts_.size()));
  if (is_new) texts_.push_back({std::string(text), file.where(line), parse_integer(text)});
  return found->second;
}

bool ListLabels::has_too_many() const { return texts_.size() > kMaxListClasses; }

std::vector<std::string> ListLabels::resolve() {
  if (has_too_many()) {
    const Text& text = texts_[kMaxListClasses];
    throw DataError(text.where + ": expected at most " + std::to_string(kMaxListClasses) +
                    " different labels, got " + in_quotes(text.text) + " as the next one");
  }
  std::vector<std::string> classes = class_names();
  for (Text& text : texts_) {
    classify(text, classes);
    if (options_.bad_lines == nullptr && !text.problem.empty()) {
      throw DataError(text.where + ": " + text.problem);
    }
  }
  return classes;
}

const std::string& ListLabels::problem_of(std::int32_t number) const {
  static const std::string none;
  return number == kNoText ? none : texts_[static_cast<std::size_t>(number)].problem;
}

std::int32_t ListLabels::class_of(std::int32_t number) const {
  assert(problem_of(number).empty());
  return number == kNoText ? kUnknownLabel : texts_[static_cast<std::size_t>(number)].label;
}

std::vector<std::string> ListLabels::class_names() const {
  if (!options_.classes.empty()) {
    require_distinct_classes("classes", options_.classes);
    return options_.classes;
  }
  if (texts_.empty()) return {};
  return texts_.front().integer ? numbered_classes() : named_classes();
}

std::vector<std::string> ListLabels::numbered_classes() const {
  const std::int64_t first = options_.first_label;
  const std::int64_t end = first + static_cast<std::int64_t>(kMaxListClasses);
  std::int64_t greatest = first;
  for (const Text& text : texts_) {
    if (!text.integer) {
      throw DataError(text.where + ": expected an integer label as in " + texts_.front().where +
                      ", got " + in_quotes(text.text));
    }
    if (*text.integer < end) greatest = std::max(greatest, *text.integer);
  }
  std::vector<std::string> names;
  for (std::int64_t k = first; k <= greatest; ++k) names.push_back("class " + std::to_string(k));
  return names;
}

std::vector<std::string> ListLabels::named_classes() const {
  std::vector<std::string> names;
  for (const Text& text : texts_) {
    if (text.integer) {
      throw DataError(text.where + ": expected the name of a class as in " + texts_.front().where +
                      ", got " + in_quotes(text.text));
    }
    names.push_back(text.text);
  }
  std::sort(names.begin(), names.end(), natural_less);
  require_distinct_classes(texts_.front().where + ": labels of the list", names);
  return names;
}

void ListLabels::classify(Text& text, const std::vector<std::string>& classes) const {
  // Names that were made up here are none that a list can use.
  const bool has_names = !options_.classes.empty() || !text.integer;
  const std::optional<std::size_t> named =
      has_names ? find_class(classes, text.text) : std::nullopt;
  if (named) {
    text.label = static_cast<std::int32_t>(*named);
    return;
  }
  if (!text.integer) {
    text.problem = "label " + in_quotes(text.text) + " is none of the classes " +
                   class_list(classes) + did_you_mean(text.text, classes);
    return;
  }
  const std::size_t allowed = options_.classes.empty() ? kMaxListClasses : classes.size();
  const std::int64_t first = options_.first_label;
  const std::int64_t last = first + static_cast<std::int64_t>(allowed) - 1;
  if (*text.integer >= first && *text.integer <= last) {
    text.label = static_cast<std::int32_t>(*text.integer - first);
    return;
  }
  text.problem = "label " + in_quotes(text.text) + " is not in " + std::to_string(first) + ".." +
                 std::to_string(last);
}

}  // namespace selfcure
