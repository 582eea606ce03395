#include <algorithm>

#include "schema.h"

namespace selfcure {
namespace {

const ConfigRange kProbability{0, 1};

std::vector<ConfigChoice> dataset_choices() {
  return {{"raf_db", "RAF-DB, basic expressions, 7 classes; splits train and test"},
          {"ferplus", "FERPlus, majority vote, 8 classes; splits train, valid and test"}};
}

std::vector<ConfigChoice> pixels_choices() {
  return {{"auto", "the folder of the split if it exists, else the table"},
          {"folders", "FER2013Train, FER2013Valid, FER2013Test with an image file per row"},
          {"csv", "fer2013.csv beside fer2013new.csv"}};
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
  dataset.given = &shorthand.element_dataset_given;
  dataset.default_note = "that of data.dataset";
  ConfigItem& root =
      list.path("root", source.root, false, "Folder of the data set as it was downloaded.");
  root.given = &shorthand.element_root_given;
  root.default_note = "that of data.root";
  if (source.splits.empty()) source.splits = {default_split};
  add_split(list, "split", source.splits, false,
            "Splits to take, joined in this order, for example train+valid.");
  ConfigItem& pixels =
      list.choice("pixels", source.pixels, pixels_choices(), "Where the pixels of FERPlus lie.");
  pixels.default_note = "that of data.pixels";
  if (source.dataset != Dataset::kFerPlus) {
    pixels.inactive = "belongs to data set 'ferplus', and this source is of another";
  }
  return list.take();
}

void add_sources(ConfigItemList& list, const std::string& key, ConfigDraft& draft,
                 std::vector<SourceOptions>& sources, bool& given, Split split,
                 const std::string& doc) {
  ConfigItem& item = list.add(key, "a list of sources", doc);
  SourceShorthand& shorthand = draft.shorthand;
  item.given = &given;
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
  item.finish_element = [&shorthand, key](std::size_t index, const ConfigFail& fail) {
    const std::string element = "data." + key + "[" + std::to_string(index) + "]";
    if (!shorthand.element_dataset_given && !shorthand.dataset_given) {
      fail({}, "missing required key '" + element + ".dataset' or 'data.dataset'");
    }
    if (!shorthand.element_root_given && !shorthand.root_given) {
      fail({}, "missing required key '" + element + ".root' or 'data.root'");
    }
    shorthand.element_dataset_given = false;
    shorthand.element_root_given = false;
  };
}

void add_shorthand(ConfigItemList& list, SourceShorthand& shorthand) {
  ConfigItem& dataset =
      list.choice("dataset", shorthand.source.dataset, dataset_choices(),
                  "Data set of training, validation and test where data.train, data.valid and "
                  "data.test do not say otherwise.");
  dataset.input_only = true;
  dataset.given = &shorthand.dataset_given;
  dataset.default_note = "none: required unless every source names its own";
  ConfigItem& root = list.path("root", shorthand.source.root, false,
                               "Folder of that data set as it was downloaded. A relative path "
                               "starts at the working directory.");
  root.input_only = true;
  root.given = &shorthand.root_given;
  root.default_note = "none: required unless every source names its own";
  ConfigItem& pixels =
      list.choice("pixels", shorthand.source.pixels, pixels_choices(),
                  "Where the pixels of FERPlus lie. Decides also whose votes are used where both "
                  "forms are present. No other data set has it.");
  pixels.input_only = true;
  pixels.given = &shorthand.pixels_given;
  const auto add = [&list](const std::string& key, std::vector<Split>& splits, bool may_be_none,
                           const std::string& doc) {
    ConfigItemList one;
    add_split(one, key, splits, may_be_none, doc);
    ConfigItem item = one.take().front();
    item.input_only = true;
    list.add(key, "", "") = item;
  };
  add("train_split", shorthand.train_split, false,
      "Splits to train on, joined in this order; the SCN authors train on train+valid of FERPlus. "
      "Unused where data.train is given.");
  add("valid_split", shorthand.valid_split, true,
      "Split that chooses the best epoch. With none the test set chooses, which flatters the "
      "result, and every output says so. Unused where data.valid is given.");
  add("test_split", shorthand.test_split, false,
      "Split that the results are measured on. Unused where data.test is given.");
}

ConfigItems noise_items(NoiseOptions& noise) {
  ConfigItemList list;
  list.choice("type", noise.type,
              {{"none", "labels stay as the data set gives them"},
               {"symmetric", "another class, uniformly among the others"}},
              "How a wrong label is picked. The label before noise is kept as the clean one, so "
              "that relabelling can be judged.");
  list.real("rate", noise.rate, kProbability,
            "Probability of each training label, by itself, to become wrong. The share that comes "
            "out varies around it and is recorded.");
  list.seed("seed", noise.seed,
            "Chooses the labels that become wrong and what they become. Apart from the training "
            "seed, so that trainings with several seeds can share one noisy set.");
  return list.take();
}

ConfigItems augment_items(AugmentOptions& augment) {
  ConfigItemList list;
  list.real("flip", augment.flip, kProbability, "Probability of a left-right mirror.");
  list.real("noise", augment.noise, kProbability, "Probability of Gaussian pixel noise.");
  list.real("noise_variance", augment.noise_variance, {0, 65025},
            "Variance of that noise in grey levels of 0..255, squared.");
  list.boolean(
      "flip_or_noise", augment.flip_or_noise,
      "As in the published SCN code: half of the images get a mirror or noise, each "
      "equally often. 'flip' and 'noise' are not used then. That code adds the noise before "
      "it enlarges the image, here it comes after and is finer.");
  list.integer("crop_padding", augment.crop_padding, 0, 512,
               "Zero padding in pixels on each side before a crop of the image's size is taken at "
               "random; 0 is off.");
  const std::string relative = ", as a share: 0.2 is from 0.8 to 1.2 times; 0 is off.";
  list.real("brightness", augment.brightness, kProbability,
            "Largest change of brightness" + relative);
  list.real("contrast", augment.contrast, kProbability, "Largest change of contrast" + relative);
  list.real("saturation", augment.saturation, kProbability,
            "Largest change of saturation" + relative);
  list.real("erase", augment.erase, kProbability,
            "Probability that a rectangle of the image is erased.");
  list.real("erase_area_min", augment.erase_area_min, {0, 1, true},
            "Smallest share of the image area that is erased.");
  list.real("erase_area_max", augment.erase_area_max, {0, 1, true},
            "Largest share of the image area that is erased, at least erase_area_min.");
  return list.take();
}

ConfigItems normalize_items(NormalizeOptions& normalize) {
  ConfigItemList list;
  list.three("mean", normalize.mean, {0, 1},
             "Mean of red, green and blue, of pixels scaled to [0, 1]; subtracted from training "
             "and test images. The default is that of ImageNet.");
  list.three("std", normalize.std, {0, 1, true},
             "Standard deviation of red, green and blue, of pixels scaled to [0, 1]; divides them "
             "after that.");
  return list.take();
}

/// A split that both sides hold, if there is one.
const char* shared_split(const std::vector<SourceOptions>& left,
                         const std::vector<SourceOptions>& right) {
  for (const SourceOptions& a : left) {
    for (const SourceOptions& b : right) {
      if (a.dataset != b.dataset || a.root.lexically_normal() != b.root.lexically_normal())
        continue;
      for (const Split split : a.splits) {
        if (std::count(b.splits.begin(), b.splits.end(), split) != 0) return to_string(split);
      }
    }
  }
  return nullptr;
}

}  // namespace

ConfigItems data_items(ConfigDraft& draft) {
  DataOptions& data = draft.options.data;
  SourceShorthand& shorthand = draft.shorthand;
  ConfigItemList list;
  add_shorthand(list, shorthand);
  add_sources(list, "train", draft, data.train, shorthand.train_given, Split::kTrain,
              "Sources that training joins, in place of data.train_split: a list of "
              "{dataset, root, split, pixels}, or one such section. All must have the same "
              "classes.");
  add_sources(list, "valid", draft, data.valid, shorthand.valid_given, Split::kValid,
              "Sources that choose the best epoch, in place of data.valid_split. An empty list: "
              "the test set chooses, and every output says so.");
  add_sources(list, "test", draft, data.test, shorthand.test_given, Split::kTest,
              "Sources that the results are measured on, in place of data.test_split.");
  list.integer("image_size", data.image_size, 32, 1024,
               "Side of the network's square input in pixels. Time per step grows with its "
               "square.");
  list.integer("workers", data.workers, 0, 64,
               "Threads that assemble batches; 0: the training thread does it between steps. "
               "Batches are the same for any number.")
      .runtime = true;
  list.integer("memory_mb", data.memory_mb, 0, std::int64_t{1} << 24,
               "Decoded images of each set (train, valid, test) kept in memory, in MiB. Images "
               "beyond it are decoded again in every epoch.")
      .runtime = true;
  list.choice("on_error", data.on_error,
              {{"stop", "the run ends with the name of the image"},
               {"skip", "the image is left out, named and counted"}},
              "What to do with an image that cannot be read.");
  list.section("noise", "Label noise that is injected into the training labels.",
               [&data] { return noise_items(data.noise); })
      .check = [&data](const ConfigFail& fail) {
    if (data.noise.type == NoiseType::kNone && data.noise.rate > 0) {
      fail({"rate", "type"}, "expected 0 with data.noise.type: none, got '" +
                                 write_double(data.noise.rate) +
                                 "'; did you mean type: symmetric?");
    }
  };
  list.section("augment", "Random changes of training images, drawn anew in each epoch.",
               [&data] { return augment_items(data.augment); })
      .check = [&data](const ConfigFail& fail) {
    const AugmentOptions& augment = data.augment;
    if (augment.erase_area_min > augment.erase_area_max) {
      fail({"erase_area_min", "erase_area_max"},
           "expected at most data.augment.erase_area_max, which is " +
               write_double(augment.erase_area_max) + ", got '" +
               write_double(augment.erase_area_min) + "'");
    }
  };
  list.section("normalize", "How pixels become network input: (pixel / 255 - mean) / std.",
               [&data] { return normalize_items(data.normalize); });
  return list.take();
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
  fill(shorthand.train_given, shorthand.train_split, data.train);
  fill(shorthand.valid_given, shorthand.valid_split, data.valid);
  fill(shorthand.test_given, shorthand.test_split, data.test);
  for (std::vector<SourceOptions>* sources : {&data.train, &data.valid, &data.test}) {
    for (SourceOptions& source : *sources) {
      if (source.dataset != Dataset::kFerPlus) source.pixels = FerPlusPixels::kAuto;
    }
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
  bool any_ferplus = false;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (const SourceOptions& source : parts[i].sources) {
      any_ferplus = any_ferplus || source.dataset == Dataset::kFerPlus;
      if (source.dataset == Dataset::kRafDb &&
          std::count(source.splits.begin(), source.splits.end(), Split::kValid) != 0) {
        fail({parts[i].key}, "expected train or test, the splits of raf_db, got 'valid'");
      }
    }
    for (std::size_t j = 0; j < i; ++j) {
      const char* split = shared_split(parts[j].sources, parts[i].sources);
      if (split == nullptr) continue;
      fail({parts[i].key, parts[j].key}, "expected other images than those of data." +
                                             parts[j].key + ", got the split '" + split +
                                             "' in both");
    }
  }
  if (shorthand.pixels_given && !any_ferplus) {
    fail({"pixels"}, "belongs to data set 'ferplus', and no source is of that");
  }
}

}  // namespace selfcure
