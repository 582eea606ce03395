#pragma once

#include <c10/core/Device.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "selfcure/data/pixel_pack.h"
#include "selfcure/engine/options.h"

namespace selfcure {

/// What a trained network sees in images.
struct Features {
  /// [N][count], row after row.
  std::vector<float> values;
  /// D, numbers per image.
  std::int64_t count = 0;
};

/// Features of every image of a manifest, by the backbone of a checkpoint in evaluation mode.
///
/// @param checkpoint  of a run of this program, whatever its method and classes
/// @param pack        of the manifest's images, or null
/// @throws CheckpointError when the checkpoint has no such backbone; DataError for an image that
///         cannot be read
Features extract_features(const std::filesystem::path& checkpoint, const Manifest& manifest,
                          const DataOptions& data, std::shared_ptr<const PixelPack> pack,
                          std::int64_t batch_size, const c10::Device& device);

}  // namespace selfcure
