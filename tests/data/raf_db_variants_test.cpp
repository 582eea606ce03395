#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/data/raf_db.h"
#include "selfcure/data/raf_db_compound.h"
#include "selfcure/data/raf_db_repack.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Names = std::vector<std::string>;

class InFolder : public ::testing::Test {
 protected:
  const std::filesystem::path& root() const { return directory_.path(); }
  std::string at(const std::string& name) const { return (root() / name).string(); }

  template <typename Function>
  static std::string error_of(Function function) {
    try {
      (void)function();
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }

  TemporaryDirectory directory_;
};

class RafDbCompound : public InFolder {
 protected:
  void write_set(std::string_view text, const std::string& below) {
    write_file(root() / below / "EmoLabel/list_patition_label.txt", text);
    std::filesystem::create_directories(root() / below / "Image/aligned");
  }
  std::string error(Split split = Split::kTrain) {
    return error_of([&] { return read_raf_db_compound({root()}, split); });
  }
};

TEST_F(RafDbCompound, HasElevenClassesInCodeOrder) {
  write_set("train_0001.jpg 11\ntest_0001.jpg 1\ntrain_0002.jpg 3\n", "compound");
  const Manifest train = read_raf_db_compound({root()}, Split::kTrain);
  EXPECT_EQ(train.name, "RAF-DB compound train");
  EXPECT_EQ(train.root, root() / "compound");
  EXPECT_EQ(train.class_names,
            (Names{"Happily Surprised", "Happily Disgusted", "Sadly Fearful", "Sadly Angry",
                   "Sadly Surprised", "Sadly Disgusted", "Fearfully Angry", "Fearfully Surprised",
                   "Angrily Surprised", "Angrily Disgusted", "Disgustedly Surprised"}));
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.rows[0].image, "Image/aligned/train_0001_aligned.jpg");
  EXPECT_EQ(train.rows[0].given, 10);
  EXPECT_EQ(train.rows[1].given, 2);
  EXPECT_EQ(read_raf_db_compound({root()}, Split::kTest).rows[0].given, 0);
}

TEST_F(RafDbCompound, LiesInTheRootOrBesideTheBasicSet) {
  write_set("train_0001.jpg 9\n", "");
  EXPECT_EQ(read_raf_db_compound({root()}, Split::kTrain).rows[0].given, 8);
  write_set("train_0001.jpg 10\n", "compound");
  write_set("train_00001.jpg 5\n", "basic");
  EXPECT_EQ(read_raf_db_compound({root()}, Split::kTrain).rows[0].given, 9);
  EXPECT_EQ(read_raf_db({root()}, Split::kTrain).rows[0].given, 4);
}

TEST_F(RafDbCompound, NamesTheLineOfALabelOutsideItsRange) {
  write_set("train_0001.jpg 11\ntrain_0002.jpg 12\n", "compound");
  EXPECT_EQ(error(),
            at("compound/EmoLabel/list_patition_label.txt") + ":2: label '12' is not in 1..11");
}

TEST_F(RafDbCompound, IsNotTakenForTheBasicSet) {
  write_set("train_00001.jpg 5\ntrain_00002.jpg 7\n", "");
  EXPECT_EQ(error(), at("EmoLabel/list_patition_label.txt") +
                         ": expected labels up to 11 of RAF-DB compound, got none above 7: is this "
                         "the list of the basic expressions?");
}

TEST_F(RafDbCompound, NamesWhatIsMissing) {
  EXPECT_EQ(error(), root().string() +
                         ": expected EmoLabel/list_patition_label.txt or "
                         "EmoLabel/list_partition_label.txt of RAF-DB compound here or in "
                         "compound/, found neither");
  EXPECT_EQ(error(Split::kValid), "RAF-DB compound has no validation split");
  write_file(root() / "EmoLabel/list_partition_label.txt", "train_0001.jpg 11");
  EXPECT_EQ(error(), at("Image/aligned") +
                         ": expected the folder of RAF-DB compound's aligned faces, found none");
}

TEST_F(RafDbCompound, LeavesBadLinesOutIfItMay) {
  write_set("train_0001.jpg 11\ntrain_0002.jpg 12\ntest_0001.jpg 0\ntrain_0003.jpg 1\n", "");
  BadLines bad;
  EXPECT_EQ(read_raf_db_compound({root(), &bad}, Split::kTrain).size(), 2);
  EXPECT_EQ(bad.count, 2);
}

