#include "selfcure/data/class_folders.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

using testing::TemporaryDirectory;
using testing::write_file;
using Names = std::vector<std::string>;

TEST(NaturalOrder, ComparesDigitsByTheirNumber) {
  Names names = {"b", "a10", "a2", "a02", "a1b3", "a1b20", "a", "10", "9", "a18446744073709551617"};
  std::sort(names.begin(), names.end(), natural_less);
  EXPECT_EQ(names, (Names{"9", "10", "a", "a1b3", "a1b20", "a02", "a2", "a10",
                          "a18446744073709551617", "b"}));
}

TEST(NaturalOrder, IsAStrictTotalOrder) {
  const Names names = {"",     "0",  "00",  "a",  "a0",  "a00", "a0b",
                       "a00a", "a1", "a01", "1a", "01b", "\xFF"};
  for (const std::string& x : names) {
    EXPECT_FALSE(natural_less(x, x)) << x;
    for (const std::string& y : names) {
      EXPECT_EQ(natural_less(x, y) != natural_less(y, x), x != y) << x << " and " << y;
      for (const std::string& z : names) {
        if (natural_less(x, y) && natural_less(y, z)) {
          EXPECT_TRUE(natural_less(x, z)) << x << ", " << y << ", " << z;
        }
      }
    }
  }
}

TEST(FileNames, KnowImagesAndVideosInAnyCase) {
  for (const char* const name :
       {"a.jpg", "a.JPEG", "a.b.Png", "a.bmp", "a.webp", "a.tif", "dir/a.TIFF"}) {
    EXPECT_TRUE(is_image_file(name)) << name;
    EXPECT_FALSE(is_video_file(name)) << name;
  }
  for (const char* const name : {"a.mp4", "a.AVI", "a.mkv", "a.webm"}) {
    EXPECT_TRUE(is_video_file(name)) << name;
  }
  for (const char* const name : {"", "a", "jpg", ".jpg", "a.jpg.txt", "a.jp", "a."}) {
    EXPECT_FALSE(is_image_file(name)) << name;
  }
}

TEST(SplitNames, HaveTheUsualSpellings) {
  EXPECT_EQ(split_of_name("Training"), Split::kTrain);
  EXPECT_EQ(split_of_name("val"), Split::kValid);
  EXPECT_EQ(split_of_name("VALID"), Split::kValid);
  EXPECT_EQ(split_of_name("validation"), Split::kValid);
  EXPECT_EQ(split_of_name("testing"), Split::kTest);
  EXPECT_EQ(split_of_name("tests"), std::nullopt);
  EXPECT_EQ(split_of_name(""), std::nullopt);
}

class ClassFolders : public ::testing::Test {
 protected:
  const std::filesystem::path& root() const { return directory_.path(); }
  std::string at(const char* name) const { return (root() / name).string(); }
  void add(const std::string& path) { write_file(root() / path, "x"); }

  Manifest read(Split split = Split::kTrain, const Names& classes = {}) {
    return read_class_folders({root(), classes}, split);
  }
  std::string error(Split split = Split::kTrain, const Names& classes = {}) {
    return error_of({root(), classes}, split);
  }
  static std::string error_of(const ClassFoldersOptions& options, Split split) {
    try {
      (void)read_class_folders(options, split);
    } catch (const DataError& error) {
      return error.what();
    }
    return "no DataError";
  }
  static Names images_of(const Manifest& manifest) {
    Names images;
    for (const ManifestRow& row : manifest.rows) images.push_back(row.image);
    return images;
  }

  TemporaryDirectory directory_;
};

TEST_F(ClassFolders, GiveTheirImagesByClassAndInNaturalOrder) {
  for (const char* const path :
       {"train/sad/img10.jpg", "train/sad/img9.PNG", "train/happy/a.webp", "test/sad/1.tiff"}) {
    add(path);
  }
  const Manifest train = read();
  EXPECT_EQ(train.name, root().string() + " train");
  EXPECT_EQ(train.root, root());
  EXPECT_EQ(train.class_names, (Names{"happy", "sad"}));
  EXPECT_EQ(images_of(train),
            (Names{"train/happy/a.webp", "train/sad/img9.PNG", "train/sad/img10.jpg"}));
  EXPECT_EQ(train.rows[0].given, 0);
  EXPECT_EQ(train.rows[1].given, 1);
  EXPECT_EQ(train.rows[1].clean, kUnknownLabel);
}

TEST_F(ClassFolders, HaveTheSameNumbersInEachSplit) {
  for (const char* const path :
       {"train/b/1.jpg", "train/c/1.jpg", "Val/a/1.jpg", "testing/c/1.jpg"}) {
    add(path);
  }
  const Manifest test = read(Split::kTest);
  EXPECT_EQ(test.class_names, (Names{"a", "b", "c"}));
  EXPECT_EQ(images_of(test), (Names{"testing/c/1.jpg"}));
  EXPECT_EQ(test.rows[0].given, 2);
  EXPECT_EQ(read(Split::kValid).rows[0].given, 0);
}

