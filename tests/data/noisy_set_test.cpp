#include "selfcure/data/noisy_set.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/data/image_list.h"
#include "selfcure/data/noise_file.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;
using testing::write_file;
using Names = std::vector<std::string>;

const Names kClasses = {"Surprise", "Fear", "Disgust, \"mild\"", "Happily Surprised"};

const Names kOddNames = {"plain.jpg",
                         "a folder/two  blanks.jpg",
                         "comma, and \"quotes\".jpg",
                         "semi;colon.jpg",
                         "\"quoted\".png",
                         "Gr\xC3\xBC\xC3\x9F"
                         "e.jpg",
                         "not utf-8 \xFF\xFE.jpg",
                         "5.jpg",
                         "7 5.jpg",
                         "no-ending",
                         "tab\tin it.jpg",
                         "back\\slash.jpg",
                         "clip.mp4",
                         "path,label",
                         "\xE8\xA1\xA8\xE6\x83\x85.png",
                         "a.jpg 3.jpg",
                         "/an/absolute/path/1.jpg"};

Manifest manifest_of(const Names& images) {
  Manifest manifest;
  manifest.name = "RAF-DB train";
  manifest.class_names = kClasses;
  manifest.root = "/data/RAF";
  for (std::size_t i = 0; i < images.size(); ++i) {
    manifest.rows.push_back({images[i], static_cast<std::int32_t>(i % 4), kUnknownLabel});
  }
  return manifest;
}

NoiseOptions symmetric(double rate) {
  NoiseOptions options;
  options.type = NoiseType::kSymmetric;
  options.rate = rate;
  options.seed = 4;
  return options;
}

Manifest noisy_odd_names() {
  Manifest manifest = manifest_of(kOddNames);
  (void)inject_noise(manifest, symmetric(0.6));
  return manifest;
}

/// What `is_same` compares, as a message shows it.
std::string text_of(const ManifestRow& row) {
  std::string text = row.image;
  for (const std::int32_t value : {row.given, row.clean, row.box.x, row.box.y, row.box.width,
                                   row.box.height, row.clip, row.frame}) {
    text += " " + std::to_string(value);
  }
  return text;
}

void expect_same_rows(const Manifest& left, const Manifest& right) {
  ASSERT_EQ(left.size(), right.size());
  for (std::size_t i = 0; i < left.rows.size(); ++i) {
    EXPECT_EQ(text_of(left.rows[i]), text_of(right.rows[i]));
  }
  EXPECT_EQ(left.frames_per_video, right.frames_per_video);
}

std::string error_of(const std::function<void()>& function) {
  try {
    function();
  } catch (const UserError& error) {
    return error.what();
  }
  return "no UserError";
}

class NoisySet : public ::testing::Test {
 protected:
  fs::path folder() const { return directory_.path() / "a new folder"; }

  void write(const Manifest& manifest, bool replace = false) {
    write_noisy_set(folder(), manifest, symmetric(0.6), report_noise(manifest), replace);
  }

  /// With the reader of lists.
  Manifest read_list(const char* name, const Names& classes = kClasses) {
    ImageListOptions options;
    options.root = directory_.path();
    options.train = folder() / name;
    options.classes = classes;
    return read_image_list(options, Split::kTrain);
  }

  /// As noise over the labels before noise.
  Manifest read_noise(const char* name, Manifest manifest) {
    NoiseOptions options;
    options.type = NoiseType::kFile;
    options.file = folder() / name;
    (void)inject_noise(manifest, options);
    return manifest;
  }

  TemporaryDirectory directory_;
};

TEST_F(NoisySet, ReadAsListsGivesTheSameRows) {
  const Manifest noisy = noisy_odd_names();
  write(noisy);
  expect_same_rows(read_list(kNoiseManifestName), noisy);
  Manifest without_clean = noisy;
  for (ManifestRow& row : without_clean.rows) row.clean = kUnknownLabel;
  expect_same_rows(read_list(kNoisyListName), without_clean);
  expect_same_rows(read_list(kNoisyTableName), without_clean);
}

TEST_F(NoisySet, ReadAsNoiseGivesTheSameRows) {
  const Manifest noisy = noisy_odd_names();
  write(noisy);
  for (const char* const name : {kNoisyListName, kNoisyTableName, kNoiseManifestName}) {
    expect_same_rows(read_noise(name, manifest_of(kOddNames)), noisy);
  }
}

