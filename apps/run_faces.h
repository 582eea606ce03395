#pragma once

#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "selfcure/data/manifest.h"
#include "selfcure/report/face_images.h"
#include "selfcure/report/run_record.h"

namespace selfcure::apps {

/// Pictures of a run's data sets, which its config names; a set is read when first asked for.
class RunFaces : public FaceImages {
 public:
  /// @param side  of the pictures, in pixels
  explicit RunFaces(const RunRecord& run, int side = 112) : run_(run), side_(side) {}

  std::optional<std::string> jpeg(const std::string& split, std::int64_t row,
                                  const std::string& image) override;
  std::string problem() override;

 private:
  struct Set {
    Manifest manifest;
    /// First row of each name; filled when a row's own name does not fit.
    std::unordered_map<std::string, std::int64_t> by_name;
  };
  Set* set_of(const std::string& split);

  const RunRecord& run_;
  int side_;
  std::map<std::string, std::optional<Set>> sets_;
  std::string problem_;
};

}  // namespace selfcure::apps
