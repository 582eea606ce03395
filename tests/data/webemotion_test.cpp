#include "selfcure/data/webemotion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <limits>
#include <map>
#include <set>
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

class WebEmotion : public ::testing::Test {
 protected:
  WebEmotion() {
    options_.root = root();
    options_.frames_per_video = 2;
    options_.test_share = 0.0;
  }

  const std::filesystem::path& root() const { return directory_.path(); }
  std::string at(const char* name) const { return (root() / name).string(); }
  void add(const std::string& path) { write_file(root() / path, "x"); }

  Manifest read(Split split = Split::kTrain) { return read_webemotion(options_, split); }
  Manifest read_table(std::string_view text) {
    options_.manifest = "clips.csv";
    write_file(root() / "clips.csv", text);
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
  std::string table_error(std::string_view text) {
    return error_of([&] { return read_table(text); });
  }

  /// "image label clip frame" per row.
  static Names rows_of(const Manifest& manifest) {
    Names rows;
    for (const ManifestRow& row : manifest.rows) {
      rows.push_back(row.image + " " + std::to_string(row.given) + " " + std::to_string(row.clip) +
                     " " + std::to_string(row.frame));
    }
    return rows;
  }

  TemporaryDirectory directory_;
  WebEmotionOptions options_;
};

TEST_F(WebEmotion, FramesOfAClipAreContiguousAndInNaturalOrder) {
  for (const char* const path : {"joy/c10/1.jpg", "joy/c9/10.jpg", "joy/c9/9.png", "anger/x/1.jpg",
                                 "joy/c9/info.txt", "joy/notes.txt"}) {
    add(path);
  }
  const Manifest train = read();
  EXPECT_EQ(train.name, "WebEmotion train");
  EXPECT_EQ(train.root, root());
  EXPECT_EQ(train.class_names, (Names{"anger", "joy"}));
  EXPECT_EQ(train.frames_per_video, 0);
  EXPECT_EQ(rows_of(train), (Names{"anger/x/1.jpg 0 0 -1", "joy/c9/9.png 1 1 -1",
                                   "joy/c9/10.jpg 1 1 -1", "joy/c10/1.jpg 1 2 -1"}));
  EXPECT_EQ(train.rows[0].clean, kUnknownLabel);
}

TEST_F(WebEmotion, AVideoGivesItsFrames) {
  for (const char* const path : {"joy/b.MP4", "joy/a/1.jpg", "joy/c.webm"}) add(path);
  const Manifest train = read();
  EXPECT_EQ(train.frames_per_video, 2);
  EXPECT_EQ(rows_of(train), (Names{"joy/a/1.jpg 0 0 -1", "joy/b.MP4 0 1 0", "joy/b.MP4 0 1 1",
                                   "joy/c.webm 0 2 0", "joy/c.webm 0 2 1"}));
}

TEST_F(WebEmotion, GivenClassesSetTheOrder) {
  add("Sad/a/1.jpg");
  add("happy/b/1.jpg");
  options_.classes = {"sadness", "happiness"};
  const Manifest train = read();
  EXPECT_EQ(train.class_names, options_.classes);
  EXPECT_EQ(rows_of(train), (Names{"Sad/a/1.jpg 0 0 -1", "happy/b/1.jpg 1 1 -1"}));
  options_.classes = {"sadness", "happiness", "fear"};
  EXPECT_EQ(error(), root().string() + ": expected a folder of class 'fear', found [Sad, happy]");
  options_.classes = {"sadness"};
  EXPECT_EQ(error(),
            root().string() + ": expected folders of the classes [sadness], found 'happy'");
}

TEST_F(WebEmotion, ABlankInTheTableMakesNoOtherClip) {
  const Manifest train = read_table(
      "path,label,clip_id,keyword\n"
      "joy/c1/1.jpg,joy,c1,x\n"
      "joy/c1/2.jpg, joy, c1,x\n");
  EXPECT_EQ(train.class_names, (Names{"joy"}));
  EXPECT_EQ(rows_of(train), (Names{"joy/c1/1.jpg 0 0 -1", "joy/c1/2.jpg 0 0 -1"}));
}

TEST_F(WebEmotion, EachClipIsInOneSplitWithAllItsFrames) {
  for (int clip = 0; clip < 60; ++clip) {
    for (const char* const frame : {"/1.jpg", "/2.jpg"}) {
      add(std::string(clip % 2 == 0 ? "joy/" : "fear/").append(std::to_string(clip)).append(frame));
    }
  }
  options_.valid_share = 0.2;
  options_.test_share = 0.3;
  std::set<std::string> seen;
  for (const Split split : {Split::kTrain, Split::kValid, Split::kTest}) {
    const Manifest manifest = read(split);
    std::map<std::string, int> rows_of_clip;
    for (const ManifestRow& row : manifest.rows) {
      const std::string clip = row.image.substr(0, row.image.rfind('/'));
      ++rows_of_clip[clip];
      EXPECT_EQ(split_of_clip(clip.substr(clip.find('/') + 1), options_), split);
    }
    for (const auto& [clip, rows] : rows_of_clip) {
      EXPECT_EQ(rows, 2) << clip;
      EXPECT_TRUE(seen.insert(clip).second) << clip;
    }
    EXPECT_EQ(manifest.rows.back().clip + 1, static_cast<std::int32_t>(rows_of_clip.size()));
  }
  EXPECT_EQ(seen.size(), 60U);
}

TEST_F(WebEmotion, SplitsHaveAboutTheirShares) {
  options_.valid_share = 0.2;
  options_.test_share = 0.1;
  std::map<Split, int> count;
  constexpr int kClips = 20000;
  for (int clip = 0; clip < kClips; ++clip) {
    ++count[split_of_clip("clip_" + std::to_string(clip), options_)];
  }
  const double sigma_bound = 5.0 * std::sqrt(0.2 * 0.8 * kClips);
  EXPECT_NEAR(count[Split::kValid], 0.2 * kClips, sigma_bound);
  EXPECT_NEAR(count[Split::kTest], 0.1 * kClips, sigma_bound);
}

TEST_F(WebEmotion, AnotherSeedGivesAnotherSplit) {
  options_.test_share = 0.5;
  WebEmotionOptions other = options_;
  other.split_seed = 1;
  int moved = 0;
  for (int clip = 0; clip < 1000; ++clip) {
    const std::string id = std::to_string(clip);
    if (split_of_clip(id, options_) != split_of_clip(id, other)) ++moved;
  }
  EXPECT_NEAR(moved, 500, 100);
}

// Second letters of train, valid and test. Pinned: a change would move clips between the splits of
// runs that are to be compared.
TEST_F(WebEmotion, SplitsStayFromVersionToVersion) {
  options_.valid_share = 0.25;
  options_.test_share = 0.25;
  std::string splits;
  for (int clip = 0; clip < 16; ++clip) {
    splits += to_string(split_of_clip("clip_" + std::to_string(clip), options_))[1];
  }
  EXPECT_EQ(splits, "eaaeerrrrreeerae");
}

TEST_F(WebEmotion, ATableGroupsTheRowsOfAClip) {
  const Manifest train = read_table(
      "keyword,clip_id,path,label\n"
      "glad,k2,img/10.jpg,happy\n"
      "mad,k1,/data/v.mp4,angry\n"
      "glad,k2,img/9.jpg,happy\n");
  EXPECT_EQ(train.class_names, (Names{"angry", "happy"}));
  EXPECT_EQ(train.frames_per_video, 2);
  EXPECT_EQ(rows_of(train), (Names{"img/9.jpg 1 0 -1", "img/10.jpg 1 0 -1", "/data/v.mp4 0 1 0",
                                   "/data/v.mp4 0 1 1"}));
}

TEST_F(WebEmotion, ATableIsSplitByClip) {
  std::string text = "path,label,clip_id\n";
  for (int row = 0; row < 40; ++row) {
    const std::string clip = std::to_string(row % 20);
    text.append(std::to_string(row)).append(".jpg,joy,").append(clip).append("\n");
  }
  options_.test_share = 0.5;
  const Manifest train = read_table(text);
  const Manifest test = read(Split::kTest);
  EXPECT_EQ(train.size() + test.size(), 40);
  for (const ManifestRow& row : test.rows) {
    EXPECT_EQ(split_of_clip(std::to_string(std::stoi(row.image) % 20), options_), Split::kTest);
  }
}

TEST_F(WebEmotion, ATableTakesGivenClassesByName) {
  options_.classes = {"happiness", "anger"};
  EXPECT_EQ(rows_of(read_table("path,label,clip_id\na.jpg,angry,1\n")), (Names{"a.jpg 1 0 -1"}));
  EXPECT_EQ(table_error("path,label,clip_id\na.jpg,angry,1\nb.jpg,hapiness,2\n"),
            at("clips.csv") +
                ":3: label 'hapiness' is none of the classes [happiness, anger]; did "
                "you mean 'happiness'?");
}

TEST_F(WebEmotion, NamesTheLineOfAWrongTable) {
  const std::string header = "path,label,clip_id,keyword\n";
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"path,label\n", ":1: expected a header with a column 'clip_id', got 'path,label'"},
      {header + "a.jpg,joy,1\n", ":2: expected 4 fields, got 3"},
      {header + "a.txt,joy,1,k\n", ":2: expected the path of an image or a video, got 'a.txt'"},
      {header + "a.jpg,,1,k\n", ":2: expected a label, got an empty field"},
      {header + "a.jpg,joy,,k\n", ":2: expected a clip id, got an empty field"},
      {header + "a.jpg,joy,1,k\na.jpg,joy,1,k\n",
       ":3: expected each path once, got 'a.jpg' as on line 2"},
      {header + "a.jpg,joy,1,k\nb.jpg,fear,1,k\n",
       ":3: expected label 'joy' of clip '1' as on line 2, got 'fear'"},
      {header + "a.jpg,happy,1,k\nb.jpg,Happy,2,k\n",
       ": labels: expected one name for each class, got 'Happy' and 'happy'"},
  };
  for (const auto& [text, what] : cases) EXPECT_EQ(table_error(text), at("clips.csv") + what);
}

