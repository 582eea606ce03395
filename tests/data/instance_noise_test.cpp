#include "selfcure/data/instance_noise.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/random.h"

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

NoiseOptions instance(double rate, std::uint64_t seed = 0) {
  NoiseOptions options;
  options.type = NoiseType::kInstance;
  options.rate = rate;
  options.seed = seed;
  return options;
}

// [rows][count], standard normal.
std::vector<float> features(std::int64_t rows, std::int64_t count) {
  KeyedRandom random(RandomStream::kGeometry, {17});
  std::vector<float> values(static_cast<std::size_t>(rows * count));
  for (float& value : values) value = static_cast<float>(random.normal());
  return values;
}

std::vector<std::int32_t> noisy_labels(Manifest manifest, const NoiseOptions& options,
                                       const std::vector<float>& values, std::int64_t count) {
  (void)inject_instance_noise(manifest, options, values.data(), count);
  std::vector<std::int32_t> labels;
  for (const ManifestRow& row : manifest.rows) labels.push_back(row.given);
  return labels;
}

template <typename ErrorType>
std::string error_of(const NoiseOptions& options, const std::vector<float>& values,
                     std::int64_t count) {
  Manifest manifest = faces(4, 2);
  try {
    (void)inject_instance_noise(manifest, options, values.data(), count);
  } catch (const ErrorType& error) {
    EXPECT_EQ(manifest.rows[0].clean, kUnknownLabel);
    return error.what();
  }
  return "no such error";
}

// Worked out with an implementation in another language.
TEST(InstanceNoise, GivesTheSameLabelsForever) {
  std::vector<float> values;
  for (int i = 0; i < 20; ++i) {
    values.push_back(static_cast<float>(i % 5 - 2) / 2);
    values.push_back(static_cast<float>(i * i % 7 - 3) / 2);
  }
  EXPECT_EQ(
      noisy_labels(faces(20, 3), instance(0.5, 11), values, 2),
      (std::vector<std::int32_t>{1, 2, 2, 0, 2, 0, 0, 1, 0, 0, 2, 2, 0, 2, 1, 1, 1, 1, 0, 0}));
}

// Means of the truncated normal distribution, by numeric integration; binomial(20000, p) has a
// standard deviation of at most 0.0036.
TEST(InstanceNoise, RealisesTheMeanOfTheTruncatedDistribution) {
  const std::vector<float> values = features(20000, 4);
  for (const auto& [rate, expected] : {std::pair(0.1, 0.1288),
                                       {0.2, 0.2055},
                                       {0.3, 0.3004},
                                       {0.5, 0.5},
                                       {0.9, 0.8712},
                                       {1.0, 0.9202}}) {
    Manifest manifest = faces(20000, 7);
    const NoiseReport report = inject_instance_noise(manifest, instance(rate, 3), values.data(), 4);
    EXPECT_NEAR(report.realised_rate, expected, 0.018) << rate;
    EXPECT_EQ(report.changed, std::llround(report.realised_rate * 20000));
  }
}

TEST(InstanceNoise, KeepsWhatALowerRateMadeWrong) {
  const std::vector<float> values = features(4000, 4);
  const Manifest clean = faces(4000, 7);
  std::vector<std::int32_t> lower = noisy_labels(clean, instance(0.02, 5), values, 4);
  for (const double rate : {0.1, 0.2, 0.45, 0.8, 1.0}) {
    const std::vector<std::int32_t> higher = noisy_labels(clean, instance(rate, 5), values, 4);
    for (std::size_t i = 0; i < lower.size(); ++i) {
      const bool was_wrong = lower[i] != clean.rows[i].given;
      ASSERT_TRUE(!was_wrong || higher[i] == lower[i]) << i << " at " << rate;
    }
    lower = higher;
  }
}

TEST(InstanceNoise, RateZeroChangesNothingButRecordsCleanLabels) {
  Manifest manifest = faces(500, 7);
  const std::vector<float> values = features(500, 2);
  EXPECT_EQ(inject_instance_noise(manifest, instance(0.0), values.data(), 2).changed, 0);
  EXPECT_EQ(manifest.rows[8].clean, 1);
}

