#include "selfcure/data/published_counts.h"

#include <cstdint>
#include <numeric>
#include <vector>

namespace selfcure {
namespace {

struct PublishedCounts {
  Dataset dataset;
  Split split;
  std::vector<std::int64_t> per_class;
  /// Of FERPlus: what its votes became. kDistribution stands for kDraw too.
  LabelUse use = LabelUse::kGiven;
};

// The first table of a split is the one that the note quotes.
const std::vector<PublishedCounts>& published_counts() {
  static const std::vector<PublishedCounts> tables = {
      {Dataset::kRafDb, Split::kTrain, {1290, 281, 717, 4772, 1982, 705, 2524}},
      {Dataset::kRafDb, Split::kTest, {329, 74, 160, 1185, 478, 162, 680}},
      {Dataset::kRafDbRepack, Split::kTrain, {1290, 281, 717, 4772, 1982, 705, 2524}},
      {Dataset::kRafDbRepack, Split::kTest, {329, 74, 160, 1185, 478, 162, 680}},
      // With contempt and without.
      {Dataset::kAffectNet2017,
       Split::kTrain,
       {74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750}},
      {Dataset::kAffectNet2017, Split::kTrain, {74874, 134415, 25459, 14090, 6378, 3803, 24882}},
      {Dataset::kAffectNet2017, Split::kTest, {500, 500, 500, 500, 500, 500, 500, 500}},
      {Dataset::kAffectNet2017, Split::kTest, {500, 500, 500, 500, 500, 500, 500}},
      {Dataset::kAffectNet2021,
       Split::kTrain,
       {74874, 134415, 25459, 14090, 6378, 3803, 24882, 3750}},
      {Dataset::kAffectNet2021, Split::kTrain, {74874, 134415, 25459, 14090, 6378, 3803, 24882}},
      // label.csv
      {Dataset::kFerPlus, Split::kTrain, {8733, 7284, 3136, 3022, 2098, 116, 536, 120}},
      {Dataset::kFerPlus, Split::kValid, {1180, 862, 411, 348, 289, 25, 60, 16}},
      {Dataset::kFerPlus, Split::kTest, {1083, 892, 394, 382, 269, 16, 86, 15}},
      {Dataset::kFerPlus,
       Split::kTrain,
       {10107, 7501, 3517, 3445, 2401, 170, 643, 163},
       LabelUse::kDistribution},
      {Dataset::kFerPlus,
       Split::kValid,
       {1311, 897, 452, 406, 319, 29, 69, 25},
       LabelUse::kDistribution},
      {Dataset::kFerPlus,
       Split::kTrain,
       {10056, 7489, 3481, 3410, 2337, 150, 598, 146},
       LabelUse::kMultiTarget},
      {Dataset::kFerPlus,
       Split::kValid,
       {1303, 893, 447, 400, 312, 29, 67, 21},
       LabelUse::kMultiTarget},
      // fer2013new.csv
      {Dataset::kFerPlus, Split::kTrain, {8740, 7287, 3149, 3014, 2100, 119, 532, 119}},
      {Dataset::kFerPlus, Split::kValid, {1182, 865, 415, 351, 287, 24, 62, 13}},
      {Dataset::kFerPlus, Split::kTest, {1090, 893, 396, 384, 273, 18, 83, 16}},
      {Dataset::kFerPlus,
       Split::kTrain,
       {10122, 7503, 3524, 3430, 2407, 169, 641, 160},
       LabelUse::kDistribution},
      {Dataset::kFerPlus,
       Split::kValid,
       {1317, 897, 450, 401, 314, 31, 72, 23},
       LabelUse::kDistribution},
      {Dataset::kFerPlus,
       Split::kTrain,
       {10071, 7492, 3486, 3399, 2327, 153, 598, 145},
       LabelUse::kMultiTarget},
      {Dataset::kFerPlus,
       Split::kValid,
       {1307, 893, 446, 400, 307, 30, 71, 18},
       LabelUse::kMultiTarget},
  };
  return tables;
}

std::int64_t sum(const std::vector<std::int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
}

/// Rows per clean label where it is known, else per given label.
std::vector<std::int64_t> clean_count_per_class(const Manifest& manifest) {
  std::vector<std::int64_t> counts = manifest.count_per_class();
  for (const ManifestRow& row : manifest.rows) {
    if (row.clean == kUnknownLabel || row.given == kUnknownLabel) continue;
    --counts[static_cast<std::size_t>(row.given)];
    ++counts.at(static_cast<std::size_t>(row.clean));
  }
  return counts;
}

std::string text_of(const std::vector<std::int64_t>& counts) {
  std::string text = std::to_string(sum(counts)) + " (";
  for (std::size_t k = 0; k < counts.size(); ++k) {
    text += (k == 0 ? "" : " ") + std::to_string(counts[k]);
  }
  return text + ")";
}

}  // namespace

std::optional<std::string> golden_count_difference(const Manifest& manifest, Dataset dataset,
                                                   Split split) {
  const std::vector<std::int64_t> found = clean_count_per_class(manifest);
  const LabelUse use =
      manifest.label_use == LabelUse::kDraw ? LabelUse::kDistribution : manifest.label_use;
  const PublishedCounts* expected = nullptr;
  for (const PublishedCounts& table : published_counts()) {
    if (table.dataset != dataset || table.split != split || table.use != use) continue;
    if (table.per_class.size() != found.size()) continue;
    if (found == table.per_class) return std::nullopt;
    if (expected == nullptr) expected = &table;
  }
  if (expected == nullptr || 2 * manifest.size() < sum(expected->per_class)) return std::nullopt;
  return manifest.name + ": the published counts per class are " + text_of(expected->per_class) +
         ", this copy has " + text_of(found);
}

std::optional<std::int64_t> published_count(const SourceOptions& source, Split split,
                                            bool is_trained_on) {
  LabelUse use = LabelUse::kGiven;
  if (source.dataset == Dataset::kFerPlus && is_trained_on) {
    if (source.labels == FerPlusLabels::kMultiTarget) use = LabelUse::kMultiTarget;
    if (source.labels == FerPlusLabels::kProbability ||
        source.labels == FerPlusLabels::kCrossEntropy)
      use = LabelUse::kDistribution;
  }
  const bool is_affectnet =
      source.dataset == Dataset::kAffectNet2017 || source.dataset == Dataset::kAffectNet2021;
  constexpr std::size_t kWithoutContempt = 7;
  for (const PublishedCounts& table : published_counts()) {
    if (table.dataset != source.dataset || table.split != split || table.use != use) continue;
    if (is_affectnet && (table.per_class.size() == kWithoutContempt) == source.contempt) continue;
    return sum(table.per_class);
  }
  return std::nullopt;
}

}  // namespace selfcure
