#include "selfcure/data/inspection_report.h"

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <utility>

namespace selfcure {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostExamples = 5;
constexpr int kCountWidth = 10;

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string padded(const std::string& text, std::size_t width) {
  return text + std::string(text.size() < width ? width - text.size() : 0, ' ');
}

std::string format_text(const ImageFormat& format) {
  static const char* const kKinds[] = {"?", "grey", "grey and alpha", "colour", "four channels"};
  return std::to_string(format.width) + "x" + std::to_string(format.height) + " " +
         kKinds[std::clamp(format.channels, 0, 4)] +
         (format.bits == 8 ? "" : ", " + std::to_string(format.bits) + " bits");
}

std::int64_t count_state(const ImageInspection& images, ImageState state) {
  return std::count_if(images.problems.begin(), images.problems.end(),
                       [state](const ImageProblem& problem) { return problem.state == state; });
}

ordered_json agreement_json(const LabelAgreement& labels) {
  return {{"compared", labels.compared},
          {"agreeing", labels.agreeing},
          {"confusion", labels.confusion}};
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%", 100 * share);
  return text;
}

}  // namespace

InspectionReport::InspectionReport(std::vector<InspectedSet> parts,
                                   const std::optional<NearDuplicateOptions>& near)
    : parts_(std::move(parts)), looked_for_near_(near.has_value()) {
  std::vector<InspectedPart> inspected;
  inspected.reserve(parts_.size());
  for (const InspectedSet& part : parts_) inspected.push_back({part.manifest, part.images});
  duplicates_ = find_duplicates(inspected, near);
  find_problems();
}

void InspectionReport::find_problems() {
  for (const InspectedSet& part : parts_) {
    const std::string start = part.manifest.name + ": ";
    if (part.bad_lines.count > 0) {
      problems_.push_back(start + counted(part.bad_lines.count, "bad line", "bad lines") + ", " +
                          part.bad_lines.messages.front());
    }
    const std::int64_t missing = count_state(part.images, ImageState::kMissing);
    const std::int64_t unreadable = count_state(part.images, ImageState::kUnreadable);
    if (missing > 0)
      problems_.push_back(start + counted(missing, "image is", "images are") + " missing");
    if (unreadable > 0) {
      problems_.push_back(start + counted(unreadable, "image", "images") + " cannot be read");
    }
    if (part.count_difference) problems_.push_back(*part.count_difference);
  }
  const auto conflicts =
      std::count_if(duplicates_.same.begin(), duplicates_.same.end(),
                    [](const DuplicateGroup& group) { return group.conflicting; });
  if (conflicts > 0) {
    problems_.push_back(counted(conflicts, "image has", "images have") +
                        " copies with another label");
  }
  for (const LeakCount& leak : count_leaks(duplicates_.same, parts_.size())) {
    problems_.push_back(parts_[leak.part].manifest.name + ": " +
                        counted(leak.images_of_part, "image is", "images are") + " also in " +
                        parts_[leak.seen].manifest.name);
  }
}

std::string InspectionReport::name_of(const PartRow& row) const {
  const Manifest& manifest = parts_[row.part].manifest;
  const ManifestRow& image = manifest.rows[static_cast<std::size_t>(row.row)];
  std::string name = manifest.name + " " + image.image;
  if (image.frame >= 0) name += " frame " + std::to_string(image.frame);
  return name + " (" +
         (image.given == kUnknownLabel
              ? "no label"
              : manifest.class_names[static_cast<std::size_t>(image.given)]) +
         ")";
}

std::string InspectionReport::part_text(const InspectedSet& part, int width) const {
  const Manifest& manifest = part.manifest;
  std::string text = manifest.name + ": " + counted(manifest.size(), "image", "images") + ", " +
                     counted(manifest.class_count(), "class", "classes") + "\n";
  const std::vector<std::int64_t> counts = manifest.count_per_class();
  std::size_t name_width = 0;
  for (const std::string& name : manifest.class_names)
    name_width = std::max(name_width, name.size());
  const std::int64_t most = counts.empty() ? 0 : *std::max_element(counts.begin(), counts.end());
  const std::int64_t room =
      std::max<std::int64_t>(10, width - static_cast<std::int64_t>(name_width) - kCountWidth - 4);
  for (std::size_t k = 0; k < counts.size(); ++k) {
    const std::string number = std::to_string(counts[k]);
    text += "  " + padded(manifest.class_names[k], name_width) +
            std::string(kCountWidth - std::min<std::size_t>(number.size(), kCountWidth - 1), ' ') +
            number + " ";
    const std::int64_t length = most == 0 ? 0 : (counts[k] * room + most - 1) / most;
    for (std::int64_t i = 0; i < length; ++i) text += "\u2588";
    text += "\n";
  }
  const std::vector<FormatCount> formats = count_formats(part.images);
  for (std::size_t i = 0; i < formats.size() && i < kMostExamples; ++i) {
    text += "  " + format_text(formats[i].format) + ": " + std::to_string(formats[i].count) + "\n";
  }
  if (formats.size() > kMostExamples) {
    text += "  and " +
            counted(static_cast<std::int64_t>(formats.size() - kMostExamples), "other size",
                    "other sizes") +
            "\n";
  }
  if (const std::optional<LabelAgreement> labels = label_agreement(manifest)) {
    text += "  given and clean label agree: " + percent(labels->share()) + " of " +
            std::to_string(labels->compared) + "\n";
  }
  if (part.original_labels) {
    text += "  FER2013's label and the majority of the votes agree: " +
            percent(part.original_labels->share()) + " of " +
            std::to_string(part.original_labels->compared) + "\n";
  }
  for (std::size_t i = 0; i < part.images.problems.size() && i < kMostExamples; ++i) {
    text += "  ! " + part.images.problems[i].reason + "\n";
  }
  for (std::size_t i = 0; i < part.bad_lines.messages.size() && i < kMostExamples; ++i) {
    text += "  ! " + part.bad_lines.messages[i] + "\n";
  }
  return text;
}

