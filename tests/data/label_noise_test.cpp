#include "selfcure/data/label_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

// Rows with labels 0, 1, ..., K-1, 0, 1, ...
Manifest faces(std::int64_t rows, std::int32_t classes) {
  Manifest manifest;
  manifest.name = "faces";
  manifest.class_names.resize(static_cast<std::size_t>(classes), "class");
  for (std::int64_t i = 0; i < rows; ++i) {
    manifest.rows.push_back(
        {std::to_string(i) + ".png", static_cast<std::int32_t>(i % classes), kUnknownLabel});
  }
  return manifest;
}

NoiseOptions symmetric(double rate, std::uint64_t seed = 0) {
  return {NoiseType::kSymmetric, rate, seed};
}

std::vector<std::int32_t> noisy_labels(Manifest manifest, const NoiseOptions& options) {
  (void)inject_noise(manifest, options);
  std::vector<std::int32_t> labels;
  for (const ManifestRow& row : manifest.rows) labels.push_back(row.given);
  return labels;
}

template <typename ErrorType>
std::string error_of(Manifest manifest, const NoiseOptions& options) {
  try {
    (void)inject_noise(manifest, options);
  } catch (const ErrorType& error) {
    return error.what();
  }
  return "no such error";
}

// Worked out with an implementation of the keyed random numbers in another language.
TEST(LabelNoise, GivesTheSameLabelsForever) {
  const std::vector<std::int32_t> expected = {4, 2, 2, 3, 4, 4, 6, 0, 2, 2,
                                              0, 4, 5, 0, 2, 0, 2, 0, 5, 0};
  EXPECT_EQ(noisy_labels(faces(20, 7), symmetric(0.5, 11)), expected);
}

TEST(LabelNoise, AnotherSeedGivesOtherLabels) {
  EXPECT_EQ(noisy_labels(faces(200, 7), symmetric(0.3, 1)),
            noisy_labels(faces(200, 7), symmetric(0.3, 1)));
  EXPECT_NE(noisy_labels(faces(200, 7), symmetric(0.3, 1)),
            noisy_labels(faces(200, 7), symmetric(0.3, 2)));
}

TEST(LabelNoise, ARowDoesNotDependOnOtherRows) {
  const std::vector<std::int32_t> all = noisy_labels(faces(500, 7), symmetric(0.4, 3));
  const std::vector<std::int32_t> few = noisy_labels(faces(100, 7), symmetric(0.4, 3));
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));

  // Other labels in the rows before and after leave row 50 as it was.
  Manifest relabelled = faces(100, 7);
  for (std::size_t i = 0; i < 100; ++i) {
    if (i != 50) relabelled.rows[i].given = 6 - relabelled.rows[i].given;
  }
  EXPECT_EQ(noisy_labels(relabelled, symmetric(0.4, 3))[50], few[50]);
}

TEST(LabelNoise, AHigherRateKeepsWhatALowerOneChanged) {
  const std::vector<std::int32_t> low = noisy_labels(faces(2000, 7), symmetric(0.1, 4));
  const std::vector<std::int32_t> high = noisy_labels(faces(2000, 7), symmetric(0.3, 4));
  int low_changed = 0;
  for (std::size_t i = 0; i < low.size(); ++i) {
    if (low[i] == static_cast<std::int32_t>(i % 7)) continue;
    ++low_changed;
    EXPECT_EQ(high[i], low[i]) << i;
  }
  EXPECT_GT(low_changed, 100);
}

// Binomial(3000, 0.2) per class: standard deviation 0.0073 of the share, five of them allowed.
TEST(LabelNoise, ChangesEachClassAtTheRate) {
  Manifest manifest = faces(21000, 7);
  const NoiseReport report = inject_noise(manifest, symmetric(0.2, 5));
  const std::vector<std::vector<double>> shares = row_normalised(report.transitions);
  for (std::size_t k = 0; k < 7; ++k) EXPECT_NEAR(shares[k][k], 0.8, 0.037) << k;
  EXPECT_NEAR(report.realised_rate, 0.2, 0.014);
}

