#include "selfcure/data/ferplus_votes.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

namespace selfcure {
namespace {

using Shares = std::array<float, kFerPlusClasses>;

constexpr FerPlusLabels kAll[] = {FerPlusLabels::kMajority, FerPlusLabels::kProbability,
                                  FerPlusLabels::kCrossEntropy, FerPlusLabels::kMultiTarget,
                                  FerPlusLabels::kFer2013};

// Label, or kUnknownLabel if the image is left out.
std::int32_t label_of(const FerPlusVotes& votes, FerPlusLabels labels) {
  const std::optional<FerPlusTarget> target = ferplus_target(votes, labels);
  return target ? target->label : kUnknownLabel;
}

// Shares, or an empty list if the image is left out.
std::vector<float> shares_of(const FerPlusVotes& votes, FerPlusLabels labels) {
  const std::optional<FerPlusTarget> target = ferplus_target(votes, labels);
  if (!target) return {};
  return {target->distribution.begin(), target->distribution.end()};
}

std::vector<float> list(const Shares& shares) { return {shares.begin(), shares.end()}; }

TEST(FerPlusVotes, AnUndisputedClassIsTheLabelInEveryMode) {
  for (const FerPlusLabels labels : kAll) {
    EXPECT_EQ(label_of({0, 0, 0, 0, 0, 0, 9, 1, 0, 0}, labels), 6) << to_string(labels);
    EXPECT_EQ(shares_of({0, 0, 0, 0, 0, 0, 9, 1, 0, 0}, labels), list({0, 0, 0, 0, 0, 0, 1, 0}))
        << to_string(labels);
  }
}

TEST(FerPlusVotes, UnknownNotAFaceAndNoVotesLeaveTheImageOutInEveryMode) {
  for (const FerPlusLabels labels : kAll) {
    EXPECT_EQ(label_of({4, 0, 0, 0, 0, 0, 0, 0, 6, 0}, labels), kUnknownLabel) << to_string(labels);
    EXPECT_EQ(label_of({0, 0, 0, 0, 0, 0, 0, 0, 0, 10}, labels), kUnknownLabel)
        << to_string(labels);
    EXPECT_EQ(label_of({1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, labels), kUnknownLabel) << to_string(labels);
    EXPECT_EQ(label_of({}, labels), kUnknownLabel) << to_string(labels);
  }
}

TEST(FerPlusVotes, MajorityWantsMoreThanHalfOfWhatIsLeftWithoutSingleVotes) {
  for (const FerPlusLabels labels : {FerPlusLabels::kMajority, FerPlusLabels::kFer2013}) {
    EXPECT_EQ(label_of({4, 3, 1, 1, 1, 0, 0, 0, 0, 0}, labels), 0);              // 4 of 7
    EXPECT_EQ(label_of({5, 5, 0, 0, 0, 0, 0, 0, 0, 0}, labels), kUnknownLabel);  // 5 of 10
    EXPECT_EQ(label_of({4, 0, 0, 0, 0, 0, 0, 0, 2, 2}, labels), kUnknownLabel);  // 4 of 8
  }
}

class Shared : public ::testing::TestWithParam<FerPlusLabels> {};
INSTANTIATE_TEST_SUITE_P(Modes, Shared,
                         ::testing::Values(FerPlusLabels::kProbability,
                                           FerPlusLabels::kCrossEntropy));

TEST_P(Shared, TakesClassesUntilTheyHoldThreeQuarters) {
  // 6 of 8 are three quarters: the second class is not needed.
  EXPECT_EQ(shares_of({0, 6, 0, 2, 0, 0, 0, 0, 0, 0}, GetParam()), list({0, 1, 0, 0, 0, 0, 0, 0}));
  // 5 of 8 are not.
  EXPECT_EQ(shares_of({0, 5, 0, 3, 0, 0, 0, 0, 0, 0}, GetParam()),
            list({0, 0.625F, 0, 0.375F, 0, 0, 0, 0}));
  // 4 and 2 and 2 of 8: both of the classes with two votes come at once.
  EXPECT_EQ(shares_of({2, 4, 0, 2, 0, 0, 0, 0, 0, 0}, GetParam()),
            list({0.25F, 0.5F, 0, 0.25F, 0, 0, 0, 0}));
}

TEST_P(Shared, SingleVotesNeverHaveAShare) {
  EXPECT_EQ(shares_of({4, 0, 0, 4, 1, 1, 0, 0, 0, 0}, GetParam()),
            list({0.5F, 0, 0, 0.5F, 0, 0, 0, 0}));
}

TEST_P(Shared, TheFirstOfEqualClassesIsTheLabel) {
  EXPECT_EQ(label_of({0, 0, 5, 0, 5, 0, 0, 0, 0, 0}, GetParam()), 2);
}

TEST_P(Shared, StopsAtThreeClasses) {
  // 4, 3, 2 of 11 hold 9 > 0.75 * 11; with a fourth class of two votes it would be four classes.
  EXPECT_EQ(shares_of({4, 3, 2, 0, 0, 0, 0, 0, 0, 0}, GetParam()).size(), 8U);
  EXPECT_EQ(label_of({4, 3, 2, 2, 0, 0, 0, 0, 0, 0}, GetParam()), kUnknownLabel);
  // 5, 4, 3 of 18 hold 12 < 0.75 * 18 but are three: the fourth is not looked at.
  EXPECT_EQ(shares_of({5, 4, 3, 2, 2, 2, 0, 0, 0, 0}, GetParam()),
            list({5 / 12.0F, 4 / 12.0F, 3 / 12.0F, 0, 0, 0, 0, 0}));
}

TEST_P(Shared, MoreThanThreeEqualClassesLeaveTheImageOut) {
  EXPECT_EQ(label_of({2, 2, 2, 2, 0, 0, 0, 0, 0, 0}, GetParam()), kUnknownLabel);
  EXPECT_EQ(label_of({3, 3, 3, 0, 0, 0, 0, 0, 0, 0}, GetParam()), 0);
}

TEST_P(Shared, UnknownEndsTheTakingAndHasNoShare) {
  // Neutral 5 of 10, then unknown 3: what is kept is half and not more.
  EXPECT_EQ(label_of({5, 2, 0, 0, 0, 0, 0, 0, 3, 0}, GetParam()), kUnknownLabel);
  // Neutral 6 of 11, then unknown 3: sadness with 2 is never reached.
  EXPECT_EQ(shares_of({6, 0, 0, 2, 0, 0, 0, 0, 3, 0}, GetParam()), list({1, 0, 0, 0, 0, 0, 0, 0}));
  // Sadness equals unknown and comes before it.
  EXPECT_EQ(shares_of({5, 0, 0, 2, 0, 0, 0, 0, 2, 0}, GetParam()),
            list({5 / 7.0F, 0, 0, 2 / 7.0F, 0, 0, 0, 0}));
  // The same for NF.
  EXPECT_EQ(shares_of({5, 0, 0, 2, 0, 0, 0, 0, 0, 2}, GetParam()),
            list({5 / 7.0F, 0, 0, 2 / 7.0F, 0, 0, 0, 0}));
}

TEST_P(Shared, AnEqualNumberForUnknownOnlyHalvesTheImage) {
  EXPECT_EQ(label_of({4, 0, 0, 0, 0, 0, 0, 0, 4, 0}, GetParam()), kUnknownLabel);
  EXPECT_EQ(label_of({3, 3, 0, 0, 0, 0, 0, 0, 3, 0}, GetParam()), 0);
}

TEST(FerPlusVotes, MultiTargetKeepsClassesWithThreeTenths) {
  // 3 of 10 are enough, 2 are not.
  EXPECT_EQ(shares_of({5, 3, 2, 0, 0, 0, 0, 0, 0, 0}, FerPlusLabels::kMultiTarget),
            list({0.5F, 0.5F, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(shares_of({3, 3, 4, 0, 0, 0, 0, 0, 0, 0}, FerPlusLabels::kMultiTarget),
            list({1 / 3.0F, 1 / 3.0F, 1 / 3.0F, 0, 0, 0, 0, 0}));
}

TEST(FerPlusVotes, MultiTargetIsNamedAfterItsMostVotedClass) {
  EXPECT_EQ(label_of({3, 3, 4, 0, 0, 0, 0, 0, 0, 0}, FerPlusLabels::kMultiTarget), 2);
  EXPECT_EQ(label_of({0, 5, 0, 5, 0, 0, 0, 0, 0, 0}, FerPlusLabels::kMultiTarget), 1);
}

TEST(FerPlusVotes, MultiTargetWantsMoreThanHalf) {
  // 4 of 8 is what reaches three tenths (2.4).
  EXPECT_EQ(label_of({4, 2, 2, 0, 0, 0, 0, 0, 0, 0}, FerPlusLabels::kMultiTarget), kUnknownLabel);
  EXPECT_EQ(label_of({2, 2, 2, 2, 2, 0, 0, 0, 0, 0}, FerPlusLabels::kMultiTarget), kUnknownLabel);
}

TEST(FerPlusVotes, MultiTargetCountsUnknownButGivesItNoShare) {
  // Unknown holds its three tenths and the sum of both exceeds half.
  EXPECT_EQ(shares_of({4, 0, 0, 0, 0, 0, 0, 0, 4, 0}, FerPlusLabels::kMultiTarget),
            list({1, 0, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(label_of({4, 0, 0, 0, 0, 0, 0, 0, 5, 0}, FerPlusLabels::kMultiTarget), kUnknownLabel);
}

TEST(FerPlusVotes, SharesSumToOneWhateverTheVotes) {
  for (std::int64_t a = 0; a <= 10; ++a) {
    for (std::int64_t b = 0; a + b <= 10; ++b) {
      for (std::int64_t c = 0; a + b + c <= 10; ++c) {
        const FerPlusVotes votes = {a, 0, b, 0, 0, 0, 0, c, 10 - a - b - c, 0};
        for (const FerPlusLabels labels : kAll) {
          const std::optional<FerPlusTarget> target = ferplus_target(votes, labels);
          if (!target) continue;
          const Shares& shares = target->distribution;
          EXPECT_NEAR(std::accumulate(shares.begin(), shares.end(), 0.0F), 1.0F, 1e-6F);
          EXPECT_GT(shares[static_cast<std::size_t>(target->label)], 0.0F);
        }
      }
    }
  }
}

TEST(FerPlusVotes, EmotionsOfFer2013AreFoundByTheirNames) {
  const std::vector<std::string> expected = {"anger",   "disgust",  "fear",   "happiness",
                                             "sadness", "surprise", "neutral"};
  for (std::size_t emotion = 0; emotion < expected.size(); ++emotion) {
    const auto label = ferplus_class_of_emotion(static_cast<std::int64_t>(emotion));
    ASSERT_TRUE(label.has_value()) << emotion;
    EXPECT_EQ(ferplus_class_names()[static_cast<std::size_t>(*label)], expected[emotion]);
  }
  EXPECT_EQ(ferplus_class_of_emotion(-1), std::nullopt);
  EXPECT_EQ(ferplus_class_of_emotion(7), std::nullopt);
}

}  // namespace
}  // namespace selfcure
