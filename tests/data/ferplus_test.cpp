#include "selfcure/data/ferplus.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/list_file.h"
#include "selfcure/data/published_counts.h"
#include "selfcure/data/sources.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;

constexpr const char* kVotesHeader =
    "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,NF\n";
constexpr const char* kPixelsHeader = "emotion,pixels,Usage\n";

// 48*48 numbers: first, first + 1, ... modulo 256.
std::string pixels_from(int first, int count = 48 * 48) {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + std::to_string((first + i) % 256);
  return text;
}

class FerPlus : public ::testing::Test {
 protected:
  const std::filesystem::path& root() const { return directory_.path(); }
  std::string at(const char* name) const { return (root() / name).string(); }

  void write_folder(const char* folder, std::string_view table) {
    write_file(root() / folder / "label.csv", table);
  }
  void write_tables(const std::string& votes, const std::string& pixels) {
    write_file(root() / "fer2013new.csv", kVotesHeader + votes);
    write_file(root() / "fer2013.csv", kPixelsHeader + pixels);
  }

  Manifest read(Split split = Split::kTrain, FerPlusPixels pixels = FerPlusPixels::kAuto) {
    return read_ferplus({root(), pixels}, split);
  }

  // Label of one row with these votes, or kUnknownLabel if the row is left out.
  std::int32_t label_of(const std::string& votes) {
    write_folder("FER2013Train", "a.png,\"(0, 0, 48, 48)\"," + votes +
                                     "\nlast.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n");
    const Manifest manifest = read();
    return manifest.size() == 2 ? manifest.rows[0].given : kUnknownLabel;
  }

