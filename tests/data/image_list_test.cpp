#include "selfcure/data/image_list.h"

#include <gtest/gtest.h>

#include <filesystem>
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
using Names = std::vector<std::string>;
using Labels = std::vector<std::int32_t>;

const Names kMoods = {"sad", "happy", "Happily Surprised"};

class ImageList : public ::testing::Test {
 protected:
  ImageList() {
    options_.root = root();
    options_.train = "train.txt";
  }

  const std::filesystem::path& root() const { return directory_.path(); }
  std::string at(const char* name) const { return (root() / name).string(); }
  void write(const char* name, std::string_view text) { write_file(root() / name, text); }

  Manifest read(Split split = Split::kTrain) { return read_image_list(options_, split); }
  Manifest read_text(std::string_view text) {
    write("train.txt", text);
    return read();
  }
  Manifest read_csv(std::string_view text) {
    options_.train = "train.csv";
    write("train.csv", text);
    return read();
  }

  template <typename Function>
  static std::string error_of(Function function) {
    try {
      (void)function();
    } catch (const UserError& error) {
      return error.what();
    }
    return "no UserError";
  }
  std::string error(Split split = Split::kTrain) {
    return error_of([&] { return read(split); });
  }
  std::string text_error(std::string_view text) {
    return error_of([&] { return read_text(text); });
  }
  std::string csv_error(std::string_view text) {
    return error_of([&] { return read_csv(text); });
  }

  static Names images_of(const Manifest& manifest) {
    Names images;
    for (const ManifestRow& row : manifest.rows) images.push_back(row.image);
    return images;
  }
  static Labels given_of(const Manifest& manifest) {
    Labels labels;
    for (const ManifestRow& row : manifest.rows) labels.push_back(row.given);
    return labels;
  }

  TemporaryDirectory directory_;
  ImageListOptions options_;
};

TEST_F(ImageList, GivesPathsAndLabelsInTheListsOrder) {
  const Manifest train =
      read_text("\xEF\xBB\xBFz.jpg 2\r\n\r\n \t\n./sub/a.png\t0 \n/data/c.jpg 0");
  EXPECT_EQ(train.name, "train.txt train");
  EXPECT_EQ(train.root, root());
  EXPECT_EQ(images_of(train), (Names{"z.jpg", "./sub/a.png", "/data/c.jpg"}));
  EXPECT_EQ(given_of(train), (Labels{2, 0, 0}));
  EXPECT_EQ(train.rows[0].clean, kUnknownLabel);
}

TEST_F(ImageList, AThirdColumnIsIgnored) {
  const Manifest train = read_text("a.jpg 1 0\nb.jpg 0 0.87\nc.jpg 1 c2.jpg\n");
  EXPECT_EQ(images_of(train), (Names{"a.jpg", "b.jpg", "c.jpg"}));
  EXPECT_EQ(given_of(train), (Labels{1, 0, 1}));
}

TEST_F(ImageList, NamesMayHaveBlanks) {
  const Manifest train = read_text(
      "my face.jpg 1\nmy  other face.jpg 0 0.5\na.jpg b.jpg 1\nno ending 0\nx.jpg - Copy.jpg 1\n");
  EXPECT_EQ(images_of(train), (Names{"my face.jpg", "my  other face.jpg", "a.jpg b.jpg",
                                     "no ending", "x.jpg - Copy.jpg"}));
  EXPECT_EQ(given_of(train), (Labels{1, 0, 1, 0, 1}));
}

TEST_F(ImageList, IntegersAreClassesUpToTheGreatest) {
  EXPECT_EQ(read_text("a.jpg 0\nb.jpg 3\n").class_names,
            (Names{"class 0", "class 1", "class 2", "class 3"}));
  options_.first_label = 1;
  const Manifest from_one = read_text("a.jpg 1\nb.jpg 3\n");
  EXPECT_EQ(from_one.class_names, (Names{"class 1", "class 2", "class 3"}));
  EXPECT_EQ(given_of(from_one), (Labels{0, 2}));
}

TEST_F(ImageList, NamesAreClassesInNaturalOrder) {
  const Manifest train = read_text("a.jpg mood10\nb.jpg mood9\nc.jpg mood10 0.5\n");
  EXPECT_EQ(train.class_names, (Names{"mood9", "mood10"}));
  EXPECT_EQ(given_of(train), (Labels{1, 0, 1}));
}