// At rate 1 each of the 42 wrong pairs has 500 of a class's 3000 rows. Chi-square over the 5 free
// numbers of each of 7 classes, 35 degrees of freedom: 99.99 % lie below 77.1.
TEST(LabelNoise, SpreadsUniformlyOverTheOtherClasses) {
  Manifest manifest = faces(21000, 7);
  const NoiseReport report = inject_noise(manifest, symmetric(1.0, 6));
  double chi_square = 0.0;
  for (std::size_t t = 0; t < 7; ++t) {
    for (std::size_t n = 0; n < 7; ++n) {
      if (t == n) continue;
      const double difference = static_cast<double>(report.transitions[t][n]) - 500.0;
      chi_square += difference * difference / 500.0;
    }
  }
  EXPECT_LT(chi_square, 77.1);
}

TEST(LabelNoise, RateOneNeverKeepsALabel) {
  for (const std::int32_t classes : {2, 3, 8}) {
    Manifest manifest = faces(2000, classes);
    const NoiseReport report = inject_noise(manifest, symmetric(1.0));
    for (const ManifestRow& row : manifest.rows) {
      ASSERT_NE(row.given, row.clean);
      ASSERT_GE(row.given, 0);
      ASSERT_LT(row.given, classes);
    }
    EXPECT_EQ(report.changed, 2000);
    EXPECT_EQ(report.realised_rate, 1.0);
  }
}

TEST(LabelNoise, RateZeroChangesNothingButRecordsCleanLabels) {
  Manifest manifest = faces(100, 7);
  const NoiseReport report = inject_noise(manifest, symmetric(0.0));
  for (std::size_t i = 0; i < 100; ++i) {
    EXPECT_EQ(manifest.rows[i].given, static_cast<std::int32_t>(i % 7));
    EXPECT_EQ(manifest.rows[i].clean, static_cast<std::int32_t>(i % 7));
  }
  EXPECT_EQ(report.changed, 0);
  EXPECT_EQ(report.realised_rate, 0.0);
}

TEST(LabelNoise, NoneLeavesCleanLabelsUnknown) {
  Manifest manifest = faces(6, 3);
  const NoiseReport report = inject_noise(manifest, {});
  for (const ManifestRow& row : manifest.rows) EXPECT_EQ(row.clean, kUnknownLabel);
  EXPECT_EQ(report.transitions,
            (std::vector<std::vector<std::int64_t>>{{2, 0, 0}, {0, 2, 0}, {0, 0, 2}}));
  EXPECT_EQ(report.realised_rate, 0.0);
}

TEST(LabelNoise, ReportCountsTrueAgainstGiven) {
  Manifest manifest = faces(700, 7);
  const NoiseReport report = inject_noise(manifest, symmetric(0.3, 7));
  std::vector<std::vector<std::int64_t>> expected(7, std::vector<std::int64_t>(7, 0));
  std::int64_t changed = 0;
  for (std::size_t i = 0; i < 700; ++i) {
    const ManifestRow& row = manifest.rows[i];
    EXPECT_EQ(row.clean, static_cast<std::int32_t>(i % 7));
    ++expected[i % 7][static_cast<std::size_t>(row.given)];
    if (row.given != static_cast<std::int32_t>(i % 7)) ++changed;
  }
  EXPECT_EQ(report.transitions, expected);
  EXPECT_EQ(report.changed, changed);
  EXPECT_DOUBLE_EQ(report.realised_rate, static_cast<double>(changed) / 700.0);
}