  std::string error(Split split = Split::kTrain, FerPlusPixels pixels = FerPlusPixels::kAuto) {
    return error_of({root(), pixels}, split);
  }
  static std::string error_of(const FerPlusOptions& options, Split split) {
    try {
      (void)read_ferplus(options, split);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }

  TemporaryDirectory directory_;
};

TEST_F(FerPlus, LabelIsTheClassWithMoreThanHalfOfTheVotes) {
  EXPECT_EQ(label_of("6,2,2,0,0,0,0,0,0,0"), 0);
  EXPECT_EQ(label_of("0,0,0,0,0,0,0,10,0,0"), 7);
  EXPECT_EQ(label_of("0,0,4,6,0,0,0,0,0,0"), 3);
}

TEST_F(FerPlus, HalfOfTheVotesIsNoMajority) {
  EXPECT_EQ(label_of("5,5,0,0,0,0,0,0,0,0"), kUnknownLabel);
  EXPECT_EQ(label_of("4,2,2,0,0,0,0,0,0,0"), kUnknownLabel);  // 4 of 8
  EXPECT_EQ(label_of("4,3,3,0,0,0,0,0,0,0"), kUnknownLabel);
}

// 4 of 10 votes, but 4 of 7 and 4 of 4 once single votes are gone.
TEST_F(FerPlus, SingleVotesDoNotCount) {
  EXPECT_EQ(label_of("4,3,1,1,1,0,0,0,0,0"), 0);
  EXPECT_EQ(label_of("1,1,1,4,1,1,1,0,0,0"), 3);
  EXPECT_EQ(label_of("1,1,1,1,1,1,1,1,1,1"), kUnknownLabel);
  EXPECT_EQ(label_of("0,0,0,0,0,0,0,0,0,0"), kUnknownLabel);
}

// Votes for unknown (column 9) and NF (column 10) belong to the sum: 4 of 4 + 4 is no majority.
TEST_F(FerPlus, UnknownAndNotAFaceVoteButAreNoLabels) {
  EXPECT_EQ(label_of("4,0,0,0,0,0,0,0,4,0"), kUnknownLabel);
  EXPECT_EQ(label_of("4,0,0,0,0,0,0,0,2,2"), kUnknownLabel);
  EXPECT_EQ(label_of("5,0,0,0,0,0,0,0,2,2"), 0);
  EXPECT_EQ(label_of("2,0,0,0,0,0,0,0,8,0"), kUnknownLabel);
  EXPECT_EQ(label_of("0,0,0,0,0,0,0,0,0,10"), kUnknownLabel);
}

TEST_F(FerPlus, FoldersGiveTheRowsOfTheirOwnTable) {
  write_folder("FER2013Train", "fer1.png,\"(0, 0, 48, 48)\",0,9,0,0,0,0,0,1,0,0\r\n");
  write_folder("FER2013Valid", "fer2.png,\"(0, 0, 48, 48)\",0,0,10,0,0,0,0,0,0,0");
  write_folder("FER2013Test",
               "fer3.png,\"(0, 0, 48, 48)\",5,5,0,0,0,0,0,0,0,0\n"
               "fer4.png,\"(0, 0, 48, 48)\",0,0,0,0,8,2,0,0,0,0\n");
  const Manifest train = read(Split::kTrain);
  EXPECT_EQ(train.name, "FERPlus train");
  EXPECT_EQ(train.root, root());
  EXPECT_EQ(train.class_names,
            (std::vector<std::string>{"neutral", "happiness", "surprise", "sadness", "anger",
                                      "disgust", "fear", "contempt"}));
  ASSERT_EQ(train.size(), 1);
  EXPECT_EQ(train.rows[0].image, "FER2013Train/fer1.png");
  EXPECT_EQ(train.rows[0].given, 1);
  EXPECT_EQ(train.rows[0].clean, kUnknownLabel);
  EXPECT_TRUE(train.inline_pixels.empty());

  const Manifest valid = read(Split::kValid);
  ASSERT_EQ(valid.size(), 1);
  EXPECT_EQ(valid.rows[0].image, "FER2013Valid/fer2.png");
  const Manifest test = read(Split::kTest);
  ASSERT_EQ(test.size(), 1);
  EXPECT_EQ(test.rows[0].image, "FER2013Test/fer4.png");
  EXPECT_EQ(test.rows[0].given, 4);
}

TEST_F(FerPlus, AFolderWithoutATableUsesTheRowsOfItsUsage) {
  std::filesystem::create_directories(root() / "FER2013Test");
  write_file(root() / "fer2013new.csv", std::string(kVotesHeader) +
                                            "Training,fer1.png,10,0,0,0,0,0,0,0,0,0\n"
                                            "PrivateTest,,10,0,0,0,0,0,0,0,0,0\n"
                                            "PublicTest,fer2.png,10,0,0,0,0,0,0,0,0,0\n"
                                            "PrivateTest,fer3.png,0,0,0,0,0,0,10,0,0,0\n");
  const Manifest test = read(Split::kTest);
  ASSERT_EQ(test.size(), 1);
  EXPECT_EQ(test.rows[0].image, "FER2013Test/fer3.png");
  EXPECT_EQ(test.rows[0].given, 6);
}

TEST_F(FerPlus, TheTableOfAFolderGoesBeforeTheCommonOne) {
  write_folder("FER2013Test", "fer3.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n");
  write_file(root() / "fer2013new.csv",
             std::string(kVotesHeader) + "PrivateTest,fer3.png,0,10,0,0,0,0,0,0,0,0\n");
  EXPECT_EQ(read(Split::kTest).rows.at(0).given, 0);
}

TEST_F(FerPlus, TablesGiveThePixelsOfKeptRowsOfTheSplitOnly) {
  write_tables(
      "Training,fer1.png,10,0,0,0,0,0,0,0,0,0\n"
      "Training,,0,0,0,0,0,0,0,0,0,10\n"
      "PublicTest,fer2.png,0,10,0,0,0,0,0,0,0,0\n"
      "Training,fer3.png,5,5,0,0,0,0,0,0,0,0\n"
      "Training,fer4.png,0,0,10,0,0,0,0,0,0,0\n",
      "6," + pixels_from(10) + ",Training\n0," + pixels_from(20) + ",Training\n3," +
          pixels_from(30) + ",PublicTest\n0," + pixels_from(40) + ",Training\n5,\"" +
          pixels_from(50) + "\",Training");
  const Manifest train = read(Split::kTrain);
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.rows[0].image, "fer1.png");
  EXPECT_EQ(train.rows[1].image, "fer4.png");
  EXPECT_EQ(train.rows[1].given, 2);
  EXPECT_EQ(train.inline_side, 48);
  ASSERT_EQ(train.inline_pixels.size(), 2U * 48 * 48);
  for (std::size_t i = 0; i < 48 * 48; ++i) {
    ASSERT_EQ(train.inline_pixels[i], (10 + i) % 256) << i;
    ASSERT_EQ(train.inline_pixels[48 * 48 + i], (50 + i) % 256) << i;
  }
  const Manifest valid = read(Split::kValid);
  ASSERT_EQ(valid.size(), 1);
  EXPECT_EQ(valid.inline_pixels.at(0), 30);
}

