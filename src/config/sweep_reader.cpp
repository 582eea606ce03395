#include "sweep_reader.h"

#include <algorithm>
#include <utility>

#include "item.h"
#include "selfcure/data/text_file.h"

namespace selfcure {

SectionReader::SectionReader(const ConfigNode& node, std::string path, ConfigProblems& problems)
    : node_(node), path_(std::move(path)), problems_(problems) {
  is_section_ = node.kind == ConfigNode::Kind::kSection || node.kind == ConfigNode::Kind::kNothing;
  if (!is_section_)
    problems_.add(node.place, path_ + (path_.empty() ? "" : ": ") + "expected a section, got " +
                                  node.describe());
}

const ConfigNode* SectionReader::find(const std::string& key) {
  if (std::find(known_.begin(), known_.end(), key) == known_.end()) known_.push_back(key);
  return node_.find(key);
}

bool SectionReader::text(const std::string& key, std::string& value) {
  const ConfigNode* node = find(key);
  if (node == nullptr) return false;
  if (const auto complaint = read_text(*node, "a text", value)) {
    problems_.add(node->place, path_of(key) + ": " + complaint->message);
    return false;
  }
  return true;
}

bool SectionReader::choice(const std::string& key, const std::vector<std::string>& choices,
                           std::string& value) {
  const ConfigNode* node = find(key);
  if (node == nullptr) return false;
  std::vector<ConfigChoice> listed;
  listed.reserve(choices.size());
  for (const std::string& choice : choices) listed.push_back({choice, ""});
  std::size_t index = 0;
  if (const auto complaint = read_choice(*node, listed, index)) {
    problems_.add(node->place, path_of(key) + ": " + complaint->message);
    return false;
  }
  value = choices[index];
  return true;
}

bool SectionReader::integer(const std::string& key, std::int64_t low, std::int64_t high,
                            std::int64_t& value) {
  const ConfigNode* node = find(key);
  if (node == nullptr) return false;
  const std::string expected =
      "an integer in [" + std::to_string(low) + ", " + std::to_string(high) + "]";
  if (const auto complaint = read_integer(*node, low, high, expected, value)) {
    problems_.add(node->place, path_of(key) + ": " + complaint->message);
    return false;
  }
  return true;
}

const ConfigNode* SectionReader::section(const std::string& key) {
  const ConfigNode* node = find(key);
  if (node == nullptr || node->kind == ConfigNode::Kind::kNothing) return nullptr;
  if (node->kind == ConfigNode::Kind::kSection) return node;
  problems_.add(node->place, path_of(key) + ": expected a section, got " + node->describe());
  return nullptr;
}

const ConfigNode* SectionReader::list(const std::string& key) {
  const ConfigNode* node = find(key);
  if (node == nullptr || node->kind == ConfigNode::Kind::kNothing) return nullptr;
  if (node->kind == ConfigNode::Kind::kList) return node;
  problems_.add(node->place, path_of(key) + ": expected a list, got " + node->describe());
  return nullptr;
}

void SectionReader::missing(const std::string& key, const std::string& what) {
  problems_.add(node_.place, path_of(key) + ": expected " + what + ", which is missing");
}

void SectionReader::finish() {
  for (const ConfigNode::Entry& entry : node_.entries)
    if (std::find(known_.begin(), known_.end(), entry.key) == known_.end())
      problems_.add(entry.key_place,
                    "unknown key '" + path_of(entry.key) + "'" + suggest_name(entry.key, known_));
}

}  // namespace selfcure
