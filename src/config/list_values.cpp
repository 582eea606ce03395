#include <algorithm>

#include "item.h"

namespace selfcure {
namespace {

constexpr const char* kArrow = "->";

std::string without_blanks_at_ends(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string::npos) return "";
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// Reads each item of a list; the first complaint counts.
template <typename Read>
std::optional<ConfigComplaint> read_list(const ConfigNode& node, const std::string& expected,
                                         Read read) {
  if (node.kind != ConfigNode::Kind::kList) {
    return ConfigComplaint{"expected " + expected + ", got " + node.describe(), &node};
  }
  for (const ConfigNode& item : node.items) {
    if (auto complaint = read(item)) return complaint;
  }
  return std::nullopt;
}

}  // namespace

ConfigItem& ConfigItemList::names(const std::string& key, std::vector<std::string>& value,
                                  const std::string& doc) {
  const std::string expected = "a list of different names";
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, expected](const ConfigNode& node) {
    std::vector<std::string> read;
    auto complaint = read_list(node, expected, [&](const ConfigNode& entry) {
      std::string name;
      auto wrong = read_text(entry, "a name", name);
      if (!wrong && std::count(read.begin(), read.end(), name) != 0) {
        wrong = ConfigComplaint{"expected " + expected + ", got '" + name + "' twice", &entry};
      }
      read.push_back(name);
      return wrong;
    });
    if (!complaint) value = read;
    return complaint;
  };
  item.write = [&value] {
    std::string text;
    for (const std::string& name : value) text += (text.empty() ? "" : ", ") + write_text(name);
    return "[" + text + "]";
  };
  return item;
}

ConfigItem& ConfigItemList::arrows(const std::string& key, ConfigArrows& value, bool to_nothing,
                                   const std::string& doc) {
  const std::string each =
      to_nothing ? "'from -> to', or 'from ->' to leave it out" : "'from -> to'";
  const std::string expected = "a list of " + each;
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, to_nothing, each, expected](const ConfigNode& node) {
    ConfigArrows read;
    auto complaint = read_list(node, expected, [&](const ConfigNode& entry) {
      std::string text;
      auto wrong = read_text(entry, each, text);
      const std::size_t arrow = text.find(kArrow);
      const std::string from = without_blanks_at_ends(text.substr(0, arrow));
      const std::string to =
          arrow == std::string::npos ? "" : without_blanks_at_ends(text.substr(arrow + 2));
      if (!wrong && (arrow == std::string::npos || from.empty() || (to.empty() && !to_nothing))) {
        wrong = ConfigComplaint{"expected " + each + ", got " + entry.describe(), &entry};
      }
      const auto same = [&](const auto& pair) { return pair.first == from; };
      if (!wrong && std::any_of(read.begin(), read.end(), same)) {
        wrong = ConfigComplaint{"expected each name once before '->', got '" + from + "' twice",
                                &entry};
      }
      read.emplace_back(from, to);
      return wrong;
    });
    if (!complaint) value = read;
    return complaint;
  };
  item.write = [&value] {
    std::string text;
    for (const auto& [from, to] : value) {
      std::string arrow = from;
      arrow += to.empty() ? " ->" : " -> ";
      arrow += to;
      text += (text.empty() ? "" : ", ") + write_text(arrow);
    }
    return "[" + text + "]";
  };
  return item;
}

ConfigItem& ConfigItemList::matrix(const std::string& key, std::vector<std::vector<double>>& value,
                                   const ConfigRange& range, const std::string& doc) {
  const std::string expected = "a list of rows, each a list of numbers in " + range.text();
  ConfigItem& item = add(key, expected, doc);
  item.read = [&value, range, expected](const ConfigNode& node) {
    std::vector<std::vector<double>> read;
    auto complaint = read_list(node, expected, [&](const ConfigNode& row) {
      read.emplace_back();
      return read_list(row, "a list of numbers in " + range.text(), [&](const ConfigNode& entry) {
        return read_double(entry, range, "a number in " + range.text(), read.back().emplace_back());
      });
    });
    if (!complaint) value = read;
    return complaint;
  };
  item.write = [&value] {
    std::string text;
    for (const std::vector<double>& row : value) {
      std::string numbers;
      for (const double number : row) {
        numbers += (numbers.empty() ? "" : ", ") + write_double(number);
      }
      text += (text.empty() ? "[" : ", [") + numbers + "]";
    }
    return "[" + text + "]";
  };
  return item;
}

}  // namespace selfcure
