#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include "selfcure/data/batch_loader.h"

namespace selfcure {

/// The pixels of a batch on the device, [B, H, W, 3] uint8. On the CPU this is a view: the batch
/// has to outlive it.
at::Tensor upload_pixels(HostBatch& batch, const c10::Device& device);

/// The rows of a batch on the device, [B] int64, in memory of their own.
at::Tensor upload_rows(const HostBatch& batch, const c10::Device& device);

/// The labels of a batch on the device, [B] int64, in memory of their own.
at::Tensor upload_labels(const HostBatch& batch, const c10::Device& device);

/// The label distributions of a batch on the device, [B, K] float32; undefined if it has none.
at::Tensor upload_targets(const HostBatch& batch, const c10::Device& device);

}  // namespace selfcure
