#pragma once

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

namespace selfcure {

/// Where a piece of a config was written.
struct ConfigPlace {
  /// File name, or the whole option for an override: "--set train.epochs=3".
  std::string source;
  /// From 1; 0 means the source as a whole.
  int line = 0;
  int column = 0;
  /// 0 for the file, then the overrides counted from 1: mistakes are listed in this order.
  std::size_t order = 0;

  /// "file.yaml:12:5", or the source alone.
  std::string text() const;
};

struct ConfigProblem {
  ConfigPlace place;
  std::string message;
};

/// Everything that is wrong with a config, to be said at once.
class ConfigProblems {
 public:
  void add(const ConfigPlace& place, std::string message);
  std::size_t count() const { return problems_.size(); }
  /// @throws ConfigError with one line per mistake, in the order of places, unless there is none
  void raise() const;

 private:
  std::vector<ConfigProblem> problems_;
};

/// One YAML value with its place: the whole document is a tree of these.
struct ConfigNode {
  enum class Kind { kNothing, kScalar, kList, kSection };
  struct Entry;

  Kind kind = Kind::kNothing;
  /// Of a scalar.
  std::string text;
  /// The scalar stood in quotes or was a block of text: it is no number and no truth value.
  bool quoted = false;
  ConfigPlace place;
  std::vector<ConfigNode> items;
  /// In the order of the file, keys are unique.
  std::vector<Entry> entries;

  ConfigNode* find(const std::string& key);
  const ConfigNode* find(const std::string& key) const;
  const Entry* find_entry(const std::string& key) const;
  /// For messages: "'many'", "nothing", "a list", "keys".
  std::string describe() const;
};

struct ConfigNode::Entry {
  std::string key;
  ConfigPlace key_place;
  ConfigNode value;
};

/// Text of a config file. @throws ConfigError when it cannot be read or is far too long
std::string read_config_text(const std::filesystem::path& file);

/// Parses one YAML document; places are those of the text, or `place` itself for an override.
///
/// Refused, each with its place: syntax errors, a second document, repeated keys, keys that are not
/// words, anchors, aliases, merge keys and tags. The rest of the document is still returned.
ConfigNode parse_tree(const std::string& text, const ConfigPlace& place, ConfigProblems& problems);

/// Puts "key.path=value" into the tree; a section or list given as value replaces the one there.
///
/// @param order  from 1, the position among the overrides
void apply_override(ConfigNode& root, const std::string& override_text, std::size_t order,
                    ConfigProblems& problems);

}  // namespace selfcure