TEST_F(RafDbCompound, OfTheBasicSetLeavesBadLinesOutIfItMay) {
  write_set("train_1.jpg 5\ntrain_2.jpg\ntrain_1.jpg 6\nface.jpg 1\ntrain_3.jpg 8\ntrain_4.jpg 7",
            "");
  BadLines bad;
  const Manifest train = read_raf_db({root(), &bad}, Split::kTrain);
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.rows[0].given, 4);
  EXPECT_EQ(train.rows[1].given, 6);
  const std::string list = at("EmoLabel/list_patition_label.txt");
  EXPECT_EQ(bad.count, 4);
  EXPECT_EQ(bad.messages,
            (Names{list + ":2: expected an image name and a label, got 'train_2.jpg'",
                   list + ":3: expected each name once, got 'train_1.jpg' as on line 1",
                   list + ":4: expected a name that starts with train_ or test_, got 'face.jpg'",
                   list + ":5: label '8' is not in 1..7"}));
  write_set("train_1.jpg 9\n", "");
  BadLines all_bad;
  EXPECT_EQ(error_of([&] {
              return read_raf_db({root(), &all_bad}, Split::kTrain);
            }),
            list + ": expected images of the train split, got none");
}

class RafDbRepack : public InFolder {
 protected:
  /// @param images  below the split's folder, such as "5/train_1.jpg"
  void write_set(const Names& images, const std::string& split_folder = "DATASET/train") {
    for (int code = 1; code <= 7; ++code) {
      std::filesystem::create_directories(root() / split_folder / std::to_string(code));
    }
    for (const std::string& image : images) write_file(root() / split_folder / image, "x");
  }
  void write_table(std::string_view rows) {
    write_file(root() / "train_labels.csv", std::string("image,label\n").append(rows));
  }
  Manifest read(Split split = Split::kTrain) { return read_raf_db_repack({root()}, split); }
  std::string error(Split split = Split::kTrain) {
    return error_of([&] { return read(split); });
  }
};

TEST_F(RafDbRepack, TakesTheFoldersAsCodesAndSortsByName) {
  write_set({"5/train_00001_aligned.jpg", "1/train_00003_aligned.jpg", "7/train_00002_aligned.jpg",
             "7/notes.txt"});
  write_set({"2/test_0001_aligned.JPG"}, "DATASET/test");
  const Manifest train = read();
  EXPECT_EQ(train.name, "RAF-DB repack train");
  EXPECT_EQ(train.root, root());
  EXPECT_EQ(train.class_names, raf_db_class_names());
  ASSERT_EQ(train.size(), 3);
  EXPECT_EQ(train.rows[0].image, "DATASET/train/5/train_00001_aligned.jpg");
  EXPECT_EQ(train.rows[0].given, 4);
  EXPECT_EQ(train.rows[0].clean, kUnknownLabel);
  EXPECT_EQ(train.rows[1].given, 6);
  EXPECT_EQ(train.rows[2].given, 0);
  EXPECT_EQ(read(Split::kTest).rows.at(0).given, 1);
}

TEST_F(RafDbRepack, MayLieInTheRootItself) {
  write_set({"3/a.jpg"}, "test");
  EXPECT_EQ(read(Split::kTest).rows.at(0).image, "test/3/a.jpg");
}

TEST_F(RafDbRepack, GivesTheSameRowsWithItsTable) {
  write_set({"5/b.jpg", "1/a.jpg"});
  const Manifest without = read();
  write_table("b.jpg,5\r\n\r\na.jpg,1");
  const Manifest with = read();
  ASSERT_EQ(with.size(), 2);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(with.rows[i].image, without.rows[i].image);
    EXPECT_EQ(with.rows[i].given, without.rows[i].given);
  }
}

TEST_F(RafDbRepack, NamesTheLineThatDisagreesWithTheFolders) {
  write_set({"5/b.jpg", "1/a.jpg"});
  const std::string table = at("train_labels.csv");
  write_table("a.jpg,1\nb.jpg,4\n");
  EXPECT_EQ(error(),
            table + ":3: expected 'b.jpg' in DATASET/train/4, found it in DATASET/train/5");
  write_table("a.jpg,1\nc.jpg,4\n");
  EXPECT_EQ(error(), table + ":3: expected 'c.jpg' in DATASET/train/4, found it in no folder");
  write_table("a.jpg,1\n");
  EXPECT_EQ(error(), table + ": expected a row for 'DATASET/train/5/b.jpg', got none");
  write_table("a.jpg,1\na.jpg,1\n");
  EXPECT_EQ(error(), table + ":3: expected each name once, got 'a.jpg' as on line 2");
}