// All rows are given 0 and truly 1: noise at rate 1 over two classes makes every label right.
TEST(LabelNoise, KeepsCleanLabelsThatWereKnown) {
  Manifest manifest = faces(10, 2);
  for (ManifestRow& row : manifest.rows) {
    row.given = 0;
    row.clean = 1;
  }
  const NoiseReport report = inject_noise(manifest, symmetric(1.0));
  for (const ManifestRow& row : manifest.rows) {
    EXPECT_EQ(row.given, 1);
    EXPECT_EQ(row.clean, 1);
  }
  EXPECT_EQ(report.changed, 10);
  EXPECT_EQ(report.realised_rate, 0.0);
  EXPECT_EQ(report.transitions, (std::vector<std::vector<std::int64_t>>{{0, 0}, {0, 10}}));
}

TEST(LabelNoise, OfNoRowsIsAnEmptyReport) {
  Manifest manifest = faces(0, 3);
  const NoiseReport report = inject_noise(manifest, symmetric(0.5));
  EXPECT_EQ(report.changed, 0);
  EXPECT_EQ(report.realised_rate, 0.0);
  EXPECT_EQ(report.transitions.size(), 3U);
}

TEST(LabelNoise, RejectsARateOutsideZeroToOne) {
  EXPECT_EQ(error_of<ConfigError>(faces(3, 3), symmetric(1.5)),
            "noise: expected a rate in [0, 1], got 1.5");
  EXPECT_EQ(error_of<ConfigError>(faces(3, 3), symmetric(-0.1)),
            "noise: expected a rate in [0, 1], got -0.1");
  EXPECT_EQ(error_of<ConfigError>(faces(3, 3), symmetric(std::numeric_limits<double>::quiet_NaN())),
            "noise: expected a rate in [0, 1], got nan");
}

TEST(LabelNoise, RejectsARateThatNoneWouldIgnore) {
  EXPECT_EQ(error_of<ConfigError>(faces(3, 3), {NoiseType::kNone, 0.2, 0}),
            "noise: expected a type other than none for rate 0.2, got none");
}

TEST(LabelNoise, RejectsASingleClass) {
  EXPECT_EQ(error_of<DataError>(faces(3, 1), symmetric(0.2)),
            "faces: expected at least 2 classes to inject noise, got 1");
}

TEST(LabelNoise, NamesARowWithoutALabelAndChangesNothing) {
  Manifest manifest = faces(100, 3);
  manifest.rows[99].given = kUnknownLabel;
  EXPECT_THROW((void)inject_noise(manifest, symmetric(1.0)), DataError);
  for (const ManifestRow& row : manifest.rows) EXPECT_EQ(row.clean, kUnknownLabel);
  EXPECT_EQ(manifest.rows[0].given, 0);
  EXPECT_EQ(error_of<DataError>(manifest, symmetric(1.0)),
            "faces: expected labels in 0..2, got -1 for '99.png'");
}

TEST(LabelNoise, NamesARowWhoseLabelIsNoClass) {
  Manifest manifest = faces(4, 3);
  manifest.rows[2].given = 3;
  EXPECT_EQ(error_of<DataError>(manifest, symmetric(0.1)),
            "faces: expected labels in 0..2, got 3 for '2.png'");
  manifest.rows[2].given = 0;
  manifest.rows[1].clean = 5;
  EXPECT_EQ(error_of<DataError>(manifest, symmetric(0.1)),
            "faces: expected labels in 0..2, got 5 for '1.png'");
}

constexpr std::int64_t kRafDbTrain = 12271;

// RAF-DB's classes and the sizes of its training classes, shuffled over the rows.
Manifest raf_db_labels() {
  Manifest manifest;
  manifest.name = "RAF-DB train";
  manifest.class_names = {"Surprise", "Fear",  "Disgust", "Happiness",
                          "Sadness",  "Anger", "Neutral"};
  const std::vector<std::int64_t> counts = {1290, 281, 717, 4772, 1982, 705, 2524};
  for (std::size_t k = 0; k < counts.size(); ++k) {
    for (std::int64_t n = 0; n < counts[k]; ++n) {
      manifest.rows.push_back({"", static_cast<std::int32_t>(k), kUnknownLabel});
    }
  }
  for (std::size_t i = 0; i < manifest.rows.size(); ++i) {
    std::swap(manifest.rows[i].given, manifest.rows[i * 7919 % manifest.rows.size()].given);
    manifest.rows[i].image = std::to_string(i) + ".jpg";
  }
  return manifest;
}