TEST_F(FerPlus, KeepsBothRowsOfANameThatComesTwice) {
  write_tables("Training,fer1.png,10,0,0,0,0,0,0,0,0,0\nTraining,fer1.png,10,0,0,0,0,0,0,0,0,0\n",
               "6," + pixels_from(1) + ",Training\n6," + pixels_from(2) + ",Training\n");
  const Manifest train = read();
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.rows[1].image, "fer1.png");
  EXPECT_EQ(train.inline_pixels[48 * 48], 2);
}

TEST_F(FerPlus, AutoPrefersFoldersAndTheChoiceCanBeForced) {
  write_tables("Training,fer1.png,10,0,0,0,0,0,0,0,0,0\n", "6," + pixels_from(1) + ",Training\n");
  EXPECT_EQ(read(Split::kTrain, FerPlusPixels::kAuto).inline_side, 48);
  EXPECT_EQ(error(Split::kTrain, FerPlusPixels::kFolders),
            root().string() + ": expected the image folder FER2013Train of FERPlus, found none");
  write_folder("FER2013Train", "fer1.png,\"(0, 0, 48, 48)\",0,10,0,0,0,0,0,0,0,0\n");
  EXPECT_EQ(read(Split::kTrain, FerPlusPixels::kAuto).inline_side, 0);
  EXPECT_EQ(read(Split::kTrain, FerPlusPixels::kFolders).inline_side, 0);
  EXPECT_EQ(read(Split::kTrain, FerPlusPixels::kCsv).inline_side, 48);
}

TEST_F(FerPlus, NamesAMissingRoot) {
  EXPECT_EQ(error_of({root() / "absent", FerPlusPixels::kAuto}, Split::kTrain),
            at("absent") + ": expected the root folder of FERPlus, found nothing there");
  EXPECT_EQ(error_of({}, Split::kTrain), "FERPlus: no root folder is given");
  write_file(root() / "file", "x");
  EXPECT_EQ(error_of({root() / "file", FerPlusPixels::kAuto}, Split::kTrain),
            at("file") +
                ": expected the root folder of FERPlus, found something that is not a "
                "folder");
}

TEST_F(FerPlus, NamesWhatAnEmptyRootLacks) {
  EXPECT_EQ(error(Split::kValid), root().string() +
                                      ": expected the image folder FER2013Valid of FERPlus or "
                                      "fer2013.csv and fer2013new.csv, found neither");
}

TEST_F(FerPlus, NamesAMissingTable) {
  std::filesystem::create_directories(root() / "FER2013Train");
  EXPECT_EQ(error(), at("FER2013Train") +
                         ": expected label.csv in this folder or fer2013new.csv beside it, found "
                         "neither");
  write_file(root() / "fer2013.csv", kPixelsHeader);
  EXPECT_EQ(error(Split::kTest),
            at("fer2013new.csv") + ": expected a text file, found nothing there");
}

