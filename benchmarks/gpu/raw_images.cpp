// Stands in for the image decoder and the packs, which need OpenCV: the rows of a manifest are
// pictures of one size in a file of raw pixels.

#include <algorithm>
#include <cstdint>
#include <fstream>
#include <numeric>

#include "selfcure/core/errors.h"
#include "selfcure/data/image_decoder.h"
#include "selfcure/data/pixel_pack.h"

namespace selfcure {

std::optional<PictureView> inline_picture(const Manifest& /*manifest*/, std::int64_t /*row*/) {
  return std::nullopt;
}

/// Row `row` of the file `Manifest::root`: inline_side x inline_side pixels of blue, green, red.
Picture decode_row(const Manifest& manifest, std::int64_t row, int /*side*/) {
  Picture picture;
  picture.width = picture.height = manifest.inline_side;
  picture.channels = 3;
  picture.pixels.resize(picture.view().bytes());
  std::ifstream file(manifest.root, std::ios::binary);
  file.seekg(row * static_cast<std::int64_t>(picture.pixels.size()));
  if (!file.read(reinterpret_cast<char*>(picture.pixels.data()),
                 static_cast<std::streamsize>(picture.pixels.size())))
    throw DataError(manifest.root.string() + ": is cut short at row " + std::to_string(row));
  return picture;
}

std::vector<Picture> decode_rows(const Manifest& manifest, const std::vector<std::int64_t>& rows,
                                 int side) {
  std::vector<Picture> pictures;
  for (const std::int64_t row : rows) pictures.push_back(decode_row(manifest, row, side));
  return pictures;
}

std::vector<std::vector<std::int64_t>> rows_by_file(const Manifest& manifest) {
  std::vector<std::vector<std::int64_t>> groups;
  for (std::int64_t row = 0; row < manifest.size(); ++row) groups.push_back({row});
  return groups;
}

void fill_rgb(const PictureView& picture, int side, std::uint8_t* pixels) {
  // Bilinear in 8 fractional bits, pixel centres half a pixel inside, as OpenCV's.
  struct Place {
    int low, high, weight;
  };
  const auto place = [side](int i, int size) {
    const double at = (i + 0.5) * size / side - 0.5;
    const double inside = std::clamp(at, 0.0, size - 1.0);
    const int low = static_cast<int>(inside);
    return Place{low, std::min(low + 1, size - 1), static_cast<int>((inside - low) * 256)};
  };
  std::vector<Place> columns;
  for (int x = 0; x < side; ++x) columns.push_back(place(x, picture.width));
  for (int y = 0; y < side; ++y) {
    const Place row = place(y, picture.height);
    const std::uint8_t* const upper = picture.pixels + row.low * picture.width * 3;
    const std::uint8_t* const lower = picture.pixels + row.high * picture.width * 3;
    for (const Place& column : columns) {
      for (int channel = 2; channel >= 0; --channel) {
        const auto between = [&](const std::uint8_t* line) {
          return line[column.low * 3 + channel] * (256 - column.weight) +
                 line[column.high * 3 + channel] * column.weight;
        };
        *pixels++ = static_cast<std::uint8_t>(
            (between(upper) * (256 - row.weight) + between(lower) * row.weight) >> 16);
      }
    }
  }
}

PixelPack::~PixelPack() = default;
bool PixelPack::has(std::int64_t /*row*/) const { return false; }
std::optional<PictureView> PixelPack::view(std::int64_t /*row*/) const { return std::nullopt; }
void PixelPack::keep_rows(const std::vector<bool>& /*keep*/) {}

}  // namespace selfcure