NoiseOptions noise(NoiseType type, double rate, std::uint64_t seed = 0,
                   NoiseExactness exactness = NoiseExactness::kIid) {
  NoiseOptions options;
  options.type = type;
  options.rate = rate;
  options.seed = seed;
  options.exactness = exactness;
  if (type == NoiseType::kAsymmetric) options.class_map = raf_db_class_map();
  return options;
}

NoiseOptions by_matrix(std::vector<std::vector<double>> matrix,
                       NoiseExactness exactness = NoiseExactness::kIid) {
  NoiseOptions options = noise(NoiseType::kMatrix, 0.0, 11, exactness);
  options.matrix = std::move(matrix);
  return options;
}

const std::vector<NoiseType> kTypesWithARate = {
    NoiseType::kSymmetric, NoiseType::kSymmetricWithSelf, NoiseType::kPair, NoiseType::kAsymmetric};
const std::vector<NoiseExactness> kAllExactness = {NoiseExactness::kIid, NoiseExactness::kExact,
                                                   NoiseExactness::kPerClass};
const std::vector<std::vector<double>> kMatrix = {
    {0.6, 0.3, 0.1}, {0.05, 0.5, 0.45}, {0.0, 0.2, 0.8}};

Manifest twenty_of_seven() {
  Manifest manifest = faces(20, 7);
  manifest.class_names = raf_db_labels().class_names;
  return manifest;
}

// Worked out with an implementation in another language.
TEST(LabelNoise, EveryTypeGivesTheSameLabelsForever) {
  using Labels = std::vector<std::int32_t>;
  const auto labels = [](NoiseType type, NoiseExactness exactness) {
    return noisy_labels(twenty_of_seven(), noise(type, 0.5, 11, exactness));
  };
  EXPECT_EQ(labels(NoiseType::kSymmetric, NoiseExactness::kExact),
            (Labels{4, 2, 2, 3, 4, 4, 6, 0, 1, 2, 0, 4, 5, 0, 2, 0, 2, 0, 5, 0}));
  EXPECT_EQ(labels(NoiseType::kSymmetric, NoiseExactness::kPerClass),
            (Labels{4, 2, 2, 3, 3, 4, 6, 0, 1, 5, 0, 4, 5, 0, 2, 0, 3, 0, 5, 0}));
  EXPECT_EQ(labels(NoiseType::kSymmetricWithSelf, NoiseExactness::kIid),
            (Labels{6, 3, 2, 3, 4, 6, 6, 0, 5, 2, 5, 4, 5, 6, 2, 0, 2, 6, 6, 6}));
  EXPECT_EQ(labels(NoiseType::kPair, NoiseExactness::kIid),
            (Labels{1, 2, 2, 3, 4, 6, 6, 0, 2, 2, 4, 4, 5, 0, 1, 2, 2, 4, 5, 6}));
  EXPECT_EQ(labels(NoiseType::kAsymmetric, NoiseExactness::kPerClass),
            (Labels{5, 0, 2, 3, 6, 3, 6, 0, 1, 5, 6, 4, 5, 0, 5, 0, 5, 6, 6, 3}));
  EXPECT_EQ(noisy_labels(faces(20, 3), by_matrix(kMatrix)),
            (Labels{1, 2, 2, 0, 1, 2, 0, 1, 2, 0, 2, 2, 0, 2, 2, 0, 1, 1, 0, 2}));
  EXPECT_EQ(noisy_labels(faces(20, 3), by_matrix(kMatrix, NoiseExactness::kPerClass)),
            (Labels{1, 1, 2, 0, 1, 2, 0, 1, 2, 0, 2, 2, 0, 2, 2, 2, 1, 1, 1, 2}));
}

