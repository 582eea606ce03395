#include "selfcure/data/inspection_report.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>

#include "selfcure/core/errors.h"
#include "selfcure/data/dataset_layout.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

class Inspecting : public ::testing::Test {
 protected:
  /// A picture of its own for each number.
  void draw(const std::string& name, int number) {
    cv::Mat image(24, 20, CV_8UC3);
    cv::RNG random(static_cast<std::uint64_t>(number) + 1);
    random.fill(image, cv::RNG::UNIFORM, 0, 256);
    cv::imwrite((folder_.path() / name).string(), image);
  }

  InspectedSet set(const std::string& name,
                   const std::vector<std::pair<std::string, std::int32_t>>& rows) {
    InspectedSet part;
    part.manifest.name = name;
    part.manifest.class_names = {"Happy", "Sad"};
    part.manifest.root = folder_.path();
    for (const auto& [image, label] : rows) {
      ManifestRow row;
      row.image = image;
      row.given = label;
      part.manifest.rows.push_back(row);
    }
    part.images = inspect_images(part.manifest, 2, {});
    return part;
  }

  static InspectionReport report(std::vector<InspectedSet> parts) {
    return InspectionReport(std::move(parts), NearDuplicateOptions());
  }

  static std::vector<InspectedSet> two(InspectedSet first, InspectedSet second) {
    std::vector<InspectedSet> parts;
    parts.push_back(std::move(first));
    parts.push_back(std::move(second));
    return parts;
  }

  testing::TemporaryDirectory folder_;
};

TEST_F(Inspecting, SaysThatNothingIsWrongAndCountsClasses) {
  draw("a.png", 1);
  draw("b.png", 2);
  draw("c.png", 3);
  const InspectionReport good =
      report(two(set("train", {{"a.png", 0}, {"b.png", 1}}), set("test", {{"c.png", 0}})));
  EXPECT_TRUE(good.problems().empty());
  const std::string text = good.text(80);
  EXPECT_NE(text.find("train: 2 images, 2 classes\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  20x24 colour: 2\n"), std::string::npos) << text;
  EXPECT_NE(text.find("nothing is wrong\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\u2588\n"), std::string::npos) << "no bars";
}

TEST_F(Inspecting, NamesMissingUnreadableAndLeakedImages) {
  draw("a.png", 1);
  draw("b.png", 2);
  fs::copy_file(folder_.path() / "a.png", folder_.path() / "copy.png");
  std::ofstream(folder_.path() / "cut.png") << "no picture";
  const InspectionReport bad =
      report(two(set("train", {{"a.png", 0}, {"b.png", 1}, {"gone.png", 1}, {"cut.png", 0}}),
                 set("test", {{"copy.png", 0}})));
  EXPECT_EQ(bad.problems(),
            (std::vector<std::string>{"train: 1 image is missing", "train: 1 image cannot be read",
                                      "test: 1 image is also in train"}));
  const nlohmann::json json = nlohmann::json::parse(bad.json());
  EXPECT_EQ(json["parts"][0]["images_per_class"], (std::vector<int>{2, 2}));
  EXPECT_EQ(json["parts"][0]["problem_images"][0]["image"], "gone.png");
  EXPECT_EQ(json["parts"][0]["problem_images"][0]["state"], "missing");
  EXPECT_EQ(json["parts"][0]["problem_images"][1]["state"], "unreadable");
  EXPECT_TRUE(json["same_bytes"][0]["leak"]);
  EXPECT_EQ(json["problems"].size(), 3U);
}

TEST_F(Inspecting, CopiesAreWrongOnlyIfTheirLabelsDiffer) {
  draw("a.png", 1);
  fs::copy_file(folder_.path() / "a.png", folder_.path() / "copy.png");
  std::vector<InspectedSet> same;
  same.push_back(set("train", {{"a.png", 0}, {"copy.png", 0}}));
  EXPECT_TRUE(report(std::move(same)).problems().empty());
  std::vector<InspectedSet> other;
  other.push_back(set("train", {{"a.png", 0}, {"copy.png", 1}}));
  EXPECT_EQ(report(std::move(other)).problems(),
            std::vector<std::string>{"1 image has copies with another label"});
}

