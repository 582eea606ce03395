#pragma once

#include <ATen/core/Tensor.h>
#include <c10/core/Device.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "selfcure/data/image_store.h"

namespace selfcure {

/// Where the decoded images of the training set are kept for batches to be made of.
enum class DataCache {
  /// On the host: in memory while the budget lasts, else they are decoded in every epoch.
  kNone,
  /// All of them on the CUDA device that trains.
  kGpu,
};

/// The 8-bit pixels of all images of a set on one device.
class DeviceImages {
 public:
  /// Share of a device's free memory that images may take: training needs the rest.
  static constexpr double kLargestShare = 0.6;

  /// Bytes that the images of a store take on a device.
  static std::int64_t bytes_of(const ImageStore& images) {
    return images.size() * images.image_bytes();
  }
  /// Why a set cannot be kept on a device, as one line; "" if it can.
  /// @param free_bytes  memory of the device that is free
  static std::string obstacle(std::int64_t bytes, const c10::Device& device,
                              std::int64_t free_bytes);

  /// Decodes all images and copies them to the device.
  ///
  /// @param workers   threads that decode, as BatchLoader takes them
  /// @param progress  called with images done and images in all; may be empty; what it throws ends
  ///                  the work
  /// @throws DataError as ImageStore::fill does; c10::Error if the device has not the memory
  DeviceImages(const ImageStore& images, int workers, const c10::Device& device,
               const std::function<void(std::int64_t, std::int64_t)>& progress = {});

  /// Pixels of a batch, bit-equal to HostBatch::pixels of the same rows.
  /// @param rows  [B], int64, on the device
  /// @return [B, H, W, 3], uint8, on the device; waits for nothing
  at::Tensor gather(const at::Tensor& rows) const;

 private:
  at::Tensor pixels_;  // [N, H * W * 3]
  std::int64_t side_;
};

}  // namespace selfcure
