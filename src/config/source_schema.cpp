#include <algorithm>
#include <filesystem>
#include <system_error>

#include "schema.h"
#include "selfcure/data/dataset_layout.h"

namespace selfcure {
namespace {

const ConfigRange kShare{0, 1};
constexpr const char* kClassMapDoc =
    "Turns classes of the data set into others, as 'from -> to'; 'from ->' leaves a class out. "
    "Classes that are not named keep their name.";

std::vector<ConfigChoice> dataset_choices() {
  return {{"raf_db", "RAF-DB, basic expressions, 7 classes; splits train and test"},
          {"raf_db_compound", "RAF-DB, compound expressions, 11 classes; splits train and test"},
          {"raf_db_repack", "RAF-DB, basic, as DATASET/{train,test}/{1..7}; splits train and test"},
          {"ferplus", "FERPlus, 8 classes; splits train, valid and test"},
          {"affectnet_2017", "AffectNet with CSV lists and face boxes; splits train and test"},
          {"affectnet_2021", "AffectNet with .npy annotations; splits train and test"},
          {"webemotion", "clips, each in one split: train, valid and test"},
          {"folders", "<root>/<split>/<class>/*; the splits that are there"},
          {"list", "plain lists or CSV tables of paths and labels; the splits that are listed"}};
}

/// A key that tells how a data set is read, and the data sets that have it.
struct ReaderKey {
  ConfigItem item;
  std::vector<Dataset> datasets;