// Binomial(12271, 0.1): standard deviation 0.27 % of the rows.
TEST(LabelNoise, OfTheSizeOfRafDbIsNearTheRateWhenIidAndOnItWhenExact) {
  for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
    Manifest iid = raf_db_labels();
    ASSERT_EQ(iid.size(), kRafDbTrain);
    EXPECT_NEAR(inject_noise(iid, symmetric(0.1, seed)).realised_rate, 0.1, 0.011) << seed;
    for (const auto& [rate, count] : {std::pair(0.1, 1227), {0.2, 2454}, {0.3, 3681}}) {
      Manifest exact = raf_db_labels();
      const NoiseOptions options = noise(NoiseType::kSymmetric, rate, seed, NoiseExactness::kExact);
      EXPECT_EQ(inject_noise(exact, options).changed, count) << seed;
    }
  }
}

TEST(LabelNoise, PerClassChangesTheRoundedShareOfEachClass) {
  for (const NoiseType type : {NoiseType::kSymmetric, NoiseType::kPair, NoiseType::kAsymmetric}) {
    Manifest manifest = raf_db_labels();
    const NoiseReport report =
        inject_noise(manifest, noise(type, 0.1, 3, NoiseExactness::kPerClass));
    // A tenth of 1290, 281, 717, 4772, 1982, 705, 2524; 70.5 is rounded up.
    const std::vector<std::int64_t> kept = {1161, 253, 645, 4295, 1784, 634, 2272};
    for (std::size_t k = 0; k < 7; ++k) {
      EXPECT_EQ(report.transitions[k][k], kept[k]) << to_string(type) << " " << k;
    }
  }
}

TEST(LabelNoise, EveryTypeKeepsWhatALowerRateMadeWrong) {
  for (const NoiseType type : kTypesWithARate) {
    for (const NoiseExactness exactness : kAllExactness) {
      const Manifest clean = raf_db_labels();
      std::vector<std::int32_t> lower = noisy_labels(clean, noise(type, 0.0, 4, exactness));
      for (const double rate : {0.1, 0.35, 0.8, 1.0}) {
        const std::vector<std::int32_t> higher =
            noisy_labels(clean, noise(type, rate, 4, exactness));
        int lost = 0;
        for (std::size_t i = 0; i < lower.size(); ++i) {
          if (lower[i] != clean.rows[i].given && higher[i] != lower[i]) ++lost;
        }
        EXPECT_EQ(lost, 0) << to_string(type) << " " << to_string(exactness) << " " << rate;
        lower = higher;
      }
    }
  }
}

TEST(LabelNoise, IidAndExactAgreeOnAllButTheRowsAtTheEdge) {
  const std::vector<std::int32_t> iid = noisy_labels(raf_db_labels(), symmetric(0.2, 5));
  const std::vector<std::int32_t> exact =
      noisy_labels(raf_db_labels(), noise(NoiseType::kSymmetric, 0.2, 5, NoiseExactness::kExact));
  const Manifest clean = raf_db_labels();
  int iid_changed = 0;
  int different = 0;
  for (std::size_t i = 0; i < iid.size(); ++i) {
    if (iid[i] != clean.rows[i].given) ++iid_changed;
    if (iid[i] != exact[i]) ++different;
  }
  EXPECT_EQ(different, std::abs(iid_changed - 2454));
}

// 21000 rows redrawn over 7 classes: each of the 49 pairs expects 3000 / 7. Chi-square with 42
// degrees of freedom: 99.99 % lie below 86.7.
TEST(LabelNoise, SymmetricWithSelfIsUniformOverAllClasses) {
  Manifest manifest = faces(21000, 7);
  const NoiseReport report = inject_noise(manifest, noise(NoiseType::kSymmetricWithSelf, 1.0, 6));
  double chi_square = 0.0;
  for (const std::vector<std::int64_t>& row : report.transitions) {
    for (const std::int64_t count : row) {
      const double difference = static_cast<double>(count) - 3000.0 / 7.0;
      chi_square += difference * difference / (3000.0 / 7.0);
    }
  }
  EXPECT_LT(chi_square, 86.7);
  EXPECT_NEAR(report.realised_rate, 6.0 / 7.0, 0.012);
}

