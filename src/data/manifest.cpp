#include "selfcure/data/manifest.h"

#include <algorithm>
#include <cassert>
#include <iterator>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return "[" + text + "]";
}

std::string pixels_of(const Manifest& manifest) {
  if (manifest.inline_side == 0) return "image files";
  const std::string side = std::to_string(manifest.inline_side);
  return "inline pixels of " + side + "x" + side;
}

void check_joinable(const Manifest& first, const Manifest& part) {
  if (part.class_names != first.class_names) {
    throw DataError(part.name + ": expected the classes of " + first.name + ", " +
                    list_of(first.class_names) + ", got " + list_of(part.class_names));
  }
  if (part.inline_side != first.inline_side) {
    throw DataError(part.name + ": expected " + pixels_of(first) + " as in " + first.name +
                    ", got " + pixels_of(part));
  }
  if (part.frames_per_video != 0 && first.frames_per_video != 0 &&
      part.frames_per_video != first.frames_per_video) {
    throw DataError(part.name + ": expected " + std::to_string(first.frames_per_video) +
                    " frames of each video as in " + first.name + ", got " +
                    std::to_string(part.frames_per_video));
  }
}

const char* to_string(LabelUse use) {
  switch (use) {
    case LabelUse::kGiven:
      return "as given";
    case LabelUse::kDraw:
      return "drawn at each visit";
    case LabelUse::kDistribution:
      return "as distributions";
    case LabelUse::kMultiTarget:
      return "as multiple targets";
  }
  assert(false && "not a use");
  return "";
}

/// The use of distributions by the parts that have some.
LabelUse common_label_use(const std::vector<Manifest>& parts) {
  const Manifest* first = nullptr;
  for (const Manifest& part : parts) {
    if (part.label_use == LabelUse::kGiven) continue;
    if (first == nullptr) first = &part;
    if (part.label_use != first->label_use) {
      throw DataError(part.name + ": expected labels to be used " + to_string(first->label_use) +
                      " as in " + first->name + ", got " + to_string(part.label_use));
    }
  }
  return first == nullptr ? LabelUse::kGiven : first->label_use;
}

/// Distributions that say no more than the given labels do.
std::vector<float> certain_distributions(const Manifest& manifest) {
  const std::size_t classes = manifest.class_names.size();
  std::vector<float> values(manifest.rows.size() * classes, 0.0F);
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const std::int32_t given = manifest.rows[i].given;
    if (given >= 0) values[i * classes + static_cast<std::size_t>(given)] = 1.0F;
  }
  return values;
}

/// Moves the blocks of the kept rows to the front. @param block  values per row
template <typename T>
void keep_blocks(std::vector<T>& values, std::size_t block, const std::vector<bool>& keep) {
  if (values.empty()) return;
  std::size_t kept = 0;
  for (std::size_t row = 0; row < keep.size(); ++row) {
    if (!keep[row]) continue;
    if (kept != row) {
      const auto from = values.begin() + static_cast<std::ptrdiff_t>(row * block);
      std::move(from, from + static_cast<std::ptrdiff_t>(block),
                values.begin() + static_cast<std::ptrdiff_t>(kept * block));
    }
    ++kept;
  }
  values.resize(kept * block);
}

}  // namespace

const char* to_string(Split split) {
  switch (split) {
    case Split::kTrain:
      return "train";
    case Split::kValid:
      return "valid";
    case Split::kTest:
      return "test";
  }
  assert(false && "not a split");
  return "";
}

std::vector<std::int64_t> Manifest::count_per_class() const {
  std::vector<std::int64_t> counts(class_names.size(), 0);
  for (const ManifestRow& row : rows) {
    if (row.given == kUnknownLabel) continue;
    if (row.given < 0 || row.given >= class_count()) {
      throw DataError(name + ": label " + std::to_string(row.given) + " of '" + row.image +
                      "' is not in 0.." + std::to_string(class_count() - 1));
    }
    ++counts[static_cast<std::size_t>(row.given)];
  }
  return counts;
}

void Manifest::keep_rows(const std::vector<bool>& keep) {
  assert(keep.size() == rows.size());
  keep_blocks(rows, 1, keep);
  const auto side = static_cast<std::size_t>(inline_side);
  keep_blocks(inline_pixels, side * side, keep);
  keep_blocks(distributions, class_names.size(), keep);
}

Manifest join(std::vector<Manifest> parts) {
  if (parts.empty()) throw DataError("join: expected at least one data set, got none");
  for (const Manifest& part : parts) {
    check_joinable(parts.front(), part);
    assert(part.inline_pixels.size() == part.rows.size() *
                                            static_cast<std::size_t>(part.inline_side) *
                                            static_cast<std::size_t>(part.inline_side));
  }
  const bool same_root = std::all_of(parts.begin(), parts.end(), [&](const Manifest& part) {
    return part.root == parts.front().root;
  });

  Manifest joined;
  joined.class_names = parts.front().class_names;
  joined.inline_side = parts.front().inline_side;
  joined.label_use = common_label_use(parts);
  if (same_root) joined.root = parts.front().root;
  const bool any_distributions = std::any_of(
      parts.begin(), parts.end(), [](const Manifest& part) { return !part.distributions.empty(); });
  std::int32_t clips = 0;
  for (Manifest& part : parts) {
    joined.frames_per_video = std::max(joined.frames_per_video, part.frames_per_video);
    if (any_distributions) {
      if (part.distributions.empty()) part.distributions = certain_distributions(part);
      joined.distributions.insert(joined.distributions.end(), part.distributions.begin(),
                                  part.distributions.end());
    }
    std::int32_t next_clip = clips;
    for (ManifestRow& row : part.rows) {
      if (row.clip < 0) continue;
      row.clip += clips;
      next_clip = std::max(next_clip, row.clip + 1);
    }
    clips = next_clip;
    joined.name += (joined.name.empty() ? "" : " + ") + part.name;
    if (!same_root) {
      for (ManifestRow& row : part.rows) row.image = (part.root / row.image).string();
    }
    std::move(part.rows.begin(), part.rows.end(), std::back_inserter(joined.rows));
    joined.inline_pixels.insert(joined.inline_pixels.end(), part.inline_pixels.begin(),
                                part.inline_pixels.end());
  }
  return joined;
}

}  // namespace selfcure
