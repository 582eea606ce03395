#include "selfcure/data/affectnet.h"

#include <gtest/gtest.h>

#include <fstream>

#include "selfcure/core/errors.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr const char* kHeader =
    "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,"
    "valence,arousal\n";

class AffectNet2017 : public ::testing::Test {
 protected:
  void write_list(const std::string& text, const std::string& name = "training.csv") {
    const fs::path list = folder_.path() / "Manually_Annotated_file_lists" / name;
    fs::create_directories(list.parent_path());
    std::ofstream(list, std::ios::binary) << text;
  }

  AffectNetOptions options() const {
    AffectNetOptions options;
    options.root = folder_.path();
    return options;
  }

  Manifest read() const { return read_affectnet(options(), Split::kTrain); }

  std::string complaint(const std::string& text) {
    write_list(text);
    try {
      (void)read();
    } catch (const DataError& error) {
      return error.what();
    }
    return "no complaint";
  }

  testing::TemporaryDirectory folder_;
  const std::string list_ =
      (folder_.path() / "Manually_Annotated_file_lists" / "training.csv").string();
};

TEST_F(AffectNet2017, ReadsPathsBoxesAndLabels) {
  fs::create_directories(folder_.path() / "Manually_Annotated_Images");
  write_list(std::string(kHeader) +
             "689/a.jpg,134,135,899,899,1.5;2;3;4,1,0.78,-0.06\n"
             "392/b c.JPG,0,-5,10,12,,7,-2,-2");
  const Manifest manifest = read();
  EXPECT_EQ(manifest.name, "AffectNet train");
  EXPECT_EQ(manifest.root, folder_.path() / "Manually_Annotated_Images");
  EXPECT_EQ(manifest.class_names,
            (std::vector<std::string>{"Neutral", "Happy", "Sad", "Surprise", "Fear", "Disgust",
                                      "Anger", "Contempt"}));
  ASSERT_EQ(manifest.size(), 2);
  EXPECT_EQ(manifest.rows[0].image, "689/a.jpg");
  EXPECT_EQ(manifest.rows[0].given, 1);
  EXPECT_EQ(manifest.rows[0].clean, kUnknownLabel);
  EXPECT_EQ(manifest.rows[0].box.x, 134);
  EXPECT_EQ(manifest.rows[0].box.height, 899);
  EXPECT_EQ(manifest.rows[1].image, "392/b c.JPG");
  EXPECT_EQ(manifest.rows[1].box.y, -5);
  EXPECT_EQ(manifest.rows[1].given, 7);
}

TEST_F(AffectNet2017, AHeaderMayBeMissingOrInAnotherOrder) {
  write_list("a.jpg,1,2,3,4,0;0,6,0,0\r\n\r\nb.jpg,1,2,3,4,0;0,0,0,0\r\n");
  EXPECT_EQ(read().size(), 2);
  EXPECT_EQ(read().rows[0].given, 6);
  write_list(
      "\xEF\xBB\xBF"
      "Expression,face_height,FACE_WIDTH,face_y,face_x,subDirectory_filePath,more\n"
      "5,4,3,2,1,a.jpg,x\n");
  const Manifest manifest = read();
  EXPECT_EQ(manifest.rows[0].given, 5);
  EXPECT_EQ(manifest.rows[0].box.width, 3);
  EXPECT_EQ(manifest.rows[0].image, "a.jpg");
}

TEST_F(AffectNet2017, LeavesOutImagesWithoutExpressionOrFace) {
  write_list(std::string(kHeader) +
             "none.jpg,1,2,3,4,0,8,0,0\nuncertain.jpg,1,2,3,4,0,9,0,0\n"
             "nonface.jpg,NULL,NULL,NULL,NULL,NULL,10,-2,-2\n"
             "negative.jpg,1,2,-3,4,0,1,0,0\nkept.jpg,1.0,2.4,3.6,4,0,2,0,0\n");
  const Manifest manifest = read();
  ASSERT_EQ(manifest.size(), 1);
  EXPECT_EQ(manifest.rows[0].image, "kept.jpg");
  EXPECT_EQ(manifest.rows[0].box.width, 4);
}