TEST(LabelNoise, PairGoesToTheNextClassAndRoundTheEnd) {
  Manifest manifest = faces(70, 7);
  const NoiseReport report = inject_noise(manifest, noise(NoiseType::kPair, 1.0));
  for (std::size_t k = 0; k < 7; ++k) EXPECT_EQ(report.transitions[k][(k + 1) % 7], 10) << k;
}

TEST(LabelNoise, AsymmetricOfRafDbGoesWhereTheMapSays) {
  Manifest manifest = raf_db_labels();
  const NoiseReport report = inject_noise(manifest, noise(NoiseType::kAsymmetric, 1.0));
  // By the set's codes: 1->6 2->1 3->6 4->7 5->7 6->4 7->1.
  const std::vector<std::size_t> target = {5, 0, 5, 6, 6, 3, 0};
  for (std::size_t k = 0; k < 7; ++k) {
    EXPECT_EQ(report.transitions[k][target[k]],
              std::accumulate(report.transitions[k].begin(), report.transitions[k].end(),
                              std::int64_t{0}))
        << k;
  }
  EXPECT_EQ(report.changed, kRafDbTrain);
}

TEST(LabelNoise, AsymmetricLeavesUnmappedClassesAloneAndOutOfTheCount) {
  Manifest manifest = raf_db_labels();
  NoiseOptions options = noise(NoiseType::kAsymmetric, 0.5, 1, NoiseExactness::kExact);
  options.class_map = {{"fear", "surprise"}, {"ANGER", "Disgust"}};
  const NoiseReport report = inject_noise(manifest, options);
  EXPECT_EQ(report.changed, (281 + 705) / 2);
  EXPECT_EQ(report.transitions[1][0] + report.transitions[5][2], report.changed);
}

// 30000 rows of 10000 per class; five standard deviations of each share are at most 0.025.
TEST(LabelNoise, MatrixIsRealisedInEachRow) {
  Manifest manifest = faces(30000, 3);
  const NoiseReport report = inject_noise(manifest, by_matrix(kMatrix));
  const std::vector<std::vector<double>> shares = row_normalised(report.transitions);
  for (std::size_t t = 0; t < 3; ++t) {
    for (std::size_t k = 0; k < 3; ++k) EXPECT_NEAR(shares[t][k], kMatrix[t][k], 0.025);
  }
  EXPECT_EQ(report.transitions[2][0], 0);
}

TEST(LabelNoise, MatrixPerClassRoundsByLargestRemainders) {
  Manifest manifest = faces(20, 3);
  const NoiseReport report = inject_noise(manifest, by_matrix(kMatrix, NoiseExactness::kPerClass));
  // 7 rows: 4.2 2.1 0.7; 7 rows: 0.35 3.5 3.15; 6 rows: 0 1.2 4.8.
  EXPECT_EQ(report.transitions,
            (std::vector<std::vector<std::int64_t>>{{4, 2, 1}, {0, 4, 3}, {0, 1, 5}}));
}

TEST(LabelNoise, OfTheUnitMatrixChangesNothing) {
  for (const NoiseExactness exactness : {NoiseExactness::kIid, NoiseExactness::kPerClass}) {
    Manifest manifest = faces(300, 2);
    EXPECT_EQ(inject_noise(manifest, by_matrix({{1, 0}, {0, 1}}, exactness)).changed, 0);
  }
}

TEST(LabelNoise, GivesAllOfAChangedRowsDistributionToItsNewLabel) {
  Manifest manifest = faces(3, 3);
  manifest.distributions = {0.75F, 0.25F, 0, 0, 1, 0, 0.5F, 0, 0.5F};
  EXPECT_EQ(apply_noisy_labels(manifest, {1, 1, 2}).changed, 1);
  EXPECT_EQ(manifest.distributions, (std::vector<float>{0, 1, 0, 0, 1, 0, 0.5F, 0, 0.5F}));
}

