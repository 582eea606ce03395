#include "selfcure/engine/experiment_data.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <system_error>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/instance_noise.h"
#include "selfcure/data/published_counts.h"
#include "selfcure/data/text_file.h"
#include "selfcure/engine/device_stream.h"
#include "selfcure/engine/features.h"

namespace selfcure {
namespace {

std::string class_counts(const Manifest& manifest) {
  const std::vector<std::int64_t> counts = manifest.count_per_class();
  std::string text;
  for (std::size_t k = 0; k < counts.size(); ++k)
    text += (k ? ", " : "") + manifest.class_names[k] + " " + std::to_string(counts[k]);
  return text;
}

/// Tells images apart by where they are, which part and which frame.
class ImageIdentity {
 public:
  explicit ImageIdentity(const Manifest& manifest) : root_(manifest.root) {}

  std::string of(const ManifestRow& row) {
    const std::filesystem::path path = root_ / row.image;
    std::string text = place_of(path.parent_path()) + "/" + path.filename().string();
    for (const std::int32_t part : {row.box.x, row.box.y, row.box.width, row.box.height, row.frame})
      text += "|" + std::to_string(part);
    return text;
  }

 private:
  /// One spelling of a folder for all that lead to it. Images lie in few folders, so that links
  /// are followed for each folder and not for each image.
  const std::string& place_of(const std::filesystem::path& folder) {
    const auto [known, is_new] = places_.try_emplace(folder.string());
    if (is_new) {
      std::error_code error;
      std::filesystem::path place = std::filesystem::absolute(folder, error);
      if (error) place = folder;
      const std::filesystem::path found = std::filesystem::weakly_canonical(place, error);
      known->second = (error ? place : found).string();
    }
    return known->second;
  }

