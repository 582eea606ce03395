#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include "tree.h"

namespace selfcure {

/// Reads the keys of one section of a sweep file; keys that nobody asks for are unknown.
class SectionReader {
 public:
  /// @param path  of the section, for messages; "" at the top
  SectionReader(const ConfigNode& node, std::string path, ConfigProblems& problems);

  /// The node of a key; none when it is not given. Marks the key as known.
  const ConfigNode* find(const std::string& key);
  /// Text of a scalar. @return false when not given or refused
  bool text(const std::string& key, std::string& value);
  /// One of `choices`.
  bool choice(const std::string& key, const std::vector<std::string>& choices, std::string& value);
  bool integer(const std::string& key, std::int64_t low, std::int64_t high, std::int64_t& value);
  /// The entries of a section, or nothing and a complaint.
  const ConfigNode* section(const std::string& key);
  /// The node when it is a list.
  const ConfigNode* list(const std::string& key);
  void missing(const std::string& key, const std::string& what);
  /// Complains about unknown keys; call it last.
  void finish();
  bool is_section() const { return is_section_; }
  std::string path_of(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }

 private:
  const ConfigNode& node_;
  std::string path_;
  ConfigProblems& problems_;
  bool is_section_;
  std::vector<std::string> known_;
};

}  // namespace selfcure