TEST_F(ClassFolders, NamedByNumbersAreClassesOfTheseNames) {
  for (const char* const path : {"train/10/1.jpg", "train/2/1.jpg", "train/1/1.jpg"}) add(path);
  EXPECT_EQ(read().class_names, (Names{"1", "2", "10"}));
}

TEST_F(ClassFolders, TakeTheGivenOrder) {
  add("train/Happy/1.jpg");
  add("train/sad/1.jpg");
  const Manifest train = read(Split::kTrain, {"sadness", "happiness"});
  EXPECT_EQ(train.class_names, (Names{"sadness", "happiness"}));
  EXPECT_EQ(images_of(train), (Names{"train/sad/1.jpg", "train/Happy/1.jpg"}));
  EXPECT_EQ(train.rows[1].given, 1);
}

TEST_F(ClassFolders, LeaveOtherFilesAndHiddenOnesAlone) {
  for (const char* const path : {"train/a/1.jpg", "train/a/._1.jpg", "train/a/Thumbs.db",
                                 "train/a/deeper/2.jpg", "train/.cache/1.jpg", "train/list.txt"}) {
    add(path);
  }
  EXPECT_EQ(images_of(read()), (Names{"train/a/1.jpg"}));
}

TEST_F(ClassFolders, AClassMayBeEmpty) {
  add("train/a/1.jpg");
  std::filesystem::create_directories(root() / "train/b");
  EXPECT_EQ(read().count_per_class(), (std::vector<std::int64_t>{1, 0}));
}

TEST_F(ClassFolders, FollowLinksToFoldersButNotToImages) {
  add("elsewhere/1.jpg");
  std::filesystem::create_directories(root() / "train");
  std::filesystem::create_directory_symlink("../elsewhere", root() / "train/a");
  std::filesystem::create_symlink("nowhere.jpg", root() / "elsewhere/2.jpg");
  std::filesystem::create_directory_symlink("..", root() / "elsewhere/loop");
  EXPECT_EQ(images_of(read()), (Names{"train/a/1.jpg", "train/a/2.jpg"}));
}

TEST_F(ClassFolders, NameAMissingOrEmptyRoot) {
  EXPECT_EQ(error_of({"", {}}, Split::kTrain), "a set of class folders: no root folder is given");
  EXPECT_EQ(
      error_of({root() / "absent", {}}, Split::kTrain),
      at("absent") + ": expected the root folder of a set of class folders, found nothing there");
  EXPECT_EQ(error(), root().string() + ": expected a folder train or training, found no folder");
}

TEST_F(ClassFolders, NameTheSplitThatIsMissingOrThereTwice) {
  add("Happy/1.jpg");
  add("test/a/1.jpg");
  EXPECT_EQ(error(Split::kValid), root().string() +
                                      ": expected a folder valid or val or validation, found "
                                      "[Happy, test]");
  add("Testing/a/1.jpg");
  EXPECT_EQ(
      error(Split::kTest),
      root().string() + ": expected one folder of the test split, found 'Testing' and 'test'");
}

TEST_F(ClassFolders, NameAGivenClassThatIsMissing) {
  add("train/happy/1.jpg");
  EXPECT_EQ(error(Split::kTrain, {"happy", "sad"}),
            at("train") + ": expected a folder of class 'sad', found [happy]");
}

TEST_F(ClassFolders, NameAFolderThatIsNoGivenClass) {
  add("train/happy/1.jpg");
  add("train/angre/1.jpg");
  EXPECT_EQ(error(Split::kTrain, {"happy", "anger"}),
            at("train") +
                ": expected folders of the classes [happy, anger], found 'angre'; did you "
                "mean 'anger'?");
}

TEST_F(ClassFolders, NameTwoSpellingsOfOneClass) {
  add("train/Happy/1.jpg");
  add("test/happy/1.jpg");
  EXPECT_EQ(error(), root().string() +
                         ": class folders: expected one name for each class, got 'Happy' and "
                         "'happy'");
  add("train/happy/1.jpg");
  EXPECT_EQ(error(Split::kTrain, {"happiness"}),
            at("train") + ": expected one folder of class 'happiness', found 'Happy' and 'happy'");
  EXPECT_EQ(error(Split::kTrain, {"happy", "happiness"}),
            "classes: expected one name for each class, got 'happy' and 'happiness'");
}

TEST_F(ClassFolders, NameAClassWithFoldersInsteadOfImages) {
  add("train/happy/clip1/1.jpg");
  EXPECT_EQ(error(), at("train/happy") +
                         ": expected the images of a class, found none and the folder 'clip1'");
}

TEST_F(ClassFolders, NameASplitWithoutImages) {
  std::filesystem::create_directories(root() / "train");
  EXPECT_EQ(error(), at("train") + ": expected images in a folder per class, found no folder");
  add("train/happy/readme.txt");
  EXPECT_EQ(error(),
            at("train") + ": expected images in a folder per class, found none in [happy]");
}

TEST_F(ClassFolders, AFileIsNoFolderToList) {
  add("train");
  try {
    (void)list_folder(root() / "train");
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              at("train") + ": expected a folder to list, got: Not a directory");
  }
}

}  // namespace
}  // namespace selfcure