TEST_F(RafDbRepack, TheTablesColumnsMayBeCalledAndOrderedOtherwise) {
  write_set({"5/b.jpg"});
  for (const char* const text :
       {"label,image\n5,b.jpg\n", ",Name, Label\n0,b.jpg, 5 \n", "file,class\nb.jpg,5\n",
        "\xEF\xBB\xBF\"image\",\"label\"\r\n\"b.jpg\",\"5\"\r\n"}) {
    write_file(at("train_labels.csv"), text);
    EXPECT_EQ(read().rows.at(0).given, 4) << text;
  }
}

TEST_F(RafDbRepack, NamesTheLineThatIsNoNameAndLabel) {
  write_set({"5/b.jpg"});
  const std::string table = at("train_labels.csv");
  write_table("b.jpg\n");
  EXPECT_EQ(error(), table + ":2: expected 2 fields, got 1");
  write_table("b.jpg,8\n");
  EXPECT_EQ(error(), table + ":2: label '8' is not in 1..7");
  for (const char* const header : {"b.jpg,5", "label", "image,code,index"}) {
    write_file(table, std::string(header) + "\n");
    EXPECT_EQ(error(), table + ":1: expected a header such as 'image,label', got '" + header + "'");
  }
  write_file(table, "");
  EXPECT_EQ(error(), table + ": expected a header line, got an empty file");
}

TEST_F(RafDbRepack, LeavesOutWhatItsTableDoesNotVouchForIfItMay) {
  write_set({"5/a.jpg", "1/b.jpg", "2/c.jpg", "3/d.jpg"});
  write_table("a.jpg,5\nb.jpg,7\nc.jpg,2\nc.jpg,2\ngone.jpg,1\nd.jpg\n");
  BadLines bad;
  const Manifest train = read_raf_db_repack({root(), &bad}, Split::kTrain);
  ASSERT_EQ(train.size(), 2);
  EXPECT_EQ(train.rows[0].image, "DATASET/train/5/a.jpg");
  EXPECT_EQ(train.rows[1].image, "DATASET/train/2/c.jpg");
  const std::string table = at("train_labels.csv");
  EXPECT_EQ(bad.messages,
            (Names{table + ":3: expected 'b.jpg' in DATASET/train/7, found it in DATASET/train/1",
                   table + ":5: expected each name once, got 'c.jpg' as on line 4",
                   table + ":6: expected 'gone.jpg' in DATASET/train/1, found it in no folder",
                   table + ":7: expected 2 fields, got 1",
                   table + ": expected a row for 'DATASET/train/3/d.jpg', got none"}));
}

TEST_F(RafDbRepack, NamesAnImageInTwoFolders) {
  write_set({"5/b.jpg", "2/b.jpg"});
  EXPECT_EQ(error(), at("DATASET/train") + ": expected 'b.jpg' in one folder, found it in 2 and 5");
}

TEST_F(RafDbRepack, NeedsTheSevenFoldersAndNoOther) {
  write_set({"5/b.jpg"});
  std::filesystem::create_directories(root() / "DATASET/train/0");
  EXPECT_EQ(error(), at("DATASET/train") +
                         ": expected the folders 1..7 of RAF-DB's repack, found [0, 1, 2, 3, 4, 5, "
                         "6, 7]");
  std::filesystem::remove_all(root() / "DATASET/train");
  std::filesystem::create_directories(root() / "DATASET/train");
  EXPECT_EQ(error(), at("DATASET/train") +
                         ": expected the folders 1..7 of RAF-DB's repack, found no folder");
}

TEST_F(RafDbRepack, NamesWhatIsMissing) {
  EXPECT_EQ(error(), root().string() +
                         ": expected the folder DATASET/train or train of RAF-DB's repack, found "
                         "neither");
  write_set({});
  EXPECT_EQ(error(), at("DATASET/train") + ": expected images in the folders 1..7, got none");
  EXPECT_EQ(error(Split::kValid), "RAF-DB's repack has no validation split");
  EXPECT_EQ(error_of([] { return read_raf_db_repack({""}, Split::kTrain); }),
            "RAF-DB's repack: no root folder is given");
}

}  // namespace
}  // namespace selfcure
