#pragma once

#include <cstdint>
#include <string>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// A small JPEG of one row for people to look at: the face box or the whole image, or the row's
/// frame of its video, resampled to a square as the network gets it.
///
/// @param side     1 to 1024 pixels
/// @param quality  of the JPEG, 1 to 100
/// @return bytes of the file
/// @throws DataError if the row's image cannot be read
std::string thumbnail_jpeg(const Manifest& manifest, std::int64_t row, int side, int quality = 85);

}  // namespace selfcure