TEST(LabelNoise, RejectsARateThatAMatrixWouldIgnore) {
  NoiseOptions options = by_matrix(kMatrix);
  options.rate = 0.2;
  EXPECT_EQ(error_of<ConfigError>(faces(3, 3), options),
            "noise: expected no rate with type matrix, got 0.2");
}

TEST(LabelNoise, RejectsAnExactnessThatTheTypeCannotHonour) {
  EXPECT_EQ(error_of<ConfigError>(faces(3, 3), by_matrix(kMatrix, NoiseExactness::kExact)),
            "noise: expected exactness iid or per_class with type matrix, got exact");
  for (const NoiseType type : {NoiseType::kNone, NoiseType::kInstance, NoiseType::kFile}) {
    EXPECT_EQ(error_of<ConfigError>(faces(3, 3), noise(type, 0, 0, NoiseExactness::kPerClass)),
              std::string("noise: expected exactness iid with type ") + to_string(type) +
                  ", got per_class");
  }
}

TEST(LabelNoise, RejectsAMatrixThatIsNoTransitionMatrix) {
  const auto error = [](std::vector<std::vector<double>> matrix) {
    return error_of<ConfigError>(faces(3, 3), by_matrix(std::move(matrix)));
  };
  EXPECT_EQ(error({}), "noise: expected a matrix of 3 rows for the classes of faces, got 0");
  EXPECT_EQ(error({{1, 0, 0}, {0, 1}, {0, 0, 1}}), "noise: expected 3 entries in matrix[1], got 2");
  EXPECT_EQ(error({{1, 0, 0}, {0, 1, 0}, {0, 1.5, -0.5}}),
            "noise: expected matrix[2][1] in [0, 1], got 1.5");
  EXPECT_EQ(error({{1, 0, 0}, {0, 1, 0}, {0, std::numeric_limits<double>::quiet_NaN(), 1}}),
            "noise: expected matrix[2][1] in [0, 1], got nan");
  EXPECT_EQ(error({{1, 0, 0}, {0.2, 0.5, 0.2}, {0, 0, 1}}),
            "noise: expected matrix[1] to sum to 1, got 0.9");
  EXPECT_EQ(error({{1, 0, 0}, {0.2, 0.5, 0.300002}, {0, 0, 1}}),
            "noise: expected matrix[1] to sum to 1, got 1.000002");
  EXPECT_EQ(error({{1, 0, 0}, {0.2, 0.5, 0.3000005}, {0, 0, 1}}), "no such error");
}

TEST(LabelNoise, RejectsAClassMapThatDoesNotFitTheClasses) {
  const auto error = [](std::map<std::string, std::string> class_map) {
    NoiseOptions options = noise(NoiseType::kAsymmetric, 0.1);
    options.class_map = std::move(class_map);
    return error_of<ConfigError>(twenty_of_seven(), options);
  };
  EXPECT_EQ(error({}), "noise: expected a class map for type asymmetric, got none");
  EXPECT_EQ(error({{"Fear", "Suprise"}}),
            "noise: expected the class map to name classes of [Surprise, Fear, Disgust, Happiness, "
            "Sadness, Anger, Neutral], got 'Suprise'; did you mean 'Surprise'?");
  EXPECT_EQ(error({{"Fear", "fearful"}}),
            "noise: expected the class map to take 'Fear' for another class, got 'fearful'");
  EXPECT_EQ(error({{"Fear", "Anger"}, {"fearful", "Sadness"}}),
            "noise: expected the class map to name 'Fear' once, got it twice");
}

TEST(RowNormalised, DividesRowsAndKeepsEmptyOnesZero) {
  EXPECT_EQ(row_normalised({{6, 2}, {0, 0}, {1, 3}}),
            (std::vector<std::vector<double>>{{0.75, 0.25}, {0.0, 0.0}, {0.25, 0.75}}));
}

}  // namespace
}  // namespace selfcure
