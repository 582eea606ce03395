#include <algorithm>
#include <map>

#include "item.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

constexpr std::size_t kLineLength = 96;

struct Row {
  std::string path;
  bool section = false;
  ConfigItem item;
  /// "0.07 with method.preset: published_code"
  std::vector<std::string> other_defaults;
  /// "method.name: scn"
  std::vector<std::string> wanted;
};

std::string joined(const std::string& path, const std::string& key) {
  return path.empty() ? key : path + "." + key;
}

/// A section with its path, the element of a list counting as one.
ConfigItem element_section(const ConfigItem& list) {
  list.resize(1);
  ConfigItem section;
  section.items = [element = list.element] { return element(0); };
  return section;
}

/// Walks to the section at `path` in a schema.
ConfigItem find_section(const ConfigItem& root, const std::string& path) {
  ConfigItem section = root;
  std::size_t start = 0;
  while (start < path.size()) {
    const std::size_t end = std::min(path.find('.', start), path.size());
    std::string key = path.substr(start, end - start);
    const bool list = key.size() > 2 && key.compare(key.size() - 2, 2, "[]") == 0;
    if (list) key.resize(key.size() - 2);
    const ConfigItems items = section.items();
    const auto found = std::find_if(items.begin(), items.end(),
                                    [&](const ConfigItem& item) { return item.key == key; });
    section = list ? element_section(*found) : *found;
    start = end + 1;
  }
  return section;
}

/// Finds out what other choices of a section's selectors change in it, by trying them.
void note_selectors(const std::function<ConfigItem()>& fresh, const std::string& path,
                    std::map<std::string, Row>& rows) {
  const ConfigItem default_root = fresh();
  const ConfigItem default_section = find_section(default_root, path);
  const ConfigItems default_items = default_section.items();
  for (const ConfigItem& selector : default_items) {
    if (!selector.selector) continue;
    std::map<std::string, std::vector<std::string>> active_with;
    std::map<std::string, bool> inactive_with_some;
    for (const ConfigChoice& choice : selector.choices) {
      const ConfigItem root = fresh();
      const ConfigItem section = find_section(root, path);
      ConfigNode node;
      node.kind = ConfigNode::Kind::kScalar;
      node.text = choice.name;
      for (const ConfigItem& item : section.items()) {
        if (item.key == selector.key) item.read(node);
      }
      const std::string setting = joined(path, selector.key) + ": " + choice.name;
      const auto before = flatten_items(default_items, true);
      const auto after = flatten_items(section.items(), true);
      for (std::size_t i = 0; i < before.size() && i < after.size(); ++i) {
        if (before[i].path == selector.key) continue;
        const std::string key = joined(path, after[i].path);
        if (after[i].inactive) {
          inactive_with_some[key] = true;
          continue;
        }
        active_with[key].push_back(setting);
        if (!before[i].inactive && before[i].value != after[i].value) {
          rows[key].other_defaults.push_back(after[i].value + " with " + setting);
        }
      }
    }
    for (const auto& [key, unused] : inactive_with_some) {
      rows[key].wanted = active_with[key];
    }
  }
}

void collect_rows(const std::function<ConfigItem()>& fresh, const ConfigItems& items,
                  const std::string& prefix, std::vector<std::string>& order,
                  std::map<std::string, Row>& rows) {
  for (const ConfigItem& item : items) {
    const std::string path = joined(prefix, item.key);
    order.push_back(path);
    Row& row = rows[path];
    row.path = path;
    row.item = item;
    row.section = item.is_section() || item.is_list();
    if (item.is_section()) {
      collect_rows(fresh, item.items(), path, order, rows);
    } else if (item.is_list()) {
      collect_rows(fresh, element_section(item).items(), path + "[]", order, rows);
    }
  }
  note_selectors(fresh, prefix, rows);
}

/// Breaks a text at blanks; `first` starts the first line, as many blanks the others.
std::string wrapped(const std::string& first, const std::string& text) {
  std::string lines;
  std::string line = first;
  bool empty = true;
  for (const std::string_view word : split_blanks(text)) {
    if (!empty && line.size() + 1 + word.size() > kLineLength) {
      lines += line + "\n";
      line = std::string(first.size(), ' ');
      empty = true;
    }
    if (!empty) line += ' ';
    line += word;
    empty = false;
  }
  return lines + line + "\n";
}

std::string listed(const std::vector<std::string>& parts) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : "; ") + part;
  return text;
}

std::string explained(const Row& row) {
  std::string text = row.path + "\n" + wrapped("    ", row.item.doc);
  if (row.item.is_section()) return text;
  text += wrapped("    expected: ", row.item.expected);
  if (row.item.is_list()) return text;
  std::size_t width = 0;
  for (const ConfigChoice& choice : row.item.choices) width = std::max(width, choice.name.size());
  for (const ConfigChoice& choice : row.item.choices) {
    text += wrapped("      " + choice.name + std::string(width + 2 - choice.name.size(), ' '),
                    choice.doc);
  }
  std::vector<std::string> defaults = {row.item.default_note.empty() ? row.item.write()
                                                                     : row.item.default_note};
  defaults.insert(defaults.end(), row.other_defaults.begin(), row.other_defaults.end());
  text += wrapped("    default:  ", listed(defaults));
  if (!row.wanted.empty()) text += wrapped("    only with ", listed(row.wanted));
  if (row.item.runtime) text += "    Cannot change a result, but by rounding.\n";
  return text;
}

/// "data.train[0].root", "data.train.0.root" and "data.train[].root" name the same key.
std::string without_indices(const std::string& key) {
  std::string text;
  for (std::size_t i = 0; i < key.size(); ++i) {
    text += key[i];
    if (key[i] == '[') {
      while (i + 1 < key.size() && key[i + 1] >= '0' && key[i + 1] <= '9') ++i;
    }
  }
  return text;
}

}  // namespace

std::string explain_items(const std::function<ConfigItem()>& fresh, const std::string& key) {
  const ConfigItem root = fresh();
  std::vector<std::string> order;
  std::map<std::string, Row> rows;
  collect_rows(fresh, root.items(), "", order, rows);
  const std::string wanted = without_indices(key);
  const auto belongs = [&](const std::string& path) {
    return wanted.empty() || path == wanted ||
           path.compare(0, wanted.size() + 1, wanted + ".") == 0 ||
           path.compare(0, wanted.size() + 2, wanted + "[]") == 0;
  };
  std::string text;
  for (const std::string& path : order) {
    if (belongs(path)) text += (text.empty() ? "" : "\n") + explained(rows.at(path));
  }
  if (text.empty()) {
    throw ConfigError("unknown key " + in_quotes(key) + suggest_key(key, order));
  }
  return text;
}

}  // namespace selfcure
