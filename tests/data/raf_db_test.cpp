#include "selfcure/data/raf_db.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/published_counts.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;

constexpr const char* kList = "EmoLabel/list_patition_label.txt";
constexpr const char* kFewFaces =
    "train_00001.jpg 5\n"
    "train_00002.jpg 1\n"
    "test_0001.jpg 7\n"
    "train_00003.jpg 7\n";

class RafDb : public ::testing::Test {
 protected:
  const std::filesystem::path& root() const { return directory_.path(); }
  std::string list() const { return (root() / kList).string(); }

  void write_set(std::string_view text, const std::filesystem::path& below = "",
                 const char* name = kList) {
    write_file(root() / below / name, text);
    std::filesystem::create_directories(root() / below / "Image/aligned");
  }

  std::string error(Split split = Split::kTrain) { return error_of({root()}, split); }

  static std::string error_of(const RafDbOptions& options, Split split) {
    try {
      (void)read_raf_db(options, split);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }

  TemporaryDirectory directory_;
};

TEST_F(RafDb, GivesTheRowsOfTheSplitInTheListsOrder) {
  write_set(kFewFaces);
  const Manifest train = read_raf_db({root()}, Split::kTrain);
  EXPECT_EQ(train.name, "RAF-DB train");
  EXPECT_EQ(train.root, root());
  ASSERT_EQ(train.size(), 3);
  EXPECT_EQ(train.rows[0].image, "Image/aligned/train_00001_aligned.jpg");
  EXPECT_EQ(train.rows[0].given, 4);
  EXPECT_EQ(train.rows[0].clean, kUnknownLabel);
  EXPECT_EQ(train.rows[1].given, 0);
  EXPECT_EQ(train.rows[2].image, "Image/aligned/train_00003_aligned.jpg");
  EXPECT_EQ(train.rows[2].given, 6);
  EXPECT_TRUE(train.inline_pixels.empty());
  EXPECT_EQ(train.inline_side, 0);

  const Manifest test = read_raf_db({root()}, Split::kTest);
  EXPECT_EQ(test.name, "RAF-DB test");
  ASSERT_EQ(test.size(), 1);
  EXPECT_EQ(test.rows[0].image, "Image/aligned/test_0001_aligned.jpg");
  EXPECT_EQ(test.rows[0].given, 6);
}

TEST_F(RafDb, NamesTheClassesInCodeOrder) {
  write_set(kFewFaces);
  EXPECT_EQ(read_raf_db({root()}, Split::kTrain).class_names,
            (std::vector<std::string>{"Surprise", "Fear", "Disgust", "Happiness", "Sadness",
                                      "Anger", "Neutral"}));
}

// Splitting it would take a hundred bytes of memory for each of the line's own.
TEST_F(RafDb, RefusesAnEndlessLine) {
  std::string line;
  while (line.size() <= kMaxListLineBytes) line += "a ";
  write_set("train_00001.jpg 1\n" + line + "\n");
  EXPECT_EQ(error(), list() + ":2: expected a line of at most 1048576 bytes, got 1048578");
}

TEST_F(RafDb, FindsTheSetBelowBasicAndUnderEitherSpelling) {
  write_set("train_00001.jpg 2", "basic", "EmoLabel/list_partition_label.txt");
  const Manifest train = read_raf_db({root()}, Split::kTrain);
  EXPECT_EQ(train.root, root() / "basic");
  ASSERT_EQ(train.size(), 1);
  EXPECT_EQ(train.rows[0].given, 1);
}

TEST_F(RafDb, AcceptsCarriageReturnsEmptyLinesAndAMissingLastLineEnd) {
  write_set("train_00001.jpg 5\r\n\r\ntrain_00002.jpg 1");
  EXPECT_EQ(read_raf_db({root()}, Split::kTrain).size(), 2);
}

TEST_F(RafDb, HasNoValidationSplit) {
  write_set(kFewFaces);
  EXPECT_EQ(error(Split::kValid), "RAF-DB has no validation split");
}

TEST_F(RafDb, NamesAMissingRoot) {
  EXPECT_EQ(
      error_of({root() / "absent"}, Split::kTrain),
      (root() / "absent").string() + ": expected the root folder of RAF-DB, found nothing there");
  EXPECT_EQ(error_of({""}, Split::kTrain), "RAF-DB: no root folder is given");
}

TEST_F(RafDb, NamesARootThatIsAFile) {
  write_file(root() / "file", "x");
  EXPECT_EQ(error_of({root() / "file"}, Split::kTrain),
            (root() / "file").string() +
                ": expected the root folder of RAF-DB, found something that is not a folder");
}

TEST_F(RafDb, NamesTheListsThatAnEmptyRootLacks) {
  EXPECT_EQ(error(), root().string() +
                         ": expected EmoLabel/list_patition_label.txt or "
                         "EmoLabel/list_partition_label.txt of RAF-DB here or in basic/, found "
                         "neither");
}

TEST_F(RafDb, NamesAMissingFolderOfAlignedFaces) {
  write_file(root() / kList, kFewFaces);
  EXPECT_EQ(error(), (root() / "Image/aligned").string() +
                         ": expected the folder of RAF-DB's aligned faces, found none");
}

TEST_F(RafDb, NamesTheLineOfALabelOutsideItsRange) {
  std::string text;
  for (int i = 1; i < 214; ++i) text += "train_" + std::to_string(i) + ".jpg 1\n";
  write_set(text + "train_214.jpg 9\n");
  EXPECT_EQ(error(), list() + ":214: label '9' is not in 1..7");
  for (const char* const label : {"0", "8", "-1", "1.0", "Happy", "99999999999999999999"}) {
    write_set(std::string("train_1.jpg ") + label);
    EXPECT_EQ(error(), list() + ":1: label '" + label + "' is not in 1..7");
  }
}

TEST_F(RafDb, ChecksTheLinesOfTheOtherSplitToo) {
  write_set("train_00001.jpg 5\ntest_0001.jpg 8\n");
  EXPECT_EQ(error(Split::kTrain), list() + ":2: label '8' is not in 1..7");
}

TEST_F(RafDb, NamesALineThatIsNotANameAndALabel) {
  write_set("train_00001.jpg 5\ntrain_00002.jpg\n");
  EXPECT_EQ(error(), list() + ":2: expected an image name and a label, got 'train_00002.jpg'");
  write_set("train_00001.jpg 5 6\n");
  EXPECT_EQ(error(), list() + ":1: expected an image name and a label, got 'train_00001.jpg 5 6'");
}

TEST_F(RafDb, NamesAnImageWithoutASplit) {
  write_set("train_00001.jpg 5\nface_00002.jpg 5\n");
  EXPECT_EQ(error(),
            list() + ":2: expected a name that starts with train_ or test_, got 'face_00002.jpg'");
}

TEST_F(RafDb, NamesAnImageThatIsNoFileName) {
  for (const char* const name : {"train_00001", "train_/../../x.jpg"}) {
    write_set(std::string(name) + " 5\n");
    EXPECT_EQ(error(),
              list() + ":1: expected an image name such as train_00001.jpg, got '" + name + "'");
  }
}

TEST_F(RafDb, NamesBothLinesOfANameThatComesTwice) {
  write_set("train_00001.jpg 5\ntrain_00002.jpg 5\ntrain_00001.jpg 5\n");
  EXPECT_EQ(error(), list() + ":3: expected each name once, got 'train_00001.jpg' as on line 1");
}

TEST_F(RafDb, NamesAListWithoutTheSplit) {
  write_set("train_00001.jpg 5\n");
  EXPECT_EQ(error(Split::kTest), list() + ": expected images of the test split, got none");
  write_set("");
  EXPECT_EQ(error(Split::kTrain), list() + ": expected images of the train split, got none");
}

std::string full_list() {
  constexpr std::array<int, 7> kTrain = {1290, 281, 717, 4772, 1982, 705, 2524};
  constexpr std::array<int, 7> kTest = {329, 74, 160, 1185, 478, 162, 680};
  std::string text;
  int number = 0;
  for (std::size_t k = 0; k < 7; ++k) {
    const std::string label = " " + std::to_string(k + 1) + "\n";
    for (int i = 0; i < kTrain[k]; ++i)
      text += "train_" + std::to_string(++number) + ".jpg" + label;
    for (int i = 0; i < kTest[k]; ++i) text += "test_" + std::to_string(++number) + ".jpg" + label;
  }
  return text;
}

TEST_F(RafDb, AFullSetAgreesWithThePublishedCounts) {
  write_set(full_list());
  const Manifest train = read_raf_db({root()}, Split::kTrain);
  const Manifest test = read_raf_db({root()}, Split::kTest);
  EXPECT_EQ(train.size(), 12271);
  EXPECT_EQ(test.size(), 3068);
  EXPECT_EQ(golden_count_difference(train, Dataset::kRafDb, Split::kTrain), std::nullopt);
  EXPECT_EQ(golden_count_difference(test, Dataset::kRafDb, Split::kTest), std::nullopt);
  EXPECT_EQ(golden_count_difference(train, Dataset::kRafDbRepack, Split::kTrain), std::nullopt);
  EXPECT_EQ(golden_count_difference(test, Dataset::kRafDbRepack, Split::kTest), std::nullopt);
}

TEST_F(RafDb, AFullSetThatLacksARowIsNoted) {
  std::string text = full_list();
  text.erase(0, text.find('\n') + 1);
  write_set(text);
  const Manifest train = read_raf_db({root()}, Split::kTrain);
  EXPECT_EQ(golden_count_difference(train, Dataset::kRafDb, Split::kTrain),
            "RAF-DB train: the published counts per class are "
            "12271 (1290 281 717 4772 1982 705 2524), this copy has "
            "12270 (1289 281 717 4772 1982 705 2524)");
  EXPECT_NE(golden_count_difference(train, Dataset::kRafDbRepack, Split::kTrain), std::nullopt);
}

TEST_F(RafDb, OnlySetsOfAtLeastHalfTheSizeAreNoted) {
  write_set(full_list());
  Manifest test = read_raf_db({root()}, Split::kTest);
  test.rows.resize(1534);  // half of 3068
  EXPECT_NE(golden_count_difference(test, Dataset::kRafDb, Split::kTest), std::nullopt);
  test.rows.resize(1533);
  EXPECT_EQ(golden_count_difference(test, Dataset::kRafDb, Split::kTest), std::nullopt);
}

}  // namespace
}  // namespace selfcure
