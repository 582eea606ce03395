#include "selfcure/data/label_noise.h"

#include <cstddef>
#include <numeric>
#include <sstream>
#include <string>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"

namespace selfcure {
namespace {

std::string text_of(double value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

void check(const Manifest& manifest, const NoiseOptions& options) {
  // Written so that NaN fails as well.
  if (!(options.rate >= 0.0 && options.rate <= 1.0)) {
    throw ConfigError("noise: expected a rate in [0, 1], got " + text_of(options.rate));
  }
  if (options.type == NoiseType::kNone && options.rate > 0.0) {
    throw ConfigError("noise: expected a type other than none for rate " + text_of(options.rate) +
                      ", got none");
  }
  const std::int64_t classes = manifest.class_count();
  if (options.type != NoiseType::kNone && classes < 2) {
    throw DataError(manifest.name + ": expected at least 2 classes to inject noise, got " +
                    std::to_string(classes));
  }
  for (const ManifestRow& row : manifest.rows) {
    const bool clean_is_wrong =
        row.clean != kUnknownLabel && (row.clean < 0 || row.clean >= classes);
    if (row.given >= 0 && row.given < classes && !clean_is_wrong) continue;
    throw DataError(manifest.name + ": expected labels in 0.." + std::to_string(classes - 1) +
                    ", got " + std::to_string(clean_is_wrong ? row.clean : row.given) + " for '" +
                    row.image + "'");
  }
}

std::int32_t symmetric_label(std::int32_t label, std::int64_t classes, double rate,
                             KeyedRandom random) {
  if (!random.chance(rate)) return label;
  const auto other =
      static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(classes - 1)));
  return other < label ? other : other + 1;  // skips the label itself
}

}  // namespace

NoiseReport report_noise(const Manifest& manifest) {
  const std::size_t classes = manifest.class_names.size();
  NoiseReport report;
  report.transitions.assign(classes, std::vector<std::int64_t>(classes, 0));
  for (const ManifestRow& row : manifest.rows) {
    const std::int32_t clean = row.clean == kUnknownLabel ? row.given : row.clean;
    ++report.transitions[static_cast<std::size_t>(clean)][static_cast<std::size_t>(row.given)];
    if (clean != row.given) ++report.changed;
  }
  if (manifest.size() > 0) {
    report.realised_rate =
        static_cast<double>(report.changed) / static_cast<double>(manifest.size());
  }
  return report;
}

NoiseReport inject_noise(Manifest& manifest, const NoiseOptions& options) {
  check(manifest, options);
  if (options.type == NoiseType::kNone) return report_noise(manifest);

  std::int64_t changed = 0;
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    ManifestRow& row = manifest.rows[i];
    const std::int32_t before = row.given;
    if (row.clean == kUnknownLabel) row.clean = before;
    row.given = symmetric_label(before, manifest.class_count(), options.rate,
                                KeyedRandom(RandomStream::kNoise, {options.seed, i, 0, 0}));
    if (row.given != before) ++changed;
  }
  NoiseReport report = report_noise(manifest);
  report.changed = changed;
  return report;
}

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

}  // namespace selfcure