// Long features leave one class: rows that point the same way and share a label become the same.
TEST(InstanceNoise, ImagesThatLookAlikeBecomeWrongInTheSameWay) {
  const std::int64_t rows = 2800;
  std::vector<float> values;
  for (std::int64_t i = 0; i < rows; ++i) {
    const bool first_kind = (i / 7) % 2 == 0;
    const float length = 1000.0F + static_cast<float>(i);
    values.push_back(first_kind ? length : 0.0F);
    values.push_back(first_kind ? 0.0F : length);
  }
  const std::vector<std::int32_t> labels =
      noisy_labels(faces(rows, 7), instance(0.5, 2), values, 2);
  int kinds_that_differ = 0;
  for (std::int32_t k = 0; k < 7; ++k) {
    std::int32_t became[2] = {-1, -1};
    for (std::int64_t i = k; i < rows; i += 7) {
      const std::int32_t label = labels[static_cast<std::size_t>(i)];
      if (label == k) continue;
      std::int32_t& expected = became[(i / 7) % 2];
      if (expected == -1) expected = label;
      ASSERT_EQ(label, expected) << i;
    }
    ASSERT_GE(became[0], 0);
    ASSERT_GE(became[1], 0);
    if (became[0] != became[1]) ++kinds_that_differ;
  }
  EXPECT_GE(kinds_that_differ, 3);
}

// Without features (all zero) the softmax is uniform. 21000 rows at rate 0.5, about 10500 wrong:
// chi-square over the 5 free numbers of 7 classes, 35 degrees of freedom, 99.99 % below 77.1.
TEST(InstanceNoise, OfEmptyFeaturesIsUniformOverTheOtherClasses) {
  Manifest manifest = faces(21000, 7);
  const std::vector<float> values(21000, 0.0F);
  const NoiseReport report = inject_instance_noise(manifest, instance(0.5, 6), values.data(), 1);
  double chi_square = 0.0;
  for (std::size_t t = 0; t < 7; ++t) {
    const double expected = static_cast<double>(3000 - report.transitions[t][t]) / 6.0;
    for (std::size_t k = 0; k < 7; ++k) {
      if (k == t) continue;
      const double difference = static_cast<double>(report.transitions[t][k]) - expected;
      chi_square += difference * difference / expected;
    }
  }
  EXPECT_LT(chi_square, 77.1);
  EXPECT_GT(chi_square, 9.0);
}

TEST(InstanceNoise, ARowDoesNotDependOnOtherRows) {
  std::vector<float> values = features(600, 3);
  const std::vector<std::int32_t> all = noisy_labels(faces(600, 7), instance(0.4, 3), values, 3);
  std::fill(values.begin() + 300, values.end(), 5.0F);
  const std::vector<std::int32_t> other = noisy_labels(faces(600, 7), instance(0.4, 3), values, 3);
  EXPECT_TRUE(std::equal(all.begin(), all.begin() + 100, other.begin()));
  EXPECT_NE(all, other);
  values.resize(300);
  const std::vector<std::int32_t> few = noisy_labels(faces(100, 7), instance(0.4, 3), values, 3);
  EXPECT_TRUE(std::equal(few.begin(), few.end(), all.begin()));
}

TEST(InstanceNoise, SurvivesTheGreatestFeatures) {
  const float greatest = std::numeric_limits<float>::max();
  const std::vector<float> values = {greatest, -greatest, greatest,  greatest,
                                     0.0F,     greatest,  -greatest, 0.0F};
  for (const std::int32_t label : noisy_labels(faces(4, 2), instance(1.0), values, 2)) {
    EXPECT_GE(label, 0);
    EXPECT_LT(label, 2);
  }
}

TEST(InstanceNoise, RejectsWhatItCannotUse) {
  const std::vector<float> values(4, 1.0F);
  NoiseOptions symmetric = instance(0.1);
  symmetric.type = NoiseType::kSymmetric;
  EXPECT_EQ(error_of<ConfigError>(symmetric, values, 1),
            "noise: expected type instance, got symmetric");
  NoiseOptions exact = instance(0.1);
  exact.exactness = NoiseExactness::kExact;
  EXPECT_EQ(error_of<ConfigError>(exact, values, 1),
            "noise: expected exactness iid with type instance, got exact");
  EXPECT_EQ(error_of<ShapeError>(instance(0.1), values, 0),
            "instance noise: expected at least 1 feature per image, got 0");
  EXPECT_EQ(error_of<ConfigError>(instance(-1), values, 1),
            "noise: expected a rate in [0, 1], got -1");
}

TEST(InstanceNoise, IsNotInjectedWithoutFeatures) {
  Manifest manifest = faces(3, 3);
  try {
    (void)inject_noise(manifest, instance(0.1));
    FAIL();
  } catch (const ConfigError& error) {
    EXPECT_STREQ(error.what(),
                 "noise: expected features of the images for type instance, got none");
  }
}

TEST(InstanceNoise, NamesTheImageOfAFeatureThatIsNotFinite) {
  std::vector<float> values(4, 1.0F);
  values[2] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(error_of<DataError>(instance(0.1), values, 1),
            "faces: expected finite features, got nan for '2.png'");
  values[2] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(error_of<DataError>(instance(0.1), values, 1),
            "faces: expected finite features, got inf for '2.png'");
}

}  // namespace
}  // namespace selfcure
