#include <algorithm>

#include "item.h"

namespace selfcure {
namespace {

std::string joined(const std::string& path, const std::string& key) {
  if (path.empty() || key.empty()) return path + key;
  return path + "." + key;
}

class Reader {
 public:
  Reader(const ConfigNode& document, const std::vector<std::string>& all_paths,
         ConfigProblems& problems)
      : all_paths_(all_paths), problems_(problems) {
    document_.source = document.place.source;
  }

  /// @param place  of the section's key: where a key is missing
  void section(const ConfigNode& node, const ConfigPlace& place, const std::string& path,
               const ConfigItem& section) {
    if (!is_section(node, path)) return;
    const std::size_t before = problems_.count();
    ConfigItems items = section.items();
    for (std::size_t i = 0; i < items.size(); ++i) {
      item(node, place, path, items[i]);
      if (items[i].selector) items = section.items();
    }
    refuse_unknown(node, path, items);
    const ConfigFail fail = fail_at(node, place, path);
    if (section.finish) section.finish(fail);
    if (section.check && problems_.count() == before) section.check(fail);
  }

  const ConfigPlace& document() const { return document_; }

 private:
  bool is_section(const ConfigNode& node, const std::string& path) {
    if (node.kind == ConfigNode::Kind::kSection || node.kind == ConfigNode::Kind::kNothing) {
      return true;
    }
    if (path.empty()) {
      problems_.add(node.place, "expected keys such as 'name' and 'data', got " + node.describe());
    } else {
      problems_.add(node.place, path + ": expected a section, got " + node.describe());
    }
    return false;
  }

  /// Mistakes of a missing key are the file's even where an override made the section.
  ConfigPlace in_file(const ConfigPlace& place) const {
    return place.order == 0 ? place : document_;
  }

  ConfigFail fail_at(const ConfigNode& node, const ConfigPlace& place, const std::string& path) {
    return [this, &node, place, path](const std::vector<std::string>& keys,
                                      const std::string& message) {
      if (keys.empty()) return problems_.add(in_file(place), message);
      const ConfigNode* last = nullptr;
      for (const std::string& key : keys) {
        const ConfigNode* given = node.find(key);
        if (given == nullptr) continue;
        if (last == nullptr || given->place.order > last->place.order) last = given;
      }
      problems_.add(last == nullptr ? place : last->place, joined(path, keys[0]) + ": " + message);
    };
  }

  void item(const ConfigNode& parent, const ConfigPlace& parent_place, const std::string& path,
            const ConfigItem& item) {
    const std::string item_path = joined(path, item.key);
    const ConfigNode::Entry* entry = parent.find_entry(item.key);
    if (entry == nullptr) {
      // Its own keys may be required.
      if (item.is_section() && item.inactive.empty()) {
        ConfigNode nothing;
        nothing.place = parent_place;
        section(nothing, parent_place, item_path, item);
      }
      return;
    }
    if (item.given != nullptr) *item.given = true;
    if (item.given_order != nullptr) *item.given_order = entry->value.place.order;
    if (!item.inactive.empty()) {
      problems_.add(entry->key_place, "key '" + item_path + "' " + item.inactive);
    } else if (item.is_section()) {
      section(entry->value, entry->key_place, item_path, item);
    } else if (item.is_list()) {
      list(entry->value, item_path, item);
    } else if (const auto complaint = item.read(entry->value)) {
      problems_.add(complaint->node->place, item_path + ": " + complaint->message);
    }
  }

  /// A single section stands for a list of one.
  void list(const ConfigNode& node, const std::string& path, const ConfigItem& item) {
    if (node.kind == ConfigNode::Kind::kScalar) {
      problems_.add(node.place, path + ": expected " + item.expected + ", got " + node.describe());
      return;
    }
    if (node.kind == ConfigNode::Kind::kNothing) {
      if (item.given != nullptr) *item.given = false;
      return;
    }
    const bool single = node.kind == ConfigNode::Kind::kSection;
    const std::size_t size = single ? 1 : node.items.size();
    if (size < item.min_size) {
      problems_.add(node.place, path + ": expected " + item.expected + ", got an empty list");
      return;
    }
    item.resize(size);
    for (std::size_t i = 0; i < size; ++i) {
      const ConfigNode& element_node = single ? node : node.items[i];
      ConfigItem element;
      element.items = [&item, i] { return item.element(i); };
      if (item.finish_element) {
        element.finish = [&item, i](const ConfigFail& fail) { item.finish_element(i, fail); };
      }
      section(element_node, element_node.place, path + "[" + std::to_string(i) + "]", element);
    }
  }

  void refuse_unknown(const ConfigNode& node, const std::string& path, const ConfigItems& items) {
    for (const ConfigNode::Entry& entry : node.entries) {
      const bool known = std::any_of(items.begin(), items.end(),
                                     [&](const ConfigItem& item) { return item.key == entry.key; });
      if (known) continue;
      const std::string wrong = joined(path, entry.key);
      problems_.add(entry.key_place,
                    "unknown key '" + wrong + "'" + suggest_key(wrong, all_paths_));
    }
  }

  const std::vector<std::string>& all_paths_;
  ConfigProblems& problems_;
  ConfigPlace document_;
};

}  // namespace

void collect_paths(const ConfigItems& items, const std::string& prefix, bool with_sections,
                   std::vector<std::string>& paths) {
  for (const ConfigItem& item : items) {
    const std::string path = joined(prefix, item.key);
    if ((!item.is_section() && !item.is_list()) || with_sections) paths.push_back(path);
    if (item.is_section()) {
      collect_paths(item.items(), path, with_sections, paths);
    } else if (item.is_list()) {
      item.resize(1);
      collect_paths(item.element(0), path + "[]", with_sections, paths);
    }
  }
}

void read_document(const ConfigNode& document, const ConfigItem& root,
                   const std::vector<std::string>& all_paths, ConfigProblems& problems) {
  Reader reader(document, all_paths, problems);
  reader.section(document, reader.document(), "", root);
}

}  // namespace selfcure
