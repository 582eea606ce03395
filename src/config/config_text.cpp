#include "selfcure/config/config_text.h"

#include "tree.h"

namespace selfcure {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

std::string plain_text(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNothing:
      return "null";
    case ConfigNode::Kind::kScalar:
      return node.text;
    case ConfigNode::Kind::kSection: {
      std::string text;
      for (const auto& entry : node.entries)
        text += (text.empty() ? "" : ", ") + entry.key + ": " + plain_text(entry.value);
      return "{" + text + "}";
    }
    case ConfigNode::Kind::kList:
      break;
  }
  std::string text;
  for (const ConfigNode& item : node.items) text += (text.empty() ? "" : ", ") + plain_text(item);
  return "[" + text + "]";
}

void flatten(const ConfigNode& node, const std::string& path, Pairs& pairs) {
  const bool holds_sections = node.kind == ConfigNode::Kind::kList && !node.items.empty() &&
                              node.items.front().kind == ConfigNode::Kind::kSection;
  if (node.kind == ConfigNode::Kind::kSection) {
    for (const auto& entry : node.entries)
      flatten(entry.value, path.empty() ? entry.key : path + "." + entry.key, pairs);
  } else if (holds_sections) {
    for (std::size_t i = 0; i < node.items.size(); ++i)
      flatten(node.items[i], path + "[" + std::to_string(i) + "]", pairs);
  } else if (!path.empty()) {
    pairs.emplace_back(path, plain_text(node));
  }
}

}  // namespace

Pairs flatten_config_text(const std::string& text) {
  ConfigProblems ignored;
  Pairs pairs;
  flatten(parse_tree(text, {"config", 0, 0, 0}, ignored), "", pairs);
  return pairs;
}

}  // namespace selfcure