TEST_F(ImageList, GivenClassesAreMetByNameAndByNumber) {
  options_.classes = kMoods;
  const Manifest train = read_text(
      "a.jpg happy\nb.jpg Happiness x\nc.jpg 0\nd.jpg Happily Surprised\ne.jpg 2 extra\n");
  EXPECT_EQ(train.class_names, kMoods);
  EXPECT_EQ(given_of(train), (Labels{1, 1, 0, 2, 2}));
  EXPECT_EQ(train.rows[3].image, "d.jpg");
}

TEST_F(ImageList, AGivenNameGoesBeforeANumber) {
  options_.classes = {"1", "2", "0"};
  EXPECT_EQ(given_of(read_text("a.jpg 0\nb.jpg 1\n")), (Labels{2, 0}));
}

TEST_F(ImageList, ClassesAreTheSameInEachSplit) {
  options_.test = "test.txt";
  write("train.txt", "a.jpg b\n");
  write("test.txt", "b.jpg a\nc.jpg b\n");
  EXPECT_EQ(read(Split::kTrain).class_names, (Names{"a", "b"}));
  EXPECT_EQ(given_of(read(Split::kTrain)), (Labels{1}));
  EXPECT_EQ(images_of(read(Split::kTest)), (Names{"b.jpg", "c.jpg"}));
  write("test.txt", "b.jpg 3\n");
  EXPECT_EQ(error(), at("test.txt") + ":1: expected the name of a class as in " + at("train.txt") +
                         ":1, got '3'");
}

TEST_F(ImageList, ListsMayLieAnywhere) {
  const TemporaryDirectory elsewhere;
  write_file(elsewhere.path() / "noisy.txt", "a.jpg 0\n");
  options_.train = elsewhere.path() / "noisy.txt";
  EXPECT_EQ(read().size(), 1);
  options_.train = "absent.txt";
  EXPECT_EQ(error(), at("absent.txt") + ": expected a list here or at absent.txt, found neither");
}

TEST_F(ImageList, ATableMayHaveItsColumnsInAnyOrder) {
  const Manifest train = read_csv(
      ",Label, Clean_Label ,PATH\n0,happy,sad,\"a, b.jpg\"\n\n1,sad,,b.jpg\n2, sad ,sad,c.jpg\n");
  EXPECT_EQ(images_of(train), (Names{"a, b.jpg", "b.jpg", "c.jpg"}));
  EXPECT_EQ(given_of(train), (Labels{0, 1, 1}));
  EXPECT_EQ(train.rows[0].clean, 1);
  EXPECT_EQ(train.rows[1].clean, kUnknownLabel);
}

TEST_F(ImageList, TheColumnsOfATableCanBeNamed) {
  options_.path_column = "file";
  options_.label_column = "noisy";
  options_.clean_column = "label";
  const Manifest train = read_csv("path,file,noisy,label\nx,a.jpg,1,0\n");
  EXPECT_EQ(images_of(train), (Names{"a.jpg"}));
  EXPECT_EQ(given_of(train), (Labels{1}));
  EXPECT_EQ(train.rows[0].clean, 0);
}

TEST_F(ImageList, OneTableMayHoldAllSplits) {
  options_.train.clear();
  options_.file = "all.csv";
  write("all.csv", "image,label,split\na.jpg,0,train\nb.jpg,1,Testing\nc.jpg,2,val\n");
  EXPECT_EQ(images_of(read(Split::kTrain)), (Names{"a.jpg"}));
  EXPECT_EQ(images_of(read(Split::kValid)), (Names{"c.jpg"}));
  EXPECT_EQ(images_of(read(Split::kTest)), (Names{"b.jpg"}));
  EXPECT_EQ(read(Split::kTest).class_count(), 3);
}

TEST_F(ImageList, RowsOfAnotherSplitAreLeftOutOfASplitsTable) {
  EXPECT_EQ(images_of(read_csv("image,label,split\na.jpg,0,train\nb.jpg,1,test\n")),
            (Names{"a.jpg"}));
}

TEST_F(ImageList, TheFormatCanBeForced) {
  options_.format = ListFormat::kCsv;
  EXPECT_EQ(images_of(read_text("path,label\na.jpg,0\n")), (Names{"a.jpg"}));
  options_.format = ListFormat::kText;
  EXPECT_EQ(images_of(read_csv("a.jpg 0\n")), (Names{"a.jpg"}));
}

TEST_F(ImageList, JoinsByFileNameOnly) {
  options_.join = ListJoin::kName;
  for (const char* const path : {"x/1/a.jpg", "x/2/b.jpg", "other/._a.jpg", "other/c.jpg"}) {
    write(path, "x");
  }
  std::filesystem::create_directory_symlink("..", root() / "x/loop");
  const Manifest train = read_text("/home/me/a.jpg 0\nC:\\faces\\b.jpg 1\n");
  EXPECT_EQ(images_of(train), (Names{"x/1/a.jpg", "x/2/b.jpg"}));
}

