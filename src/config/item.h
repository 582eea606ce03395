#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "tree.h"

namespace selfcure {

/// Why a value was refused, and the node at fault.
struct ConfigComplaint {
  std::string message;
  const ConfigNode* node;
};

struct ConfigChoice {
  std::string name;
  std::string doc;
};

struct ConfigItem;
using ConfigItems = std::vector<ConfigItem>;
/// Reports a mistake in the section at hand. `keys` contradict each other: the message is about the
/// first and cites the one that was given last; none stands for a key that is missing.
using ConfigFail =
    std::function<void(const std::vector<std::string>& keys, const std::string& message)>;

/// One key of the config, bound to the option that it sets: a value, a section, or a list of
/// sections. The reader, the writer, the explainer and the differ all work on these.
struct ConfigItem {
  /// Last part of the path.
  std::string key;
  std::string doc;

  /// Values: what is accepted, such as "an integer in [1, 100000]".
  std::string expected;
  std::vector<ConfigChoice> choices;
  /// Values: takes a node over or says what is wrong with it.
  std::function<std::optional<ConfigComplaint>(const ConfigNode&)> read;
  /// Values: the value in force as YAML on one line.
  std::function<std::string()> write;
  /// What explain says in place of the written default.
  std::string default_note;

  /// Sections: the keys below, made anew on each call since they depend on the selectors.
  std::function<ConfigItems()> items;
  /// Sections: called after the keys were read, whatever they were; reports missing keys.
  std::function<void(const ConfigFail&)> finish;
  /// Sections: mistakes across several keys; called last, unless there are mistakes already.
  std::function<void(const ConfigFail&)> check;

  /// Lists of sections: `items` of one element, the length, and how to change it.
  std::function<ConfigItems(std::size_t)> element;
  std::function<std::size_t()> size;
  std::function<void(std::size_t)> resize;
  /// Called after an element was read, whatever it was; reports missing keys.
  std::function<void(std::size_t, const ConfigFail&)> finish_element;
  std::size_t min_size = 0;

  /// Its value decides about defaults or presence of the keys after it in its section.
  bool selector = false;
  /// Cannot change a result.
  bool runtime = false;
  /// A short form that the written config replaces by the long one.
  bool input_only = false;
  /// Why the key has no place here, given the selectors; empty when it has.
  std::string inactive;
  /// Set to true when the key is given.
  bool* given = nullptr;
  /// Set to ConfigPlace::order when the key is given.
  std::size_t* given_order = nullptr;

  bool is_section() const { return static_cast<bool>(items); }
  bool is_list() const { return static_cast<bool>(element); }
};

/// An interval for numbers; an end is left out when its flag says so.
struct ConfigRange {
  double low;
  double high;
  bool without_low = false;
  bool without_high = false;

  bool holds(double value) const;
  /// "[0, 1)"
  std::string text() const;
};

// Readers of single values. Each returns a complaint, or nothing after it has set `value`.

std::optional<ConfigComplaint> read_integer(const ConfigNode& node, std::int64_t low,
                                            std::int64_t high, const std::string& expected,
                                            std::int64_t& value);
std::optional<ConfigComplaint> read_unsigned(const ConfigNode& node, const std::string& expected,
                                             std::uint64_t& value);
std::optional<ConfigComplaint> read_double(const ConfigNode& node, const ConfigRange& range,
                                           const std::string& expected, double& value);
std::optional<ConfigComplaint> read_bool(const ConfigNode& node, bool& value);
/// Not empty, without control characters.
std::optional<ConfigComplaint> read_text(const ConfigNode& node, const std::string& expected,
                                         std::string& value);
/// Position of the choice.
std::optional<ConfigComplaint> read_choice(const ConfigNode& node,
                                           const std::vector<ConfigChoice>& choices,
                                           std::size_t& value);

/// Shortest text that reads back as the same number: 0.1, 1e-4, 40.
std::string write_double(double value);
/// Plain where YAML reads the text back as it is, else in double quotes.
std::string write_text(const std::string& text);

/// From one name to another.
using ConfigArrows = std::vector<std::pair<std::string, std::string>>;

/// Collects the items of one section; each function is one key bound to one option.
class ConfigItemList {
 public:
  template <class Integer>
  ConfigItem& integer(const std::string& key, Integer& value, std::int64_t low, std::int64_t high,
                      const std::string& doc) {
    const std::string expected =
        "an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
    ConfigItem& item = add(key, expected, doc);
    item.read = [&value, low, high, expected](const ConfigNode& node) {
      std::int64_t number = 0;
      auto complaint = read_integer(node, low, high, expected, number);
      if (!complaint) value = static_cast<Integer>(number);
      return complaint;
    };
    item.write = [&value] { return std::to_string(value); };
    return item;
  }

