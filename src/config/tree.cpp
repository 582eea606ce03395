#include "tree.h"

#include <algorithm>
#include <sstream>
#include <tuple>

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include "selfcure/core/errors.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

/// Builds the tree from yaml-cpp's events, since its own tree drops repeated keys.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(const ConfigPlace& place, ConfigProblems& problems)
      : base_(place), problems_(problems) {}

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    refuse_anchor(mark, anchor);
    push(make(ConfigNode::Kind::kNothing, mark));
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    problems_.add(place(mark), "aliases (*name) are not supported; write the value out");
    push(make(ConfigNode::Kind::kNothing, mark));
  }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    ConfigNode node = make(ConfigNode::Kind::kScalar, mark);
    node.text = value;
    node.quoted = tag == "!";
    push(std::move(node));
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    open(make(ConfigNode::Kind::kList, mark));
  }
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    refuse_anchor(mark, anchor);
    refuse_tag(mark, tag);
    open(make(ConfigNode::Kind::kSection, mark));
  }
  void OnMapEnd() override { close(); }

  ConfigNode take() { return std::move(result_); }
  ConfigPlace place(const YAML::Mark& mark) const {
    ConfigPlace place = base_;
    if (place.order == 0 && !mark.is_null()) {
      place.line = mark.line + 1;
      place.column = mark.column + 1;
    }
    return place;
  }

 private:
  /// A list or section whose end has not come yet.
  struct Open {
    ConfigNode node;
    bool has_key = false;
    bool skips_value = false;
    std::string key;
    ConfigPlace key_place;
  };

  ConfigNode make(ConfigNode::Kind kind, const YAML::Mark& mark) const {
    ConfigNode node;
    node.kind = kind;
    node.place = place(mark);
    return node;
  }

  void refuse_anchor(const YAML::Mark& mark, YAML::anchor_t anchor) {
    if (anchor != 0) problems_.add(place(mark), "anchors (&name) are not supported");
  }
  void refuse_tag(const YAML::Mark& mark, const std::string& tag) {
    if (!tag.empty() && tag != "?" && tag != "!") {
      problems_.add(place(mark), "tags (" + in_quotes(tag) + ") are not supported");
    }
  }

  void open(ConfigNode node) {
    Open opened;
    opened.node = std::move(node);
    open_.push_back(std::move(opened));
  }
  void close() {
    ConfigNode node = std::move(open_.back().node);
    open_.pop_back();
    push(std::move(node));
  }

  /// Takes a finished value: the document, a list's item, or a section's key or value in turn.
  void push(ConfigNode node) {
    if (open_.empty()) {
      result_ = std::move(node);
      return;
    }
    Open& parent = open_.back();
    if (parent.node.kind == ConfigNode::Kind::kList) {
      parent.node.items.push_back(std::move(node));
    } else if (!parent.has_key) {
      take_key(parent, node);
    } else {
      parent.has_key = false;
      if (!parent.skips_value) {
        parent.node.entries.push_back({parent.key, parent.key_place, std::move(node)});
      }
    }
  }

  void take_key(Open& parent, const ConfigNode& node) {
    parent.has_key = true;
    parent.skips_value = false;
    parent.key = node.text;
    parent.key_place = node.place;
    if (node.kind != ConfigNode::Kind::kScalar || node.text.empty()) {
      problems_.add(node.place, "expected a word as key, got " + node.describe());
      parent.skips_value = true;
    } else if (node.text == "<<" && !node.quoted) {
      problems_.add(node.place, "merge keys (<<) are not supported; write the keys out");
      parent.skips_value = true;
    } else if (const auto* first = parent.node.find_entry(node.text)) {
      problems_.add(node.place, "duplicate key " + in_quotes(path_of(node.text)) +
                                    "; first given at " + first->key_place.text());
      parent.skips_value = true;
    }
  }

  /// The dotted path of a key of the innermost section.
  std::string path_of(const std::string& key) const {
    std::string path;
    for (const Open& level : open_) {
      if (level.node.kind == ConfigNode::Kind::kList) {
        path += "[" + std::to_string(level.node.items.size()) + "]";
      } else {
        if (!path.empty()) path += ".";
        path += &level == &open_.back() ? key : level.key;
      }
    }
    return path;
  }

  const ConfigPlace base_;
  ConfigProblems& problems_;
  std::vector<Open> open_;
  ConfigNode result_;
};

/// Splits "data.train[0].root" or "data.train.0.root" at dots and brackets; empty when malformed.
std::vector<std::string> split_path(const std::string& path) {
  std::string dotted;
  for (std::size_t i = 0; i < path.size(); ++i) {
    if (path[i] == '[') {
      const std::size_t end = path.find(']', i);
      const bool closes_step =
          end != std::string::npos &&
          (end + 1 == path.size() || path[end + 1] == '.' || path[end + 1] == '[');
      if (!closes_step || !parse_integer(path.substr(i + 1, end - i - 1))) return {};
      dotted += "." + path.substr(i + 1, end - i - 1);
      i = end;
    } else {
      dotted += path[i];
    }
  }
  std::vector<std::string> steps;
  std::istringstream in(dotted + ".");
  for (std::string step; std::getline(in, step, '.');) {
    if (step.empty() || step.find_first_of(" \t\n") != std::string::npos) return {};
    steps.push_back(step);
  }
  return steps;
}

