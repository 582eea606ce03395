#include "selfcure/engine/tensorboard.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <unordered_map>

#include "selfcure/core/errors.h"
#include "selfcure/data/augment.h"
#include "selfcure/data/confusion_picture.h"
#include "selfcure/data/contact_sheet.h"
#include "selfcure/data/png.h"
#include "selfcure/engine/run_files.h"
#include "selfcure/engine/upload.h"

namespace selfcure {
namespace {

/// Images of a grid, and of one of its rows.
constexpr std::size_t kGridImages = 16;
constexpr std::size_t kGridColumns = 8;
/// Larger images are reduced: a grid takes about a quarter of a megabyte.
constexpr int kMostShownSide = 96;

bool starts_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

std::string label_name(const Manifest& manifest, std::int64_t label) {
  return label == kUnknownLabel ? "unlabelled"
                                : manifest.class_names[static_cast<std::size_t>(label)];
}

std::string number_text(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof(text), format, value);
  return text;
}

/// What is wrong with a label, as far as it is known.
std::string complaint(const Manifest& manifest, std::int64_t row, std::int64_t label) {
  const std::int32_t clean = manifest.rows[static_cast<std::size_t>(row)].clean;
  return clean == kUnknownLabel || clean == label ? "" : "is " + label_name(manifest, clean);
}

void add_picture(Summary& summary, const std::string& tag, const Picture& picture) {
  summary.image(tag, picture.width, picture.height, encode_png(picture));
}

/// Tiles in rows of kGridColumns; nothing where there are none.
void add_grid(Summary& summary, const std::string& tag, const std::string& heading, int side,
              std::vector<ContactTile> tiles) {
  if (tiles.empty()) return;
  ContactSheet sheet;
  sheet.heading = heading;
  sheet.side = side;
  sheet.most_shown_side = kMostShownSide;
  for (std::size_t i = 0; i < tiles.size(); ++i) {
    if (i % kGridColumns == 0) sheet.rows.emplace_back();
    sheet.rows.back().tiles.push_back(std::move(tiles[i]));
  }
  add_picture(summary, tag, draw_contact_sheet(sheet));
}

ContactTile training_tile(const ImageStore& images, std::int64_t row) {
  ContactTile tile;
  tile.pixels.resize(static_cast<std::size_t>(images.image_bytes()));
  images.fill(row, tile.pixels.data());
  return tile;
}

std::vector<std::pair<std::string, HyperParameter>> hyperparameters(
    const ExperimentOptions& options) {
  std::vector<std::pair<std::string, HyperParameter>> list = {
      {"method.name", method_name(options.method)},
      {"model.backbone", std::string(backbone_name(options.model.backbone))},
      {"data.image_size", static_cast<double>(options.data.image_size)},
      {"data.noise.rate",
       options.data.noise.type == NoiseType::kNone ? 0.0 : options.data.noise.rate},
      {"train.epochs", static_cast<double>(options.train.epochs)},
      {"train.batch_size", static_cast<double>(options.train.batch_size)},
      {"train.optimizer.lr", options.train.optimizer.lr},
      {"train.optimizer.weight_decay", options.train.optimizer.weight_decay},
      {"seed", static_cast<double>(options.seed)}};
  if (const auto* scn = std::get_if<ScnOptions>(&options.method)) {
    list.insert(list.end(),
                {{"method.weighting", scn->weighting},
                 {"method.rank", scn->rank},
                 {"method.beta", scn->beta},
                 {"method.margin", scn->margin},
                 {"method.gamma", scn->gamma},
                 {"method.relabel.enabled", scn->relabel},
                 {"method.relabel.threshold", scn->relabel_threshold},
                 {"method.relabel.start_epoch", static_cast<double>(scn->relabel_start_epoch)}});
  }
  return list;
}

/// Histograms of all weights and, where clean labels are known, of each kind of row.
void add_histograms(Summary& summary, const Manifest& manifest,
                    const std::vector<float>& importance) {
  std::vector<float> all;
  std::map<GivenLabel, std::vector<float>> groups;
  for (std::size_t row = 0; row < importance.size(); ++row) {
    if (std::isnan(importance[row])) continue;
    all.push_back(importance[row]);
    groups[given_label_of(manifest.rows[row])].push_back(importance[row]);
  }
  if (all.empty()) return;
  summary.histogram("alpha_histogram/all", importance_event_histogram(all));
  if (groups.size() == 1 && groups.count(GivenLabel::kUnknown)) return;
  for (const auto& [group, values] : groups)
    summary.histogram(std::string("alpha_histogram/given_label_") + given_label_text(group),
                      importance_event_histogram(values));
}

}  // namespace

