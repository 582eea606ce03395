#include "selfcure/data/label_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
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

TEST(RowNormalised, DividesRowsAndKeepsEmptyOnesZero) {
  EXPECT_EQ(row_normalised({{6, 2}, {0, 0}, {1, 3}}),
            (std::vector<std::vector<double>>{{0.75, 0.25}, {0.0, 0.0}, {0.25, 0.75}}));
}

}  // namespace
}  // namespace selfcure
