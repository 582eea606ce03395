#include "item.h"

namespace selfcure {
namespace {

void write_section(const ConfigItems& items, std::size_t indent, std::string& text) {
  const std::string margin(indent, ' ');
  for (const ConfigItem& item : items) {
    if (!item.inactive.empty() || item.input_only) continue;
    text += margin + item.key + ":";
    if (item.is_section()) {
      text += "\n";
      write_section(item.items(), indent + 2, text);
    } else if (!item.is_list()) {
      text += " " + item.write() + "\n";
    } else if (item.size() == 0) {
      text += " []\n";
    } else {
      text += "\n";
      for (std::size_t i = 0; i < item.size(); ++i) {
        const std::size_t start = text.size();
        write_section(item.element(i), indent + 4, text);
        text[start + indent + 2] = '-';
      }
    }
  }
}

void flatten(const ConfigItems& items, const std::string& prefix, bool with_input_only,
             bool parent_inactive, std::vector<ConfigLeaf>& leaves) {
  for (const ConfigItem& item : items) {
    if (item.input_only && !with_input_only) continue;
    const bool inactive = parent_inactive || !item.inactive.empty();
    const std::string path = prefix.empty() ? item.key : prefix + "." + item.key;
    if (item.is_section()) {
      flatten(item.items(), path, with_input_only, inactive, leaves);
    } else if (item.is_list()) {
      for (std::size_t i = 0; i < item.size(); ++i) {
        flatten(item.element(i), path + "[" + std::to_string(i) + "]", with_input_only, inactive,
                leaves);
      }
    } else {
      leaves.push_back({path, item.write(), item.runtime, inactive});
    }
  }
}

}  // namespace

std::string write_items(const ConfigItems& items) {
  std::string text;
  write_section(items, 0, text);
  return text;
}

std::vector<ConfigLeaf> flatten_items(const ConfigItems& items, bool with_input_only) {
  std::vector<ConfigLeaf> leaves;
  flatten(items, "", with_input_only, false, leaves);
  return leaves;
}

}  // namespace selfcure
