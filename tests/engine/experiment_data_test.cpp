#include "selfcure/engine/experiment_data.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/engine/run_files.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using testing::TemporaryDirectory;

class SharedImages : public ::testing::Test {
 protected:
  SharedImages() { fs::create_directories(root() / "faces"); }

  const fs::path& root() const { return directory_.path(); }

  static Manifest set_of(const fs::path& root, const std::vector<std::string>& images) {
    Manifest manifest;
    manifest.class_names = {"a", "b"};
    manifest.root = root;
    for (const std::string& image : images) manifest.rows.push_back({image, 0, kUnknownLabel});
    return manifest;
  }

  static bool shares(const Manifest& train, const Manifest& test) {
    try {
      refuse_shared_images(train, test, "test set");
    } catch (const DataError&) {
      return true;
    }
    return false;
  }

  TemporaryDirectory directory_;
};

TEST_F(SharedImages, AreFoundUnderEverySpellingOfTheirPath) {
  fs::create_directory_symlink(root() / "faces", root() / "link");
  const Manifest train = set_of(root(), {"faces/1.jpg", "faces/2.jpg"});
  for (const char* const image :
       {"faces/2.jpg", "./faces/2.jpg", "faces//2.jpg", "link/2.jpg", "link/../faces/2.jpg"}) {
    EXPECT_TRUE(shares(train, set_of(root(), {image}))) << image;
  }
  EXPECT_TRUE(shares(train, set_of("elsewhere", {(root() / "faces/2.jpg").string()})));
  EXPECT_TRUE(shares(train, set_of(root() / "link", {"2.jpg"})));
  EXPECT_FALSE(shares(train, set_of(root(), {"faces/3.jpg", "2.jpg"})));
}

TEST_F(SharedImages, AreFoundInJoinedSets) {
  const Manifest first = set_of(root() / "faces", {"1.jpg"});
  const Manifest joined = join({first, set_of(root() / "others", {"1.jpg"})});
  ASSERT_TRUE(joined.root.empty());
  EXPECT_TRUE(shares(joined, first));
  EXPECT_TRUE(shares(first, joined));
  EXPECT_FALSE(shares(joined, set_of(root() / "faces", {"2.jpg"})));
}

// Relative roots make the paths of a joined set relative too.
TEST_F(SharedImages, AreFoundBelowRelativeRoots) {
  const fs::path relative = fs::relative(root() / "faces");
  const Manifest joined = join({set_of(relative, {"1.jpg"}), set_of("others", {"1.jpg"})});
  EXPECT_TRUE(shares(joined, set_of(root() / "faces", {"1.jpg"})));
}

TEST_F(SharedImages, AreTheSameFaceOfAPictureAndTheSameFrameOfAVideo) {
  Manifest train = set_of(root(), {"crowd.jpg", "clip.mp4"});
  train.rows[0].box = {0, 0, 10, 10};
  train.rows[1].frame = 1;
  Manifest test = train;
  test.rows[0].box.x = 20;
  test.rows[1].frame = 2;
  EXPECT_FALSE(shares(train, test));
  test.rows[1].frame = 1;
  EXPECT_TRUE(shares(train, test));
}

class Utf8 : public ::testing::Test {
 protected:
  void write_classes(const std::string& name) {
    for (const std::string split : {"train", "test"}) {
      testing::write_file(directory_.path() / split / name / (split + ".jpg"), "x");
      testing::write_file(directory_.path() / split / "joy" / (split + ".jpg"), "x");
    }
  }

  TemporaryDirectory directory_;
};

TEST_F(Utf8, OtherNamesOfClassesAreRefusedBeforeTheTraining) {
  write_classes("col\xE8re");
  SourceOptions source;
  source.dataset = Dataset::kFolders;
  source.root = directory_.path();
  DataOptions data;
  data.train = {source};
  data.test = {source};
  TrainingObserver observer;
  const Manifest train = load_manifest(data, Split::kTrain, observer);
  try {
    (void)load_evaluated(data, Split::kTest, train.class_names, "test set", observer);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_EQ(error.what(), directory_.path().string() +
                                " test: expected names of classes in UTF-8, got 'col\xE8re', "
                                "which result files cannot hold");
  }
}

TEST_F(Utf8, ACommandLineNeedNotBe) {
  const ExperimentOptions options;
  const std::string text =
      environment_json("selfcure train --set data.root=caf\xE9", c10::Device("cpu"), 1, options);
  EXPECT_EQ(nlohmann::json::parse(text).at("command_line"),
            "selfcure train --set data.root=caf\xEF\xBF\xBD");
}

}  // namespace
}  // namespace selfcure
