#include "selfcure/data/align_tree.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;
using testing::write_file;

constexpr const char* kHeader =
    "path,status,output,x,y,width,height,left_eye_x,left_eye_y,right_eye_x,right_eye_y,"
    "angle_degrees,score,faces\n";

/// Takes the value of the middle pixel for what is to be seen: below 50 nothing, below 100 a face
/// without eyes, else one with eyes; below 200 alone.
class ScriptedDetector : public FaceDetector {
 public:
  explicit ScriptedDetector(std::string name) : name_(std::move(name)) {}

  std::vector<DetectedFace> detect(const PictureView& picture) override {
    ++calls;
    const std::size_t middle = picture.bytes() / 2;
    const int value = picture.pixels[middle];
    if (value < 50) return {};
    DetectedFace face;
    face.x = picture.width / 4.0;
    face.y = picture.height / 4.0;
    face.width = picture.width / 2.0;
    face.height = picture.height / 2.0;
    face.score = 0.875;
    if (value >= 100)
      face.eyes = EyePair{{0.4 * picture.width, 0.4 * picture.height},
                          {0.6 * picture.width, 0.6 * picture.height}};
    if (value < 200) return {face};
    DetectedFace smaller = face;
    smaller.width /= 2;
    return {smaller, face};
  }
  std::string description() const override { return name_; }

  static std::atomic<int> calls;

 private:
  std::string name_;
};
std::atomic<int> ScriptedDetector::calls{0};

class AlignTree : public ::testing::Test {
 protected:
  AlignTree() {
    options_.in = directory_.path() / "in";
    options_.out = directory_.path() / "out";
    options_.crop.side = 20;
    options_.threads = 2;
    fs::create_directories(options_.in);
    ScriptedDetector::calls = 0;
  }

  /// A picture of one grey level, see ScriptedDetector.
  void write_picture(const std::string& name, int level, int side = 40, int type = CV_8UC1) {
    const fs::path path = options_.in / name;
    fs::create_directories(path.parent_path());
    const double scale = CV_MAT_DEPTH(type) == CV_16U ? 257 : 1;
    ASSERT_TRUE(
        cv::imwrite(path.string(), cv::Mat(side, side, type, cv::Scalar::all(level * scale))));
  }

  AlignSummary align(const AlignCallbacks& callbacks = {}) {
    return align_tree(
        options_, [this] { return std::make_unique<ScriptedDetector>(detector_); }, callbacks);
  }

  std::string error() {
    try {
      (void)align();
    } catch (const UserError& error) {
      return error.what();
    }
    return "no error";
  }

  std::string table() const { return read_file(options_.out / "alignment.csv"); }
  cv::Mat crop(const std::string& name) const {
    return cv::imread((options_.out / name).string(), cv::IMREAD_UNCHANGED);
  }

  TemporaryDirectory directory_;
  AlignTreeOptions options_;
  std::string detector_ = "scripted";
};

TEST_F(AlignTree, KeepsNamesAndWritesARowPerPicture) {
  write_picture("a/one.png", 150);
  write_picture("a/b/two, three.PNG", 80);
  write_picture("none.bmp", 10);
  write_picture("several.jpg", 250, 80);
  write_file(options_.in / "notes.txt", "not a picture");
  write_file(options_.in / ".hidden.png", "nor this");
  const AlignSummary summary = align();
  EXPECT_EQ(summary.pictures, 4);
  EXPECT_EQ(summary.aligned, 2);
  EXPECT_EQ(summary.box_only, 1);
  EXPECT_EQ(summary.no_face, 1);
  EXPECT_EQ(summary.unreadable, 0);
  EXPECT_EQ(summary.done_before, 0);
  EXPECT_FALSE(summary.stopped);
  EXPECT_EQ(
      table(),
      std::string(kHeader) +
          "\"a/b/two, three.PNG\",box_only,\"a/b/two, three.PNG\",10.00,10.00,20.00,20.00,,,,,"
          ",0.8750,1\n"
          "a/one.png,aligned,a/one.png,10.00,10.00,20.00,20.00,16.00,16.00,24.00,24.00,45.00,"
          "0.8750,1\n"
          "none.bmp,no_face,,,,,,,,,,,,0\n"
          "several.jpg,aligned,several.jpg,20.00,20.00,40.00,40.00,32.00,32.00,48.00,48.00,"
          "45.00,0.8750,2\n");
  EXPECT_EQ(crop("a/one.png").size(), cv::Size(20, 20));
  EXPECT_EQ(crop("a/b/two, three.PNG").size(), cv::Size(20, 20));
  EXPECT_EQ(crop("several.jpg").size(), cv::Size(20, 20));
  EXPECT_FALSE(fs::exists(options_.out / "none.bmp"));
  EXPECT_FALSE(fs::exists(options_.out / "notes.txt"));
}

