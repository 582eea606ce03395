#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "item.h"
#include "selfcure/engine/options.h"

namespace selfcure {

/// `data.dataset` and the keys beside it: a short form of lists with one source.
struct SourceShorthand {
  SourceOptions source;
  std::vector<Split> train_split = {Split::kTrain};
  std::vector<Split> valid_split;
  std::vector<Split> test_split = {Split::kTest};
  bool dataset_given = false;
  bool root_given = false;
  /// Of the keys that only some data sets have.
  std::map<std::string, bool> reader_key_given;
  bool train_given = false;
  bool valid_given = false;
  bool test_given = false;
  bool class_map_given = false;
  bool train_split_given = false;
  bool valid_split_given = false;
  bool test_split_given = false;
  /// ConfigPlace::order of each key, those of the lists too.
  std::map<std::string, std::size_t> given_order;
  /// Did an element of a list take it over? Keys are those of the short form.
  std::map<std::string, bool> inherited;
  /// Of the list element that is being read.
  std::map<std::string, bool> element_given;
};

/// The options that a schema is bound to, and what only the config knows of.
struct ConfigDraft {
  ConfigDraft();
  ExperimentOptions options;
  SourceShorthand shorthand;
  bool noise_rate_given = false;
};

/// The whole schema, bound to `draft`: each key of a config is declared here and nowhere else.
ConfigItem experiment_schema(const std::shared_ptr<ConfigDraft>& draft);

/// Its section `data`; the rest is in experiment_schema.cpp.
ConfigItems data_items(ConfigDraft& draft);
/// The keys of that section that say which images are learned and tested.
void add_source_items(ConfigItemList& list, ConfigDraft& draft);
/// Makes the lists of sources from the short form and reports required keys that are missing.
void finish_data(ConfigDraft& draft, const ConfigFail& fail);
/// Mistakes across sources.
void check_data(const ConfigDraft& draft, const ConfigFail& fail);

}  // namespace selfcure
