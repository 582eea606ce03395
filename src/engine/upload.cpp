#include "selfcure/engine/upload.h"

#include <ATen/ATen.h>

#include "selfcure/data/device_copy.h"

namespace selfcure {

at::Tensor upload_pixels(HostBatch& batch, const c10::Device& device) {
  const auto count = static_cast<std::int64_t>(batch.rows.size());
  return copy_to_device(
      at::from_blob(batch.pixels.data(), {count, batch.image_size, batch.image_size, 3}, at::kByte),
      device);
}

at::Tensor upload_rows(const HostBatch& batch, const c10::Device& device) {
  return copy_to_device(at::tensor(batch.rows, at::kLong), device);
}

at::Tensor upload_labels(const HostBatch& batch, const c10::Device& device) {
  return copy_to_device(at::tensor(batch.labels, at::kLong), device);
}

at::Tensor upload_targets(const HostBatch& batch, const c10::Device& device) {
  if (batch.targets.empty()) return {};
  const auto count = static_cast<std::int64_t>(batch.rows.size());
  return copy_to_device(at::tensor(batch.targets, at::kFloat).view({count, -1}), device);
}

}  // namespace selfcure