TEST_F(NoisySet, KeepsTrueLabelsThatAreNotTheOnesBeforeNoise) {
  Manifest noisy = noisy_odd_names();
  noisy.rows[0].clean = 2;
  noisy.rows[1].clean = kUnknownLabel;
  write(noisy);
  expect_same_rows(read_list(kNoiseManifestName), noisy);
}

TEST_F(NoisySet, KeepsSeveralFacesOfOnePicture) {
  Manifest manifest = manifest_of({"crowd.jpg", "crowd.jpg", "crowd.jpg"});
  manifest.rows[0].box = {0, 0, 10, 10};
  manifest.rows[1].box = {20, 0, 10, 10};
  manifest.rows[2].box = {20, 0, 10, 11};
  for (ManifestRow& row : manifest.rows) row.clean = row.given;
  manifest.rows[1].given = 3;
  write(manifest);
  expect_same_rows(read_list(kNoiseManifestName), manifest);
  manifest.rows[2].box = manifest.rows[0].box;
  write(manifest, true);
  EXPECT_EQ(error_of([&] { (void)read_list(kNoiseManifestName); }),
            (folder() / kNoiseManifestName).string() +
                ":4: expected each path once, got 'crowd.jpg' as on line 2");
}

TEST_F(NoisySet, KeepsBoxesClipsAndFrames) {
  Manifest manifest = manifest_of({"a.jpg", "b.jpg", "c.mp4", "c.mp4"});
  manifest.frames_per_video = 2;
  manifest.rows[1].box = {-3, 4, 50, 60};
  manifest.rows[1].clip = 0;
  manifest.rows[2].clip = 1;
  manifest.rows[2].frame = 0;
  manifest.rows[2].given = 1;
  manifest.rows[3].clip = 1;
  manifest.rows[3].frame = 1;
  manifest.rows[3].given = 0;
  const Manifest before = manifest;
  for (ManifestRow& row : manifest.rows) row.clean = row.given;
  manifest.rows[0].given = 3;
  write(manifest);
  const std::string text = read_file(folder() / kNoiseManifestName);
  EXPECT_EQ(text,
            "path,label,clean_label,label_name,clean_name,face_x,face_y,face_width,face_height,"
            "clip_id,frame,frames_per_video\n"
            "a.jpg,3,0,Happily Surprised,Surprise,,,,,,,\n"
            "b.jpg,1,1,Fear,Fear,-3,4,50,60,0,,\n"
            "c.mp4,1,1,Fear,Fear,,,,,1,0,2\n"
            "c.mp4,0,0,Surprise,Surprise,,,,,1,1,2\n");
  expect_same_rows(read_list(kNoiseManifestName), manifest);
  for (const char* const name : {kNoisyListName, kNoisyTableName, kNoiseManifestName}) {
    expect_same_rows(read_noise(name, before), manifest);
  }
}

TEST_F(NoisySet, HasOnlyTheColumnsThatRowsNeed) {
  Manifest manifest = manifest_of({"a.jpg"});
  manifest.rows[0].clip = 0;
  EXPECT_EQ(noise_manifest_text(manifest),
            "path,label,clean_label,label_name,clean_name,clip_id\na.jpg,0,,Surprise,,0\n");
}

TEST_F(NoisySet, IsWhatOtherProgramsExpect) {
  Manifest manifest = manifest_of({"x/a.jpg", "x/b, c.jpg"});
  manifest.rows[0].clean = 3;
  write(manifest);
  EXPECT_EQ(read_file(folder() / kNoisyListName), "x/a.jpg 0\nx/b, c.jpg 1\n");
  EXPECT_EQ(read_file(folder() / kNoisyTableName), "path,label\nx/a.jpg,0\n\"x/b, c.jpg\",1\n");
  EXPECT_EQ(read_file(folder() / kNoiseManifestName),
            "path,label,clean_label,label_name,clean_name\n"
            "x/a.jpg,0,3,Surprise,Happily Surprised\n\"x/b, c.jpg\",1,,Fear,\n");
  const nlohmann::json record = nlohmann::json::parse(read_file(folder() / kNoiseRecordName));
  EXPECT_EQ(record.at("type"), "symmetric");
  EXPECT_EQ(record.at("root"), "/data/RAF");
  EXPECT_EQ(record.at("rows"), 2);
}

