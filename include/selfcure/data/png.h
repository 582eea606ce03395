#pragma once

#include <string>

#include "selfcure/data/image_decoder.h"

namespace selfcure {

/// A picture as the bytes of a PNG file. @throws DataError if it has no pixels
std::string encode_png(const Picture& picture);

}  // namespace selfcure