TEST_F(AlignTree, WritesTheSameWithAnyNumberOfThreads) {
  for (int i = 0; i < 20; ++i) write_picture(std::to_string(i) + ".png", 40 + 10 * i);
  options_.threads = 1;
  align();
  const std::string one = table();
  options_.out = directory_.path() / "other";
  options_.threads = 7;
  align();
  EXPECT_EQ(table(), one);
}

TEST_F(AlignTree, DoesWhatIsSaidWithoutAFace) {
  write_picture("wide.png", 10);
  cv::Mat wide(30, 60, CV_8UC1, cv::Scalar(10));
  wide.colRange(2, 15).setTo(200);
  ASSERT_TRUE(cv::imwrite((options_.in / "wide.png").string(), wide));
  options_.no_face = NoFacePolicy::kCopy;
  EXPECT_EQ(align().no_face, 1);
  EXPECT_EQ(cv::norm(crop("wide.png"), wide, cv::NORM_INF), 0);
  EXPECT_EQ(table(), std::string(kHeader) + "wide.png,no_face,wide.png,,,,,,,,,,,0\n");
  options_.no_face = NoFacePolicy::kCentre;
  options_.force = true;
  align();
  EXPECT_EQ(crop("wide.png").size(), cv::Size(20, 20));
  EXPECT_EQ(cv::countNonZero(crop("wide.png") != 10), 0) << "the middle only";
}

TEST_F(AlignTree, WritesTheFormatThatIsWanted) {
  for (const char* name : {"a.bmp", "b.jpeg", "c.pgm", "d.ppm", "e.tif", "f.webp", "g.pnm"})
    write_picture(name, 150, 40, std::string(name) == "c.pgm" ? CV_8UC1 : CV_8UC3);
  EXPECT_EQ(align().aligned, 7);
  for (const char* name : {"a.bmp", "b.jpeg", "c.pgm", "d.ppm", "e.tif", "f.webp", "g.pnm"})
    EXPECT_EQ(crop(name).size(), cv::Size(20, 20)) << name;
  options_.out = directory_.path() / "png";
  options_.format = CropFormat::kPng;
  EXPECT_EQ(align().aligned, 7);
  EXPECT_EQ(read_file(options_.out / "b.png").substr(1, 3), "PNG");
  EXPECT_NE(table().find("b.jpeg,aligned,b.png,"), std::string::npos);
}

TEST_F(AlignTree, TakesPicturesOfEveryKind) {
  write_picture("sixteen.png", 150, 40, CV_16UC3);
  write_picture("alpha.png", 150, 40, CV_8UC4);
  write_picture("dot.png", 150, 1);
  write_picture("dot_without_eyes.png", 80, 1);
  ASSERT_TRUE(
      cv::imwrite((options_.in / "long.png").string(), cv::Mat(3, 20000, CV_8UC1, cv::Scalar(80))));
  const AlignSummary summary = align();
  EXPECT_EQ(summary.aligned, 3);
  EXPECT_EQ(summary.box_only, 2);
  EXPECT_EQ(crop("sixteen.png").type(), CV_8UC3);
  EXPECT_EQ(crop("alpha.png").type(), CV_8UC3);
  EXPECT_EQ(crop("sixteen.png").at<cv::Vec3b>(9, 9), cv::Vec3b(150, 150, 150));
}

