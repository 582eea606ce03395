#include "selfcure/data/label_noise.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"
#include "selfcure/data/class_map.h"
#include "selfcure/data/noise_file.h"
#include "selfcure/data/text_file.h"

namespace selfcure {
namespace {

constexpr double kRowSumTolerance = 1e-6;
constexpr std::int32_t kUnmapped = -1;

/// Rows in the order in which noise reaches them: a higher rate goes further down the list.
using RowOrder = std::vector<std::pair<double, std::size_t>>;

std::string text_of(double value) {
  std::ostringstream text;
  text.precision(9);
  text << value;
  return text.str();
}

void check_rate(const NoiseOptions& options) {
  // Written so that NaN fails as well.
  if (!(options.rate >= 0.0 && options.rate <= 1.0)) {
    throw ConfigError("noise: expected a rate in [0, 1], got " + text_of(options.rate));
  }
  if (options.rate == 0.0) return;
  if (options.type == NoiseType::kNone) {
    throw ConfigError("noise: expected a type other than none for rate " + text_of(options.rate) +
                      ", got none");
  }
  if (options.type == NoiseType::kMatrix || options.type == NoiseType::kFile) {
    throw ConfigError(std::string("noise: expected no rate with type ") + to_string(options.type) +
                      ", got " + text_of(options.rate));
  }
}

void check_exactness(const NoiseOptions& options) {
  std::string expected;
  switch (options.type) {
    case NoiseType::kSymmetric:
    case NoiseType::kSymmetricWithSelf:
    case NoiseType::kPair:
    case NoiseType::kAsymmetric:
      return;
    case NoiseType::kMatrix:
      if (options.exactness == NoiseExactness::kPerClass) return;
      expected = "iid or per_class";
      break;
    case NoiseType::kNone:
    case NoiseType::kInstance:
    case NoiseType::kFile:
      expected = "iid";
      break;
  }
  if (options.exactness == NoiseExactness::kIid) return;
  throw ConfigError("noise: expected exactness " + expected + " with type " +
                    to_string(options.type) + ", got " + to_string(options.exactness));
}

std::size_t mapped_class(const Manifest& manifest, const std::string& name) {
  const std::optional<std::size_t> found = find_class(manifest.class_names, name);
  if (found) return *found;
  throw ConfigError("noise: expected the class map to name classes of " +
                    class_list(manifest.class_names) + ", got " + in_quotes(name) +
                    did_you_mean(name, manifest.class_names));
}

/// The class that each class is taken for, [K], or kUnmapped.
std::vector<std::int32_t> class_targets(const Manifest& manifest, const NoiseOptions& options) {
  if (options.class_map.empty()) {
    throw ConfigError("noise: expected a class map for type asymmetric, got none");
  }
  std::vector<std::int32_t> targets(manifest.class_names.size(), kUnmapped);
  for (const auto& [from, to] : options.class_map) {
    const std::size_t source = mapped_class(manifest, from);
    const std::size_t target = mapped_class(manifest, to);
    if (source == target) {
      throw ConfigError("noise: expected the class map to take " + in_quotes(from) +
                        " for another class, got " + in_quotes(to));
    }
    if (targets[source] != kUnmapped) {
      throw ConfigError("noise: expected the class map to name " +
                        in_quotes(manifest.class_names[source]) + " once, got it twice");
    }
    targets[source] = static_cast<std::int32_t>(target);
  }
  return targets;
}

void check_matrix(const Manifest& manifest, const NoiseOptions& options) {
  const std::size_t classes = manifest.class_names.size();
  if (options.matrix.size() != classes) {
    throw ConfigError("noise: expected a matrix of " + std::to_string(classes) +
                      " rows for the classes of " + manifest.name + ", got " +
                      std::to_string(options.matrix.size()));
  }
  for (std::size_t row = 0; row < classes; ++row) {
    const std::vector<double>& entries = options.matrix[row];
    const std::string where = "matrix[" + std::to_string(row) + "]";
    if (entries.size() != classes) {
      throw ConfigError("noise: expected " + std::to_string(classes) + " entries in " + where +
                        ", got " + std::to_string(entries.size()));
    }
    for (std::size_t column = 0; column < classes; ++column) {
      if (entries[column] >= 0.0 && entries[column] <= 1.0) continue;
      throw ConfigError("noise: expected " + where + "[" + std::to_string(column) +
                        "] in [0, 1], got " + text_of(entries[column]));
    }
    const double sum = std::accumulate(entries.begin(), entries.end(), 0.0);
    if (std::abs(sum - 1.0) > kRowSumTolerance) {
      throw ConfigError("noise: expected " + where + " to sum to 1, got " + text_of(sum));
    }
  }
}

void check_file(const NoiseOptions& options) {
  if (options.file.empty()) throw ConfigError("noise: expected a file for type file, got none");
  if (options.first_label != 0 && options.first_label != 1) {
    throw ConfigError("noise: expected first_label to be 0 or 1, got " +
                      std::to_string(options.first_label));
  }
}

void check_labels(const Manifest& manifest, NoiseType type) {
  const std::int64_t classes = manifest.class_count();
  if (type != NoiseType::kNone && classes < 2) {
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

KeyedRandom random_of_row(const NoiseOptions& options, std::size_t row) {
  return {RandomStream::kNoise, {options.seed, row, 0, 0}};
}

/// Appends the first round(rate * N) rows of an order.
void choose_first(RowOrder& order, double rate, std::vector<std::size_t>& chosen) {
  std::sort(order.begin(), order.end());
  const auto count =
      static_cast<std::size_t>(std::llround(rate * static_cast<double>(order.size())));
  for (std::size_t n = 0; n < count; ++n) chosen.push_back(order[n].second);
}

/// Rows that noise is to reach.
/// @param is_eligible  [K], whether rows of a class may be among them
std::vector<std::size_t> chosen_rows(const Manifest& manifest, const NoiseOptions& options,
                                     const std::vector<bool>& is_eligible) {
  std::vector<std::size_t> chosen;
  std::vector<RowOrder> groups(
      options.exactness == NoiseExactness::kPerClass ? manifest.class_names.size() : 1);
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const auto label = static_cast<std::size_t>(manifest.rows[i].given);
    if (!is_eligible[label]) continue;
    KeyedRandom random = random_of_row(options, i);
    if (options.exactness == NoiseExactness::kIid) {
      if (random.chance(options.rate)) chosen.push_back(i);
    } else {
      groups[groups.size() == 1 ? 0 : label].emplace_back(random.uniform(), i);
    }
  }
  for (RowOrder& order : groups) choose_first(order, options.rate, chosen);
  return chosen;
}

std::int32_t below(KeyedRandom& random, std::int64_t bound) {
  return static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(bound)));
}

/// Labels under the types that change rows at a rate.
std::vector<std::int32_t> labels_at_rate(const Manifest& manifest, const NoiseOptions& options,
                                         std::vector<std::int32_t> labels) {
  const std::int64_t classes = manifest.class_count();
  std::vector<std::int32_t> targets;
  std::vector<bool> is_eligible(manifest.class_names.size(), true);
  if (options.type == NoiseType::kAsymmetric) {
    targets = class_targets(manifest, options);
    std::transform(targets.begin(), targets.end(), is_eligible.begin(),
                   [](std::int32_t target) { return target != kUnmapped; });
  }
  for (const std::size_t i : chosen_rows(manifest, options, is_eligible)) {
    KeyedRandom random = random_of_row(options, i);
    (void)random.uniform();  // said whether the row is chosen
    std::int32_t& label = labels[i];
    if (options.type == NoiseType::kSymmetric) {
      const std::int32_t other = below(random, classes - 1);
      label = other < label ? other : other + 1;  // skips the label itself
    } else if (options.type == NoiseType::kSymmetricWithSelf) {
      label = below(random, classes);
    } else if (options.type == NoiseType::kPair) {
      label = label + 1 < classes ? label + 1 : 0;
    } else {
      label = targets[static_cast<std::size_t>(label)];
    }
  }
  return labels;
}

/// Row i is wrong if its first number is below P(wrong), as with the types that have a rate; the
/// second one says how.
std::vector<std::int32_t> labels_by_matrix(const Manifest& manifest, const NoiseOptions& options,
                                           std::vector<std::int32_t> labels) {
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    const auto before = static_cast<std::size_t>(labels[i]);
    const std::vector<double>& entries = options.matrix[before];
    double wrong = 0.0;
    for (std::size_t k = 0; k < entries.size(); ++k) wrong += k == before ? 0.0 : entries[k];
    KeyedRandom random = random_of_row(options, i);
    if (!random.chance(wrong / (wrong + entries[before]))) continue;
    double left = random.uniform() * wrong;
    for (std::size_t k = 0; k < entries.size(); ++k) {
      if (k == before || entries[k] == 0.0) continue;
      labels[i] = static_cast<std::int32_t>(k);
      left -= entries[k];
      if (left < 0.0) break;  // rounding may leave a trifle after the last class
    }
  }
  return labels;
}

