#include "sweep_file.h"

#include <algorithm>
#include <limits>
#include <set>

#include "item.h"
#include "selfcure/data/text_file.h"
#include "sweep_reader.h"

namespace selfcure {
namespace {

constexpr std::size_t kLongestName = 60;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

std::string quoted_yaml(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte == 0x7f) {
      constexpr const char* kHex = "0123456789abcdef";
      quoted += "\\x";
      quoted += kHex[byte >> 4];
      quoted += kHex[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + "\"";
}

/// Reads the parts of a sweep file.
class SweepFileReader {
 public:
  SweepFileReader(std::filesystem::path folder, ConfigProblems& problems)
      : folder_(std::move(folder)), problems_(problems) {}

  SweepFile file(const ConfigNode& document) {
    SweepFile file;
    file.place = document.place;
    SectionReader top(document, "", problems_);
    if (!top.is_section()) return file;
    if (!top.text("name", file.name) && document.find("name") == nullptr)
      top.missing("name", "a name of the sweep");
    if (!file.name.empty() && !is_safe_name(file.name))
      problems_.add(document.find("name")->place, "name: " + name_rule(file.name));
    file.title = file.name;
    top.text("title", file.title);
    top.choice("metric", {"test_accuracy", "mean_class_accuracy"}, file.metric);
    file.grid = grid(document, top, "");
    if (const ConfigNode* stages = top.section("stages"))
      for (const ConfigNode::Entry& entry : stages->entries) {
        if (!is_safe_name(entry.key))
          problems_.add(entry.key_place, "stages: " + name_rule(entry.key));
        SectionReader stage(entry.value, "stages." + entry.key, problems_);
        if (!stage.is_section()) continue;
        file.stages.push_back(grid(entry.value, stage, entry.key));
        file.stages.back().place = entry.key_place;
        stage.finish();
      }
    if (const ConfigNode* report = top.section("report")) file.report = *report;
    if (const ConfigNode* faces = top.find("faces")) read_faces(*faces, file);
    (void)top.find("demo");
    top.finish();
    return file;
  }

 private:
  static std::string name_rule(const std::string& got) {
    return "expected a name of letters, digits, '_', '.' and '-' that begins with a letter or "
           "digit, at most " +
           std::to_string(kLongestName) + " long, got " + in_quotes(got);
  }

  SweepGrid grid(const ConfigNode& node, SectionReader& section, const std::string& stage) {
    SweepGrid grid;
    grid.stage = stage;
    grid.place = node.place;
    grid.base = config_path(section, "base", grid.base_place);
    grid.set = settings(section, "set");
    if (const ConfigNode* axes = section.section("axes"))
      for (const ConfigNode::Entry& entry : axes->entries)
        if (auto read = axis(entry, section.path_of("axes"))) grid.axes.push_back(*read);
    if (const ConfigNode* exclude = section.list("exclude"))
      for (const ConfigNode& item : exclude->items)
        grid.exclude.push_back(exclusion(item, section.path_of("exclude")));
    if (!stage.empty()) return grid;
    if (const ConfigNode* runs = section.list("runs"))
      for (std::size_t i = 0; i < runs->items.size(); ++i)
        grid.runs.push_back(run(runs->items[i], "runs[" + std::to_string(i) + "]"));
    return grid;
  }

  /// Relative to the sweep file.
  std::filesystem::path config_path(SectionReader& section, const std::string& key,
                                    ConfigPlace& place) {
    std::string text;
    const ConfigNode* node = section.find(key);
    if (node != nullptr) place = node->place;
    if (!section.text(key, text)) return {};
    return (folder_ / text).lexically_normal();
  }

  std::vector<SweepSetting> settings(SectionReader& section, const std::string& key) {
    std::vector<SweepSetting> settings;
    if (const ConfigNode* node = section.section(key))
      for (const ConfigNode::Entry& entry : node->entries)
        settings.push_back(setting(entry.key, entry.value));
    return settings;
  }

  SweepSetting setting(const std::string& key, const ConfigNode& value) {
    SweepSetting setting;
    setting.key = key;
    setting.place = value.place;
    if (value.kind == ConfigNode::Kind::kSection && value.find("run") != nullptr) {
      setting.reference = reference(value, key);
      if (key != "model.weights")
        problems_.add(value.place, key + ": the checkpoint of a run can only be model.weights");
    } else {
      setting.value = flow_text(value);
    }
    return setting;
  }

  SweepReference reference(const ConfigNode& node, const std::string& key) {
    SweepReference reference;
    SectionReader section(node, key, problems_);
    section.choice("checkpoint", {"last", "best"}, reference.checkpoint);
    if (const ConfigNode* values = section.section("values"))
      reference.values = axis_values(*values, key + ".values");
    const ConfigNode* run = section.find("run");
    if (run->kind == ConfigNode::Kind::kSection) {
      for (auto& value : axis_values(*run, key + ".run")) reference.values.push_back(value);
    } else if (run->kind == ConfigNode::Kind::kScalar && !run->text.empty()) {
      reference.run = run->text;
    } else {
      problems_.add(run->place, key +
                                    ".run: expected a stage, the name of a run or values of "
                                    "axes, got " +
                                    run->describe());
    }
    section.finish();
    return reference;
  }

  SweepValues axis_values(const ConfigNode& node, const std::string& path) {
    SweepValues values;
    for (const ConfigNode::Entry& entry : node.entries) {
      if (entry.value.kind == ConfigNode::Kind::kScalar)
        values.emplace_back(entry.key, entry.value.text);
      else
        problems_.add(entry.value.place, path + "." + entry.key +
                                             ": expected the name of a value, got " +
                                             entry.value.describe());
    }
    return values;
  }

  std::optional<SweepFileAxis> axis(const ConfigNode::Entry& entry, const std::string& parent) {
    SweepFileAxis axis;
    axis.name = entry.key;
    axis.label = entry.key;
    axis.place = entry.key_place;
    const std::string path = parent + "." + entry.key;
    if (!is_safe_name(entry.key))
      problems_.add(entry.key_place, parent + ": " + name_rule(entry.key));
    SectionReader section(entry.value, path, problems_);
    if (!section.is_section()) return std::nullopt;
    section.text("label", axis.label);
    const std::vector<std::string> keys = axis_keys(section);
    const ConfigNode* values = section.find("values");
    section.finish();
    if (values == nullptr) {
      problems_.add(entry.key_place, path + ": expected 'values', which are missing");
      return std::nullopt;
    }
    const bool is_list = values->kind == ConfigNode::Kind::kList;
    if ((!is_list && values->kind != ConfigNode::Kind::kSection) ||
        (values->items.empty() && values->entries.empty())) {
      problems_.add(values->place,
                    path + ".values: expected a list of values, or a section of named ones, got " +
                        (is_list ? "an empty list" : values->describe()));
      return std::nullopt;
    }
    if (is_list && keys.empty()) {
      problems_.add(values->place, path +
                                       ".values: expected names with what each overrides, or "
                                       "'key' beside the list");
      return std::nullopt;
    }
    if (is_list)
      for (const ConfigNode& item : values->items) list_value(item, keys, path, axis);
    else
      for (const ConfigNode::Entry& value : values->entries) named_value(value, keys, path, axis);
    return axis;
  }

  std::vector<std::string> axis_keys(SectionReader& section) {
    std::vector<std::string> keys;
    const ConfigNode* node = section.find("key");
    if (node == nullptr) return keys;
    if (node->kind == ConfigNode::Kind::kScalar) keys.push_back(node->text);
    for (const ConfigNode& item : node->items)
      if (item.kind == ConfigNode::Kind::kScalar) keys.push_back(item.text);
    if (keys.empty() || keys.size() < node->items.size())
      problems_.add(node->place, section.path_of("key") +
                                     ": expected a key of the config or a list of keys, got " +
                                     node->describe());
    return keys;
  }

  void list_value(const ConfigNode& item, const std::vector<std::string>& keys,
                  const std::string& path, SweepFileAxis& axis) {
    if (item.kind != ConfigNode::Kind::kScalar || !is_safe_name(item.text)) {
      problems_.add(item.place, path + ".values: " + item.describe() +
                                    " cannot be a part of a run's name; name the values: "
                                    "'values: {NAME: VALUE, ...}'");
      return;
    }
    SweepValue value;
    value.name = item.text;
    value.place = item.place;
    for (const std::string& key : keys) value.settings.push_back(setting(key, item));
    add_value(std::move(value), path, axis);
  }

  void named_value(const ConfigNode::Entry& entry, const std::vector<std::string>& keys,
                   const std::string& path, SweepFileAxis& axis) {
    SweepValue value;
    value.name = entry.key;
    value.place = entry.key_place;
    if (!is_safe_name(entry.key))
      problems_.add(entry.key_place, path + ".values: " + name_rule(entry.key));
    for (const std::string& key : keys) value.settings.push_back(setting(key, entry.value));
    if (keys.empty()) {
      SectionReader section(entry.value, path + ".values." + entry.key, problems_);
      if (!section.is_section()) return;
      value.config = config_path(section, "config", value.config_place);
      for (const ConfigNode::Entry& each : entry.value.entries)
        if (each.key != "config") value.settings.push_back(setting(each.key, each.value));
    }
    add_value(std::move(value), path, axis);
  }

  void add_value(SweepValue value, const std::string& path, SweepFileAxis& axis) {
    for (const SweepValue& other : axis.values)
      if (other.name == value.name) {
        problems_.add(value.place, path + ".values: " + in_quotes(value.name) +
                                       " stands there twice, first at " + other.place.text());
        return;
      }
    axis.values.push_back(std::move(value));
  }

  SweepExclusion exclusion(const ConfigNode& node, const std::string& path) {
    SweepExclusion exclusion;
    exclusion.place = node.place;
    if (node.kind != ConfigNode::Kind::kSection || node.entries.empty())
      problems_.add(node.place, path + ": expected values of axes such as {method: scn}, got " +
                                    (node.kind == ConfigNode::Kind::kSection ? "an empty section"
                                                                             : node.describe()));
    for (const ConfigNode::Entry& entry : node.entries) {
      std::vector<std::string> values;
      if (entry.value.kind == ConfigNode::Kind::kScalar) values.push_back(entry.value.text);
      for (const ConfigNode& item : entry.value.items)
        if (item.kind == ConfigNode::Kind::kScalar) values.push_back(item.text);
      if (values.empty() || values.size() < entry.value.items.size())
        problems_.add(entry.value.place, path + "." + entry.key +
                                             ": expected a value of the axis or a list of them, "
                                             "got " +
                                             entry.value.describe());
      exclusion.values.emplace_back(entry.key, values);
    }
    return exclusion;
  }

  SweepFileRun run(const ConfigNode& node, const std::string& path) {
    SweepFileRun run;
    run.place = node.place;
    SectionReader section(node, path, problems_);
    if (!section.is_section()) return run;
    if (!section.text("name", run.name) && node.find("name") == nullptr)
      section.missing("name", "a name of the run");
    if (!run.name.empty() && !is_safe_name(run.name))
      problems_.add(node.find("name")->place, section.path_of("name") + ": " + name_rule(run.name));
    run.config = config_path(section, "config", run.config_place);
    run.settings = settings(section, "set");
    if (const ConfigNode* values = section.section("values"))
      run.values = axis_values(*values, section.path_of("values"));
    for (const auto& [axis, value] : run.values)
      if (!is_safe_name(value) || !is_safe_name(axis))
        problems_.add(node.place, section.path_of("values") + ": " +
                                      name_rule(is_safe_name(axis) ? value : axis));
    section.finish();
    return run;
  }

  void read_faces(const ConfigNode& node, SweepFile& file) {
    std::vector<const ConfigNode*> elements;
    if (node.kind == ConfigNode::Kind::kList)
      for (const ConfigNode& item : node.items) elements.push_back(&item);
    else
      elements.push_back(&node);
    for (const ConfigNode* element : elements) {
      SweepFaces faces;
      SectionReader section(*element, "faces", problems_);
      if (!section.is_section()) continue;
      section.choice(
          "layout",
          {"raf_db", "ferplus", "affectnet_2017", "affectnet_2021", "webemotion", "folders"},
          faces.layout);
      std::string root;
      if (section.text("root", root))
        faces.root = root;
      else if (element->find("root") == nullptr)
        section.missing("root", "the folder that the faces are drawn into");
      std::int64_t side = faces.side;
      std::int64_t seed = static_cast<std::int64_t>(faces.seed);
      section.integer("train", 14, 1000000, faces.train);
      section.integer("test", 7, 1000000, faces.test);
      section.integer("side", 32, 512, side);
      section.integer("seed", 0, std::numeric_limits<std::int32_t>::max(), seed);
      section.finish();
      faces.side = static_cast<int>(side);
      faces.seed = static_cast<std::uint64_t>(seed);
      file.faces.push_back(faces);
    }
  }

  std::filesystem::path folder_;
  ConfigProblems& problems_;
};

/// Puts the entries of `changes` into a section; null takes one away.
void merge_entries(ConfigNode& section, const ConfigNode& changes) {
  section.kind = ConfigNode::Kind::kSection;
  for (const ConfigNode::Entry& change : changes.entries) {
    const auto found =
        std::find_if(section.entries.begin(), section.entries.end(),
                     [&](const ConfigNode::Entry& entry) { return entry.key == change.key; });
    const bool removes = change.value.kind == ConfigNode::Kind::kNothing;
    if (found == section.entries.end()) {
      if (!removes) section.entries.push_back(change);
    } else if (removes) {
      section.entries.erase(found);
    } else {
      *found = change;
    }
  }
}

/// `set` and `axes` are changed entry by entry, stages each by this rule, all else as a whole.
void merge_grid(ConfigNode& target, const ConfigNode& demo) {
  for (const ConfigNode::Entry& change : demo.entries) {
    if (target.find(change.key) == nullptr) {
      target.entries.push_back(change);
    } else if (change.value.kind == ConfigNode::Kind::kSection &&
               (change.key == "set" || change.key == "axes")) {
      merge_entries(*target.find(change.key), change.value);
    } else if (change.value.kind == ConfigNode::Kind::kSection && change.key == "stages") {
      for (const ConfigNode::Entry& stage : change.value.entries) {
        ConfigNode& stages = *target.find(change.key);
        if (ConfigNode* existing = stages.find(stage.key))
          merge_grid(*existing, stage.value);
        else
          stages.entries.push_back(stage);
      }
    } else {
      *target.find(change.key) = change.value;
    }
  }
}

}  // namespace

bool is_safe_name(const std::string& text) {
  return !text.empty() && text.size() <= kLongestName && is_word(text[0]) &&
         std::all_of(text.begin(), text.end(),
                     [](char c) { return is_word(c) || c == '_' || c == '.' || c == '-'; });
}

std::string flow_text(const ConfigNode& node) {
  switch (node.kind) {
    case ConfigNode::Kind::kNothing:
      return "null";
    case ConfigNode::Kind::kScalar: {
      const bool plain = !node.quoted && !node.text.empty() &&
                         (is_word(node.text[0]) || node.text[0] == '/' || node.text[0] == '.' ||
                          ((node.text[0] == '-' || node.text[0] == '+') && node.text.size() > 1 &&
                           is_word(node.text[1]))) &&
                         std::all_of(node.text.begin(), node.text.end(), [](char c) {
                           return is_word(c) || std::string("_./-+").find(c) != std::string::npos;
                         });
      return plain ? node.text : quoted_yaml(node.text);
    }
    case ConfigNode::Kind::kList: {
      std::string text;
      for (const ConfigNode& item : node.items)
        text += (text.empty() ? "" : ", ") + flow_text(item);
      return "[" + text + "]";
    }
    case ConfigNode::Kind::kSection: {
      std::string text;
      for (const ConfigNode::Entry& entry : node.entries) {
        ConfigNode key;
        key.kind = ConfigNode::Kind::kScalar;
        key.text = entry.key;
        text += (text.empty() ? "" : ", ") + flow_text(key) + ": " + flow_text(entry.value);
      }
      return "{" + text + "}";
    }
  }
  return "";
}

SweepFile read_sweep_file(const ConfigNode& document, const std::filesystem::path& folder,
                          ConfigProblems& problems) {
  return SweepFileReader(folder, problems).file(document);
}

ConfigNode with_demo(const ConfigNode& document, ConfigProblems& problems) {
  ConfigNode merged = document;
  const ConfigNode* demo = document.find("demo");
  if (demo == nullptr) return merged;
  SectionReader section(*demo, "demo", problems);
  for (const char* key :
       {"title", "metric", "base", "set", "axes", "exclude", "runs", "stages", "report", "faces"})
    (void)section.find(key);
  section.finish();
  merged.entries.erase(
      std::remove_if(merged.entries.begin(), merged.entries.end(),
                     [](const ConfigNode::Entry& entry) { return entry.key == "demo"; }),
      merged.entries.end());
  if (section.is_section()) merge_grid(merged, *demo);
  return merged;
}

}  // namespace selfcure
