#include "selfcure/data/class_map.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

using Names = std::vector<std::string>;

const Names kRafDb = {"Surprise", "Fear", "Disgust", "Happiness", "Sadness", "Anger", "Neutral"};
const Names kAffectNet = {"Neutral", "Happy",   "Sad",   "Surprise",
                          "Fear",    "Disgust", "Anger", "Contempt"};

/// One row per label; row i is called "i.jpg".
Manifest manifest_of(const char* name, const Names& classes,
                     const std::vector<std::int32_t>& labels) {
  Manifest manifest;
  manifest.name = name;
  manifest.class_names = classes;
  manifest.root = "/sets";
  for (std::size_t i = 0; i < labels.size(); ++i) {
    manifest.rows.push_back({std::to_string(i) + ".jpg", labels[i], kUnknownLabel});
  }
  return manifest;
}

std::vector<std::int32_t> given_of(const Manifest& manifest) {
  std::vector<std::int32_t> labels;
  for (const ManifestRow& row : manifest.rows) labels.push_back(row.given);
  return labels;
}

Names images_of(const Manifest& manifest) {
  Names images;
  for (const ManifestRow& row : manifest.rows) images.push_back(row.image);
  return images;
}

template <typename Function>
std::string error_of(Function function) {
  try {
    (void)function();
  } catch (const DataError& error) {
    return error.what();
  }
  return "no DataError";
}

std::string map_error(const Manifest& manifest, const ClassMap& map) {
  return error_of([&] { return map_classes(manifest, map); });
}

TEST(ClassNames, AreTheSameInAnyCaseAndUnderTheFieldsSynonyms) {
  const std::vector<Names> groups = {{"surprise", "Surprised", " SURPRISE"},
                                     {"happiness", "Happy"},
                                     {"sadness", "sad"},
                                     {"fear", "Fearful"},
                                     {"anger", "angry"},
                                     {"disgust", "disgusted"},
                                     {"neutral", "Neutrality"},
                                     {"contempt", "Contempt"}};
  for (const Names& group : groups) {
    for (const std::string& name : group) EXPECT_EQ(canonical_class_name(name), group[0]);
  }
  EXPECT_EQ(canonical_class_name("Happily Surprised"), "happily surprised");
  EXPECT_EQ(canonical_class_name("3"), "3");
}

TEST(ClassNames, TheSameSpellingGoesBeforeASynonym) {
  EXPECT_EQ(find_class({"Happy", "happiness", "happy"}, "happy"), 2U);
  EXPECT_EQ(find_class({"Happy", "happiness"}, "HAPPY"), 0U);
  EXPECT_EQ(find_class({"Happy"}, "sad"), std::nullopt);
  EXPECT_EQ(find_class({"a", "b"}, "1"), std::nullopt);
}

TEST(ClassNames, SuggestTheNearest) {
  EXPECT_EQ(did_you_mean("hapiness", kRafDb), "; did you mean 'Happiness'?");
  EXPECT_EQ(did_you_mean("Fury", {"Fear", "Fur", "Furs"}), "; did you mean 'Fur' or 'Furs'?");
  EXPECT_EQ(did_you_mean("furz", {"fuzzy", "fur"}), "; did you mean 'fur'?");
  EXPECT_EQ(did_you_mean("boredom", kRafDb), "");
  EXPECT_EQ(did_you_mean(std::string(100000, 'x'), kRafDb), "");
}

TEST(ClassMap, ASubsetTakesTheGivenOrderAndLeavesTheOtherRowsOut) {
  const Manifest all = manifest_of("RAF-DB train", kRafDb, {0, 1, 2, 3, 4, 5, 6, 3});
  const Manifest some =
      map_classes(all, {{"happy", "neutral", "Fear"}, {}, UnmappedClasses::kLeaveOut});
  EXPECT_EQ(some.class_names, (Names{"happy", "neutral", "Fear"}));
  EXPECT_EQ(given_of(some), (std::vector<std::int32_t>{2, 0, 1, 0}));
  EXPECT_EQ(images_of(some), (Names{"1.jpg", "3.jpg", "6.jpg", "7.jpg"}));
  EXPECT_EQ(some.name, "RAF-DB train");
  EXPECT_EQ(some.root, "/sets");
}

TEST(ClassMap, NamesMergeClassesAndDropThem) {
  const Manifest all = manifest_of("AffectNet train", kAffectNet, {0, 1, 2, 3, 4, 5, 6, 7});
  const Manifest merged = map_classes(all, {{}, {{"contempt", "Disgust"}, {"surprised", ""}}});
  EXPECT_EQ(merged.class_names, (Names{"Neutral", "Happy", "Sad", "Fear", "Disgust", "Anger"}));
  EXPECT_EQ(given_of(merged), (std::vector<std::int32_t>{0, 1, 2, 3, 4, 5, 4}));
}

