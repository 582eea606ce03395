#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/engine/options.h"

namespace selfcure {

/// Reads an experiment from a YAML file.
///
/// Keys that are not given have the defaults that explain_keys() shows; some depend on another key
/// (`method.preset`, `train.optimizer.name`, `train.schedule.name`). Paths are kept as written:
/// relative ones start at the working directory.
///
/// @param overrides  "key.path=value", as given to --set, in order: later ones win. The value is
///                   YAML; a section or list replaces the one in the file. List elements are
///                   addressed as `data.train[0].root` or `data.train.0.root`; the index after the
///                   last one appends.
/// @throws ConfigError with a line for every mistake: "file.yaml:12:5: unknown key 'train.epoch';
///         did you mean 'train.epochs'?", those of overrides as "--set train.epoch=3: ..."
ExperimentOptions load_config(const std::filesystem::path& file,
                              const std::vector<std::string>& overrides = {});

/// The same for a text. @param source_name  stands for the file in messages
ExperimentOptions parse_config(const std::string& text, const std::string& source_name,
                               const std::vector<std::string>& overrides = {});

/// Every key with the value in force, as YAML.
///
/// Short forms are written out: the sources of the data, the defaults of a preset. Equal options
/// give equal bytes, and parse_config() of the text gives equal options.
std::string resolved_yaml(const ExperimentOptions& options);

/// A key with different values; "(none)" where only the other side has the list element.
struct KeyDifference {
  std::string key;
  std::string left;
  std::string right;
};

/// Keys whose values differ, in the order of resolved_yaml().
///
/// Keys that only one side can have, for example `method.beta` beside a baseline, are left out: the
/// difference of `method.name` says it.
///
/// @param ignore_runtime_keys  leave out what cannot change a result but by rounding: the name,
///                             device, threads, workers, memory, batches of the evaluation,
///                             how often checkpoints are saved, and what is logged
std::vector<KeyDifference> differing_keys(const ExperimentOptions& left,
                                          const ExperimentOptions& right, bool ignore_runtime_keys);

/// Keys that cannot change a result but by rounding: those that differing_keys() can ignore.
std::vector<std::string> runtime_keys();

/// Meaning, accepted values, default and choices of a key, of all keys of a section, or of all.
///
/// @param key_or_empty  such as "train.epochs", "train" or ""
/// @throws ConfigError for an unknown key, with the nearest names
std::string explain_keys(const std::string& key_or_empty);

/// Every key that takes a value, "[]" standing for the elements of a list: "data.train[].root".
std::vector<std::string> all_keys();

}  // namespace selfcure
