#include "selfcure/config/config.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <set>
#include <system_error>

#include "item.h"
#include "schema.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

/// More than any config has, less than what a wrong file costs to parse.
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 20;

ConfigItem fresh_schema() { return experiment_schema(std::make_shared<ConfigDraft>()); }

std::vector<std::string> paths(bool with_sections) {
  std::vector<std::string> paths;
  const ConfigItem root = fresh_schema();
  collect_paths(root.items(), "", with_sections, paths);
  return paths;
}

ConfigItem schema_of(const ExperimentOptions& options) {
  const auto draft = std::make_shared<ConfigDraft>();
  draft->options = options;
  return experiment_schema(draft);
}

}  // namespace

std::string read_config_text(const std::filesystem::path& file) {
  const std::string name = file.string();
  std::error_code error;
  const auto type = std::filesystem::status(file, error).type();
  if (type == std::filesystem::file_type::not_found) {
    throw ConfigError(name + ": expected a config file, found nothing there");
  }
  if (error) throw ConfigError(name + ": cannot be read: " + error.message());
  if (type == std::filesystem::file_type::directory) {
    throw ConfigError(name + ": expected a config file, found a folder");
  }
  std::ifstream in(file, std::ios::binary);
  if (!in) throw ConfigError(name + ": cannot be opened for reading");
  std::string text(kMostBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.bad()) throw ConfigError(name + ": cannot be read");
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (text.size() > kMostBytes) {
    throw ConfigError(name + ": expected at most " + std::to_string(kMostBytes) +
                      " bytes, got more");
  }
  return text;
}

ExperimentOptions parse_config(const std::string& text, const std::string& source_name,
                               const std::vector<std::string>& overrides) {
  ConfigProblems problems;
  ConfigPlace document;
  document.source = source_name;
  ConfigNode tree = parse_tree(text, document, problems);
  if (tree.kind == ConfigNode::Kind::kNothing) {
    problems.raise();
    problems.add(document, "expected keys such as 'name' and 'data', found an empty document");
    problems.raise();
  }
  for (std::size_t i = 0; i < overrides.size(); ++i) {
    apply_override(tree, overrides[i], i + 1, problems);
  }
  const auto draft = std::make_shared<ConfigDraft>();
  const ConfigItem schema = experiment_schema(draft);
  read_document(tree, schema, paths(true), problems);
  problems.raise();
  return draft->options;
}

ExperimentOptions load_config(const std::filesystem::path& file,
                              const std::vector<std::string>& overrides) {
  return parse_config(read_config_text(file), file.string(), overrides);
}

std::string resolved_yaml(const ExperimentOptions& options) {
  const ConfigItem schema = schema_of(options);
  return write_items(schema.items());
}

std::vector<KeyDifference> differing_keys(const ExperimentOptions& left,
                                          const ExperimentOptions& right,
                                          bool ignore_runtime_keys) {
  const ConfigItem left_schema = schema_of(left);
  const ConfigItem right_schema = schema_of(right);
  const auto left_leaves = flatten_items(left_schema.items(), false);
  const auto right_leaves = flatten_items(right_schema.items(), false);
  const auto find = [](const std::vector<ConfigLeaf>& leaves, const std::string& path) {
    const auto found = std::find_if(leaves.begin(), leaves.end(),
                                    [&](const ConfigLeaf& leaf) { return leaf.path == path; });
    return found == leaves.end() ? nullptr : &*found;
  };
  const auto ignored = [&](const ConfigLeaf& leaf) {
    return leaf.inactive || (ignore_runtime_keys && leaf.runtime);
  };
  std::vector<KeyDifference> differences;
  for (const ConfigLeaf& leaf : left_leaves) {
    const ConfigLeaf* other = find(right_leaves, leaf.path);
    if (ignored(leaf) || (other != nullptr && ignored(*other))) continue;
    const std::string value = other == nullptr ? "(none)" : other->value;
    if (value != leaf.value) differences.push_back({leaf.path, leaf.value, value});
  }
  for (const ConfigLeaf& leaf : right_leaves) {
    if (!ignored(leaf) && find(left_leaves, leaf.path) == nullptr) {
      differences.push_back({leaf.path, "(none)", leaf.value});
    }
  }
  return differences;
}

std::vector<std::string> runtime_keys() {
  std::vector<std::string> keys;
  const ConfigItem root = fresh_schema();
  for (const ConfigLeaf& leaf : flatten_items(root.items(), false))
    if (leaf.runtime) keys.push_back(leaf.path);
  return keys;
}

std::string explain_keys(const std::string& key_or_empty) {
  return explain_items(fresh_schema, key_or_empty);
}

std::vector<std::string> all_keys() { return paths(false); }

}  // namespace selfcure