TEST_F(FerPlus, NamesTheLineOfAWrongFolderRow) {
  const std::string good = "a.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n";
  const std::string where = at("FER2013Train/label.csv") + ":2: ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"b.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0\n", "expected 12 fields, got 11"},
      {"b.png,\"(0, 0, 48, 48)\",10,0,x,0,0,0,0,0,0,0\n",
       "expected a number of votes in field 5, got 'x'"},
      {"b.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,-1\n",
       "expected a number of votes in field 12, got '-1'"},
      {"b.png,\"(0, 0, 48, 48)\",1001,0,0,0,0,0,0,0,0,0\n",
       "expected a number of votes in field 3, got '1001'"},
      {",\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n", "expected an image name, got ''"},
      {"../b.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n",
       "expected an image name, got '../b.png'"},
      {"b.png,\"(0, 0, 48, 48),10,0,0,0,0,0,0,0,0,0\n",
       "expected a closing quote in field 2, got the end of the line"},
  };
  for (const auto& [line, what] : cases) {
    write_folder("FER2013Train", good + line);
    EXPECT_EQ(error(), where + what);
  }
}

TEST_F(FerPlus, NamesASplitThatKeepsNoRow) {
  write_folder("FER2013Valid", "a.png,\"(0, 0, 48, 48)\",5,5,0,0,0,0,0,0,0,0\n");
  EXPECT_EQ(error(Split::kValid), root().string() +
                                      ": expected images of FERPlus's valid split with a majority "
                                      "label, got none");
}

TEST_F(FerPlus, NamesAWrongHeader) {
  write_tables("", "");
  write_file(root() / "fer2013new.csv", "Usage,Image name\n");
  EXPECT_EQ(error(), at("fer2013new.csv") +
                         ":1: expected the header 'Usage,Image "
                         "name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,"
                         "unknown,NF', got 'Usage,Image name'");
  write_tables("", "");
  write_file(root() / "fer2013.csv", "emotion, pixels, Usage\n");
  EXPECT_EQ(error(), at("fer2013.csv") +
                         ":1: expected the header 'emotion,pixels,Usage', got 'emotion, pixels, "
                         "Usage'");
  write_file(root() / "fer2013.csv", "");
  EXPECT_EQ(error(), at("fer2013.csv") + ": expected a table, got an empty file");
}

TEST_F(FerPlus, NamesTheLineOfAWrongVotesRow) {
  write_tables("Training,a.png,10,0,0,0,0,0,0,0,0,0\nTrain,b.png,10,0,0,0,0,0,0,0,0,0\n",
               "6," + pixels_from(1) + ",Training\n6," + pixels_from(1) + ",Training\n");
  EXPECT_EQ(error(), at("fer2013new.csv") +
                         ":3: expected usage Training, PublicTest or PrivateTest, got 'Train'");
}

TEST_F(FerPlus, NamesTheLineOfAWrongPixelsRow) {
  const std::string votes = "Training,a.png,10,0,0,0,0,0,0,0,0,0\n";
  const std::string where = at("fer2013.csv") + ":2: ";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"6," + pixels_from(1) + "\n", "expected 3 fields, got 2"},
      {"7," + pixels_from(1) + ",Training\n", "label '7' is not in 0..6"},
      {"6," + pixels_from(1) + ",Testing\n",
       "expected usage Training, PublicTest or PrivateTest, got 'Testing'"},
      {"6," + pixels_from(1) + ",PrivateTest\n",
       "expected usage Training as in " + at("fer2013new.csv") + ":2, got PrivateTest"},
      {"6," + pixels_from(1, 2303) + ",Training\n", "expected 2304 pixels, got 2303"},
      {"6," + pixels_from(1, 2305) + ",Training\n", "expected 2304 pixels, got 2305"},
      {"6,,Training\n", "expected 2304 pixels, got 0"},
      {"6,1 256 " + pixels_from(1, 2302) + ",Training\n", "expected pixels in 0..255, got '256'"},
      {"6,1 -2 " + pixels_from(1, 2302) + ",Training\n", "expected pixels in 0..255, got '-2'"},
      {"6,1 2x " + pixels_from(1, 2302) + ",Training\n", "expected pixels in 0..255, got '2x'"},
      {"6,1 4294967301 3,Training\n", "expected pixels in 0..255, got '4294967301'"},
  };
  for (const auto& [line, what] : cases) {
    write_tables(votes, line);
    EXPECT_EQ(error(), where + what);
  }
}