TEST_F(AlignTree, ListsPicturesThatCannotBeReadAndTriesThemAgain) {
  write_picture("good.png", 150);
  write_picture("long.png", 150);
  const std::string whole = read_file(options_.in / "long.png");
  write_file(options_.in / "cut.png", whole.substr(0, whole.size() - 12));
  write_file(options_.in / "empty.jpg", "");
  write_file(options_.in / "text.jpg", "no picture");
  std::string huge = whole.substr(0, 33);
  huge[16] = huge[20] = 0x7F;  // two billion pixels wide and high
  write_file(options_.in / "huge.png", huge);
  fs::remove(options_.in / "long.png");
  options_.threads = 1;
  std::vector<std::string> warnings;
  AlignCallbacks callbacks;
  callbacks.warning = [&](const std::string& text) { warnings.push_back(text); };
  const AlignSummary summary = align(callbacks);
  EXPECT_EQ(summary.unreadable, 4);
  EXPECT_EQ(summary.aligned, 1);
  const std::string in = fs::canonical(options_.in).string() + "/";
  ASSERT_EQ(warnings.size(), 4U);
  EXPECT_EQ(warnings[0], in + "cut.png: expected a whole image, got one that is cut short (" +
                             std::to_string(whole.size() - 12) + " bytes)");
  EXPECT_EQ(warnings[1], in + "empty.jpg: expected an image, got an empty file");
  EXPECT_EQ(warnings[2],
            in + "huge.png: expected at most 32000 pixels on a side and 100000000 in all, got "
                 "2130706472 x 2130706472");
  EXPECT_EQ(warnings[3], in + "text.jpg: expected an image, got 10 bytes that no decoder reads");
  EXPECT_NE(table().find("cut.png,unreadable,,,,,,,,,,,,\n"), std::string::npos);

  write_picture("cut.png", 150);
  const AlignSummary again = align();
  EXPECT_EQ(again.unreadable, 3);
  EXPECT_EQ(again.aligned, 2);
  EXPECT_EQ(again.done_before, 1);
}

TEST_F(AlignTree, NoticesJpegsThatAreCutShort) {
  write_picture("cut.jpg", 150, 80);
  const std::string whole = read_file(options_.in / "cut.jpg");
  write_file(options_.in / "cut.jpg", whole.substr(0, whole.size() - 2));
  EXPECT_EQ(align().unreadable, 1) << "the decoder would fill in grey";
  write_file(options_.in / "cut.jpg", whole);
  EXPECT_EQ(align().aligned, 1);
}

TEST_F(AlignTree, DoesNothingTwice) {
  write_picture("a.png", 150);
  write_picture("b.png", 10);
  align();
  EXPECT_EQ(ScriptedDetector::calls, 2);
  const std::string before = table();
  const AlignSummary again = align();
  EXPECT_EQ(ScriptedDetector::calls, 2);
  EXPECT_EQ(again.done_before, 2);
  EXPECT_EQ(again.aligned, 1);
  EXPECT_EQ(table(), before);
  write_picture("c.png", 150);
  fs::remove(options_.out / "a.png");
  EXPECT_EQ(align().done_before, 1) << "a crop that is gone is made again";
  EXPECT_EQ(ScriptedDetector::calls, 4);
  EXPECT_TRUE(fs::exists(options_.out / "a.png"));
}

TEST_F(AlignTree, GoesOnAfterAStop) {
  for (int i = 0; i < 9; ++i) write_picture(std::to_string(i) + ".png", 150);
  options_.threads = 1;
  AlignCallbacks callbacks;
  std::vector<std::int64_t> done;
  callbacks.progress = [&](std::int64_t count, std::int64_t) { done.push_back(count); };
  callbacks.should_stop = [&] { return done.back() == 4; };
  const AlignSummary first = align(callbacks);
  EXPECT_TRUE(first.stopped);
  EXPECT_EQ(first.aligned, 4);
  EXPECT_EQ(done, (std::vector<std::int64_t>{0, 1, 2, 3, 4}));
  callbacks.should_stop = {};
  const AlignSummary second = align(callbacks);
  EXPECT_FALSE(second.stopped);
  EXPECT_EQ(second.done_before, 4);
  EXPECT_EQ(second.aligned, 9);
  EXPECT_EQ(ScriptedDetector::calls, 9);
}

