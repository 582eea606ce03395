#include "selfcure/data/ferplus_votes.h"

#include <algorithm>
#include <cassert>
#include <numeric>

namespace selfcure {
namespace {

constexpr int kMostClasses = 3;

std::int64_t sum_of(const FerPlusVotes& votes) {
  return std::accumulate(votes.begin(), votes.end(), std::int64_t{0});
}

FerPlusVotes without_single_votes(FerPlusVotes votes) {
  for (std::int64_t& vote : votes) {
    if (vote <= 1) vote = 0;
  }
  return votes;
}

FerPlusVotes keep_majority(const FerPlusVotes& votes) {
  FerPlusVotes kept{};
  const auto top =
      static_cast<std::size_t>(std::max_element(votes.begin(), votes.end()) - votes.begin());
  if (2 * votes[top] > sum_of(votes)) kept[top] = votes[top];
  return kept;
}

FerPlusVotes keep_most_voted(FerPlusVotes votes) {
  const std::int64_t all = sum_of(votes);
  FerPlusVotes kept{};
  std::int64_t taken = 0;
  int classes = 0;
  bool ended = false;
  while (4 * taken < 3 * all && classes < kMostClasses && !ended) {
    const std::int64_t top = *std::max_element(votes.begin(), votes.end());
    for (std::size_t column = 0; column < votes.size() && !ended; ++column) {
      if (votes[column] != top) continue;
      votes[column] = 0;
      ended = column >= kFerPlusClasses;
      if (ended && taken > 0) break;
      kept[column] = top;
      taken += top;
      ++classes;
    }
  }
  if (2 * taken <= all || classes > kMostClasses) return {};
  return kept;
}

FerPlusVotes keep_all_targets(const FerPlusVotes& votes) {
  const std::int64_t all = sum_of(votes);
  FerPlusVotes kept{};
  for (std::size_t column = 0; column < votes.size(); ++column) {
    if (10 * votes[column] >= 3 * all) kept[column] = votes[column];
  }
  return 2 * sum_of(kept) > all ? kept : FerPlusVotes{};
}

FerPlusVotes kept_votes(const FerPlusVotes& votes, FerPlusLabels labels) {
  switch (labels) {
    case FerPlusLabels::kMajority:
    case FerPlusLabels::kFer2013:
      return keep_majority(votes);
    case FerPlusLabels::kProbability:
    case FerPlusLabels::kCrossEntropy:
      return keep_most_voted(votes);
    case FerPlusLabels::kMultiTarget:
      return keep_all_targets(votes);
  }
  assert(false && "not a kind of labels");
  return {};
}

}  // namespace

const char* to_string(FerPlusLabels labels) {
  switch (labels) {
    case FerPlusLabels::kMajority:
      return "majority";
    case FerPlusLabels::kProbability:
      return "probability";
    case FerPlusLabels::kCrossEntropy:
      return "crossentropy";
    case FerPlusLabels::kMultiTarget:
      return "multi_target";
    case FerPlusLabels::kFer2013:
      return "fer2013";
  }
  assert(false && "not a kind of labels");
  return "";
}

std::optional<FerPlusTarget> ferplus_target(const FerPlusVotes& votes, FerPlusLabels labels) {
  const FerPlusVotes kept = kept_votes(without_single_votes(votes), labels);
  const auto top = std::max_element(kept.begin(), kept.end());
  const auto column = static_cast<std::size_t>(top - kept.begin());
  if (*top == 0 || column >= kFerPlusClasses) return std::nullopt;

  FerPlusTarget target;
  target.label = static_cast<std::int32_t>(column);
  const bool equal_shares = labels == FerPlusLabels::kMultiTarget;
  const auto weight = [&](std::size_t k) {
    return equal_shares ? static_cast<float>(kept[k] > 0) : static_cast<float>(kept[k]);
  };
  float sum = 0;
  for (std::size_t k = 0; k < kFerPlusClasses; ++k) sum += weight(k);
  for (std::size_t k = 0; k < kFerPlusClasses; ++k) target.distribution[k] = weight(k) / sum;
  return target;
}

const std::vector<std::string>& ferplus_class_names() {
  static const std::vector<std::string> names = {"neutral", "happiness", "surprise", "sadness",
                                                 "anger",   "disgust",   "fear",     "contempt"};
  return names;
}

std::optional<std::int32_t> ferplus_class_of_emotion(std::int64_t emotion) {
  constexpr std::array<std::int32_t, 7> kClassOfEmotion = {4, 5, 6, 1, 3, 2, 0};
  if (emotion < 0 || emotion >= static_cast<std::int64_t>(kClassOfEmotion.size()))
    return std::nullopt;
  return kClassOfEmotion[static_cast<std::size_t>(emotion)];
}

}  // namespace selfcure
