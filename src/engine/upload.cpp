#include "selfcure/engine/upload.h"

#include <ATen/ATen.h>

namespace selfcure {

at::Tensor upload_pixels(HostBatch& batch, const c10::Device& device) {
  const auto count = static_cast<std::int64_t>(batch.rows.size());
  return at::from_blob(batch.pixels.data(), {count, batch.image_size, batch.image_size, 3},
                       at::kByte)
      .to(device);
}

at::Tensor upload_labels(const HostBatch& batch, const c10::Device& device) {
  return at::tensor(batch.labels, at::kLong).to(device);
}

}  // namespace selfcure
