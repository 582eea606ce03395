#include "selfcure/data/png.h"

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "selfcure/core/errors.h"

namespace selfcure {

std::string encode_png(const Picture& picture) {
  if (picture.pixels.empty() || picture.pixels.size() != picture.view().bytes())
    throw DataError("PNG: expected a picture with pixels, got none");
  // OpenCV takes no view of constant pixels; these are only read.
  const cv::Mat drawn(picture.height, picture.width, picture.channels == 1 ? CV_8UC1 : CV_8UC3,
                      const_cast<std::uint8_t*>(picture.pixels.data()));
  std::vector<std::uint8_t> bytes;
  // OpenCV's defaults make photographs a third larger.
  cv::imencode(
      ".png", drawn, bytes,
      {cv::IMWRITE_PNG_COMPRESSION, 6, cv::IMWRITE_PNG_STRATEGY, cv::IMWRITE_PNG_STRATEGY_DEFAULT});
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace selfcure
