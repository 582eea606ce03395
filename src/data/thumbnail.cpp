#include "selfcure/data/thumbnail.h"

#include <cstddef>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/image_decoder.h"

namespace selfcure {

std::string thumbnail_jpeg(const Manifest& manifest, std::int64_t row, int side, int quality) {
  std::vector<std::uint8_t> pixels(static_cast<std::size_t>(side) * static_cast<std::size_t>(side) *
                                   3);
  if (const auto inline_pixels = inline_picture(manifest, row))
    fill_rgb(*inline_pixels, side, pixels.data());
  else
    fill_rgb(decode_row(manifest, row, side).view(), side, pixels.data());
  for (std::size_t i = 0; i < pixels.size(); i += 3) std::swap(pixels[i], pixels[i + 2]);
  std::vector<std::uint8_t> file;
  if (!cv::imencode(".jpg", cv::Mat(side, side, CV_8UC3, pixels.data()), file,
                    {cv::IMWRITE_JPEG_QUALITY, quality}))
    throw DataError(manifest.rows[static_cast<std::size_t>(row)].image +
                    ": cannot be written as JPEG");
  return {file.begin(), file.end()};
}

}  // namespace selfcure