TEST_F(FerPlus, SkipsBadLinesWhereItMay) {
  const std::string good = ",10,0,0,0,0,0,0,0,0,0\n";
  BadLines bad_lines;
  FerPlusOptions options{root()};
  options.bad_lines = &bad_lines;
  write_tables("Training,a.png" + good + "Training,b.png,1\n" + "Training,c.png" + good +
                   "Training,d.png" + good,
               "6," + pixels_from(1) + ",Training\n6," + pixels_from(2) + ",Training\n6,1 2 x" +
                   ",Training\n6," + pixels_from(4) + ",Training\n");
  const Manifest table = read_ferplus(options, Split::kTrain);
  ASSERT_EQ(table.size(), 2);
  EXPECT_EQ(table.rows[1].image, "d.png");
  ASSERT_EQ(table.inline_pixels.size(), 2U * 48 * 48);
  EXPECT_EQ(table.inline_pixels[48 * 48], 4);
  EXPECT_EQ(bad_lines.count, 2);

  write_folder("FER2013Train", "a.png,\"(0, 0, 48, 48)\"" + good + "../b.png,1" + good +
                                   "c.png,\"(0, 0, 48, 48)\"" + good);
  bad_lines = {};
  EXPECT_EQ(read_ferplus(options, Split::kTrain).size(), 2);
  EXPECT_EQ(bad_lines.count, 1);
  std::filesystem::remove(root() / "FER2013Train" / "label.csv");
  bad_lines = {};
  EXPECT_EQ(read_ferplus(options, Split::kTrain).size(), 3);
  EXPECT_EQ(bad_lines.count, 1);
}

TEST_F(FerPlus, NamesTheRowThatTheOtherTableLacks) {
  const std::string votes = "Training,a.png,10,0,0,0,0,0,0,0,0,0\n";
  const std::string pixels = "6," + pixels_from(1) + ",Training\n";
  write_tables(votes + votes, pixels);
  EXPECT_EQ(error(), at("fer2013.csv") + ": expected a row for " + at("fer2013new.csv") +
                         ":3, got the end of the file");
  write_tables(votes, pixels + pixels);
  EXPECT_EQ(error(), at("fer2013.csv") +
                         ":3: expected no more rows than in fer2013new.csv, got another one");
}

// Splitting it would take thirty bytes of memory for each of the line's own.
TEST_F(FerPlus, RefusesEndlessLinesInEachTable) {
  const std::string line(kMaxListLineBytes + 1, ',');
  const std::string what = ":2: expected a line of at most 1048576 bytes, got 1048577";
  write_tables(line + "\n", "6," + pixels_from(1) + ",Training\n");
  EXPECT_EQ(error(), at("fer2013new.csv") + what);
  write_tables("Training,fer1.png,10,0,0,0,0,0,0,0,0,0\n", line + "\n");
  EXPECT_EQ(error(), at("fer2013.csv") + what);
  write_folder("FER2013Train", "a.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n" + line);
  EXPECT_EQ(error(), at("FER2013Train/label.csv") + what);
}

// One row per mode's behaviour: kept by all, by the shares only, by multi_target as a tie.
constexpr const char* kFolderVotes =
    "a.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n"
    "b.png,\"(0, 0, 48, 48)\",0,5,0,5,0,0,0,0,0,0\n"
    "c.png,\"(0, 0, 48, 48)\",0,0,4,2,2,0,0,0,0,0\n";

