#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <numeric>
#include <string>
#include <vector>

#include "selfcure/data/label_noise.h"

namespace selfcure {
namespace {

constexpr std::size_t kCellWidth = 6;
constexpr std::size_t kCountWidth = 8;

/// Characters, not bytes, so that columns line up for names beyond ASCII.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::string left_aligned(const std::string& text, std::size_t width) {
  return text + std::string(width - std::min(width, width_of(text)), ' ');
}

/// With two blanks before it.
std::string right_aligned(const std::string& text, std::size_t width) {
  return std::string(2 + width - std::min(width, width_of(text)), ' ') + text;
}

std::string percent(double share) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f", 100 * share);
  return text;
}

std::string matrix_table(const NoiseReport& report, const std::vector<std::string>& classes) {
  const std::string corner = "true \\ given, %";
  std::size_t first_width = width_of(corner);
  for (const std::string& name : classes) first_width = std::max(first_width, width_of(name));
  std::string text = left_aligned(corner, first_width);
  for (const std::string& name : classes) text += right_aligned(name, kCellWidth);
  text += right_aligned("rows", kCountWidth) + "\n";
  const std::vector<std::vector<double>> shares = row_normalised(report.transitions);
  for (std::size_t k = 0; k < classes.size(); ++k) {
    text += left_aligned(classes[k], first_width);
    for (std::size_t n = 0; n < classes.size(); ++n) {
      text += right_aligned(percent(shares[k][n]), std::max(kCellWidth, width_of(classes[n])));
    }
    const std::vector<std::int64_t>& counts = report.transitions[k];
    const std::int64_t rows = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
    text += right_aligned(std::to_string(rows), kCountWidth) + "\n";
  }
  return text;
}

}  // namespace

std::vector<std::vector<double>> row_normalised(
    const std::vector<std::vector<std::int64_t>>& counts) {
  std::vector<std::vector<double>> shares;
  shares.reserve(counts.size());
  for (const std::vector<std::int64_t>& row : counts) {
    const std::int64_t sum = std::accumulate(row.begin(), row.end(), std::int64_t{0});
    std::vector<double>& share = shares.emplace_back(row.size(), 0.0);
    if (sum == 0) continue;
    for (std::size_t k = 0; k < row.size(); ++k) {
      share[k] = static_cast<double>(row[k]) / static_cast<double>(sum);
    }
  }
  return shares;
}

std::string noise_record(const NoiseReport& report, const NoiseOptions& options,
                         const Manifest& manifest) {
  nlohmann::ordered_json json = {{"type", to_string(options.type)}};
  if (options.type != NoiseType::kFile) {
    if (options.type != NoiseType::kMatrix) json["rate"] = options.rate;
    json["seed"] = options.seed;
    json["exactness"] = to_string(options.exactness);
  }
  if (options.type == NoiseType::kAsymmetric) json["class_map"] = options.class_map;
  if (options.type == NoiseType::kMatrix) json["matrix"] = options.matrix;
  if (options.type == NoiseType::kInstance) json["features_from"] = options.features_from.string();
  if (options.type == NoiseType::kFile) {
    json["file"] = options.file.string();
    json["first_label"] = options.first_label;
    json["require_complete"] = options.require_complete;
    json["rows_kept"] = report.rows_kept;
    json["lines_ignored"] = report.lines_ignored;
  }
  json["data"] = manifest.name;
  json["root"] = manifest.root.string();
  json["rows"] = manifest.size();
  json["changed"] = report.changed;
  json["realised_rate"] = report.realised_rate;
  json["class_names"] = manifest.class_names;
  json["transition_counts"] = report.transitions;
  json["transition_matrix"] = row_normalised(report.transitions);
  // Folders that name classes need not be UTF-8.
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
}

std::string noise_report_text(const NoiseReport& report, const NoiseOptions& options,
                              const Manifest& manifest) {
  std::string text =
      manifest.name + ": " +
      (options.type == NoiseType::kNone ? "no noise beside its own"
                                        : to_string(options.type) + std::string(" noise"));
  if (options.type == NoiseType::kFile) {
    text += " from " + options.file.string() + ", " + std::to_string(report.rows_kept) +
            " rows not in it, " + std::to_string(report.lines_ignored) +
            " lines of test images left out";
  } else if (options.type != NoiseType::kNone) {
    text += std::string(", ") + to_string(options.exactness);
    if (options.type != NoiseType::kMatrix) text += ", rate " + percent(options.rate) + " %";
    text += ", seed " + std::to_string(options.seed);
  }
  text += "\n" + std::to_string(report.changed) + " of " + std::to_string(manifest.size()) +
          " labels changed; " + percent(report.realised_rate) + " % are wrong now\n\n";
  return text + matrix_table(report, manifest.class_names);
}

}  // namespace selfcure