TEST_F(NoisySet, LeavesFilesThatAreThereUnlessToldToReplaceThem) {
  write(manifest_of({"a.jpg"}));
  fs::remove(folder() / kNoisyListName);
  fs::remove(folder() / kNoiseRecordName);
  const Manifest other = manifest_of({"b.jpg"});
  EXPECT_EQ(error_of([&] { write(other); }),
            (folder() / kNoisyTableName).string() + ": expected no such file yet, found one");
  EXPECT_FALSE(fs::exists(folder() / kNoisyListName));
  write(other, true);
  EXPECT_EQ(read_file(folder() / kNoisyListName), "b.jpg 0\n");
  EXPECT_EQ(read_file(folder() / kNoisyTableName), "path,label\nb.jpg,0\n");
  int files = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder())) {
    EXPECT_NE(entry.path().extension(), ".tmp");
    ++files;
  }
  EXPECT_EQ(files, 4);
}

TEST_F(NoisySet, HasNoRecordOfOtherListsIfWritingFails) {
  write(manifest_of({"a.jpg"}));
  fs::remove(folder() / kNoiseManifestName);
  fs::create_directories(folder() / kNoiseManifestName / "in the way");
  EXPECT_NE(error_of([&] { write(manifest_of({"b.jpg"}), true); }), "no UserError");
  EXPECT_EQ(read_file(folder() / kNoisyListName), "b.jpg 0\n");
  EXPECT_FALSE(fs::exists(folder() / kNoiseRecordName));
}

TEST_F(NoisySet, WritesNothingIfOneTextCannotBeMade) {
  EXPECT_EQ(error_of([&] {
              write(manifest_of({"x.jpg", "two\nlines.jpg"}));
            }),
            "RAF-DB train: expected names that fit into a line of a list, got 'two?lines.jpg'");
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(NoisySet, NamesAFolderThatCannotBeMade) {
  write_file(folder(), "a file");
  EXPECT_EQ(error_of([&] { write(manifest_of({"a.jpg"})); }),
            folder().string() + ": expected a folder to write to, got: Not a directory");
}

TEST(NoisyTexts, AreRefusedIfTheyCouldNotBeReadBack) {
  for (const char* const name : {"two\nlines.jpg", " blank.jpg", "blank.jpg ", "", "a.jpg b c",
                                 "a.jpg 3", "a.jpg,", "\xEF\xBB\xBF.jpg"}) {
    std::string shown = name;
    if (shown.find('\n') != std::string::npos) shown[shown.find('\n')] = '?';
    EXPECT_EQ(error_of([&] {
                (void)noisy_list_text(manifest_of({"x.jpg", name}));
              }),
              "RAF-DB train: expected names that fit into a line of a list, got '" + shown + "'");
  }
  for (const auto& text : {noisy_table_text, noise_manifest_text}) {
    for (const char* const name : {"x\r.jpg", "", " "}) {
      const std::string shown = name[0] == 'x' ? "x?.jpg" : name;
      EXPECT_EQ(error_of([&] { (void)text(manifest_of({name})); }),
                "RAF-DB train: expected names of images without line breaks, got '" + shown + "'");
    }
  }
  Manifest manifest = manifest_of({"x.jpg"});
  manifest.class_names[3] = "Neu\ntral";
  EXPECT_EQ(error_of([&] { (void)noise_manifest_text(manifest); }),
            "RAF-DB train: expected class names without line breaks, got 'Neu?tral'");
}

TEST(NoisyTexts, NameARowWithoutALabel) {
  for (const auto& text : {noisy_list_text, noisy_table_text, noise_manifest_text}) {
    Manifest manifest = manifest_of({"x.jpg"});
    manifest.rows[0].given = kUnknownLabel;
    EXPECT_EQ(error_of([&] { (void)text(manifest); }),
              "RAF-DB train: expected labels in 0..3, got -1 for 'x.jpg'");
  }
  Manifest manifest = manifest_of({"x.jpg"});
  manifest.rows[0].clean = 4;
  EXPECT_EQ(error_of([&] { (void)noise_manifest_text(manifest); }),
            "RAF-DB train: expected labels in 0..3, got 4 for 'x.jpg'");
}

}  // namespace
}  // namespace selfcure