TEST_F(AlignTree, GoesOnAfterAKillAtAnyMoment) {
  for (int i = 0; i < 3; ++i) write_picture(std::to_string(i) + ".png", 150);
  align();
  const std::string whole = table();
  // Every state of the table that a kill can leave: appended rows, the last one cut short.
  const std::size_t header = std::string(kHeader).size();
  for (std::size_t length = header; length < whole.size(); length += 13) {
    write_file(options_.out / "alignment.csv", whole.substr(0, length));
    const AlignSummary summary = align();
    EXPECT_EQ(summary.aligned, 3);
    EXPECT_EQ(table(), whole);
  }
  // Before the first row.
  fs::remove(options_.out / "alignment.csv");
  EXPECT_EQ(align().done_before, 0);
  EXPECT_EQ(table(), whole);
  fs::remove_all(options_.out);
  write_file(options_.out / "alignment.json.tmp", "{");
  EXPECT_EQ(align().aligned, 3);
}

TEST_F(AlignTree, TakesAwayACropOfAPictureThatHasNoFaceAnyMore) {
  write_picture("a.png", 10);
  fs::create_directories(options_.out);
  align();
  // As a call leaves it that was killed between crop and row, before the picture was replaced.
  write_file(options_.out / "a.png", "an old crop");
  write_file(options_.out / "alignment.csv", kHeader);
  align();
  EXPECT_FALSE(fs::exists(options_.out / "a.png"));
}

TEST_F(AlignTree, RefusesTheWorkOfOtherOptionsUnlessForced) {
  write_picture("a.png", 150);
  write_picture("b.png", 10);
  options_.no_face = NoFacePolicy::kCopy;
  align();
  const std::string record = (fs::canonical(options_.out) / "alignment.json").string();
  options_.no_face = NoFacePolicy::kSkip;
  EXPECT_EQ(error(), record +
                         ": expected the options of the work there, no_face \"copy\", got \"skip\" "
                         "(force starts afresh)");
  detector_ = "another";
  EXPECT_EQ(error(), record +
                         ": expected the options of the work there, detector \"scripted\", got "
                         "\"another\" (force starts afresh)");
  write_file(options_.out / "mine.txt", "keep");
  options_.force = true;
  EXPECT_EQ(align().aligned, 1);
  EXPECT_TRUE(fs::exists(options_.out / "a.png"));
  EXPECT_FALSE(fs::exists(options_.out / "b.png"));
  EXPECT_TRUE(fs::exists(options_.out / "mine.txt"));
  options_.force = false;
  EXPECT_EQ(error(), "no error");
}

TEST_F(AlignTree, NeverTouchesAFolderOfOthers) {
  write_picture("a.png", 150);
  write_file(options_.out / "a.png", "mine");
  const std::string expected =
      fs::canonical(options_.out).string() +
      ": expected an empty folder or one with an alignment.json, got other files";
  EXPECT_EQ(error(), expected);
  options_.force = true;
  EXPECT_EQ(error(), expected);
  EXPECT_EQ(read_file(options_.out / "a.png"), "mine");
  EXPECT_EQ(ScriptedDetector::calls, 0);
}

TEST_F(AlignTree, RefusesATableThatIsNotItsOwn) {
  write_picture("a.png", 150);
  align();
  const std::string path = (fs::canonical(options_.out) / "alignment.csv").string();
  const auto with = [&](const std::string& text) {
    write_file(options_.out / "alignment.csv", text);
    return error();
  };
  EXPECT_EQ(with("a,b\n"), path + ":1: expected the header of an alignment, got 'a,b'");
  EXPECT_EQ(with(std::string(kHeader) + "a.png,aligned\n"), path + ":2: expected 14 fields, got 2");
  EXPECT_EQ(with(std::string(kHeader) + "a.png,fine,a.png,,,,,,,,,,,1\n"),
            path + ":2: expected a status, got 'fine'");
  EXPECT_EQ(with(std::string(kHeader) + "a.png,aligned,../../a.png,,,,,,,,,,,1\n"),
            path + ":2: expected an output below this folder, got '../../a.png'");
  options_.force = true;
  EXPECT_EQ(error(), "no error");
}