TEST_F(AffectNet2017, SevenClassesLeaveContemptOut) {
  write_list("a.jpg,1,2,3,4,0,7,0,0\nb.jpg,1,2,3,4,0,6,0,0\n");
  AffectNetOptions seven = options();
  seven.contempt = false;
  const Manifest manifest = read_affectnet(seven, Split::kTrain);
  EXPECT_EQ(manifest.class_count(), 7);
  ASSERT_EQ(manifest.size(), 1);
  EXPECT_EQ(manifest.rows[0].image, "b.jpg");
}

TEST_F(AffectNet2017, FindsTheOtherLayoutsAndTheTestSplit) {
  fs::create_directories(folder_.path() / "Manually_Annotated" / "Manually_Annotated_Images");
  std::ofstream(folder_.path() / "validation.csv") << "v.jpg,1,2,3,4,0,3,0,0\n";
  const Manifest manifest = read_affectnet(options(), Split::kTest);
  EXPECT_EQ(manifest.name, "AffectNet test");
  EXPECT_EQ(manifest.root, folder_.path() / "Manually_Annotated" / "Manually_Annotated_Images");
  EXPECT_EQ(manifest.rows[0].given, 3);
  EXPECT_THROW((void)read_affectnet(options(), Split::kValid), DataError);
}

TEST_F(AffectNet2017, QuotedFieldsAreUnderstood) {
  write_list("\"a,b.jpg\",1,2,3,4,\"0;0,0\",4,0,0\n");
  EXPECT_EQ(read().rows[0].image, "a,b.jpg");
}

TEST_F(AffectNet2017, SaysExactlyWhatIsWrongWithARow) {
  EXPECT_EQ(complaint("a.jpg,1,2,3,4,0,1,0,0\na.jpg,1,2,3\n"),
            list_ + ":2: expected 9 fields, got 4");
  EXPECT_EQ(complaint("a.jpg,1,2,3,4,0,happy,0,0\n"),
            list_ + ":1: expected an expression in 0..10, got 'happy'");
  EXPECT_EQ(complaint("a.jpg,1,2,3,4,0,11,0,0\n"),
            list_ + ":1: expected an expression in 0..10, got 11");
  EXPECT_EQ(complaint("a.jpg,1,2,wide,4,0,1,0,0\n"),
            list_ + ":1: expected a number of pixels in face_width, got 'wide'");
  EXPECT_EQ(complaint("a.jpg,1,2,nan,4,0,1,0,0\n"),
            list_ + ":1: expected a number of pixels in face_width, got 'nan'");
  EXPECT_EQ(complaint("a.jpg,1,2,0,4,0,1,0,0\n"),
            list_ + ":1: expected a face of at least one pixel, got 0x4");
  EXPECT_EQ(complaint(",1,2,3,4,0,1,0,0\n"), list_ + ":1: expected the path of an image, got ''");
  EXPECT_EQ(complaint("subDirectory_filePath,face_x\n"),
            list_ + ":1: expected a column face_y, got 'subDirectory_filePath,face_x'");
  EXPECT_EQ(complaint("\"a.jpg,1\n"),
            list_ + ":1: expected a closing quote in field 1, got the end of the line");
  EXPECT_EQ(complaint(std::string(70000, 'x')),
            list_ + ":1: expected a line of at most 65536 bytes, got a longer one");
  EXPECT_EQ(
      complaint("a.jpg,1,2,3,4,0,8,0,0\n"),
      folder_.path().string() + ": expected images of the train split of AffectNet, got none");
  EXPECT_EQ(complaint(""), folder_.path().string() +
                               ": expected images of the train split of AffectNet, got none");
}

TEST_F(AffectNet2017, BadRowsCanBeLeftOutAndCounted) {
  write_list("a.jpg,1,2,3,4,0,1,0,0\nb.jpg,1\nc.jpg,1,2,3,4,0,99,0,0\nd.jpg,1,2,3,4,0,2,0,0\n");
  BadLines bad_lines;
  AffectNetOptions skip = options();
  skip.bad_lines = &bad_lines;
  EXPECT_EQ(read_affectnet(skip, Split::kTrain).size(), 2);
  EXPECT_EQ(bad_lines.count, 2);
  EXPECT_EQ(bad_lines.messages[0], list_ + ":2: expected 9 fields, got 2");
}

