#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace selfcure {

/// Gives the pictures that a report shows; implemented where images are read.
class FaceImages {
 public:
  FaceImages() = default;
  FaceImages(const FaceImages&) = delete;
  FaceImages& operator=(const FaceImages&) = delete;
  virtual ~FaceImages() = default;

  /// A small JPEG of one image of a set.
  ///
  /// @param split  "train" or "test"
  /// @param row    row in the set; counts where `image` is that row's name, else the name decides
  /// @param image  name in the run's files
  /// @return nothing if there is no such image or it cannot be read: a report goes on without
  virtual std::optional<std::string> jpeg(const std::string& split, std::int64_t row,
                                          const std::string& image) = 0;

  /// Why pictures cannot be had, in a few words; empty if the sets can be read.
  virtual std::string problem() = 0;
};

}  // namespace selfcure
