#include "selfcure/engine/features.h"

#include <ATen/ATen.h>

#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/engine/checkpoint.h"
#include "selfcure/engine/device.h"
#include "selfcure/engine/experiment_data.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/engine/upload.h"
#include "selfcure/nn/backbone.h"

namespace selfcure {

Features extract_features(const std::filesystem::path& checkpoint, const Manifest& manifest,
                          const DataOptions& data, std::shared_ptr<const PixelPack> pack,
                          std::int64_t batch_size, const c10::Device& device) {
  const at::NoGradGuard no_grad;
  const Checkpoint saved = load_checkpoint(checkpoint);
  // The first checkpoints did not say: there was one backbone.
  const ModelOptions model = saved.texts.count("backbone") != 0
                                 ? model_of_names(saved.text("backbone"), saved.text("stem"))
                                 : ModelOptions();
  const std::int64_t wanted = backbone_input_size(model.backbone);
  if (wanted != 0 && data.image_size != wanted)
    throw ConfigError(checkpoint.string() +
                      ": expected data.image_size: " + std::to_string(wanted) +
                      " for its backbone, got " + std::to_string(data.image_size));
  const std::shared_ptr<FeatureNetwork> backbone = make_backbone(model);
  load_module_state(*backbone, saved.section("model.backbone."));
  move_to_device(*backbone, device);
  backbone->eval();
  const ImageStore images(manifest, store_options(data), std::move(pack));
  BatchLoader loader(images, data.workers);
  loader.start(sequential_plan(manifest.size(), batch_size), LabelStore(manifest));
  Features features;
  features.count = backbone->feature_count();
  features.values.reserve(static_cast<std::size_t>(manifest.size() * features.count));
  for (HostBatch batch; loader.next(batch);) {
    const at::Tensor pixels = normalize_images(upload_pixels(batch, device), data.normalize);
    const at::Tensor values = backbone->forward(pixels).to(at::kCPU, at::kFloat).contiguous();
    const auto* const first = values.data_ptr<float>();
    features.values.insert(features.values.end(), first, first + values.numel());
  }
  return features;
}

}  // namespace selfcure