TEST_F(FerPlus, ModesWithSharesFillTheDistributionsOfTheirRows) {
  write_folder("FER2013Train", kFolderVotes);
  FerPlusOptions options{root()};
  for (const FerPlusLabels labels : {FerPlusLabels::kProbability, FerPlusLabels::kCrossEntropy}) {
    options.labels = labels;
    const Manifest train = read_ferplus(options, Split::kTrain);
    EXPECT_EQ(train.label_use,
              labels == FerPlusLabels::kProbability ? LabelUse::kDraw : LabelUse::kDistribution);
    ASSERT_EQ(train.size(), 3);
    EXPECT_EQ(train.rows[1].given, 1);
    EXPECT_EQ(train.rows[1].clean, kUnknownLabel);
    EXPECT_EQ(train.distributions, (std::vector<float>{1, 0,   0,    0,     0,     0, 0, 0,  //
                                                       0, 0.5, 0,    0.5,   0,     0, 0, 0,  //
                                                       0, 0,   0.5F, 0.25F, 0.25F, 0, 0, 0}));
  }
  options.labels = FerPlusLabels::kMultiTarget;
  const Manifest train = read_ferplus(options, Split::kTrain);
  EXPECT_EQ(train.label_use, LabelUse::kMultiTarget);
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.distributions, (std::vector<float>{1, 0, 0, 0, 0, 0, 0, 0,  //
                                                     0, 0.5, 0, 0.5, 0, 0, 0, 0}));
  options.labels = FerPlusLabels::kMajority;
  EXPECT_TRUE(read_ferplus(options, Split::kTrain).distributions.empty());
}

TEST_F(FerPlus, ValidationAndTestHaveTheMajorityWhateverTrainingHas) {
  write_folder("FER2013Valid", kFolderVotes);
  write_folder("FER2013Test", kFolderVotes);
  FerPlusOptions options{root()};
  for (const FerPlusLabels labels : {FerPlusLabels::kProbability, FerPlusLabels::kCrossEntropy,
                                     FerPlusLabels::kMultiTarget, FerPlusLabels::kFer2013}) {
    options.labels = labels;
    for (const Split split : {Split::kValid, Split::kTest}) {
      const Manifest manifest = read_ferplus(options, split);
      ASSERT_EQ(manifest.size(), 1) << to_string(labels);
      EXPECT_EQ(manifest.rows[0].given, 0);
      EXPECT_EQ(manifest.rows[0].clean, kUnknownLabel);
      EXPECT_TRUE(manifest.distributions.empty());
      EXPECT_EQ(manifest.label_use, LabelUse::kGiven);
    }
  }
}

TEST_F(FerPlus, WhatIsTrainedOnHasTheModeWhicheverSplitItIs) {
  write_folder("FER2013Train", kFolderVotes);
  write_folder("FER2013Valid", kFolderVotes);
  SourceOptions source;
  source.dataset = Dataset::kFerPlus;
  source.root = root();
  source.splits = {Split::kTrain, Split::kValid};
  source.labels = FerPlusLabels::kCrossEntropy;
  const Manifest train = read_source(source, Split::kTrain);
  ASSERT_EQ(train.size(), 6);
  const auto middle = train.distributions.begin() + 3 * 8;
  EXPECT_EQ(std::vector<float>(train.distributions.begin(), middle),
            std::vector<float>(middle, train.distributions.end()));
  EXPECT_EQ(train.distributions.at(4 * 8 + 3), 0.5F);

  // Tested on, even the training split has the majority.
  for (const Split place : {Split::kValid, Split::kTest}) {
    const Manifest evaluated = read_source(source, place);
    EXPECT_EQ(evaluated.size(), 2);
    EXPECT_EQ(evaluated.label_use, LabelUse::kGiven);
  }
}

TEST_F(FerPlus, TheTableGivesDistributionsToo) {
  write_tables("Training,fer1.png,5,5,0,0,0,0,0,0,0,0\nTraining,fer2.png,2,2,2,2,0,0,0,0,0,0\n",
               "6," + pixels_from(1) + ",Training\n6," + pixels_from(2) + ",Training\n");
  FerPlusOptions options{root()};
  options.labels = FerPlusLabels::kCrossEntropy;
  const Manifest train = read_ferplus(options, Split::kTrain);
  ASSERT_EQ(train.size(), 1);
  EXPECT_EQ(train.distributions, (std::vector<float>{0.5, 0.5, 0, 0, 0, 0, 0, 0}));
  EXPECT_EQ(train.inline_pixels.size(), 48U * 48);
}