/// One step of an override's path; returns nothing (and says why) where it cannot be taken.
ConfigNode* descend(ConfigNode& node, const std::string& step, const std::string& walked,
                    const ConfigPlace& place, ConfigProblems& problems) {
  const auto index = parse_integer(step);
  // A single section stands for a list of one.
  if (index == 0 && node.kind == ConfigNode::Kind::kSection && node.find(step) == nullptr) {
    return &node;
  }
  if (node.kind == ConfigNode::Kind::kNothing && (!index || *index == 0)) {
    node = ConfigNode{};
    node.kind = index ? ConfigNode::Kind::kList : ConfigNode::Kind::kSection;
    node.place = place;
  }
  if (node.kind == ConfigNode::Kind::kList || node.kind == ConfigNode::Kind::kNothing) {
    const auto size = static_cast<std::int64_t>(node.items.size());
    if (!index || *index < 0 || *index > size) {
      problems.add(place, in_quotes(walked) + " is a list of " + std::to_string(size) +
                              ": expected an index in [0, " + std::to_string(size) + "], got " +
                              in_quotes(step));
      return nullptr;
    }
    if (*index == size) {
      node.items.emplace_back();
      node.items.back().place = place;
    }
    return &node.items[static_cast<std::size_t>(*index)];
  }
  if (node.kind != ConfigNode::Kind::kSection) {
    problems.add(place, in_quotes(walked) + " has the single value " + node.describe() +
                            (node.place.order == place.order ? "" : " at " + node.place.text()) +
                            ", so it has no key " + in_quotes(step));
    return nullptr;
  }
  if (ConfigNode* found = node.find(step)) return found;
  node.entries.push_back({step, place, {}});
  node.entries.back().value.place = place;
  return &node.entries.back().value;
}

}  // namespace

std::string ConfigPlace::text() const {
  if (line == 0) return source;
  return source + ":" + std::to_string(line) + ":" + std::to_string(column);
}

void ConfigProblems::add(const ConfigPlace& place, std::string message) {
  problems_.push_back({place, std::move(message)});
}

void ConfigProblems::raise() const {
  if (problems_.empty()) return;
  std::vector<ConfigProblem> sorted = problems_;
  std::stable_sort(sorted.begin(), sorted.end(), [](const auto& left, const auto& right) {
    return std::tie(left.place.order, left.place.line, left.place.column) <
           std::tie(right.place.order, right.place.line, right.place.column);
  });
  std::string lines;
  for (const ConfigProblem& problem : sorted) {
    if (!lines.empty()) lines += '\n';
    lines += problem.place.text() + ": " + problem.message;
  }
  throw ConfigError(lines);
}

const ConfigNode::Entry* ConfigNode::find_entry(const std::string& key) const {
  for (const Entry& entry : entries) {
    if (entry.key == key) return &entry;
  }
  return nullptr;
}

const ConfigNode* ConfigNode::find(const std::string& key) const {
  const Entry* entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

ConfigNode* ConfigNode::find(const std::string& key) {
  for (Entry& entry : entries) {
    if (entry.key == key) return &entry.value;
  }
  return nullptr;
}

std::string ConfigNode::describe() const {
  switch (kind) {
    case Kind::kNothing:
      return "nothing";
    case Kind::kList:
      return "a list";
    case Kind::kSection:
      return "a section";
    case Kind::kScalar:
      break;
  }
  const std::string shown = in_quotes(text);
  // The quotes that were written are the reason why "10" is no number: show them.
  return quoted ? "the quoted text \"" + shown.substr(1, shown.size() - 2) + "\"" : shown;
}

ConfigNode parse_tree(const std::string& text, const ConfigPlace& place, ConfigProblems& problems) {
  TreeBuilder builder(place, problems);
  ConfigNode root;
  root.place = place;
  try {
    std::istringstream in(text);
    YAML::Parser parser(in);
    if (parser.HandleNextDocument(builder)) root = builder.take();
    ConfigProblems ignored;
    TreeBuilder rest(place, ignored);
    if (parser.HandleNextDocument(rest)) {
      problems.add(rest.take().place, "expected one YAML document, found a second one");
    }
  } catch (const YAML::Exception& error) {
    // What was built so far is incomplete, and complaints about it would mislead.
    root = ConfigNode{};
    root.place = place;
    problems.add(builder.place(error.mark), "not valid YAML: " + error.msg);
  }
  return root;
}

void apply_override(ConfigNode& root, const std::string& override_text, std::size_t order,
                    ConfigProblems& problems) {
  ConfigPlace place;
  place.source = "--set " + override_text;
  // A message is one line, whatever was typed.
  std::replace(place.source.begin(), place.source.end(), '\n', ' ');
  place.order = order;
  const std::size_t equals = override_text.find('=');
  if (equals == std::string::npos) {
    problems.add(place, "expected KEY=VALUE");
    return;
  }
  const std::vector<std::string> steps = split_path(override_text.substr(0, equals));
  if (steps.empty()) {
    problems.add(place,
                 "expected a key such as train.epochs or data.train[0].root before '=', got " +
                     in_quotes(override_text.substr(0, equals)));
    return;
  }
  const std::size_t before = problems.count();
  ConfigNode value = parse_tree(override_text.substr(equals + 1), place, problems);
  if (problems.count() != before) return;
  ConfigNode* node = &root;
  std::string walked;
  for (const std::string& step : steps) {
    node = descend(*node, step, walked, place, problems);
    if (node == nullptr) return;
    walked += parse_integer(step) ? "[" + step + "]" : (walked.empty() ? "" : ".") + step;
  }
  *node = std::move(value);
}

}  // namespace selfcure