TEST_F(ImageList, FollowsLinksToFoldersWhenJoiningByFileName) {
  options_.join = ListJoin::kName;
  const TemporaryDirectory elsewhere;
  write_file(elsewhere.path() / "deep/a.jpg", "x");
  std::filesystem::create_directory_symlink(elsewhere.path(), root() / "linked");
  EXPECT_EQ(images_of(read_text("a.jpg 0\n")), (Names{"linked/deep/a.jpg"}));
}

TEST_F(ImageList, NamesAFileNameThatIsMissingOrAmbiguous) {
  options_.join = ListJoin::kName;
  write("x/a.jpg", "x");
  write("y/a.jpg", "x");
  EXPECT_EQ(text_error("p/a.jpg 0\n"), at("train.txt") +
                                           ":1: expected one file named 'a.jpg' below " +
                                           root().string() + ", found 'x/a.jpg' and 'y/a.jpg'");
  EXPECT_EQ(text_error("\nb.jpg 0\n"), at("train.txt") +
                                           ":2: expected one file named 'b.jpg' below " +
                                           root().string() + ", found none");
  write("x/b.jpg", "x");
  EXPECT_EQ(text_error("p/b.jpg 0\nq/b.jpg 0\n"),
            at("train.txt") + ":2: expected each path once, got 'x/b.jpg' as on line 1");
}

TEST_F(ImageList, NamesALineWithoutALabel) {
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg\n"),
            at("train.txt") + ":2: expected a path and a label, got 'b.jpg'");
  EXPECT_EQ(text_error("my face.jpg\n"),
            at("train.txt") + ":1: expected a path and a label, got 'my face.jpg'");
}

TEST_F(ImageList, NamesALineWithMoreThanAPathAndALabel) {
  for (const char* const line : {"a.jpg Happily Surprised", "a.jpg 1 2 3"}) {
    EXPECT_EQ(text_error(line),
              at("train.txt") + ":1: expected a path and a label, got '" + line + "'");
  }
}

TEST_F(ImageList, NamesALineThatIsNotText) {
  EXPECT_EQ(text_error(std::string_view("a.jpg\0.jpg 1\n", 13)),
            at("train.txt") +
                ":1: expected a path in UTF-8 or another text without zero bytes, got "
                "'a.jpg?.jpg'");
  EXPECT_EQ(text_error("a.jpg,\n"), at("train.txt") + ":1: expected a label, got an empty field");
}

TEST_F(ImageList, PathsNeedNotBeUtf8NorExist) {
  EXPECT_EQ(images_of(read_text("/gone/Gr\xFC\xDF"
                                "e.jpg 0\nb.jpg,0\nc.jpg;0\n")),
            (Names{"/gone/Gr\xFC\xDF"
                   "e.jpg",
                   "b.jpg", "c.jpg"}));
}

TEST_F(ImageList, LeavesBadLinesOutAndCountsThemIfItMay) {
  BadLines bad;
  options_.bad_lines = &bad;
  options_.test = "test.txt";
  write("test.txt", "t.jpg 2\nbad\nt.jpg 9999\n");
  const Manifest train =
      read_text("a.jpg 1\nb.jpg\na.jpg 0\nc.jpg 1000\nd.jpg -1\ne.jpg 0\nf.jpg 1000\n");
  EXPECT_EQ(images_of(train), (Names{"a.jpg", "e.jpg"}));
  EXPECT_EQ(given_of(train), (Labels{1, 0}));
  EXPECT_EQ(train.class_count(), 3);
  const std::string list = at("train.txt");
  EXPECT_EQ(bad.messages, (Names{list + ":2: expected a path and a label, got 'b.jpg'",
                                 list + ":3: expected each path once, got 'a.jpg' as on line 1",
                                 list + ":4: label '1000' is not in 0..999",
                                 list + ":5: label '-1' is not in 0..999",
                                 list + ":7: label '1000' is not in 0..999"}));
  EXPECT_EQ(bad.count, 5);
}