TEST_F(AlignTree, RefusesTwoPicturesOfOneName) {
  write_picture("a.png", 150);
  write_picture("a.bmp", 150);
  options_.format = CropFormat::kJpeg;
  EXPECT_EQ(error(), fs::canonical(options_.in).string() +
                         ": expected another name for each output, got 'a.jpg' for 'a.bmp' and "
                         "'a.png' (keeping the format avoids it)");
  EXPECT_FALSE(fs::exists(options_.out));
}

TEST_F(AlignTree, ChecksItsFolders) {
  EXPECT_EQ(error(),
            fs::canonical(options_.in).string() + ": expected pictures in it or below, found none");
  write_picture("a.png", 150);
  const fs::path in = options_.in, out = options_.out;
  options_.out = in / "below";
  EXPECT_EQ(error(), (fs::canonical(in) / "below").string() + ": expected a folder apart from " +
                         fs::canonical(in).string() + ", got one inside or around it");
  EXPECT_FALSE(fs::exists(options_.out));
  options_.out = directory_.path();
  EXPECT_NE(error().find("got one inside or around it"), std::string::npos);
  write_file(out, "a file");
  options_.out = out;
  EXPECT_EQ(error(), out.string() + ": expected a folder to write to, got a file");
  options_.in = directory_.path() / "nothing";
  EXPECT_EQ(error(), options_.in.string() + ": expected a folder of pictures, found none");
}

TEST_F(AlignTree, ChecksItsNumbers) {
  write_picture("a.png", 150);
  options_.jpeg_quality = 0;
  EXPECT_EQ(error(), "align: JPEG quality: expected 1..100, got 0");
  options_.jpeg_quality = 95;
  options_.threads = -1;
  EXPECT_EQ(error(), "align: threads: expected 0..1024, got -1");
}

TEST_F(AlignTree, FollowsLinksToFoldersOnce) {
  write_picture("real/a.png", 150);
  fs::create_directory_symlink("real", options_.in / "alias");
  fs::create_directory_symlink("..", options_.in / "real/loop");
  const TemporaryDirectory elsewhere;
  fs::create_directory_symlink(elsewhere.path(), options_.in / "outside");
  ASSERT_TRUE(cv::imwrite((elsewhere.path() / "b.png").string(),
                          cv::Mat(20, 20, CV_8UC1, cv::Scalar(150))));
  EXPECT_EQ(align().pictures, 2);
  EXPECT_TRUE(fs::exists(options_.out / "real/a.png"));
  EXPECT_TRUE(fs::exists(options_.out / "outside/b.png"));
}

TEST_F(AlignTree, LetsOneCallWriteAtATime) {
  write_picture("a.png", 150);
  align();
  const int other = ::open(options_.out.c_str(), O_RDONLY | O_DIRECTORY);
  ASSERT_EQ(::flock(other, LOCK_EX | LOCK_NB), 0);
  EXPECT_EQ(error(), fs::canonical(options_.out).string() +
                         ": expected to be alone, got another call that writes here");
  ::close(other);
  EXPECT_EQ(error(), "no error");
}

TEST_F(AlignTree, EndsWhenACropCannotBeWritten) {
  write_picture("a/b.png", 150);
  align();
  fs::remove_all(options_.out / "a");
  write_file(options_.out / "a", "in the way of the folder");
  const std::string message = error();
  EXPECT_EQ(message.find((fs::canonical(options_.out) / "a").string() + ": cannot be made: "), 0U)
      << message;
}

TEST_F(AlignTree, EndsWhenADetectorCannotBeMade) {
  write_picture("a.png", 150);
  const auto fail = []() -> std::unique_ptr<FaceDetector> { throw DataError("no model"); };
  EXPECT_THROW((void)align_tree(options_, fail), DataError);
  EXPECT_FALSE(fs::exists(options_.out));
}

}  // namespace
}  // namespace selfcure
