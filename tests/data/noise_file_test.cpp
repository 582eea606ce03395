#include "selfcure/data/noise_file.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Labels = std::vector<std::int32_t>;

const std::vector<std::string> kRafDbClasses = {"Surprise", "Fear",  "Disgust", "Happiness",
                                                "Sadness",  "Anger", "Neutral"};

Manifest manifest_of(const std::vector<std::string>& images) {
  Manifest manifest;
  manifest.name = "RAF-DB train";
  manifest.class_names = kRafDbClasses;
  manifest.root = "/data/RAF";
  for (const std::string& image : images) manifest.rows.push_back({image, 4, kUnknownLabel});
  return manifest;
}

Manifest three_faces() {
  return manifest_of({"Image/aligned/train_00001_aligned.jpg",
                      "Image/aligned/train_00002_aligned.jpg",
                      "Image/aligned/train_00003_aligned.jpg"});
}

class NoiseFile : public ::testing::Test {
 protected:
  std::filesystem::path file(const char* name) const { return directory_.path() / name; }
  std::string list(int line) const {
    return options_.file.string() + ":" + std::to_string(line) + ": ";
  }

  void write(std::string_view text, const char* name = "noisy.txt") {
    options_.type = NoiseType::kFile;
    options_.file = file(name);
    write_file(options_.file, text);
  }

  Labels labels(const Manifest& manifest) const {
    return read_noise_file(manifest, options_).given;
  }