TEST_F(ImageList, LeavesBadRowsOfATableOut) {
  BadLines bad;
  options_.bad_lines = &bad;
  options_.classes = kMoods;
  options_.join = ListJoin::kName;
  write("x/a.jpg", "");
  const Manifest train = read_csv("path,label\na.jpg,sad\nb.jpg\nc.jpg,sad\n,sad\nd.jpg,bored\n");
  EXPECT_EQ(images_of(train), (Names{"x/a.jpg"}));
  const std::string table = at("train.csv");
  EXPECT_EQ(bad.messages,
            (Names{table + ":3: expected 2 fields, got 1",
                   table + ":5: expected the path of an image, got an empty field",
                   table + ":4: expected one file named 'c.jpg' below " + root().string() +
                       ", found none",
                   table + ":6: label 'bored' is none of the classes [sad, happy, Happily "
                           "Surprised]"}));
}

TEST_F(ImageList, WhatConcernsAllLinesIsAnErrorEvenIfBadLinesAreLeftOut) {
  BadLines bad;
  options_.bad_lines = &bad;
  EXPECT_EQ(text_error("a.jpg\n"),
            at("train.txt") + ": expected images of the train split, got none");
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg happy\n"), at("train.txt") +
                                                      ":2: expected an integer label as in " +
                                                      at("train.txt") + ":1, got 'happy'");
  EXPECT_EQ(csv_error("image,class\n"),
            at("train.csv") + ":1: expected a header with a column 'label', got 'image,class'");
}

TEST_F(ImageList, ATableMayHaveBoxesClipsAndFrames) {
  const Manifest train = read_csv(
      "path,label,face_y,face_x,face_width,face_height,clip_id,frame,frames_per_video\n"
      "a.jpg,0,-2,1,30,40,,,\nv.mp4,1,,,,,two,0,3\nb.jpg,0,,,,,one,,\nv.mp4,1,,,,,two,2,3\n");
  EXPECT_EQ(train.frames_per_video, 3);
  const FaceBox& box = train.rows.at(0).box;
  EXPECT_EQ((Labels{box.x, box.y, box.width, box.height}), (Labels{1, -2, 30, 40}));
  EXPECT_TRUE(train.rows[1].box.empty());
  Labels clips_and_frames;
  for (const ManifestRow& row : train.rows) {
    clips_and_frames.push_back(row.clip);
    clips_and_frames.push_back(row.frame);
  }
  EXPECT_EQ(clips_and_frames, (Labels{-1, -1, 0, 0, 1, -1, 0, 2}));
}

TEST_F(ImageList, NamesABoxOrFrameThatIsNone) {
  const std::string box = "path,label,face_x,face_y,face_width,face_height\n";
  const std::string frame = "path,label,frame,frames_per_video\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"path,label,face_x\n",
       ":1: expected a header with a column 'face_y', got 'path,label,face_x'"},
      {box + "a.jpg,0,1,2,3,\n", ":2: expected face_height in 1..1000000, got ''"},
      {box + "a.jpg,0,1,2,0,3\n", ":2: expected face_width in 1..1000000, got '0'"},
      {box + "a.jpg,0,1e3,2,1,3\n", ":2: expected face_x in -1000000..1000000, got '1e3'"},
      {"path,label,frame\n",
       ":1: expected a header with a column 'frames_per_video', got 'path,label,frame'"},
      {frame + "a.mp4,0,2,2\n", ":2: expected frame in 0..1, got '2'"},
      {frame + "a.mp4,0,0,1001\n", ":2: expected frames_per_video in 1..1000, got '1001'"},
      {frame + "a.mp4,0,0,2\na.mp4,0,1,3\n",
       ":3: expected 2 frames_per_video as in the rows above, got 3"},
      {frame + "a.mp4,0,1,2\na.mp4,0,1,2\n",
       ":3: expected each path once, got 'a.mp4' (frame 1) as on line 2"},
  };
  for (const auto& [text, what] : cases) EXPECT_EQ(csv_error(text), at("train.csv") + what);
}

TEST_F(ImageList, NamesALabelOutsideItsRange) {
  const std::string where = at("train.txt") + ":2: label ";
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg -1\n"), where + "'-1' is not in 0..999");
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg 1000\n"), where + "'1000' is not in 0..999");
  options_.classes = kMoods;
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg 3\n"), where + "'3' is not in 0..2");
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg hapy\n"),
            where +
                "'hapy' is none of the classes [sad, happy, Happily Surprised]; did you mean "
                "'happy'?");
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg 99999999999999999999\n"),
            where +
                "'99999999999999999999' is none of the classes [sad, happy, Happily "
                "Surprised]");
}

TEST_F(ImageList, NamesALabelOfTheOtherKind) {
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg happy\n"), at("train.txt") +
                                                      ":2: expected an integer label as in " +
                                                      at("train.txt") + ":1, got 'happy'");
}