/// Shares of `total` that are proportional to the weights, rounded by largest remainders; of equal
/// remainders the first is served first.
std::vector<std::size_t> apportion(const std::vector<double>& weights, std::size_t total) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<std::size_t> counts;
  std::vector<std::pair<double, std::size_t>> remainders;
  std::size_t given_out = 0;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double share = weights[k] / sum * static_cast<double>(total);
    counts.push_back(static_cast<std::size_t>(share));
    given_out += counts.back();
    remainders.emplace_back(std::floor(share) - share, k);
  }
  std::sort(remainders.begin(), remainders.end());
  for (std::size_t n = 0; n < total - given_out; ++n) ++counts[remainders[n].second];
  return counts;
}

std::vector<std::int32_t> labels_by_quota(const Manifest& manifest, const NoiseOptions& options,
                                          std::vector<std::int32_t> labels) {
  std::vector<RowOrder> groups(manifest.class_names.size());
  for (std::size_t i = 0; i < labels.size(); ++i) {
    groups[static_cast<std::size_t>(labels[i])].emplace_back(random_of_row(options, i).uniform(),
                                                             i);
  }
  for (std::size_t before = 0; before < groups.size(); ++before) {
    RowOrder& order = groups[before];
    const std::vector<std::size_t> counts = apportion(options.matrix[before], order.size());
    std::sort(order.begin(), order.end());
    order.resize(order.size() - counts[before]);  // the wrong ones
    for (auto& [place, row] : order) {
      KeyedRandom random = random_of_row(options, row);
      (void)random.uniform();
      place = random.uniform();
    }
    std::sort(order.begin(), order.end());
    std::size_t next = 0;
    for (std::size_t k = 0; k < counts.size(); ++k) {
      if (k == before) continue;
      for (std::size_t n = 0; n < counts[k]; ++n) {
        labels[order[next++].second] = static_cast<std::int32_t>(k);
      }
    }
  }
  return labels;
}