TEST(ClassMap, MapsFromAndToNamesThatAreNoExpressions) {
  const Manifest all = manifest_of("folders", {"1", "2", "3"}, {0, 1, 2});
  const Manifest mapped =
      map_classes(all, {{"fear", "surprise"}, {{"1", "Surprise"}, {"2", "Fear"}, {"3", ""}}});
  EXPECT_EQ(given_of(mapped), (std::vector<std::int32_t>{1, 0}));
}

TEST(ClassMap, MapsCleanLabelsTooAndKeepsUnknownOnes) {
  Manifest all = manifest_of("x", kRafDb, {0, 1, 1});
  all.rows[0].clean = 1;
  all.rows[2].given = kUnknownLabel;
  const Manifest mapped = map_classes(all, {{"Fear", "Surprise"}, {}});
  EXPECT_EQ(given_of(mapped), (std::vector<std::int32_t>{1, 0, kUnknownLabel}));
  EXPECT_EQ(mapped.rows[0].clean, 0);
  EXPECT_EQ(mapped.rows[1].clean, kUnknownLabel);
}

TEST(ClassMap, ARowWhoseTrueClassIsNotWantedIsLeftOut) {
  Manifest all = manifest_of("x", kRafDb, {0, 0});
  all.rows[0].clean = 1;
  EXPECT_EQ(images_of(map_classes(all, {{"Surprise"}, {}, UnmappedClasses::kLeaveOut})),
            (Names{"1.jpg"}));
}

TEST(ClassMap, AddsUpDistributionsAndDividesThemByTheirSum) {
  Manifest all = manifest_of("x", {"fear", "anger", "contempt"}, {0, 1, 0});
  all.distributions = {0.5F, 0.25F, 0.25F, 0.25F, 0.25F, 0.5F, 0.0F, 0.0F, 1.0F};
  const ClassMap subset = {{"anger", "fear"}, {}, UnmappedClasses::kLeaveOut};
  const Manifest some = map_classes(all, subset);
  EXPECT_EQ(images_of(some), (Names{"0.jpg", "1.jpg"}));
  ASSERT_EQ(some.distributions.size(), 4U);
  EXPECT_FLOAT_EQ(some.distributions[0], 1.0F / 3.0F);
  EXPECT_FLOAT_EQ(some.distributions[1], 2.0F / 3.0F);
  EXPECT_FLOAT_EQ(some.distributions[2], 0.5F);
  EXPECT_FLOAT_EQ(some.distributions[3], 0.5F);

  const Manifest merged = map_classes(all, {{}, {{"contempt", "anger"}}});
  EXPECT_EQ(merged.distributions, (std::vector<float>{0.5F, 0.5F, 0.25F, 0.75F, 0.0F, 1.0F}));
}

// The loss is -log max_k(t_k p_k): a class with a greater share would be preferred.
TEST(ClassMap, MultipleTargetsKeepEqualSharesWhenClassesAreMerged) {
  Manifest all = manifest_of("x", {"fear", "anger", "contempt"}, {0});
  const float third = 1.0F / 3.0F;
  all.distributions = {third, third, third};
  all.label_use = LabelUse::kMultiTarget;
  EXPECT_EQ(map_classes(all, {{}, {{"contempt", "anger"}}}).distributions,
            (std::vector<float>{0.5F, 0.5F}));
}

TEST(ClassMap, KeepsPixelsBoxesAndClipsWithTheirRows) {
  Manifest all = manifest_of("x", kRafDb, {0, 1});
  all.inline_side = 1;
  all.inline_pixels = {10, 20};
  all.rows[1].box = {1, 2, 3, 4};
  all.rows[1].clip = 5;
  const Manifest some = map_classes(all, {{"Fear"}, {}, UnmappedClasses::kLeaveOut});
  EXPECT_EQ(some.inline_pixels, (std::vector<std::uint8_t>{20}));
  EXPECT_EQ(some.rows[0].box.height, 4);
  EXPECT_EQ(some.rows[0].clip, 5);
}

TEST(ClassMap, CountsTheRowsThatLeadNowhere) {
  const Manifest all = manifest_of("AffectNet train", kAffectNet, {0, 7, 7});
  EXPECT_EQ(map_error(all, {kRafDb, {}}),
            "AffectNet train: expected classes that lead to one of [Surprise, Fear, Disgust, "
            "Happiness, Sadness, Anger, Neutral], got 2 rows of 'Contempt'");
  const Manifest none = manifest_of("AffectNet train", kAffectNet, {0, 6});
  EXPECT_EQ(given_of(map_classes(none, {kRafDb, {}})), (std::vector<std::int32_t>{6, 5}));
}

TEST(ClassMap, ARowWithoutVotesForAnyWantedClassLeadsNowhere) {
  Manifest all = manifest_of("x", {"fear", "contempt"}, {0});
  all.distributions = {0.0F, 1.0F};
  EXPECT_EQ(map_error(all, {{"fear"}, {}}),
            "x: expected classes that lead to one of [fear], got 1 row of 'contempt'");
}