class FerPlusOriginal : public FerPlus {
 protected:
  Manifest read_original(Split split = Split::kTrain) {
    FerPlusOptions options{root()};
    options.labels = FerPlusLabels::kFer2013;
    return read_ferplus(options, split);
  }
  std::string original_error() {
    FerPlusOptions options{root()};
    options.labels = FerPlusLabels::kFer2013;
    return error_of(options, Split::kTrain);
  }
  // Emotion 0 is angry, 3 is happy, 4 is sad.
  void write_original() {
    write_tables(
        "Training,fer1.png,0,0,0,0,9,1,0,0,0,0\n"
        "Training,,0,0,0,0,0,0,0,0,0,10\n"
        "Training,fer2.png,10,0,0,0,0,0,0,0,0,0\n"
        "Training,fer3.png,5,5,0,0,0,0,0,0,0,0\n",
        "0," + pixels_from(1) + ",Training\n3," + pixels_from(2) + ",Training\n4," +
            pixels_from(3) + ",Training\n3," + pixels_from(4) + ",Training\n");
  }
};

TEST_F(FerPlusOriginal, GivenIsTheLabelOfFer2013AndCleanTheMajority) {
  write_original();
  const Manifest train = read_original();
  ASSERT_EQ(train.size(), 2);  // fer3 has no majority
  EXPECT_EQ(train.rows[0].image, "fer1.png");
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.rows[0].given)], "anger");
  EXPECT_EQ(train.rows[0].clean, train.rows[0].given);
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.rows[1].given)], "sadness");
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.rows[1].clean)], "neutral");
  EXPECT_EQ(train.inline_pixels.at(48 * 48), 3);
  EXPECT_TRUE(train.distributions.empty());
}

TEST_F(FerPlusOriginal, ImagesInFoldersFindTheirLabelByName) {
  write_original();
  write_folder("FER2013Train",
               "fer2.png,\"(0, 0, 48, 48)\",0,8,2,0,0,0,0,0,0,0\n"
               "fer1.png,\"(0, 0, 48, 48)\",0,0,8,2,0,0,0,0,0,0\n");
  const Manifest train = read_original();
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.rows[0].image, "FER2013Train/fer2.png");
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.rows[0].given)], "sadness");
  EXPECT_EQ(train.rows[0].clean, 1);  // the folder's own votes
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.rows[1].given)], "anger");
  EXPECT_TRUE(train.inline_pixels.empty());
}

TEST_F(FerPlusOriginal, OfANameThatComesTwiceTheFirstRowCounts) {
  write_tables("Training,fer1.png,10,0,0,0,0,0,0,0,0,0\nTraining,fer1.png,10,0,0,0,0,0,0,0,0,0\n",
               "4," + pixels_from(1) + ",Training\n3," + pixels_from(2) + ",Training\n");
  write_folder("FER2013Train", "fer1.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n");
  const Manifest train = read_original();
  ASSERT_EQ(train.size(), 1);
  EXPECT_EQ(train.class_names[static_cast<std::size_t>(train.rows[0].given)], "sadness");
}

TEST_F(FerPlusOriginal, NamesTheTableThatIsMissing) {
  write_folder("FER2013Train", "fer1.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n");
  EXPECT_EQ(original_error(),
            at("fer2013.csv") +
                ": expected this table for the original labels of FER2013, found nothing there");
  write_file(root() / "fer2013.csv", kPixelsHeader);
  EXPECT_EQ(original_error(),
            at("fer2013new.csv") +
                ": expected this table for the original labels of FER2013, found nothing there");
}

TEST_F(FerPlusOriginal, NamesAnImageThatTheTablesDoNotKnow) {
  write_original();
  write_folder("FER2013Train",
               "fer1.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n"
               "fer9.png,\"(0, 0, 48, 48)\",10,0,0,0,0,0,0,0,0,0\n");
  EXPECT_EQ(original_error(), at("FER2013Train/label.csv") +
                                  ":2: expected an image that fer2013new.csv names, got "
                                  "'fer9.png'");
}

