#include "selfcure/engine/training_estimate.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "selfcure/data/image_store.h"
#include "selfcure/data/published_counts.h"
#include "selfcure/engine/experiment_data.h"

namespace selfcure {
namespace {

using Clock = std::chrono::steady_clock;

bool is_there(const DataOptions& data) {
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest})
    for (const SourceOptions& source : data.sources(split))
      if (!source.root.empty() && !std::filesystem::exists(source.root)) return false;
  return true;
}

/// Nothing if a source has no published count or the config picks among its rows.
std::optional<std::int64_t> published_images(const DataOptions& data, Split place) {
  if (!data.classes.empty()) return std::nullopt;
  std::int64_t total = 0;
  for (const SourceOptions& source : data.sources(place)) {
    if (!source.class_map.empty()) return std::nullopt;
    std::vector<Split> splits = source.splits;
    if (splits.empty()) splits = {place};
    for (const Split split : splits) {
      const std::optional<std::int64_t> count =
          published_count(source, split, place == Split::kTrain);
      if (!count) return std::nullopt;
      total += *count;
    }
  }
  return total;
}

}  // namespace

double TrainingEstimate::total_seconds() const {
  return training_seconds + evaluation_seconds + reading_seconds.value_or(0);
}

double reading_seconds(const ReadingCost& cost, std::int64_t images, std::int64_t visits) {
  if (visits <= 0) return 0;
  const std::int64_t kept = std::min(images, cost.kept_images);
  const std::int64_t decoded = images + (images - kept) * (visits - 1);
  const std::int64_t from_memory = kept * (visits - 1);
  return static_cast<double>(decoded) * cost.first_seconds +
         static_cast<double>(from_memory) * cost.kept_seconds;
}

TrainingEstimate estimate_training(const TrainingWork& work, const TrainingCost& cost) {
  // A last batch of one image is left out, see shuffled_plan().
  const bool drops_one =
      work.images.train > 1 && work.batch_size > 1 && work.images.train % work.batch_size == 1;
  const std::int64_t trained = work.images.train - (drops_one ? 1 : 0);
  TrainingEstimate estimate;
  estimate.evaluations = (work.epochs + work.evaluate_every - 1) / work.evaluate_every;
  estimate.training_seconds = static_cast<double>(work.epochs) * static_cast<double>(trained) *
                              cost.training_seconds_per_image;
  estimate.evaluation_seconds = static_cast<double>(estimate.evaluations) *
                                static_cast<double>(work.images.valid + work.images.test) *
                                cost.evaluation_seconds_per_image;
  if (cost.reading)
    estimate.reading_seconds =
        (reading_seconds(*cost.reading, work.images.train, work.epochs) +
         reading_seconds(*cost.reading, work.images.valid, estimate.evaluations) +
         reading_seconds(*cost.reading, work.images.test, estimate.evaluations)) /
        std::max(1, cost.reading_cores);
  return estimate;
}

std::optional<ImageCounts> count_images(const DataOptions& data, TrainingObserver& observer) {
  ImageCounts counts;
  if (is_there(data)) {
    counts.train = load_manifest(data, Split::kTrain, observer).size();
    counts.test = load_manifest(data, Split::kTest, observer).size();
    if (!data.valid.empty()) counts.valid = load_manifest(data, Split::kValid, observer).size();
    return counts;
  }
  const auto train = published_images(data, Split::kTrain);
  const auto valid = published_images(data, Split::kValid);
  const auto test = published_images(data, Split::kTest);
  if (!train || !valid || !test) return std::nullopt;
  return ImageCounts{*train, *valid, *test, true};
}

std::optional<ReadingCost> measure_reading(const DataOptions& data, int images,
                                           TrainingObserver& observer) {
  if (!is_there(data)) return std::nullopt;
  const Manifest manifest = load_manifest(data, Split::kTrain, observer);
  const ImageStore store(manifest, store_options(data));
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(store.image_bytes()));
  const std::int64_t count = std::min<std::int64_t>(images, manifest.size());
  const auto seconds_per_image = [&] {
    const auto begin = Clock::now();
    for (std::int64_t i = 0; i < count; ++i) store.fill(i * manifest.size() / count, pixels.data());
    return std::chrono::duration<double>(Clock::now() - begin).count() / static_cast<double>(count);
  };
  ReadingCost cost;
  cost.first_seconds = seconds_per_image();
  cost.kept_seconds = seconds_per_image();
  // Nothing is kept without a budget: every visit decodes.
  if (store.cached_bytes() > 0)
    cost.kept_images = store.memory_budget_bytes() * count / store.cached_bytes();
  return cost;
}

std::int64_t affordable_batch_size(std::int64_t wanted, double bytes_per_image,
                                   double available_bytes, double seconds_per_image,
                                   double most_seconds) {
  const auto fits = [&](std::int64_t batch) {
    const auto images = static_cast<double>(batch);
    return images * bytes_per_image <= available_bytes &&
           images * seconds_per_image <= most_seconds;
  };
  std::int64_t batch = std::max<std::int64_t>(1, wanted);
  while (batch > 1 && !fits(batch)) batch /= 2;
  return batch;
}

}  // namespace selfcure