TEST(ClassMap, NamesAnUnknownClassAndTheNearest) {
  const Manifest all = manifest_of("RAF-DB train", kRafDb, {0});
  const std::string classes = "[Surprise, Fear, Disgust, Happiness, Sadness, Anger, Neutral]";
  EXPECT_EQ(map_error(all, {{"Surprise", "hapiness"}, {}, UnmappedClasses::kLeaveOut}),
            "RAF-DB train: expected wanted classes among " + classes +
                ", got 'hapiness'; did you mean 'Happiness'?");
  EXPECT_EQ(map_error(all, {{}, {{"Suprise", "Fear"}}}),
            "RAF-DB train: expected the class map to start from classes of " + classes +
                ", got 'Suprise'; did you mean 'Surprise'?");
  EXPECT_EQ(map_error(all, {{"Fear", "Anger"}, {{"Surprise", "Angre"}}}),
            "RAF-DB train: expected the class map to lead 'Surprise' to one of [Fear, Anger], got "
            "'Angre'; did you mean 'Anger'?");
}

TEST(ClassMap, AWantedClassThatTheSetLacksMayBeAnExpression) {
  const Manifest all = manifest_of("RAF-DB train", kRafDb, {6});
  const Manifest mapped =
      map_classes(all, {{"neutral", "contempt"}, {}, UnmappedClasses::kLeaveOut});
  EXPECT_EQ(mapped.count_per_class(), (std::vector<std::int64_t>{1, 0}));
}

TEST(ClassMap, RefusesClassesThatComeTwice) {
  const Manifest all = manifest_of("x", kRafDb, {0});
  EXPECT_EQ(map_error(all, {{"happy", "Happiness"}, {}}),
            "x: wanted classes: expected one name for each class, got 'happy' and 'Happiness'");
  EXPECT_EQ(map_error(all, {{}, {{"happy", "Fear"}, {"Happiness", "Anger"}}}),
            "x: expected the class map to name 'Happiness' once, got it twice");
  EXPECT_EQ(map_error(all, {{"happy", " "}, {}}),
            "x: wanted classes: expected names, got an empty one in [happy,  ]");
}

TEST(ClassMap, RefusesToLeaveNoRow) {
  const Manifest all = manifest_of("x", kRafDb, {0});
  EXPECT_EQ(map_error(all, {{"contempt"}, {}, UnmappedClasses::kLeaveOut}),
            "x: expected rows of the classes [contempt], got none");
}

TEST(ClassMap, NamesARowWithALabelOutOfRange) {
  EXPECT_EQ(map_error(manifest_of("x", {"fear"}, {1}), {{"fear"}, {}}),
            "x: label 1 of '0.jpg' is not in 0..0");
}

TEST(JoinByName, PutsAllPartsInTheOrderOfTheFirst) {
  Manifest other = manifest_of("AffectNet train", kAffectNet, {0, 1, 2, 3, 4, 5, 6});
  other.root = "/other";
  const Manifest joined =
      join_by_name({manifest_of("RAF-DB train", kRafDb, {0, 6}), std::move(other)});
  EXPECT_EQ(joined.class_names, kRafDb);
  EXPECT_EQ(given_of(joined), (std::vector<std::int32_t>{0, 6, 6, 3, 4, 0, 1, 2, 5}));
  EXPECT_EQ(joined.name, "RAF-DB train + AffectNet train");
  EXPECT_EQ(joined.rows[2].image, "/other/0.jpg");
}

TEST(JoinByName, LeavesRowsOfOtherClassesOutOrComplains) {
  const std::vector<Manifest> parts = {manifest_of("RAF-DB train", kRafDb, {0}),
                                       manifest_of("AffectNet train", kAffectNet, {7, 1})};
  EXPECT_EQ(given_of(join_by_name(parts, UnmappedClasses::kLeaveOut)),
            (std::vector<std::int32_t>{0, 3}));
  EXPECT_EQ(error_of([&] { return join_by_name(parts); }),
            "AffectNet train: expected classes that lead to one of [Surprise, Fear, Disgust, "
            "Happiness, Sadness, Anger, Neutral], got 1 row of 'Contempt'");
}

TEST(JoinByName, ThePartsMayLackClassesOfTheFirst) {
  const Manifest joined = join_by_name(
      {manifest_of("AffectNet train", kAffectNet, {7}), manifest_of("RAF-DB train", kRafDb, {3})});
  EXPECT_EQ(given_of(joined), (std::vector<std::int32_t>{7, 1}));
}

TEST(JoinByName, NeedsAPart) {
  EXPECT_EQ(error_of([] { return join_by_name({}); }),
            "join: expected at least one data set, got none");
}

}  // namespace
}  // namespace selfcure