  bool belongs_to(Dataset dataset) const {
    return std::count(datasets.begin(), datasets.end(), dataset) != 0;
  }
  /// "data set 'ferplus'", "data sets 'webemotion' and 'list'"
  std::string owners() const {
    std::string text = datasets.size() > 1 ? "data sets " : "data set ";
    for (std::size_t i = 0; i < datasets.size(); ++i) {
      const char* const before = i == 0 ? "'" : i + 1 == datasets.size() ? " and '" : ", '";
      text += std::string(before) + to_string(datasets[i]) + "'";
    }
    return text;
  }
};

std::vector<ReaderKey> reader_keys(SourceOptions& source) {
  std::vector<ReaderKey> keys;
  const auto of = [&keys](const std::vector<Dataset>& datasets, ConfigItemList list) {
    for (ConfigItem& item : list.take()) keys.push_back({std::move(item), datasets});
  };
  ConfigItemList ferplus;
  ferplus.choice("pixels", source.pixels,
                 {{"auto", "the folder of the split if it exists, else the table"},
                  {"folders", "FER2013Train, FER2013Valid, FER2013Test with an image file per row"},
                  {"csv", "fer2013.csv beside fer2013new.csv"}},
                 "Where the pixels of FERPlus lie. Decides also whose votes are used where both "
                 "forms are present.");
  ferplus.choice(
      "labels", source.labels,
      {{"majority", "the class with more than half of the votes"},
       {"probability", "one class per visit, drawn by the votes"},
       {"crossentropy", "the votes as the target of the cross-entropy"},
       {"multi_target", "any class with enough votes is right: -log max_k(t_k p_k)"},
       {"fer2013", "the original single label; the majority is the clean one"}},
      "What the votes of FERPlus become in training. Validation and test have the majority.");
  of({Dataset::kFerPlus}, std::move(ferplus));
  ConfigItemList affectnet;
  affectnet.boolean("contempt", source.contempt,
                    "Contempt as AffectNet's eighth class; false leaves its images out.");
  of({Dataset::kAffectNet2017, Dataset::kAffectNet2021}, std::move(affectnet));
  ConfigItemList named;
  named.names("class_names", source.class_names,
              "Names of the classes in the wanted order, those of a list also in the order of its "
              "integer labels. Empty: as they are found, in natural order.");
  of({Dataset::kWebEmotion, Dataset::kFolders, Dataset::kList}, std::move(named));
  ConfigItemList clips;
  clips
      .path("clip_table", source.clip_table, true,
            "Table path,label,clip_id,keyword instead of folders; relative to the root.")
      .default_note = "null";
  clips.integer("frames_per_video", source.frames_per_video, 1, 1000,
                "Evenly spaced frames that are taken of each video file.");
  clips.real("valid_share", source.valid_share, kShare, "Share of the clips for validation.");
  clips.real("test_share", source.test_share, kShare,
             "Share of the clips for the test; what is left is for training.");
  clips.seed("split_seed", source.split_seed, "Chooses the clips of each split.");
  of({Dataset::kWebEmotion}, std::move(clips));
  ConfigItemList list;
  const auto file = [&list](const std::string& key, std::filesystem::path& value,
                            const std::string& doc) {
    list.path(key, value, true, doc).default_note = "null";
  };
  file("train_list", source.train_list,
       "Lines 'path label', or a CSV table, of the training images; relative to the root.");
  file("valid_list", source.valid_list, "The same of the validation images.");
  file("test_list", source.test_list, "The same of the test images.");
  file("table", source.table,
       "Instead of these: one CSV table whose column 'split' tells the split of each row.");
  list.choice("paths", source.paths,
              {{"path", "relative to the root, or absolute"},
               {"name", "only the file name counts; it is searched below the root"}},
              "What the paths in a list mean.");
  list.integer("first_label", source.first_label, 0, 1, "The smallest integer label of a list.");
  of({Dataset::kList}, std::move(list));
  return keys;
}

/// The source without what its data set ignores, so that equal meanings are written equally.
SourceOptions without_unused(const SourceOptions& source) {
  SourceOptions all = source;
  SourceOptions result;
  std::vector<ReaderKey> from = reader_keys(all);
  std::vector<ReaderKey> to = reader_keys(result);
  for (std::size_t i = 0; i < from.size(); ++i) {
    if (!from[i].belongs_to(source.dataset)) continue;
    ConfigProblems problems;
    const ConfigNode value = parse_tree(from[i].item.write(), {"a written value"}, problems);
    (void)to[i].item.read(value);
  }
  result.dataset = source.dataset;
  result.root = source.root;
  result.splits = source.splits;
  result.class_map = source.class_map;
  return result;
}

std::string split_text(const std::vector<Split>& splits) {
  std::string text;
  for (const Split split : splits)
    text += (text.empty() ? "" : "+") + std::string(to_string(split));
  return text.empty() ? "none" : text;
}

/// "train+valid" -> {kTrain, kValid}; false for other words and repetitions.
bool parse_splits(const std::string& text, std::vector<Split>& splits) {
  splits.clear();
  std::size_t start = 0;
  while (start <= text.size()) {
    const std::size_t end = std::min(text.find('+', start), text.size());
    const std::string word = text.substr(start, end - start);
    const std::vector<Split> known = {Split::kTrain, Split::kValid, Split::kTest};
    const auto found = std::find_if(known.begin(), known.end(),
                                    [&](Split split) { return word == to_string(split); });
    if (found == known.end() || std::count(splits.begin(), splits.end(), *found) != 0) return false;
    splits.push_back(*found);
    start = end + 1;
  }
  return true;
}

/// @param may_be_none  null or none give no split
void add_split(ConfigItemList& list, const std::string& key, std::vector<Split>& value,
               bool may_be_none, const std::string& doc) {
  const std::string expected =
      std::string("train, valid, test or several joined by '+'") + (may_be_none ? ", or none" : "");
  ConfigItem& item = list.add(key, expected, doc);
  item.read = [&value, may_be_none, expected](const ConfigNode& node) {
    std::optional<ConfigComplaint> complaint;
    const bool none = node.kind == ConfigNode::Kind::kNothing ||
                      (node.kind == ConfigNode::Kind::kScalar && node.text == "none");
    std::vector<Split> splits;
    if (may_be_none && none) {
      value.clear();
    } else if (node.kind == ConfigNode::Kind::kScalar && parse_splits(node.text, splits)) {
      value = splits;
    } else {
      complaint = ConfigComplaint{"expected " + expected + ", got " + node.describe(), &node};
    }
    return complaint;
  };
  item.write = [&value] { return split_text(value); };
}

ConfigItems source_items(SourceOptions& source, Split default_split, SourceShorthand& shorthand) {
  ConfigItemList list;
  ConfigItem& dataset = list.choice("dataset", source.dataset, dataset_choices(),
                                    "Which data set this source is. Says how its folder is read.");
  dataset.selector = true;
  dataset.given = &shorthand.element_given["dataset"];
  dataset.default_note = "that of data.dataset";
  ConfigItem& root =
      list.path("root", source.root, false, "Folder of the data set as it was downloaded.");
  root.given = &shorthand.element_given["root"];
  root.default_note = "that of data.root";
  if (source.splits.empty()) source.splits = {default_split};
  add_split(list, "split", source.splits, false,
            "Splits to take, joined in this order, for example train+valid.");
  ConfigItem& class_map = list.arrows("class_map", source.class_map, true, kClassMapDoc);
  class_map.given = &shorthand.element_given["class_map"];
  class_map.default_note = "that of data.class_map";
  for (ReaderKey& key : reader_keys(source)) {
    key.item.default_note = "that of data." + key.item.key;
    key.item.given = &shorthand.element_given[key.item.key];
    if (!key.belongs_to(source.dataset)) {
      key.item.inactive = "belongs to " + key.owners() + ", and this source is of another";
    }
    list.add(key.item.key, "", "") = key.item;
  }
  return list.take();
}

void add_sources(ConfigItemList& list, const std::string& key, ConfigDraft& draft,
                 std::vector<SourceOptions>& sources, bool& given, Split split,
                 const std::string& doc) {
  ConfigItem& item = list.add(key, "a list of sources", doc);
  SourceShorthand& shorthand = draft.shorthand;
  item.given = &given;
  item.given_order = &shorthand.given_order[key];
  item.min_size = split == Split::kValid ? 0 : 1;
  item.size = [&sources] { return sources.size(); };
  item.resize = [&sources, &shorthand, split](std::size_t size) {
    SourceOptions source = shorthand.source;
    source.splits = {split};
    sources.assign(size, source);
  };
  item.element = [&sources, &shorthand, split](std::size_t index) {
    return source_items(sources.at(index), split, shorthand);
  };
  item.finish_element = [&sources, &shorthand, key](std::size_t index, const ConfigFail& fail) {
    const std::string element = "data." + key + "[" + std::to_string(index) + "]";
    if (!shorthand.element_given["dataset"] && !shorthand.dataset_given) {
      fail({}, "missing required key '" + element + ".dataset' or 'data.dataset'");
    }
    if (!shorthand.element_given["root"] && !shorthand.root_given) {
      fail({}, "missing required key '" + element + ".root' or 'data.root'");
    }
    const auto inherit = [&shorthand](const std::string& name) {
      if (!shorthand.element_given[name]) shorthand.inherited[name] = true;
    };
    for (const char* const name : {"dataset", "root", "class_map"}) inherit(name);
    for (const ReaderKey& reader_key : reader_keys(sources.at(index)))
      if (reader_key.belongs_to(sources[index].dataset)) inherit(reader_key.item.key);
    for (auto& [name, is_given] : shorthand.element_given) is_given = false;
  };
}

void add_shorthand(ConfigItemList& list, SourceShorthand& shorthand) {
  ConfigItem& dataset =
      list.choice("dataset", shorthand.source.dataset, dataset_choices(),
                  "Data set of training, validation and test where data.train, data.valid and "
                  "data.test do not say otherwise.");
  dataset.input_only = true;
  dataset.given = &shorthand.dataset_given;
  dataset.given_order = &shorthand.given_order["dataset"];
  dataset.default_note = "none: required unless every source names its own";
  ConfigItem& root = list.path("root", shorthand.source.root, false,
                               "Folder of that data set as it was downloaded. A relative path "
                               "starts at the working directory.");
  root.input_only = true;
  root.given = &shorthand.root_given;
  root.given_order = &shorthand.given_order["root"];
  root.default_note = "none: required unless every source names its own";
  ConfigItem& class_map = list.arrows("class_map", shorthand.source.class_map, true, kClassMapDoc);
  class_map.input_only = true;
  class_map.given = &shorthand.class_map_given;
  class_map.given_order = &shorthand.given_order["class_map"];
  for (ReaderKey& key : reader_keys(shorthand.source)) {
    key.item.doc += " Only " + key.owners() + (key.datasets.size() > 1 ? " have it." : " has it.");
    key.item.input_only = true;
    key.item.given = &shorthand.reader_key_given[key.item.key];
    key.item.given_order = &shorthand.given_order[key.item.key];
    list.add(key.item.key, "", "") = key.item;
  }
  const auto add = [&list, &shorthand](const std::string& key, std::vector<Split>& splits,
                                       bool& given, bool may_be_none, const std::string& doc) {
    ConfigItemList one;
    add_split(one, key, splits, may_be_none, doc);
    ConfigItem item = one.take().front();
    item.input_only = true;
    item.given = &given;
    item.given_order = &shorthand.given_order[key];
    list.add(key, "", "") = item;
  };
  add("train_split", shorthand.train_split, shorthand.train_split_given, false,
      "Splits to train on, joined in this order; the SCN authors train on train+valid of FERPlus. "
      "Has no place beside data.train.");
  add("valid_split", shorthand.valid_split, shorthand.valid_split_given, true,
      "Split that chooses the best epoch. With none the test set chooses, which flatters the "
      "result, and every output says so. Has no place beside data.valid.");
  add("test_split", shorthand.test_split, shorthand.test_split_given, false,
      "Split that the results are measured on. Has no place beside data.test.");
}

bool has_validation(Dataset dataset) {
  switch (dataset) {
    case Dataset::kRafDb:
    case Dataset::kRafDbCompound:
    case Dataset::kRafDbRepack:
    case Dataset::kAffectNet2017:
    case Dataset::kAffectNet2021:
      return false;
    case Dataset::kFerPlus:
    case Dataset::kWebEmotion:
    case Dataset::kFolders:
    case Dataset::kList:
      break;
  }
  return true;
}

/// One spelling of a path for all that lead to the same place.
std::filesystem::path place(const std::filesystem::path& path) {
  std::error_code error;
  const std::filesystem::path absolute = std::filesystem::absolute(path, error).lexically_normal();
  const std::filesystem::path found = std::filesystem::weakly_canonical(absolute, error);
  std::filesystem::path result = error ? absolute : found;
  if (!result.has_filename()) result = result.parent_path();
  return result;
}

bool is_same_place(const SourceOptions& a, const SourceOptions& b) {
  return a.dataset == b.dataset && place(a.root) == place(b.root);
}

/// The file that lists a split of Dataset::kList.
std::filesystem::path list_of(const SourceOptions& source, Split split) {
  if (!source.table.empty()) return source.table;
  return split == Split::kTrain   ? source.train_list
         : split == Split::kValid ? source.valid_list
                                  : source.test_list;
}

/// Whether split `of_a` of a source is split `of_b` of another; false if they only may overlap,
/// which shows when they are read.
bool is_same_split(const SourceOptions& a, Split of_a, const SourceOptions& b, Split of_b) {
  if (!is_same_place(a, b)) return false;
  if (a.dataset != Dataset::kList) return of_a == of_b;
  const std::filesystem::path list_a = list_of(a, of_a), list_b = list_of(b, of_b);
  if (list_a.empty() || list_b.empty() || place(a.root / list_a) != place(b.root / list_b))
    return false;
  return of_a == of_b || a.table.empty() || b.table.empty();
}

/// A split that both sides hold, if there is one.
const char* shared_split(const std::vector<SourceOptions>& left,
                         const std::vector<SourceOptions>& right) {
  for (const SourceOptions& a : left)
    for (const SourceOptions& b : right)
      for (const Split of_a : a.splits)
        for (const Split of_b : b.splits)
          if (is_same_split(a, of_a, b, of_b)) return to_string(of_b);
  return nullptr;
}

/// Two ways to part the clips of one root put clips of the training into the test.
bool parts_clips_alike(const SourceOptions& a, const SourceOptions& b) {
  return a.dataset != Dataset::kWebEmotion || !is_same_place(a, b) ||
         (a.valid_share == b.valid_share && a.test_share == b.test_share &&
          a.split_seed == b.split_seed && a.clip_table == b.clip_table);
}

bool part_clips_alike(const std::vector<SourceOptions>& left,
                      const std::vector<SourceOptions>& right) {
  return std::all_of(left.begin(), left.end(), [&](const SourceOptions& a) {
    return std::all_of(right.begin(), right.end(),
                       [&](const SourceOptions& b) { return parts_clips_alike(a, b); });
  });
}

}  // namespace

void add_source_items(ConfigItemList& list, ConfigDraft& draft) {
  DataOptions& data = draft.options.data;
  SourceShorthand& shorthand = draft.shorthand;
  add_shorthand(list, shorthand);
  add_sources(list, "train", draft, data.train, shorthand.train_given, Split::kTrain,
              "Sources that training joins, in place of data.train_split: a list of "
              "{dataset, root, split, ...}, or one such section. Classes are "
              "brought together by name.");
  add_sources(list, "valid", draft, data.valid, shorthand.valid_given, Split::kValid,
              "Sources that choose the best epoch, in place of data.valid_split. An empty list: "
              "the test set chooses, and every output says so.");
  add_sources(list, "test", draft, data.test, shorthand.test_given, Split::kTest,
              "Sources that the results are measured on, in place of data.test_split.");
  list.names("classes", data.classes,
             "Classes to learn, by name, in this order. Empty: those of the first source of the "
             "training.");
  list.choice("other_classes", data.other_classes,
              {{"stop", "the run ends with the class and the number of its images"},
               {"leave_out", "they are left out"}},
              "What to do with images of a class that is not to be learned.");
}

void finish_data(ConfigDraft& draft, const ConfigFail& fail) {
  DataOptions& data = draft.options.data;
  const SourceShorthand& shorthand = draft.shorthand;
  if (!shorthand.train_given || !shorthand.test_given) {
    const std::string unless = " (not needed beside 'data.train' and 'data.test')";
    if (!shorthand.dataset_given) fail({}, "missing required key 'data.dataset'" + unless);
    if (!shorthand.root_given) fail({}, "missing required key 'data.root'" + unless);
  }
  const auto fill = [&](bool given, const std::vector<Split>& splits,
                        std::vector<SourceOptions>& sources) {
    if (given || splits.empty()) return;
    SourceOptions source = shorthand.source;
    source.splits = splits;
    sources = {source};
  };
  // A key without effect would pass for one that was obeyed; but lists of --set may replace the
  // short form of a file.
  const auto order_of = [&shorthand](const std::string& key) {
    const auto found = shorthand.given_order.find(key);
    return found == shorthand.given_order.end() ? std::size_t{0} : found->second;
  };
  const std::size_t lists_order =
      std::max({order_of("train"), order_of("valid"), order_of("test")});
  const bool is_filled = !shorthand.train_given || !shorthand.test_given ||
                         (!shorthand.valid_given && !shorthand.valid_split.empty());
  const auto refuse_unused = [&](bool given, const std::string& key) {
    const auto inherited = shorthand.inherited.find(key);
    const bool is_used = inherited != shorthand.inherited.end() && inherited->second;
    if (given && !is_used && !is_filled && order_of(key) >= lists_order)
      fail({key}, "has no effect, since every source has a " + key +
                      " of its own: expected data.train[0]." + key + ", data.test[0]." + key);
  };
  refuse_unused(shorthand.dataset_given, "dataset");
  refuse_unused(shorthand.root_given, "root");
  refuse_unused(shorthand.class_map_given, "class_map");
  for (const auto& [key, given] : shorthand.reader_key_given) refuse_unused(given, key);
  const auto refuse_split = [&](bool given, bool sources_given, const std::string& part) {
    if (given && sources_given && order_of(part + "_split") >= order_of(part))
      fail({part + "_split", part},
           "has no effect beside data." + part + ": expected data." + part + "[0].split");
  };
  refuse_split(shorthand.train_split_given, shorthand.train_given, "train");
  refuse_split(shorthand.valid_split_given, shorthand.valid_given, "valid");
  refuse_split(shorthand.test_split_given, shorthand.test_given, "test");
  fill(shorthand.train_given, shorthand.train_split, data.train);
  fill(shorthand.valid_given, shorthand.valid_split, data.valid);
  fill(shorthand.test_given, shorthand.test_split, data.test);
  for (std::vector<SourceOptions>* sources : {&data.train, &data.valid, &data.test}) {
    for (SourceOptions& source : *sources) source = without_unused(source);
  }
}

void check_data(const ConfigDraft& draft, const ConfigFail& fail) {
  const DataOptions& data = draft.options.data;
  const SourceShorthand& shorthand = draft.shorthand;
  struct Part {
    std::string key;
    const std::vector<SourceOptions>& sources;
  };
  const std::vector<Part> parts = {{shorthand.train_given ? "train" : "train_split", data.train},
                                   {shorthand.valid_given ? "valid" : "valid_split", data.valid},
                                   {shorthand.test_given ? "test" : "test_split", data.test}};
  std::vector<Dataset> used;
  bool shares_said = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const SourceOptions& source : parts[i].sources) {
      used.push_back(source.dataset);
      if (!has_validation(source.dataset) &&
          std::count(source.splits.begin(), source.splits.end(), Split::kValid) != 0) {
        fail({parts[i].key}, "expected train or test, the splits of " +
                                 std::string(to_string(source.dataset)) + ", got 'valid'");
      }
      if (source.dataset == Dataset::kList && !source.table.empty() &&
          !(source.train_list.empty() && source.valid_list.empty() && source.test_list.empty())) {
        fail({parts[i].key},
             "expected either table or train_list, valid_list and test_list, got "
             "both");
      }
      if (source.dataset == Dataset::kWebEmotion && source.valid_share + source.test_share > 1 &&
          !shares_said) {
        shares_said = true;  // the short form gives it to several sources
        fail({"test_share", "valid_share"}, "expected at most 1 together with valid_share, got '" +
                                                write_double(source.test_share) + "' and '" +
                                                write_double(source.valid_share) + "'");
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      const char* split = shared_split(parts[j].sources, parts[i].sources);
      if (split == nullptr) continue;
      fail({parts[i].key, parts[j].key}, "expected other images than those of data." +
                                             parts[j].key + ", got the split '" + split +
                                             "' in both");
    }
    for (std::size_t j = 0; j <= i; ++j) {
      if (part_clips_alike(parts[j].sources, parts[i].sources)) continue;
      fail({parts[i].key, parts[j].key},
           "expected the valid_share, test_share, split_seed and clip_table of data." +
               parts[j].key +
               " for the same root, got others: training clips would be in the test");
    }
  }
  SourceOptions any;
  for (const ReaderKey& key : reader_keys(any)) {
    const auto given = shorthand.reader_key_given.find(key.item.key);
    if (given == shorthand.reader_key_given.end() || !given->second) continue;
    const bool has_use = std::any_of(used.begin(), used.end(),
                                     [&](Dataset dataset) { return key.belongs_to(dataset); });
    if (!has_use) {
      fail({key.item.key}, "belongs to " + key.owners() + ", and no source is of " +
                               (key.datasets.size() > 1 ? "those" : "that"));
    }
  }
}

}  // namespace selfcure