  /// @param get, set  position among the choices
  ConfigItem& choice_of(const std::string& key, std::vector<ConfigChoice> choices,
                        std::function<std::size_t()> get, std::function<void(std::size_t)> set,
                        const std::string& doc);

  /// Enumerators must be 0, 1, ... in the order of `choices`.
  template <class Enum>
  ConfigItem& choice(const std::string& key, Enum& value, const std::vector<ConfigChoice>& choices,
                     const std::string& doc) {
    return choice_of(
        key, choices, [&value] { return static_cast<std::size_t>(value); },
        [&value](std::size_t index) { value = static_cast<Enum>(index); }, doc);
  }

  ConfigItem& seed(const std::string& key, std::uint64_t& value, const std::string& doc);
  ConfigItem& real(const std::string& key, double& value, const ConfigRange& range,
                   const std::string& doc);
  ConfigItem& boolean(const std::string& key, bool& value, const std::string& doc);
  /// @param rule  returns what is wrong with a text, empty when nothing is
  ConfigItem& text(const std::string& key, std::string& value, const std::string& expected,
                   const std::string& doc,
                   const std::function<bool(const std::string&)>& rule = {});
  /// @param may_be_null  null gives the empty path
  ConfigItem& path(const std::string& key, std::filesystem::path& value, bool may_be_null,
                   const std::string& doc);
  /// Ascending without repetition.
  ConfigItem& ascending(const std::string& key, std::vector<int>& value, int low, int high,
                        const std::string& doc);
  ConfigItem& three(const std::string& key, std::array<double, 3>& value, const ConfigRange& range,
                    const std::string& doc);
  /// Different names.
  ConfigItem& names(const std::string& key, std::vector<std::string>& value,
                    const std::string& doc);
  /// "from -> to", each `from` once. @param to_nothing  "from ->" gives an empty `to`
  ConfigItem& arrows(const std::string& key, ConfigArrows& value, bool to_nothing,
                     const std::string& doc);
  /// Rows of numbers; their lengths are not looked at.
  ConfigItem& matrix(const std::string& key, std::vector<std::vector<double>>& value,
                     const ConfigRange& range, const std::string& doc);
  ConfigItem& section(const std::string& key, const std::string& doc,
                      std::function<ConfigItems()> items);
  /// A key whose reader and writer the caller fills in.
  ConfigItem& add(const std::string& key, const std::string& expected, const std::string& doc);

  ConfigItems take() { return std::move(items_); }

 private:
  ConfigItems items_;
};

/// "; did you mean 'a'?" with the nearest names, or nothing when none is near.
std::string suggest_name(const std::string& wrong, const std::vector<std::string>& names);
/// The same for key paths: compares whole paths and their last parts, prefers the same section.
std::string suggest_key(const std::string& wrong_path, const std::vector<std::string>& paths);

/// Every path of the schema, with "[]" for the elements of a list. Changes the lengths of bound
/// lists, so that it wants the items of a config of its own.
void collect_paths(const ConfigItems& items, const std::string& prefix, bool with_sections,
                   std::vector<std::string>& paths);

/// Sets the options that the items are bound to.
///
/// @param document   its root; a root that holds nothing reads as one without keys
/// @param all_paths  for suggestions
void read_document(const ConfigNode& document, const ConfigItem& root,
                   const std::vector<std::string>& all_paths, ConfigProblems& problems);

/// All keys with their values in force, nested.
std::string write_items(const ConfigItems& items);

struct ConfigLeaf {
  std::string path;
  std::string value;
  bool runtime;
  /// Does not apply under the selectors in force.
  bool inactive;
};
/// The same as one row per key; short forms are left out unless asked for.
std::vector<ConfigLeaf> flatten_items(const ConfigItems& items, bool with_input_only);

/// See explain_keys(). @param fresh  makes the items of a new, default config
std::string explain_items(const std::function<ConfigItem()>& fresh, const std::string& key);

}  // namespace selfcure