  std::filesystem::path root_;
  std::unordered_map<std::string, std::string> places_;
};

/// Checkpoints and result files hold the names as JSON; better to say it before the training.
void require_utf8_classes(const Manifest& manifest) {
  for (const std::string& name : manifest.class_names) {
    try {
      (void)nlohmann::json(name).dump();
    } catch (const nlohmann::json::type_error&) {
      throw DataError(manifest.name + ": expected names of classes in UTF-8, got " +
                      in_quotes(name) + ", which result files cannot hold");
    }
  }
}

}  // namespace

void refuse_shared_images(const Manifest& train, const Manifest& evaluated,
                          const std::string& what) {
  // Inline pixels have no place of their own: names in a table may repeat.
  if (!train.inline_pixels.empty() || !evaluated.inline_pixels.empty()) return;
  std::unordered_set<std::string> known;
  ImageIdentity evaluated_identity(evaluated);
  for (const ManifestRow& row : evaluated.rows) known.insert(evaluated_identity.of(row));
  ImageIdentity train_identity(train);
  std::int64_t shared = 0;
  const std::string* first = nullptr;
  for (const ManifestRow& row : train.rows) {
    if (known.count(train_identity.of(row)) == 0) continue;
    if (first == nullptr) first = &row.image;
    ++shared;
  }
  if (shared > 0)
    throw DataError(what + ": expected other images than those of the training set, got " +
                    std::to_string(shared) + " of them, the first is " + *first);
}

ImageStoreOptions store_options(const DataOptions& data) {
  ImageStoreOptions options;
  options.image_size = data.image_size;
  options.memory_budget_bytes = data.memory_mb < 0 ? kAutoMemoryBudget : data.memory_mb << 20;
  return options;
}

std::shared_ptr<const PixelPack> prepare_images(Manifest& manifest, const DataOptions& data,
                                                TrainingObserver& observer) {
  const int threads = std::max(1, data.workers);
  std::shared_ptr<PixelPack> pack;
  const auto progress = [&observer, name = manifest.name](std::int64_t done, std::int64_t total) {
    observer.preparing(name, done, total);
    if (const int signal = observer.stop_signal()) throw StoppedBySignal{signal};
  };
  if (!data.pack.empty()) {
    PixelPackOptions options;
    options.folder = data.pack;
    options.threads = threads;
    options.warn = [&observer](const std::string& message) { observer.warning(message); };
    options.note = [&observer](const std::string& message) { observer.note(message); };
    options.progress = progress;
    pack = open_or_build_pack(manifest, data.image_size, options);
    if (pack) observer.note(manifest.name + ": pixels of " + pack->path().string());
  }
  if (data.on_error != OnError::kSkip) return pack;
  int said = 0;
  constexpr int kMostSaid = 10;
  const auto report = [&](const std::string& message) {
    if (++said <= kMostSaid) observer.warning("skipped: " + message);
  };
  const std::int64_t dropped =
      drop_unreadable_rows(manifest, store_options(data), threads, report, pack.get(), progress);
  if (dropped > 0)
    observer.warning(manifest.name + ": skipped " + std::to_string(dropped) +
                     " unreadable images, " + std::to_string(manifest.size()) + " are left");
  if (manifest.size() == 0) throw DataError(manifest.name + ": no image can be read");
  return pack;
}

Manifest load_manifest(const DataOptions& data, Split split, TrainingObserver& observer) {
  const std::vector<SourceOptions>& sources = data.sources(split);
  BadLines bad_lines;
  Manifest manifest = read_sources(
      sources, split,
      {data.classes, data.other_classes, data.on_error == OnError::kSkip ? &bad_lines : nullptr});
  for (const std::string& message : bad_lines.messages) observer.warning("skipped: " + message);
  if (bad_lines.count > 0)
    observer.warning(manifest.name + ": skipped " + std::to_string(bad_lines.count) + " bad lines");
  if (manifest.size() == 0) throw DataError(manifest.name + ": expected images, got none");
  observer.note(manifest.name + ": " + std::to_string(manifest.size()) + " images (" +
                class_counts(manifest) + ")");
  if (sources.size() == 1 && sources[0].splits.size() <= 1 && sources[0].class_map.empty() &&
      data.classes.empty()) {
    const Split actual = sources[0].splits.empty() ? split : sources[0].splits[0];
    const auto difference = golden_count_difference(manifest, sources[0].dataset, actual);
    if (difference) observer.warning(*difference);
  }
  return manifest;
}

Manifest with_classes_of(Manifest manifest, const std::vector<std::string>& classes,
                         UnmappedClasses other_classes) {
  if (manifest.class_names == classes) return manifest;
  const auto is_known = [](const std::vector<std::string>& names, const std::string& name) {
    return find_class(names, name).has_value();
  };
  const bool all_known =
      std::all_of(manifest.class_names.begin(), manifest.class_names.end(),
                  [&](const std::string& name) { return is_known(classes, name); }) &&
      manifest.class_names.size() == classes.size();
  if (!all_known && other_classes == UnmappedClasses::kStop) return manifest;
  return map_classes(std::move(manifest), {classes, {}, other_classes});
}

Manifest load_evaluated(const DataOptions& data, Split split,
                        const std::vector<std::string>& classes, const std::string& what,
                        TrainingObserver& observer) {
  Manifest manifest =
      with_classes_of(load_manifest(data, split, observer), classes, data.other_classes);
  require_utf8_classes(manifest);
  if (manifest.class_names != classes)
    throw DataError(what + ": expected the classes of the training set " + class_list(classes) +
                    ", got " + class_list(manifest.class_names) + classes_hint());
  return manifest;
}

void refuse_untrainable_batches(const ExperimentOptions& options) {
  if (options.train.batch_size == 1 && options.data.image_size <= 32)
    throw ConfigError(
        "train.batch_size: expected at least 2 with data.image_size of 32 or less, got 1: the last "
        "stage has one value per channel then, and batch norm cannot be trained on it");
}

bool knows_clean_labels(const Manifest& manifest) {
  return std::any_of(manifest.rows.begin(), manifest.rows.end(),
                     [](const ManifestRow& row) { return row.clean != kUnknownLabel; });
}

PreparedTraining prepare_training_set(Manifest& manifest, const ExperimentOptions& options,
                                      const c10::Device& device, TrainingObserver& observer) {
  const DataOptions& data = options.data;
  PreparedTraining prepared;
  NoiseReport injected;
  std::int64_t rows = manifest.size();
  // Which rows become wrong depends on their place in the set, so that noise comes first; but
  // features can be had of readable images alone.
  if (data.noise.type == NoiseType::kInstance) {
    check_noise(manifest, data.noise);
    prepared.pack = prepare_images(manifest, data, observer);
    rows = manifest.size();
    const Features features = extract_features(data.noise.features_from, manifest, data,
                                               prepared.pack, options.train.batch_size, device);
    injected = inject_instance_noise(manifest, data.noise, features.values.data(), features.count);
  } else {
    injected = inject_noise(manifest, data.noise);
    if (injected.rows_kept > 0 || injected.lines_ignored > 0)
      observer.note(data.noise.file.string() + ": " + std::to_string(injected.rows_kept) +
                    " images are not in it and keep their label, " +
                    std::to_string(injected.lines_ignored) + " lines are of the test set");
    prepared.pack = prepare_images(manifest, data, observer);
  }
  prepared.noise = report_noise(manifest);
  // Of rows that were left out since, nothing says whether they had been changed.
  if (manifest.size() == rows) prepared.noise.changed = injected.changed;
  prepared.noise.rows_kept = injected.rows_kept;
  prepared.noise.lines_ignored = injected.lines_ignored;
  if (knows_clean_labels(manifest))
    observer.note(noise_report_text(prepared.noise, data.noise, manifest));
  return prepared;
}

std::unique_ptr<DeviceImages> keep_on_device(const Manifest& manifest, const DataOptions& data,
                                             const std::shared_ptr<const PixelPack>& pack,
                                             const c10::Device& device,
                                             TrainingObserver& observer) {
  ImageStoreOptions options = store_options(data);
  options.memory_budget_bytes = 0;  // each image is decoded once and never asked for again
  const ImageStore images(manifest, options, pack);
  const std::string obstacle =
      DeviceImages::obstacle(DeviceImages::bytes_of(images), device, free_device_bytes(device));
  if (!obstacle.empty()) {
    observer.note(obstacle);
    return nullptr;
  }
  try {
    auto kept = std::make_unique<DeviceImages>(images, data.workers, device,
                                               [&](std::int64_t done, std::int64_t total) {
                                                 observer.preparing(manifest.name, done, total);
                                                 if (const int signal = observer.stop_signal())
                                                   throw StoppedBySignal{signal};
                                               });
    observer.note(manifest.name + ": " + std::to_string(manifest.size()) + " images kept on " +
                  device.str());
    return kept;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    observer.note("data.cache: gpu is not used: " + text.substr(0, text.find('\n')));
    return nullptr;
  }
}

std::string classes_hint() { return "; data.classes and data.class_map bring data sets together"; }

}  // namespace selfcure
