#include "selfcure/data/affectnet.h"

#include "affectnet_releases.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"

namespace selfcure {
namespace {

constexpr std::int64_t kContempt = 7;
constexpr std::int64_t kNonFace = 10;

}  // namespace

std::vector<std::string> affectnet_class_names(bool contempt) {
  std::vector<std::string> names = {"Neutral", "Happy",   "Sad",   "Surprise",
                                    "Fear",    "Disgust", "Anger", "Contempt"};
  if (!contempt) names.pop_back();
  return names;
}

std::int32_t affectnet_label(std::int64_t code, bool contempt, const std::string& where) {
  if (code < 0 || code > kNonFace) {
    throw DataError(where + ": expected an expression in 0..10, got " + std::to_string(code));
  }
  return code > kContempt || (code == kContempt && !contempt) ? kUnknownLabel
                                                              : static_cast<std::int32_t>(code);
}

Manifest read_affectnet(const AffectNetOptions& options, Split split) {
  if (split == Split::kValid) {
    throw DataError("AffectNet has no validation split beside the one that is its test set");
  }
  require_root(options.root, "AffectNet");
  Manifest manifest = options.release == AffectNetRelease::k2017
                          ? read_affectnet_2017(options, split)
                          : read_affectnet_2021(options, split);
  manifest.name = std::string("AffectNet ") + to_string(split);
  manifest.class_names = affectnet_class_names(options.contempt);
  if (manifest.rows.empty()) {
    throw DataError(manifest.root.string() + ": expected images of the " + to_string(split) +
                    " split of AffectNet, got none");
  }
  manifest.rows.shrink_to_fit();
  return manifest;
}

}  // namespace selfcure