TEST_F(AffectNet2017, SaysWhatIsMissing) {
  try {
    (void)read();
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(std::string(error.what()),
              folder_.path().string() +
                  ": expected training.csv of AffectNet's 2017 release in "
                  "Manually_Annotated_file_lists/ or here, found neither");
  }
}

class AffectNet2021 : public ::testing::Test {
 protected:
  AffectNet2021() {
    for (const char* const set : {"train_set", "val_set"}) {
      fs::create_directories(folder_.path() / set / "annotations");
      fs::create_directories(folder_.path() / set / "images");
    }
    options_.root = folder_.path();
    options_.release = AffectNetRelease::k2021;
  }

  fs::path annotation(const std::string& id, const std::string& set = "train_set") const {
    return folder_.path() / set / "annotations" / (id + "_exp.npy");
  }

  /// A `<U1` as NumPy writes it.
  void annotate(const std::string& id, char code, const std::string& set = "train_set") const {
    std::string header = "{'descr': '<U1', 'fortran_order': False, 'shape': (), }";
    header += std::string(117 - header.size(), ' ') + "\n";
    std::ofstream(annotation(id, set), std::ios::binary)
        << std::string("\x93NUMPY\x01\0\x76\0", 10) << header << code << std::string(3, '\0');
  }

  testing::TemporaryDirectory folder_;
  AffectNetOptions options_;
};

TEST_F(AffectNet2021, ReadsTheExpressionsInTheOrderOfTheIds) {
  annotate("10", '1');
  annotate("2", '0');
  annotate("3", '7');
  std::ofstream(folder_.path() / "train_set" / "annotations" / "2_val.npy") << "not looked at";
  annotate("5", '6', "val_set");
  const Manifest manifest = read_affectnet(options_, Split::kTrain);
  ASSERT_EQ(manifest.size(), 3);
  EXPECT_EQ(manifest.rows[0].image, "images/2.jpg");
  EXPECT_EQ(manifest.rows[2].image, "images/10.jpg");
  EXPECT_EQ(manifest.rows[2].given, 1);
  EXPECT_EQ(manifest.root, folder_.path() / "train_set");
  EXPECT_TRUE(manifest.rows[0].box.empty());
  EXPECT_EQ(read_affectnet(options_, Split::kTest).rows[0].given, 6);
  options_.contempt = false;
  EXPECT_EQ(read_affectnet(options_, Split::kTrain).size(), 2);
}

TEST_F(AffectNet2021, ManyAnnotationsAreTheSameAsRead) {
  constexpr int kCount = 1500;  // several blocks, so that several threads read
  for (int i = 0; i < kCount; ++i) {
    annotate(std::to_string(i), static_cast<char>('0' + i % 8));
  }
  const Manifest manifest = read_affectnet(options_, Split::kTrain);
  ASSERT_EQ(manifest.size(), kCount);
  for (int i = 0; i < kCount; ++i) {
    EXPECT_EQ(manifest.rows[static_cast<std::size_t>(i)].given, i % 8);
  }
}

TEST_F(AffectNet2021, ABadAnnotationIsNamedOrLeftOut) {
  annotate("1", '1');
  annotate("2", 'x');
  try {
    (void)read_affectnet(options_, Split::kTrain);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), annotation("2").string() + ": expected a whole number, got 'x'");
  }
  BadLines bad_lines;
  options_.bad_lines = &bad_lines;
  EXPECT_EQ(read_affectnet(options_, Split::kTrain).size(), 1);
  EXPECT_EQ(bad_lines.count, 1);
}

TEST_F(AffectNet2021, SaysWhichFolderIsMissing) {
  fs::remove_all(folder_.path() / "val_set" / "images");
  try {
    (void)read_affectnet(options_, Split::kTest);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), (folder_.path() / "val_set" / "images").string() +
                                ": expected a folder of AffectNet's 2021 release, found nothing "
                                "there");
  }
}

}  // namespace
}  // namespace selfcure