TEST_F(WebEmotion, LeavesBadLinesAndEmptyClipsOutIfItMay) {
  BadLines bad;
  options_.bad_lines = &bad;
  options_.classes = {"joy", "fear"};
  EXPECT_EQ(rows_of(read_table("path,label,clip_id\na.jpg,joy,1\nb.jpg,fear,1\na.jpg,joy,1\n"
                               "c.jpg,rage,2\nc.jpg,fear,2\nd.txt,joy,3\ne.jpg\n")),
            (Names{"a.jpg 0 0 -1", "c.jpg 1 1 -1"}));
  const std::string table = at("clips.csv");
  EXPECT_EQ(bad.messages,
            (Names{table + ":3: expected label 'joy' of clip '1' as on line 2, got 'fear'",
                   table + ":4: expected each path once, got 'a.jpg' as on line 2",
                   table + ":5: label 'rage' is none of the classes [joy, fear]",
                   table + ":7: expected the path of an image or a video, got 'd.txt'",
                   table + ":8: expected 3 fields, got 1"}));

  options_.manifest.clear();
  bad = {};
  for (const char* const path : {"joy/c1/readme.txt", "joy/c2/1.jpg", "fear/c3.mp4"}) add(path);
  EXPECT_EQ(rows_of(read()),
            (Names{"joy/c2/1.jpg 0 0 -1", "fear/c3.mp4 1 1 0", "fear/c3.mp4 1 1 1"}));
  EXPECT_EQ(bad.messages,
            (Names{at("joy/c1") + ": expected the frames of a clip, found no image"}));
}