std::string scalar_tag(const std::string& name) {
  if (name == "lr") return name;
  if (contains(name, "accuracy")) return "accuracy/" + name;
  if (starts_with(name, "alpha_") || name == "margin") return "alpha/" + name;
  if (starts_with(name, "relabel") || name == "labels_changed") return "relabel/" + name;
  if (contains(name, "second")) return "speed/" + name;
  if (contains(name, "loss") || contains(name, "entropy")) return "loss/" + name;
  return "method/" + name;
}

Summary scalar_summary(const EpochRecord& record) {
  Summary summary;
  for (const auto& [name, value] : record.entries())
    if (name != "epoch" && std::isfinite(value)) summary.scalar(scalar_tag(name), value);
  return summary;
}

EventHistogram importance_event_histogram(const std::vector<float>& importance) {
  std::vector<double> counts(kImportanceBins, 0.0);
  EventHistogram histogram;
  histogram.min = histogram.max = importance.at(0);
  for (const float weight : importance) {
    const double value = weight;
    histogram.min = std::min(histogram.min, value);
    histogram.max = std::max(histogram.max, value);
    histogram.sum += value;
    histogram.sum_squares += value * value;
    ++counts[static_cast<std::size_t>(importance_bin(weight))];
  }
  const int first = importance_bin(static_cast<float>(histogram.min));
  const int last = importance_bin(static_cast<float>(histogram.max));
  for (int bin = first; bin <= last; ++bin) {
    histogram.limits.push_back((bin + 1) / static_cast<double>(kImportanceBins));
    histogram.counts.push_back(counts[static_cast<std::size_t>(bin)]);
  }
  return histogram;
}

TensorBoardLog::TensorBoardLog(const std::filesystem::path& folder,
                               const TensorBoardSubject& subject,
                               const std::vector<EpochRecord>& records, TrainingObserver& observer)
    : subject_(subject), observer_(observer) {
  std::map<std::int64_t, Summary> scalars;
  for (const EpochRecord& record : records)
    scalars[static_cast<std::int64_t>(record.get("epoch"))] = scalar_summary(record);
  log_ = std::make_unique<EventLog>(folder, preamble(), scalars);
}

Summary TensorBoardLog::preamble() const {
  const ExperimentOptions& options = subject_.options;
  const Manifest& train = subject_.train;
  Summary summary;
  summary.text("config", "```yaml\n" + subject_.config + "```\n");
  summary.hyperparameters(hyperparameters(options), wall_time());
  if (options.logging.images_every == 0) return summary;

  // The loader of a training gives the same first images: their random changes and drawn labels
  // follow from the plan.
  const at::NoGradGuard no_grad;
  const LabelStore labels(train);
  SamplePlan plan = training_plan(options.train.sampling, labels.labels(), options.train.batch_size,
                                  options.seed, 1);
  plan.rows = plan.batch(0);
  plan.rows.resize(std::min(plan.rows.size(), kGridImages));
  BatchLoader loader(subject_.images, 0);
  loader.start(plan, labels, 0, {train.distributions.empty() ? nullptr : &train, options.seed, 1});
  HostBatch batch;
  loader.next(batch);
  const at::Tensor seen = visible_pixels(
      augment_images(upload_pixels(batch, at::kCPU), batch.visits, options.data.augment,
                     options.data.normalize, {options.seed, 1, 0}),
      options.data.normalize);
  std::vector<ContactTile> tiles;
  for (std::size_t i = 0; i < batch.rows.size(); ++i) {
    const at::Tensor image = seen[static_cast<std::int64_t>(i)];
    const auto* pixels = image.data_ptr<std::uint8_t>();
    tiles.push_back({{pixels, pixels + image.numel()},
                     label_name(train, batch.labels[i]),
                     complaint(train, batch.rows[i], batch.labels[i])});
  }
  add_grid(summary, "faces/training_batch",
           "first training images of epoch 1, as the network sees them", batch.image_size,
           std::move(tiles));
  return summary;
}

