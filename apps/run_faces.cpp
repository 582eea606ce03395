#include "run_faces.h"

#include <filesystem>
#include <utility>

#include "selfcure/config/config.h"
#include "selfcure/core/errors.h"
#include "selfcure/data/thumbnail.h"
#include "selfcure/engine/experiment_data.h"

namespace selfcure::apps {

RunFaces::Set* RunFaces::set_of(const std::string& split) {
  const auto found = sets_.find(split);
  if (found != sets_.end()) return found->second ? &*found->second : nullptr;
  std::optional<Set>& set = sets_[split];
  try {
    const std::string where = (run_.path / "config.resolved.yaml").string();
    const ExperimentOptions options = parse_config(run_.config_text, where);
    TrainingObserver silent;
    Set read;
    read.manifest =
        load_manifest(options.data, split == "train" ? Split::kTrain : Split::kTest, silent);
    set = std::move(read);
  } catch (const UserError& error) {
    // A config can have many mistakes; one is enough here.
    const std::string what = error.what();
    problem_ = what.substr(0, what.find('\n'));
  } catch (const std::filesystem::filesystem_error& error) {
    problem_ = error.what();
  }
  return set ? &*set : nullptr;
}

std::optional<std::string> RunFaces::jpeg(const std::string& split, std::int64_t row,
                                          const std::string& image) {
  Set* set = set_of(split);
  if (set == nullptr) return std::nullopt;
  const auto& rows = set->manifest.rows;
  const bool fits =
      row >= 0 && row < set->manifest.size() && rows[static_cast<std::size_t>(row)].image == image;
  if (!fits) {
    // Rows are counted without unreadable images; names stay.
    if (set->by_name.empty())
      for (std::size_t i = 0; i < rows.size(); ++i)
        set->by_name.emplace(rows[i].image, static_cast<std::int64_t>(i));
    const auto found = set->by_name.find(image);
    if (found == set->by_name.end()) {
      problem_ = set->manifest.name + " has no image " + image + " any more";
      return std::nullopt;
    }
    row = found->second;
  }
  try {
    return thumbnail_jpeg(set->manifest, row, side_);
  } catch (const UserError& error) {
    problem_ = error.what();
    return std::nullopt;
  }
}

std::string RunFaces::problem() {
  set_of("train");
  set_of("test");
  return problem_;
}

}  // namespace selfcure::apps
