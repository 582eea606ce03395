#pragma once

#include <cstdint>
#include <filesystem>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>

#include "selfcure/data/manifest.h"

namespace selfcure::testing {

/// A small colour picture that differs from row to row.
inline cv::Mat picture(int row, int side) {
  cv::Mat image(side, side, CV_8UC3);
  cv::RNG random(static_cast<std::uint64_t>(row) + 1);
  random.fill(image, cv::RNG::UNIFORM, 0, 256);
  return image;
}

/// `count` PNG files in `root` and the manifest that names them; labels go round the classes.
inline Manifest write_picture_set(const std::filesystem::path& root, int count, int side,
                                  int classes = 3) {
  Manifest manifest;
  manifest.name = "pictures";
  manifest.root = root;
  for (int k = 0; k < classes; ++k) manifest.class_names.push_back("class" + std::to_string(k));
  for (int row = 0; row < count; ++row) {
    const std::string name = std::to_string(row) + ".png";
    cv::imwrite((root / name).string(), picture(row, side));
    manifest.rows.push_back({name, row % classes, kUnknownLabel});
  }
  return manifest;
}

}  // namespace selfcure::testing