std::string InspectionReport::duplicates_text(const std::string& title,
                                              const std::vector<DuplicateGroup>& groups) const {
  std::string text =
      title + ": " + counted(static_cast<std::int64_t>(groups.size()), "group", "groups") + ", " +
      counted(surplus_images(groups), "image", "images") + " beyond the first of each\n";
  for (const LeakCount& leak : count_leaks(groups, parts_.size())) {
    text += "  " + counted(leak.images_of_part, "image", "images") + " of " +
            parts_[leak.part].manifest.name + " in " + parts_[leak.seen].manifest.name + " too\n";
  }
  // Those that matter most first.
  std::vector<const DuplicateGroup*> order;
  order.reserve(groups.size());
  for (const DuplicateGroup& group : groups) order.push_back(&group);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return a->leak + a->conflicting > b->leak + b->conflicting;
  });
  for (std::size_t g = 0; g < order.size() && g < kMostExamples; ++g) {
    const DuplicateGroup& group = *order[g];
    text += "  " + name_of(group.images[0]);
    for (std::size_t i = 1; i < group.images.size() && i < kMostExamples; ++i) {
      text += " = " + name_of(group.images[i]);
    }
    if (group.images.size() > kMostExamples) text += " = ...";
    text += "\n";
  }
  return text;
}

std::string InspectionReport::text(int width) const {
  std::string text;
  for (const InspectedSet& part : parts_) text += part_text(part, width) + "\n";
  text += duplicates_text("same bytes", duplicates_.same);
  if (looked_for_near_)
    text += duplicates_text("nearly the same", duplicates_.near);
  else
    text += "nearly the same: not looked for\n";
  text += "\n";
  if (problems_.empty()) return text + "nothing is wrong\n";
  for (const std::string& problem : problems_) text += "wrong: " + problem + "\n";
  return text;
}

std::string InspectionReport::json() const {
  ordered_json parts = ordered_json::array();
  for (const InspectedSet& part : parts_) {
    ordered_json formats = ordered_json::array();
    for (const FormatCount& format : count_formats(part.images)) {
      formats.push_back({{"width", format.format.width},
                         {"height", format.format.height},
                         {"channels", format.format.channels},
                         {"bits", format.format.bits},
                         {"count", format.count}});
    }
    ordered_json images = ordered_json::array();
    for (const ImageProblem& problem : part.images.problems) {
      images.push_back({{"image", part.manifest.rows[static_cast<std::size_t>(problem.row)].image},
                        {"state", problem.state == ImageState::kMissing ? "missing" : "unreadable"},
                        {"reason", problem.reason}});
    }
    ordered_json json = {{"name", part.manifest.name},
                         {"images", part.manifest.size()},
                         {"class_names", part.manifest.class_names},
                         {"images_per_class", part.manifest.count_per_class()},
                         {"formats", formats},
                         {"bad_lines", part.bad_lines.count},
                         {"bad_line_messages", part.bad_lines.messages},
                         {"problem_images", images}};
    if (part.count_difference) json["count_difference"] = *part.count_difference;
    if (const std::optional<LabelAgreement> labels = label_agreement(part.manifest))
      json["label_agreement"] = agreement_json(*labels);
    if (part.original_labels) json["original_labels"] = agreement_json(*part.original_labels);
    parts.push_back(std::move(json));
  }
  const auto groups_json = [this](const std::vector<DuplicateGroup>& groups) {
    ordered_json json = ordered_json::array();
    for (const DuplicateGroup& group : groups) {
      ordered_json images = ordered_json::array();
      for (const PartRow& row : group.images) {
        const Manifest& manifest = parts_[row.part].manifest;
        images.push_back({{"part", manifest.name},
                          {"row", row.row},
                          {"image", manifest.rows[static_cast<std::size_t>(row.row)].image}});
      }
      json.push_back(
          {{"conflicting", group.conflicting}, {"leak", group.leak}, {"images", images}});
    }
    return json;
  };
  // Null where nobody looked is not the same as a list without entries.
  const ordered_json json = {
      {"problems", problems_},
      {"parts", parts},
      {"same_bytes", groups_json(duplicates_.same)},
      {"nearly_the_same", looked_for_near_ ? groups_json(duplicates_.near) : ordered_json()}};
  // Names of files need not be UTF-8.
  return json.dump(2, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

}  // namespace selfcure