std::vector<std::int32_t> given_labels(const Manifest& manifest) {
  std::vector<std::int32_t> labels;
  labels.reserve(manifest.rows.size());
  for (const ManifestRow& row : manifest.rows) labels.push_back(row.given);
  return labels;
}

}  // namespace

const char* to_string(NoiseType type) {
  switch (type) {
    case NoiseType::kNone:
      return "none";
    case NoiseType::kSymmetric:
      return "symmetric";
    case NoiseType::kSymmetricWithSelf:
      return "symmetric_with_self";
    case NoiseType::kPair:
      return "pair";
    case NoiseType::kAsymmetric:
      return "asymmetric";
    case NoiseType::kMatrix:
      return "matrix";
    case NoiseType::kInstance:
      return "instance";
    case NoiseType::kFile:
      return "file";
  }
  assert(false && "not a noise type");
  return "";
}

const char* to_string(NoiseExactness exactness) {
  switch (exactness) {
    case NoiseExactness::kIid:
      return "iid";
    case NoiseExactness::kExact:
      return "exact";
    case NoiseExactness::kPerClass:
      return "per_class";
  }
  assert(false && "not an exactness");
  return "";
}

std::map<std::string, std::string> raf_db_class_map() {
  return {{"Surprise", "Anger"},    {"Fear", "Surprise"},   {"Disgust", "Anger"},
          {"Happiness", "Neutral"}, {"Sadness", "Neutral"}, {"Anger", "Happiness"},
          {"Neutral", "Surprise"}};
}

void check_noise(const Manifest& manifest, const NoiseOptions& options) {
  check_rate(options);
  check_exactness(options);
  check_labels(manifest, options.type);
  if (options.type == NoiseType::kAsymmetric) (void)class_targets(manifest, options);
  if (options.type == NoiseType::kMatrix) check_matrix(manifest, options);
  if (options.type == NoiseType::kFile) check_file(options);
}

NoiseReport inject_noise(Manifest& manifest, const NoiseOptions& options) {
  check_noise(manifest, options);
  switch (options.type) {
    case NoiseType::kNone:
      return report_noise(manifest);
    case NoiseType::kSymmetric:
    case NoiseType::kSymmetricWithSelf:
    case NoiseType::kPair:
    case NoiseType::kAsymmetric:
      return apply_noisy_labels(manifest,
                                labels_at_rate(manifest, options, given_labels(manifest)));
    case NoiseType::kMatrix:
      return apply_noisy_labels(manifest,
                                options.exactness == NoiseExactness::kIid
                                    ? labels_by_matrix(manifest, options, given_labels(manifest))
                                    : labels_by_quota(manifest, options, given_labels(manifest)));
    case NoiseType::kInstance:
      throw ConfigError("noise: expected features of the images for type instance, got none");
    case NoiseType::kFile: {
      const NoisyLabels listed = read_noise_file(manifest, options);
      for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
        if (listed.clean[i] != kUnknownLabel) manifest.rows[i].clean = listed.clean[i];
      }
      NoiseReport report = apply_noisy_labels(manifest, listed.given);
      report.rows_kept = listed.rows_kept;
      report.lines_ignored = listed.lines_ignored;
      return report;
    }
  }
  assert(false && "not a noise type");
  return {};
}

NoiseReport apply_noisy_labels(Manifest& manifest, const std::vector<std::int32_t>& labels) {
  assert(labels.size() == manifest.rows.size());
  const std::size_t classes = manifest.class_names.size();
  std::int64_t changed = 0;
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    ManifestRow& row = manifest.rows[i];
    if (row.clean == kUnknownLabel) row.clean = row.given;
    if (labels[i] == row.given) continue;
    row.given = labels[i];
    ++changed;
    if (manifest.distributions.empty()) continue;
    float* const distribution = manifest.distributions.data() + i * classes;
    std::fill(distribution, distribution + classes, 0.0F);
    distribution[row.given] = 1.0F;
  }
  NoiseReport report = report_noise(manifest);
  report.changed = changed;
  return report;
}

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

}  // namespace selfcure
