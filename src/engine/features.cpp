#include "selfcure/engine/features.h"

#include <ATen/ATen.h>

#include <utility>

#include "selfcure/engine/checkpoint.h"
#include "selfcure/engine/experiment_data.h"
#include "selfcure/engine/trainer.h"
#include "selfcure/engine/upload.h"
#include "selfcure/nn/resnet.h"

namespace selfcure {

Features extract_features(const std::filesystem::path& checkpoint, const Manifest& manifest,
                          const DataOptions& data, std::shared_ptr<const PixelPack> pack,
                          std::int64_t batch_size, const c10::Device& device) {
  const at::NoGradGuard no_grad;
  ResNet backbone;
  load_module_state(*backbone, load_checkpoint(checkpoint).section("model.backbone."));
  backbone->to(device);
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