TEST_F(ImageList, NamesTwoSpellingsOfOneClass) {
  EXPECT_EQ(text_error("a.jpg happy\nb.jpg Happiness\n"),
            at("train.txt") +
                ":1: labels of the list: expected one name for each class, got "
                "'Happiness' and 'happy'");
  options_.classes = {"sad", "Sadness"};
  EXPECT_EQ(text_error("a.jpg sad\n"),
            "classes: expected one name for each class, got 'sad' and 'Sadness'");
}

TEST_F(ImageList, RefusesMoreLabelsThanClassesCanBe) {
  std::string text;
  for (int i = 0; i < 1001; ++i) {
    const std::string number = std::to_string(i);
    text.append(number).append(".jpg name").append(number).append("\n");
  }
  EXPECT_EQ(text_error(text), at("train.txt") +
                                  ":1001: expected at most 1000 different labels, got 'name1000' "
                                  "as the next one");
}

TEST_F(ImageList, NamesAPathThatComesTwice) {
  EXPECT_EQ(text_error("a.jpg 0\nb.jpg 0\na.jpg 1\n"),
            at("train.txt") + ":3: expected each path once, got 'a.jpg' as on line 1");
}

TEST_F(ImageList, NamesASplitWithoutRows) {
  EXPECT_EQ(text_error("\n"), at("train.txt") + ": expected images of the train split, got none");
  EXPECT_EQ(error(Split::kTest), root().string() + ": expected a list of the test split, got none");
}

TEST_F(ImageList, NamesAWrongTable) {
  const std::string table = at("train.csv");
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"", ": expected a header line, got an empty file"},
      {"a.jpg,1\n",
       ":1: expected a header with a column 'path' or 'image' or 'name', got 'a.jpg,1'"},
      {"path,class\n", ":1: expected a header with a column 'label', got 'path,class'"},
      {"path,label,Path\n", ":1: expected each column once, got 'Path' twice"},
      {"path,label\na.jpg\n", ":2: expected 2 fields, got 1"},
      {"path,label\na.jpg,1,2\n", ":2: expected 2 fields, got 3"},
      {"path,label\n,1\n", ":2: expected the path of an image, got an empty field"},
      {"path,label\na.jpg, \n", ":2: expected a label, got an empty field"},
      {"path,label\n\"a.jpg,1\n",
       ":2: expected a closing quote in field 1, got the end of the line"},
      {"path,label,split\na.jpg,1,dev\n",
       ":2: expected a split such as train, valid or test, got 'dev'"},
  };
  for (const auto& [text, what] : cases) EXPECT_EQ(csv_error(text), table + what);
}

TEST_F(ImageList, ATableForAllSplitsNeedsTheirColumn) {
  options_.train.clear();
  options_.file = "all.csv";
  write("all.csv", "image,label\na.jpg,0\n");
  EXPECT_EQ(error(),
            at("all.csv") + ":1: expected a header with a column 'split', got 'image,label'");
  options_.file = "all.txt";
  write("all.txt", "a.jpg 0\n");
  EXPECT_EQ(error(),
            at("all.txt") + ": expected a CSV table with a column of splits, got a plain list");
}

TEST_F(ImageList, RefusesALineThatWouldFillTheMemory) {
  const std::string line = "path,label" + std::string((1 << 20) - 9, ',');
  EXPECT_EQ(csv_error(line),
            at("train.csv") + ":1: expected a line of at most 1048576 bytes, got 1048577");
  EXPECT_EQ(csv_error("path,label" + std::string(999, ',')),
            at("train.csv") + ":1: expected at most 1000 columns, got 1001");
  EXPECT_EQ(text_error("a.jpg 0\n" + std::string((1 << 20) + 1, 'x')),
            at("train.csv") + ":1: expected at most 1000 columns, got 1001");
  options_.train = "train.txt";
  EXPECT_EQ(error(), at("train.txt") + ":2: expected a line of at most 1048576 bytes, got 1048577");
}

TEST_F(ImageList, RefusesContradictingOptions) {
  options_.file = "all.csv";
  EXPECT_EQ(error(), "image list: expected either one file or a list per split, got both");
  options_.file.clear();
  options_.train.clear();
  EXPECT_EQ(error(), "image list: expected a file or a list per split, got neither");
  options_.train = "train.txt";
  options_.first_label = 2;
  EXPECT_EQ(error(), "image list: expected 0 or 1 as the first label, got 2");
  options_.first_label = 0;
  options_.root.clear();
  EXPECT_EQ(error(), "an image list: no root folder is given");
}

}  // namespace
}  // namespace selfcure