TEST_F(WebEmotion, NamesAMissingRootTableOrClass) {
  EXPECT_EQ(error(), root().string() + ": expected a folder per class, found no folder");
  options_.manifest = "absent.csv";
  EXPECT_EQ(error(), at("absent.csv") + ": expected a list here or at absent.csv, found neither");
  options_.root = root() / "absent";
  EXPECT_EQ(error(),
            at("absent") + ": expected the root folder of WebEmotion, found nothing there");
}

TEST_F(WebEmotion, NamesAnImageOutsideAClip) {
  add("joy/1.jpg");
  EXPECT_EQ(error(),
            at("joy") + ": expected a folder or a video per clip, found the image '1.jpg'");
}

TEST_F(WebEmotion, NamesAClipWithoutFrames) {
  add("joy/c1/readme.txt");
  EXPECT_EQ(error(), at("joy/c1") + ": expected the frames of a clip, found no image");
}

TEST_F(WebEmotion, NamesAClipThatIsThereTwice) {
  add("joy/c1/1.jpg");
  add("joy/c1.mp4");
  EXPECT_EQ(error(), at("joy") + ": expected clip 'c1' once, found 'c1' and 'c1.mp4'");
}

TEST_F(WebEmotion, NamesASplitWithoutClips) {
  add("joy/c1/1.jpg");
  EXPECT_EQ(error(Split::kTest),
            root().string() +
                ": expected clips of the test split with valid_share 0 and test_share 0, got none");
}

TEST_F(WebEmotion, RefusesOptionsOutOfRange) {
  options_.frames_per_video = 0;
  EXPECT_EQ(error(), "frames_per_video: expected 1..1000, got 0");
  options_.frames_per_video = 1001;
  EXPECT_EQ(error(), "frames_per_video: expected 1..1000, got 1001");
  options_.frames_per_video = 8;
  options_.valid_share = -0.5;
  EXPECT_EQ(error(), "valid_share: expected a share in [0, 1], got -0.5");
  options_.valid_share = 0.5;
  options_.test_share = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error(), "test_share: expected a share in [0, 1], got nan");
  options_.test_share = 0.75;
  EXPECT_EQ(error(), "valid_share + test_share: expected at most 1, got 1.25");
}

}  // namespace
}  // namespace selfcure