  std::string error(const Manifest& manifest = three_faces()) const {
    try {
      (void)read_noise_file(manifest, options_);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }

  TemporaryDirectory directory_;
  NoiseOptions options_;
};

TEST_F(NoiseFile, JoinsTheNamesOfRafDbsListToItsAlignedFaces) {
  write("train_00003.jpg 6\ntrain_00001.jpg 0\r\n\ntrain_00002.jpg 3");
  EXPECT_EQ(labels(three_faces()), (Labels{0, 3, 6}));
}

TEST_F(NoiseFile, JoinsWhateverThePathsAreRelativeTo) {
  for (const char* const form :
       {"Image/aligned/train_0000#_aligned.jpg", "/data/RAF/Image/aligned/train_0000#_aligned.jpg",
        "./Image/aligned/train_0000#_aligned.jpg", "/elsewhere/train_0000#_aligned.jpg",
        "train_0000#_aligned.png", "/home/someone/original/train_0000#.jpg", "train_0000#",
        "D:\\faces\\Image\\aligned\\train_0000#_aligned.jpg"}) {
    std::string text;
    for (const char n : {'2', '1', '3'}) {
      std::string line = form;
      line[line.find('#')] = n;
      text += line + " " + n + "\n";
    }
    write(text);
    EXPECT_EQ(labels(three_faces()), (Labels{1, 2, 3})) << form;
  }
}

TEST_F(NoiseFile, TheExactPathGoesBeforeTheFileName) {
  const Manifest manifest = manifest_of({"a/1.jpg", "b/1.jpg", "1.jpg", "b/1.png", "2.jpg"});
  write("2.jpg 0\nb/1.png 1\n1.jpg 2\nb/1.jpg 3\na/1.jpg 4\n");
  EXPECT_EQ(labels(manifest), (Labels{4, 3, 2, 1, 0}));
}

TEST_F(NoiseFile, AFolderTellsImagesOfOneNameApart) {
  const Manifest manifest = manifest_of({"train/angry/1.jpg", "train/happy/1.jpg"});
  write("/x/happy/1.jpg 3\nangry/1_aligned.png 5\n");
  EXPECT_EQ(labels(manifest), (Labels{5, 3}));
  for (const char* const path : {"1.jpg", "sad/1.jpg"}) {
    write(std::string("train/happy/1.jpg 0\n") + path + " 3\n");
    EXPECT_EQ(error(manifest), list(2) +
                                   "expected a path that means one image of RAF-DB train, got '" +
                                   path + "', which is the name of several");
  }
}

TEST_F(NoiseFile, RowsOfOneImageTakeItsLinesInOrder) {
  const Manifest manifest = manifest_of({"clip.mp4", "other.mp4", "clip.mp4", "clip.mp4"});
  write("clip.mp4 1\nclip.mp4 2\nother.mp4 0\nclip.mp4 3\n");
  EXPECT_EQ(labels(manifest), (Labels{1, 0, 2, 3}));
  write("clip.mp4 1\nclip.mp4 2\nother.mp4 0\nclip.mp4 3\nclip.mp4 3\n");
  EXPECT_EQ(error(manifest), list(5) + "expected each image once, got 'clip.mp4' as on line 1");
}

TEST_F(NoiseFile, ReadsNamesOfClassesAndIgnoresAThirdColumn) {
  write("train_00001.jpg happy 0.93\ntrain_00002.jpg Neutral\ntrain_00003.jpg 5 2\n");
  EXPECT_EQ(labels(three_faces()), (Labels{3, 6, 5}));
}

TEST_F(NoiseFile, ReadsCommasAndSemicolonsBetweenPathAndLabel) {
  write("train_00001.jpg,3\ntrain_00002.jpg ; Anger; 0.5\ntrain_00003.jpg,\t6,2\n");
  EXPECT_EQ(labels(three_faces()), (Labels{3, 5, 6}));
}

TEST_F(NoiseFile, ReadsBlanksInNamesOfImagesAndOfClasses) {
  Manifest manifest = manifest_of({"my  face.jpg", "5 6.png", "no ending", "a.jpg b.jpg"});
  manifest.class_names[2] = "Happily Surprised";
  write("my  face.jpg 3 0\n5 6.png\tHappily Surprised 0.5\nno ending 4\na.jpg b.jpg 1\n");
  EXPECT_EQ(labels(manifest), (Labels{3, 2, 4, 1}));
}

TEST_F(NoiseFile, CountsLabelsFromOneIfAskedTo) {
  write("train_00001.jpg 1\ntrain_00002.jpg 7\ntrain_00003.jpg 3\n");
  options_.first_label = 1;
  EXPECT_EQ(labels(three_faces()), (Labels{0, 6, 2}));
}

TEST_F(NoiseFile, AnIntegerIsANumberEvenWhereItNamesAClass) {
  Manifest manifest = three_faces();
  manifest.class_names = {"1", "2", "3"};
  for (ManifestRow& row : manifest.rows) row.given = 0;
  write("train_00001.jpg 1\ntrain_00002.jpg 2\ntrain_00003.jpg 0\n");
  EXPECT_EQ(labels(manifest), (Labels{1, 2, 0}));
}

TEST_F(NoiseFile, HintsAtTheOtherFirstLabel) {
  write("train_00001.jpg 7\n");
  EXPECT_EQ(error(), list(1) + "label '7' is not in 0..6; is first_label 1?");
  write("train_00001.jpg 0\n");
  options_.first_label = 1;
  EXPECT_EQ(error(), list(1) + "label '0' is not in 1..7; is first_label 0?");
}

TEST_F(NoiseFile, NamesTheLineOfALabelThatIsNoClass) {
  for (const char* const label : {"8", "-1", "4294967296"}) {
    write(std::string("train_00001.jpg 1\ntrain_00002.jpg ") + label + "\n");
    EXPECT_EQ(error(), list(2) + "label '" + label + "' is not in 0..6");
  }
  write("train_00001.jpg Angr\n");
  EXPECT_EQ(error(),
            list(1) +
                "label 'Angr' is neither in 0..6 nor one of [Surprise, Fear, Disgust, Happiness, "
                "Sadness, Anger, Neutral]; did you mean 'Anger'?");
}

TEST_F(NoiseFile, LeavesOutTestImagesThatTheManifestLacksButChecksTheirLabels) {
  write(
      "test_0001.jpg 6\ntrain_00001.jpg 0\ntrain_00002.jpg 1\nx/test_0002.jpg 6\n"
      "train_00003.jpg 2\n");
  EXPECT_EQ(read_noise_file(three_faces(), options_).lines_ignored, 2);
  EXPECT_EQ(labels(three_faces()), (Labels{0, 1, 2}));
  write("test_0001.jpg 9\n");
  EXPECT_EQ(error(), list(1) + "label '9' is not in 0..6");
  EXPECT_EQ(
      [&] {
        write("test_0001.jpg 2\n");
        return labels(manifest_of({"test_0001.jpg"}));
      }(),
      (Labels{2}));
}

TEST_F(NoiseFile, NamesTheLineOfAnImageThatTheManifestLacks) {
  write("train_00001.jpg 0\ntrain_00009.jpg 1\n");
  options_.require_complete = false;
  EXPECT_EQ(error(), list(2) + "expected an image of RAF-DB train, got 'train_00009.jpg'");
}

TEST_F(NoiseFile, NamesBothLinesOfAnImageThatComesTwice) {
  write("train_00001.jpg 0\ntrain_00002.jpg 0\nImage/aligned/train_00001_aligned.jpg 0\n");
  EXPECT_EQ(error(),
            list(3) +
                "expected each image once, got 'Image/aligned/train_00001_aligned.jpg' as on "
                "line 1");
}

TEST_F(NoiseFile, WantsEveryRowUnlessTheRestMayKeepTheirLabels) {
  write("train_00002.jpg 0\n");
  EXPECT_EQ(error(), options_.file.string() +
                         ": expected labels for the 3 images of RAF-DB train, got none for 2 of "
                         "them, first for 'Image/aligned/train_00001_aligned.jpg'");
  options_.require_complete = false;
  EXPECT_EQ(labels(three_faces()), (Labels{4, 0, 4}));
  EXPECT_EQ(read_noise_file(three_faces(), options_).rows_kept, 2);
  write("test_00002.jpg 0\n");
  EXPECT_EQ(error(), options_.file.string() +
                         ": expected labels for the 3 images of RAF-DB train, got none for 3 of "
                         "them, first for 'Image/aligned/train_00001_aligned.jpg'");
}

TEST_F(NoiseFile, NamesALineThatIsNotAPathAndALabel) {
  for (const char* const line : {"train_00001.jpg", "a.jpg=3", "a.jpg 1 2 3", "1 a.jpg"}) {
    write(std::string(line) + "\n");
    EXPECT_EQ(error(), list(1) + "expected a path and a label, got '" + line + "'");
  }
  write("a.jpg 3" + std::string(std::size_t{1} << 20, ' ') + "\n");
  EXPECT_EQ(error(), list(1) + "expected a line of at most 1048576 bytes, got 1048583");
}

TEST_F(NoiseFile, SurvivesHostilePaths) {
  write(std::string(500000, '/') + " 1\n");
  EXPECT_EQ(error().substr(0, list(1).size() + 17), list(1) + "expected an image");
  for (const char* const path : {"/", ".", "..", "_aligned.jpg", ".jpg", "a/", "//a.jpg", "\\"}) {
    write(std::string(path) + " 1\n");
    EXPECT_EQ(error(), list(1) + "expected an image of RAF-DB train, got '" + path + "'");
  }
}

TEST_F(NoiseFile, NamesAMissingFile) {
  write("");
  options_.file = file("absent.txt");
  EXPECT_EQ(error(), file("absent.txt").string() + ": expected a text file, found nothing there");
}

TEST_F(NoiseFile, ReadsATableWithItsColumnsInAnyOrder) {
  write(
      "\xEF\xBB\xBF"
      "Clean,extra,Noisy_Label,NAME\r\n"
      "Anger,\"a,b\",2,train_00002.jpg\r\n,,Fear,train_00001.jpg\r\n4,,6,train_00003.jpg\r\n",
      "noisy.CSV");
  const NoisyLabels listed = read_noise_file(three_faces(), options_);
  EXPECT_EQ(listed.given, (Labels{1, 2, 6}));
  EXPECT_EQ(listed.clean, (Labels{kUnknownLabel, 5, 4}));
}

TEST_F(NoiseFile, NamesWhatATableLacks) {
  write("image,class\ntrain_00001.jpg,3\n", "noisy.csv");
  EXPECT_EQ(error(), list(1) +
                         "expected a header with a column 'noisy_label' or 'noisy' or "
                         "'label', got 'image,class'");
  write("image,label\ntrain_00001.jpg\n", "noisy.csv");
  EXPECT_EQ(error(), list(2) + "expected 2 fields, got 1");
  write("image,label\n,3\n", "noisy.csv");
  EXPECT_EQ(error(), list(2) + "expected the name of an image, got an empty field");
}

TEST_F(NoiseFile, NoticesAListOfAnotherClassOrder) {
  write("path,label,label_name\ntrain_00001.jpg,3,Happiness\ntrain_00002.jpg,4,Fear\n",
        "noisy.csv");
  EXPECT_EQ(error(), list(3) + "expected 'Sadness' as the name of label '4', got 'Fear'");
}

TEST_F(NoiseFile, NoticesATrueLabelThatIsNotTheKnownOne) {
  write("path,label,clean_label\ntrain_00001.jpg,3,4\ntrain_00002.jpg,3,5\ntrain_00003.jpg,3,\n",
        "noisy.csv");
  Manifest manifest = three_faces();
  EXPECT_EQ(read_noise_file(manifest, options_).clean, (Labels{4, 5, kUnknownLabel}));
  manifest.rows[1].clean = 4;
  EXPECT_EQ(error(manifest),
            list(3) + "expected the true label 'Sadness' that RAF-DB train has, got 'Anger'");
}

TEST_F(NoiseFile, InjectingItRecordsTrueLabelsAndWhatCameOut) {
  write("path,label,clean_label\ntrain_00001.jpg,3,\ntrain_00002.jpg,4,5\ntest_1.jpg,0,0\n",
        "noisy.csv");
  options_.require_complete = false;
  Manifest manifest = three_faces();
  const NoiseReport report = inject_noise(manifest, options_);
  EXPECT_EQ(manifest.rows[0].given, 3);
  EXPECT_EQ(manifest.rows[0].clean, 4);
  EXPECT_EQ(manifest.rows[1].clean, 5);
  EXPECT_EQ(manifest.rows[2].given, 4);
  EXPECT_EQ(report.changed, 1);
  EXPECT_EQ(report.transitions[4][3], 1);
  EXPECT_EQ(report.transitions[5][4], 1);
  EXPECT_EQ(report.rows_kept, 1);
  EXPECT_EQ(report.lines_ignored, 1);
  const nlohmann::json json = nlohmann::json::parse(noise_record(report, options_, manifest));
  EXPECT_EQ(json.at("file"), options_.file.string());
  EXPECT_EQ(json.at("rows_kept"), 1);
}

TEST_F(NoiseFile, LeavesTheManifestAloneWhenItFails) {
  write("train_00001.jpg 0\ntrain_00002.jpg 9\n");
  Manifest manifest = three_faces();
  EXPECT_THROW((void)inject_noise(manifest, options_), DataError);
  EXPECT_EQ(manifest.rows[0].given, 4);
  EXPECT_EQ(manifest.rows[0].clean, kUnknownLabel);
}

TEST_F(NoiseFile, SaysThatTheTypeNeedsAFileAndAFirstLabelOfZeroOrOne) {
  options_.type = NoiseType::kFile;
  const auto config_error = [this] {
    Manifest manifest = three_faces();
    try {
      (void)inject_noise(manifest, options_);
    } catch (const ConfigError& error) {
      return std::string(error.what());
    }
    return std::string("no ConfigError");
  };
  EXPECT_EQ(config_error(), "noise: expected a file for type file, got none");
  options_.file = "list.txt";
  options_.first_label = 2;
  EXPECT_EQ(config_error(), "noise: expected first_label to be 0 or 1, got 2");
}

}  // namespace
}  // namespace selfcure
