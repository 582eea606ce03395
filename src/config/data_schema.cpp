#include <cmath>
#include <memory>
#include <numeric>

#include "schema.h"

namespace selfcure {
namespace {

const ConfigRange kProbability{0, 1};
constexpr double kRowSumTolerance = 1e-6;

void add_class_map(ConfigItemList& list, NoiseOptions& noise) {
  const auto arrows =
      std::make_shared<ConfigArrows>(noise.class_map.begin(), noise.class_map.end());
  ConfigItem& item = list.arrows("class_map", *arrows, false,
                                 "Of asymmetric: which class is taken for which, as 'from -> to'; "
                                 "classes that are not named keep their labels.");
  item.read = [read = item.read, arrows, &noise](const ConfigNode& node) {
    auto complaint = read(node);
    if (!complaint) noise.class_map = {arrows->begin(), arrows->end()};
    return complaint;
  };
  item.write = [write = item.write, arrows, &noise] {
    arrows->assign(noise.class_map.begin(), noise.class_map.end());
    return write();
  };
}

/// Mistakes of a transition matrix that show without the number of classes.
void check_matrix(const NoiseOptions& noise, const ConfigFail& fail) {
  const std::size_t rows = noise.matrix.size();
  for (std::size_t i = 0; i < rows; ++i) {
    const std::vector<double>& row = noise.matrix[i];
    const std::string where = "row " + std::to_string(i);
    if (row.size() != rows) {
      fail({"matrix"}, "expected " + std::to_string(rows) + " entries in " + where +
                           ", as many as rows, got " + std::to_string(row.size()));
      return;
    }
    const double sum = std::accumulate(row.begin(), row.end(), 0.0);
    if (std::abs(sum - 1) > kRowSumTolerance) {
      fail({"matrix"}, "expected " + where + " to sum to 1, got " + write_double(sum));
      return;
    }
  }
}

/// Keys that only one type has: another type would ignore them.
void refuse_keys_of_others(const NoiseOptions& noise, const ConfigFail& fail) {
  const NoiseOptions defaults;
  const auto refuse = [&](NoiseType owner, const std::string& key, bool is_set) {
    if (noise.type != owner && is_set)
      fail({key, "type"}, std::string("belongs to data.noise.type: ") + to_string(owner) +
                              ", and the type is " + to_string(noise.type));
  };
  refuse(NoiseType::kAsymmetric, "class_map", !noise.class_map.empty());
  refuse(NoiseType::kMatrix, "matrix", !noise.matrix.empty());
  refuse(NoiseType::kInstance, "features_from", !noise.features_from.empty());
  refuse(NoiseType::kFile, "file", !noise.file.empty());
  refuse(NoiseType::kFile, "first_label", noise.first_label != defaults.first_label);
  refuse(NoiseType::kFile, "require_complete", noise.require_complete != defaults.require_complete);
}

/// What the noise type lacks or cannot have; the data are checked when they are read.
void check_noise_keys(const NoiseOptions& noise, bool rate_given, const ConfigFail& fail) {
  const std::string type = to_string(noise.type);
  const auto wants = [&](NoiseType owner, const std::string& key, bool missing) {
    if (noise.type == owner && missing) {
      fail({key, "type"}, "expected a value with data.noise.type: " + type + ", got nothing");
    }
  };
  if (noise.type == NoiseType::kNone && noise.rate > 0) {
    fail({"rate", "type"}, "expected 0 with data.noise.type: none, got '" +
                               write_double(noise.rate) + "'; did you mean type: symmetric?");
  } else if ((noise.type == NoiseType::kMatrix || noise.type == NoiseType::kFile) &&
             noise.rate > 0) {
    fail({"rate", "type"},
         "expected 0 with data.noise.type: " + type + ", got '" + write_double(noise.rate) + "'");
  }
  const bool has_rate = noise.type != NoiseType::kNone && noise.type != NoiseType::kMatrix &&
                        noise.type != NoiseType::kFile;
  if (has_rate && !rate_given)
    fail({"type"}, "expected data.noise.rate beside type: " + type + ", got none");
  const bool may_be_exact = has_rate && noise.type != NoiseType::kInstance;
  const bool may_be_per_class = may_be_exact || noise.type == NoiseType::kMatrix;
  if ((noise.exactness == NoiseExactness::kExact && !may_be_exact) ||
      (noise.exactness == NoiseExactness::kPerClass && !may_be_per_class)) {
    fail({"exactness", "type"},
         std::string("expected iid") + (may_be_per_class ? " or per_class" : "") +
             " with data.noise.type: " + type + ", got '" + to_string(noise.exactness) + "'");
  }
  refuse_keys_of_others(noise, fail);
  check_matrix(noise, fail);
  wants(NoiseType::kAsymmetric, "class_map", noise.class_map.empty());
  wants(NoiseType::kMatrix, "matrix", noise.matrix.empty());
  wants(NoiseType::kInstance, "features_from", noise.features_from.empty());
  wants(NoiseType::kFile, "file", noise.file.empty());
}

void add_memory(ConfigItemList& list, std::int64_t& megabytes) {
  constexpr std::int64_t kMost = std::int64_t{1} << 24;
  const std::string expected = "auto or an integer in [0, " + std::to_string(kMost) + "]";
  ConfigItem& item = list.add("memory_mb", expected,
                              "Decoded images of each set (train, valid, test) kept in memory, in "
                              "MiB; auto: a quarter of what is available at the start. Images "
                              "beyond it are decoded again in every epoch.");
  item.read = [&megabytes, expected](const ConfigNode& node) -> std::optional<ConfigComplaint> {
    if (node.kind == ConfigNode::Kind::kScalar && node.text == "auto") {
      megabytes = -1;
      return std::nullopt;
    }
    return read_integer(node, 0, kMost, expected, megabytes);
  };
  item.write = [&megabytes] {
    return megabytes < 0 ? std::string("auto") : std::to_string(megabytes);
  };
  item.runtime = true;
}

ConfigItems noise_items(NoiseOptions& noise, bool& rate_given) {
  ConfigItemList list;
  list.choice("type", noise.type,
              {{"none", "labels stay as the data set gives them"},
               {"symmetric", "another class, uniformly among the others"},
               {"symmetric_with_self", "any class, the right one too: fewer are wrong than rate"},
               {"pair", "the next class"},
               {"asymmetric", "the class that class_map says"},
               {"matrix", "by the probabilities of matrix"},
               {"instance", "depends on the image; wants features_from"},
               {"file", "the labels of a list made elsewhere"}},
              "How a wrong label is picked. The label before noise is kept as the clean one, so "
              "that relabelling can be judged.");
  list.real("rate", noise.rate, kProbability,
            "Share of the training labels that become wrong (with symmetric_with_self: are drawn "
            "anew). The share that comes out is recorded. matrix and file have none, the other "
            "types want it.")
      .given = &rate_given;
  list.choice("exactness", noise.exactness,
              {{"iid", "each label by itself, so that the share varies around the rate"},
               {"exact", "exactly the rate of all labels"},
               {"per_class", "exactly the rate of the labels of each class"}},
              "How closely the noise keeps to its rate.");
  add_class_map(list, noise);
  list.matrix("matrix", noise.matrix, kProbability,
              "Of matrix: P(given | true), a row per true class in the order of the classes, each "
              "with the sum 1. cleanlab's noise_matrix is the transpose.");
  list.path("features_from", noise.features_from, true,
            "Of instance: checkpoint whose backbone gives the features of the images.")
      .default_note = "null";
  list.path("file", noise.file, true,
            "Of file: lines 'path label', or a CSV table, joined to the training images by name.")
      .default_note = "null";
  list.integer("first_label", noise.first_label, 0, 1,
               "Of file: the integer that stands for the first class.");
  list.boolean("require_complete", noise.require_complete,
               "Of file: every training image must be in it; else those that are not keep their "
               "label.");
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

}  // namespace

ConfigItems data_items(ConfigDraft& draft) {
  DataOptions& data = draft.options.data;
  ConfigItemList list;
  add_source_items(list, draft);
  list.integer("image_size", data.image_size, 32, 1024,
               "Side of the network's square input in pixels. Time per step grows with its "
               "square.");
  list.integer("workers", data.workers, 0, 64,
               "Threads that assemble batches; 0: the training thread does it between steps. "
               "Batches are the same for any number.")
      .runtime = true;
  add_memory(list, data.memory_mb);
  ConfigItem& pack = list.path(
      "pack", data.pack, true,
      "Folder of decoded images. The first run makes a file in it, later and concurrent runs map "
      "that one into memory instead of decoding; another image size or changed images make "
      "another file. null: none.");
  pack.runtime = true;
  pack.default_note = "null";
  list.choice("cache", data.cache,
              {{"none", "on the host, as memory_mb says"},
               {"gpu",
                "all of them on the CUDA device that trains, where batches are gathered and "
                "augmented; on the CPU, or if they take more than 60 % of its free memory, as "
                "none, which is said"}},
              "Where decoded training images are kept. Batches are the same.")
      .runtime = true;
  list.choice("on_error", data.on_error,
              {{"stop", "the run ends with the name of the image"},
               {"skip", "the image is left out, named and counted"}},
              "What to do with an image that cannot be read, and with a bad line of a data set's "
              "lists.");
  list.section("noise", "Label noise that is injected into the training labels.",
               [&data, &draft] { return noise_items(data.noise, draft.noise_rate_given); })
      .check = [&data, &draft](const ConfigFail& fail) {
    check_noise_keys(data.noise, draft.noise_rate_given, fail);
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

}  // namespace selfcure