TEST_F(FerPlus, NamesTheModeOfASplitThatKeepsNoRow) {
  write_folder("FER2013Train", "a.png,\"(0, 0, 48, 48)\",2,2,2,2,2,0,0,0,0,0\n");
  FerPlusOptions options{root()};
  options.labels = FerPlusLabels::kMultiTarget;
  EXPECT_EQ(error_of(options, Split::kTrain),
            root().string() +
                ": expected images of FERPlus's train split with a multi_target label, got none");
}

Manifest with_counts(const std::vector<int>& counts) {
  Manifest manifest;
  manifest.name = "FERPlus test";
  manifest.class_names.resize(counts.size());
  for (std::size_t k = 0; k < counts.size(); ++k) {
    for (int i = 0; i < counts[k]; ++i) {
      manifest.rows.push_back({"x.png", static_cast<std::int32_t>(k), kUnknownLabel});
    }
  }
  return manifest;
}

TEST(FerPlusCounts, AgreeWithEitherPublishedTable) {
  for (const std::vector<int>& counts :
       {std::vector<int>{1083, 892, 394, 382, 269, 16, 86, 15},     // label.csv
        std::vector<int>{1090, 893, 396, 384, 273, 18, 83, 16}}) {  // fer2013new.csv
    EXPECT_EQ(golden_count_difference(with_counts(counts), Dataset::kFerPlus, Split::kTest),
              std::nullopt);
  }
}

TEST(FerPlusCounts, ADifferenceQuotesTheCountsOfTheLiterature) {
  EXPECT_EQ(golden_count_difference(with_counts({1083, 892, 394, 382, 269, 16, 85, 15}),
                                    Dataset::kFerPlus, Split::kTest),
            "FERPlus test: the published counts per class are "
            "3137 (1083 892 394 382 269 16 86 15), this copy has "
            "3136 (1083 892 394 382 269 16 85 15)");
}

// Counted with the released code on label.csv and fer2013new.csv.
TEST(FerPlusCounts, OtherModesKeepOtherNumbers) {
  const auto difference = [](const std::vector<int>& counts, LabelUse use) {
    Manifest manifest = with_counts(counts);
    manifest.label_use = use;
    return golden_count_difference(manifest, Dataset::kFerPlus, Split::kTrain);
  };
  const std::vector<int> shares = {10107, 7501, 3517, 3445, 2401, 170, 643, 163};
  EXPECT_EQ(difference(shares, LabelUse::kDraw), std::nullopt);
  EXPECT_EQ(difference(shares, LabelUse::kDistribution), std::nullopt);
  EXPECT_EQ(difference({10122, 7503, 3524, 3430, 2407, 169, 641, 160}, LabelUse::kDraw),
            std::nullopt);
  EXPECT_EQ(difference({10056, 7489, 3481, 3410, 2337, 150, 598, 146}, LabelUse::kMultiTarget),
            std::nullopt);
  EXPECT_EQ(difference({10071, 7492, 3486, 3399, 2327, 153, 598, 145}, LabelUse::kMultiTarget),
            std::nullopt);
  EXPECT_NE(difference(shares, LabelUse::kMultiTarget), std::nullopt);
  EXPECT_NE(difference(shares, LabelUse::kGiven), std::nullopt);
  EXPECT_NE(difference({8733, 7284, 3136, 3022, 2098, 116, 536, 120}, LabelUse::kDraw),
            std::nullopt);
}

TEST(FerPlusCounts, WithFer2013LabelsTheMajoritiesCount) {
  Manifest manifest = with_counts({1083, 892, 394, 382, 269, 16, 86, 15});
  for (ManifestRow& row : manifest.rows) {
    row.clean = row.given;
    row.given = 0;
  }
  EXPECT_EQ(golden_count_difference(manifest, Dataset::kFerPlus, Split::kTest), std::nullopt);
}

TEST(FerPlusCounts, SmallSetsAreNotNoted) {
  EXPECT_EQ(golden_count_difference(with_counts({5, 5, 5, 5, 5, 5, 5, 5}), Dataset::kFerPlus,
                                    Split::kTrain),
            std::nullopt);
}

}  // namespace
}  // namespace selfcure