Summary TensorBoardLog::pictures(const TensorBoardEpoch& epoch, int number) const {
  const Manifest& train = subject_.train;
  const ImageStore& images = subject_.images;
  const std::string when = "epoch " + std::to_string(number) + ": ";
  Summary summary;

  std::unordered_map<std::int64_t, std::int32_t> label_before;
  for (const Relabel& change : epoch.changes) label_before[change.row] = change.from;
  std::vector<std::int64_t> rows;
  for (std::size_t row = 0; row < epoch.importance.size(); ++row)
    if (!std::isnan(epoch.importance[row])) rows.push_back(static_cast<std::int64_t>(row));
  const auto weight = [&](std::int64_t row) {
    return epoch.importance[static_cast<std::size_t>(row)];
  };
  const auto add_ranked = [&](const char* tag, const char* what, const auto& comes_first) {
    const std::size_t count = std::min(kGridImages, rows.size());
    std::partial_sort(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(count), rows.end(),
                      comes_first);
    std::vector<ContactTile> tiles;
    for (std::size_t i = 0; i < count; ++i) {
      const std::int64_t row = rows[i];
      const auto before = label_before.find(row);
      const std::int32_t label =
          before == label_before.end() ? epoch.labels.label(row) : before->second;
      ContactTile tile = training_tile(images, row);
      tile.caption =
          number_text("%.3f\n", static_cast<double>(weight(row))) + label_name(train, label);
      tile.warning = complaint(train, row, label);
      tiles.push_back(std::move(tile));
    }
    add_grid(summary, tag, when + what, images.image_size(), std::move(tiles));
  };
  // Equal weights in the order of the rows, so that a resume gives the same pictures.
  add_ranked("faces/lowest_alpha", "lowest importance weights", [&](auto a, auto b) {
    return weight(a) != weight(b) ? weight(a) < weight(b) : a < b;
  });
  add_ranked("faces/highest_alpha", "highest importance weights", [&](auto a, auto b) {
    return weight(a) != weight(b) ? weight(a) > weight(b) : a < b;
  });

  std::vector<ContactTile> tiles;
  const std::size_t changes = epoch.changes.size();
  const std::size_t shown = std::min(kGridImages, changes);
  for (std::size_t i = 0; i < shown; ++i) {
    const Relabel& change = epoch.changes[i * changes / shown];  // evenly over the training set
    ContactTile tile = training_tile(images, change.row);
    tile.caption = label_name(train, change.from) + "\n> " + label_name(train, change.to);
    tile.warning = complaint(train, change.row, change.to);
    tiles.push_back(std::move(tile));
  }
  add_grid(summary, "faces/relabelled",
           when + std::to_string(shown) + " of " + std::to_string(changes) + " relabelled",
           images.image_size(), std::move(tiles));

  if (epoch.confusion != nullptr && epoch.confusion->class_count() <= kMostDrawnClasses)
    add_picture(
        summary, "confusion_matrix/test",
        draw_confusion_matrix(
            *epoch.confusion, train.class_names,
            when + "test set, accuracy " +
                number_text("%.2f %%", 100 * epoch.confusion->accuracy()) + ", mean class " +
                number_text("%.2f %%", 100 * epoch.confusion->mean_class_accuracy())));
  return summary;
}

void TensorBoardLog::epoch(const TensorBoardEpoch& epoch) {
  if (!log_) return;
  const auto number = static_cast<int>(epoch.record.get("epoch"));
  const ExperimentOptions& options = subject_.options;
  const int every = options.logging.images_every;
  try {
    log_->append(number, scalar_summary(epoch.record));
    Summary histograms;
    add_histograms(histograms, subject_.train, epoch.importance);
    log_->append(number, histograms);
    if (every > 0 && (number % every == 0 || number == options.train.epochs))
      log_->append(number, pictures(epoch, number));
  } catch (const UserError& error) {
    log_.reset();
    observer_.warning(std::string(error.what()) +
                      "; the training goes on without logging.tensorboard, and a resume makes up "
                      "for the scalars");
  }
}

}  // namespace selfcure