TEST_F(Inspecting, BadLinesAndOtherCountsAreWrong) {
  draw("a.png", 1);
  std::vector<InspectedSet> parts;
  parts.push_back(set("train", {{"a.png", 0}}));
  parts[0].bad_lines.add("list.txt:3: expected a label");
  parts[0].count_difference = "train: the published counts differ";
  EXPECT_EQ(report(std::move(parts)).problems(),
            (std::vector<std::string>{"train: 1 bad line, list.txt:3: expected a label",
                                      "train: the published counts differ"}));
}

TEST_F(Inspecting, LabelsThatAreKnownTwiceAreCompared) {
  draw("a.png", 1);
  draw("b.png", 2);
  std::vector<InspectedSet> parts;
  parts.push_back(set("train", {{"a.png", 0}, {"b.png", 1}}));
  parts[0].manifest.rows[0].clean = 0;
  parts[0].manifest.rows[1].clean = 0;
  const std::string text = report(std::move(parts)).text(80);
  EXPECT_NE(text.find("given and clean label agree: 50.00 % of 2\n"), std::string::npos) << text;
}

TEST_F(Inspecting, LabelsOfTwoTablesAreComparedToo) {
  draw("a.png", 1);
  std::vector<InspectedSet> parts;
  parts.push_back(set("train", {{"a.png", 0}}));
  parts[0].original_labels = LabelAgreement{4, 3, {{3, 1}, {0, 0}}};
  const InspectionReport compared = report(std::move(parts));
  const std::string text = compared.text(80);
  EXPECT_NE(text.find("FER2013's label and the majority of the votes agree: 75.00 % of 4\n"),
            std::string::npos)
      << text;
  EXPECT_NE(compared.json().find("\"original_labels\""), std::string::npos);
}

TEST_F(Inspecting, SaysThatNobodyLookedForWhatIsNearlyTheSame) {
  draw("a.png", 1);
  std::vector<InspectedSet> parts;
  parts.push_back(set("train", {{"a.png", 0}}));
  const InspectionReport without(std::move(parts), std::nullopt);
  EXPECT_NE(without.text(80).find("nearly the same: not looked for\n"), std::string::npos);
  EXPECT_NE(without.json().find("\"nearly_the_same\": null"), std::string::npos);
}

class RecogniseDataset : public ::testing::Test {
 protected:
  void touch(const std::string& path) {
    fs::create_directories((folder_.path() / path).parent_path());
    std::ofstream(folder_.path() / path) << "x";
  }
  std::optional<Dataset> recognised() const { return recognise_dataset(folder_.path()); }
  testing::TemporaryDirectory folder_;
};

TEST_F(RecogniseDataset, ByItsLists) {
  touch("compound/EmoLabel/list_patition_label.txt");
  EXPECT_EQ(recognised(), Dataset::kRafDbCompound);
  touch("EmoLabel/list_partition_label.txt");
  EXPECT_EQ(recognised(), Dataset::kRafDb);
}

TEST_F(RecogniseDataset, FerPlusAndAffectNet) {
  touch("val_set/annotations/1_exp.npy");
  EXPECT_EQ(recognised(), Dataset::kAffectNet2021);
  touch("Manually_Annotated_file_lists/training.csv");
  EXPECT_EQ(recognised(), Dataset::kAffectNet2017);
  touch("fer2013new.csv");
  EXPECT_EQ(recognised(), Dataset::kFerPlus);
}

TEST_F(RecogniseDataset, ByItsFolders) {
  EXPECT_EQ(recognised(), std::nullopt);
  touch("Happy/clip1/1.jpg");
  EXPECT_EQ(recognised(), Dataset::kWebEmotion);
  touch("train/Happy/1.jpg");
  touch("val/Happy/1.jpg");
  EXPECT_EQ(recognised(), Dataset::kFolders);
  EXPECT_EQ(splits_of(Dataset::kFolders, folder_.path()),
            (std::vector<Split>{Split::kTrain, Split::kValid}));
  touch("DATASET/train/1/a.jpg");
  EXPECT_EQ(recognised(), Dataset::kRafDbRepack);
}

TEST_F(RecogniseDataset, NeedsAFolder) {
  EXPECT_THROW((void)recognise_dataset(folder_.path() / "nowhere"), DataError);
}

}  // namespace
}  // namespace selfcure
