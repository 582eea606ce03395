#include "selfcure/engine/preview.h"

#include <ATen/ATen.h>

#include <filesystem>
#include <vector>

#include "selfcure/data/contact_sheet.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/experiment_data.h"
#include "selfcure/engine/upload.h"

namespace selfcure {
namespace {

ContactTile tile_of(const Manifest& manifest, std::int64_t row, const at::Tensor& image) {
  const ManifestRow& sample = manifest.rows[static_cast<std::size_t>(row)];
  const auto* const first = image.data_ptr<std::uint8_t>();
  ContactTile tile;
  tile.pixels.assign(first, first + image.numel());
  tile.caption = std::filesystem::path(sample.image).filename().string();
  if (sample.clean != kUnknownLabel && sample.clean != sample.given) {
    tile.warning = "is " + manifest.class_names[static_cast<std::size_t>(sample.clean)];
  }
  return tile;
}

}  // namespace

void write_preview(const ExperimentOptions& options, const PreviewOptions& preview,
                   TrainingObserver& observer) {
  const at::NoGradGuard no_grad;
  const DataOptions& data = options.data;
  set_cpu_threads(options.train.threads);
  Manifest manifest = load_manifest(data, Split::kTrain, observer);
  const PreparedTraining prepared =
      prepare_training_set(manifest, options, resolve_device(options.train.device), observer);
  const ImageStore images(manifest, store_options(data), prepared.pack);

  ContactSheet sheet;
  sheet.side = data.image_size;
  sheet.heading = options.name + ": " + manifest.name + ", epoch " + std::to_string(preview.epoch);
  const std::vector<std::int64_t> counts = manifest.count_per_class();
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const std::vector<std::int64_t> rows =
        pick_rows_of_class(manifest, static_cast<std::int32_t>(k), preview.per_class, options.seed);
    sheet.rows.push_back({manifest.class_names[k] + "\n" + std::to_string(counts[k]), {}});
    if (rows.empty()) continue;
    HostBatch batch;
    batch.rows = rows;
    batch.image_size = images.image_size();
    const auto bytes = static_cast<std::size_t>(images.image_bytes());
    batch.pixels.resize(rows.size() * bytes);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      images.fill(rows[i], batch.pixels.data() + i * bytes);
    }
    const at::Tensor seen = visible_pixels(
        augment_images(upload_pixels(batch, at::kCPU), rows, data.augment, data.normalize,
                       {options.seed, static_cast<std::uint64_t>(preview.epoch), 0}),
        data.normalize);
    for (std::size_t i = 0; i < rows.size(); ++i) {
      sheet.rows.back().tiles.push_back(
          tile_of(manifest, rows[i], seen[static_cast<std::int64_t>(i)]));
    }
  }
  write_contact_sheet(sheet, preview.out);
}

}  // namespace selfcure
