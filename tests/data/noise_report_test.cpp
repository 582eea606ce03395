#include <gtest/gtest.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "selfcure/data/label_noise.h"

namespace selfcure {
namespace {

/// Three rows of the first class and one of the second.
Manifest four_faces() {
  Manifest manifest;
  manifest.name = "faces";
  manifest.class_names = {"x", "surprised \xC3\xA0 la carte"};
  manifest.root = "/data";
  for (const std::int32_t label : {0, 0, 0, 1}) manifest.rows.push_back({"", label, kUnknownLabel});
  return manifest;
}

NoiseOptions by_matrix() {
  NoiseOptions options;
  options.type = NoiseType::kMatrix;
  options.seed = 11;
  options.exactness = NoiseExactness::kPerClass;
  options.matrix = {{0.75, 0.25}, {0.0, 1.0}};
  return options;
}

TEST(NoiseRecord, HoldsTheOptionsThatCountAndWhatCameOut) {
  Manifest manifest = four_faces();
  const NoiseOptions options = by_matrix();
  const NoiseReport report = inject_noise(manifest, options);
  const nlohmann::json json = nlohmann::json::parse(noise_record(report, options, manifest));
  EXPECT_EQ(json.at("type"), "matrix");
  EXPECT_EQ(json.at("exactness"), "per_class");
  EXPECT_EQ(json.at("seed"), 11);
  EXPECT_EQ(json.at("matrix"), nlohmann::json(options.matrix));
  EXPECT_EQ(json.at("data"), "faces");
  EXPECT_EQ(json.at("root"), "/data");
  EXPECT_EQ(json.at("rows"), 4);
  EXPECT_EQ(json.at("changed"), 1);
  EXPECT_EQ(json.at("realised_rate"), 0.25);
  EXPECT_EQ(json.at("class_names"), nlohmann::json(manifest.class_names));
  EXPECT_EQ(json.at("transition_counts"), nlohmann::json({{2, 1}, {0, 1}}));
  EXPECT_DOUBLE_EQ(json.at("transition_matrix")[0][1].get<double>(), 1.0 / 3.0);
  EXPECT_FALSE(json.contains("rate"));
  EXPECT_FALSE(json.contains("file"));
}

TEST(NoiseRecord, IsJsonEvenIfNamesAreNotUtf8) {
  Manifest manifest = four_faces();
  manifest.class_names[0] = "\xE9t\xE9";
  manifest.root = "/\xFF";
  EXPECT_TRUE(nlohmann::json::accept(noise_record(report_noise(manifest), {}, manifest)));
}

TEST(NoiseText, ShowsOptionsChangedLabelsAndTheMatrix) {
  Manifest manifest = four_faces();
  const NoiseOptions options = by_matrix();
  const NoiseReport report = inject_noise(manifest, options);
  EXPECT_EQ(noise_report_text(report, options, manifest),
            "faces: matrix noise, per_class, seed 11\n"
            "1 of 4 labels changed; 25.00 % are wrong now\n\n"
            "true \\ given, %            x  surprised \xC3\xA0 la carte      rows\n"
            "x                      66.67                 33.33         3\n"
            "surprised \xC3\xA0 la carte    0.00                100.00         1\n");
}

TEST(NoiseText, SaysWhatTheTypeUses) {
  const Manifest manifest = four_faces();
  NoiseReport report = report_noise(manifest);
  const auto first_line = [&](const NoiseOptions& options) {
    const std::string text = noise_report_text(report, options, manifest);
    return text.substr(0, text.find('\n'));
  };
  NoiseOptions options;
  EXPECT_EQ(first_line(options), "faces: no noise beside its own");
  options.type = NoiseType::kSymmetric;
  options.rate = 0.2;
  options.seed = 7;
  EXPECT_EQ(first_line(options), "faces: symmetric noise, iid, rate 20.00 %, seed 7");
  options.type = NoiseType::kFile;
  options.file = "list.txt";
  report.rows_kept = 3;
  report.lines_ignored = 2;
  EXPECT_EQ(first_line(options),
            "faces: file noise from list.txt, 3 rows not in it, 2 lines of test images left out");
}

}  // namespace
}  // namespace selfcure
