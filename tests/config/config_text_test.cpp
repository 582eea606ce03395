#include "selfcure/config/config_text.h"

#include <gtest/gtest.h>

namespace selfcure {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;

TEST(ConfigText, JoinsKeysWithDotsAndKeepsTheOrder) {
  EXPECT_EQ(flatten_config_text("name: x\ndata:\n  train:\n    - root: a\n    - root: b\n  noise: "
                                "{rate: 0.3}\n  mean: [0.5, 1]\n  weights: null\n  none: []\n"),
            (Pairs{{"name", "x"},
                   {"data.train[0].root", "a"},
                   {"data.train[1].root", "b"},
                   {"data.noise.rate", "0.3"},
                   {"data.mean", "[0.5, 1]"},
                   {"data.weights", "null"},
                   {"data.none", "[]"}}));
}

TEST(ConfigText, TakesKeysOfOtherVersionsAndSurvivesWhatIsNoYaml) {
  EXPECT_EQ(flatten_config_text("a_key_of_later: 1\n"), (Pairs{{"a_key_of_later", "1"}}));
  EXPECT_TRUE(flatten_config_text("").empty());
  EXPECT_TRUE(flatten_config_text("just words").empty());
  EXPECT_NO_THROW(flatten_config_text("a: [1, {b: \n\x01"));
}

}  // namespace
}  // namespace selfcure
