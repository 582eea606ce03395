#include <algorithm>
#include <array>
#include <cstdio>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "demo_layout.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 48;
constexpr int kVoters = 10;
constexpr std::size_t kVoteColumns = 10;
constexpr std::size_t kUnknownColumn = 8, kNotAFaceColumn = 9;
constexpr std::int64_t kNotAFaceEvery = 50;
constexpr std::int64_t kNamelessEvery = 100;
constexpr double kOldLabelWrong = 0.3;
constexpr std::uint64_t kVotesField = 101, kOldLabelField = 102;

/// FERPlus's column and FER2013's emotion of a code 1..8; FER2013 takes contempt for neutral.
constexpr std::array<std::size_t, 9> kColumnOfCode = {0, 2, 6, 5, 1, 3, 4, 0, 7};
constexpr std::array<int, 9> kEmotionOfCode = {6, 5, 2, 1, 3, 4, 0, 6, 6};

struct SplitNames {
  const char* folder;
  const char* usage;
};
constexpr std::array<SplitNames, 3> kSplits = {
    {{"FER2013Train", "Training"}, {"FER2013Valid", "PublicTest"}, {"FER2013Test", "PrivateTest"}}};

using Votes = std::array<int, kVoteColumns>;

class FerPlusWriter : public DemoLayoutWriter {
 public:
  explicit FerPlusWriter(const DemoDataOptions& options)
      : DemoLayoutWriter(options), rows_(static_cast<std::size_t>(count())) {}

  std::int64_t count() const override { return options_.train_count + 2 * options_.test_count; }

  void make_folders() override {
    for (const SplitNames& split : kSplits) make_folder(options_.root / split.folder);
  }

  void write(std::int64_t i) override {
    const LayoutFace face = layout_face(options_, face_place(i), true);
    cv::Mat grey;
    cv::cvtColor(paint_layout_face(face, kSide), grey, cv::COLOR_BGR2GRAY);
    Row& row = rows_[static_cast<std::size_t>(i)];
    row.face = face;
    row.pixels.assign(grey.datastart, grey.dataend);
    row.votes = votes(i, face);
    row.emotion = emotion(i, face);
    std::vector<unsigned char> bytes;
    const fs::path path = options_.root / kSplits[split_of(i)].folder / name(i);
    if (!cv::imencode(".png", grey, bytes)) {
      throw DataError(path.string() + ": cannot be encoded as PNG");
    }
    write_file(path, reinterpret_cast<const char*>(bytes.data()), bytes.size());
  }

  void write_lists() override {
    std::array<std::string, 3> lists;
    std::string new_table =
        "Usage,Image name,neutral,happiness,surprise,sadness,anger,disgust,fear,contempt,unknown,"
        "NF\n";
    std::string old_table = "emotion,pixels,Usage\n";
    for (std::int64_t i = 0; i < count(); ++i) {
      const Row& row = rows_[static_cast<std::size_t>(i)];
      const SplitNames& split = kSplits[split_of(i)];
      const std::string votes = votes_text(row.votes);
      lists[split_of(i)] += name(i) + ",\"(0, 0, 48, 48)\"," + votes + "\n";
      new_table += std::string(split.usage) + "," + name(i) + "," + votes + "\n";
      const std::string old_row = old_table_row(row, split.usage);
      old_table += old_row;
      add_truth(std::string(split.folder) + "/" + name(i), row.face);
      if ((i + 1) % kNamelessEvery != 0) continue;
      new_table += std::string(split.usage) + ",,0,0,0,0,0,0,0,0,0,10\n";
      old_table += old_row;
    }
    for (std::size_t s = 0; s < kSplits.size(); ++s) {
      write_by_rename(options_.root / kSplits[s].folder / "label.csv", lists[s]);
    }
    write_by_rename(options_.root / "fer2013new.csv", new_table);
    write_by_rename(options_.root / "fer2013.csv", old_table);
    write_truth();
  }

 private:
  struct Row {
    LayoutFace face;
    std::vector<unsigned char> pixels;
    Votes votes{};
    int emotion = 6;
  };

  /// 0 train, 1 validation, 2 test.
  std::size_t split_of(std::int64_t i) const {
    if (i < options_.train_count) return 0;
    return i < options_.train_count + options_.test_count ? 1 : 2;
  }

  LayoutPlace face_place(std::int64_t i) const {
    const std::int64_t beyond = i - options_.train_count;
    if (beyond < 0) return {DemoSplit::kTrain, i};
    // The test faces are those that other layouts have; validation faces come after them.
    const std::int64_t index =
        beyond < options_.test_count ? beyond + options_.test_count : beyond - options_.test_count;
    return {DemoSplit::kTest, index};
  }

  static std::string name(std::int64_t i) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "fer%07lld.png", static_cast<long long>(i));
    return text.data();
  }

  Votes votes(std::int64_t i, const LayoutFace& face) const {
    DemoRandom random = layout_random(options_, face_place(i), kVotesField);
    const DemoTruth& truth = face.recipe.truth;
    const bool no_face = (i + 1) % kNotAFaceEvery == 0;
    Votes votes{};
    for (int voter = 0; voter < kVoters; ++voter) {
      const double u = random.uniform();
      const double second = truth.ambiguity;
      const double neutral = face.code == 7 ? 0.0 : 0.3 * (1.0 - truth.intensity);
      std::size_t column = kColumnOfCode[static_cast<std::size_t>(face.code)];
      if (no_face && u < 0.8) {
        column = kNotAFaceColumn;
      } else if (u < 0.02) {
        column = kUnknownColumn;
      } else if (u < 0.02 + neutral) {
        column = kColumnOfCode[7];
      } else if (u < 0.02 + neutral + second) {
        column = kColumnOfCode[static_cast<std::size_t>(truth.second_label)];
      }
      ++votes[column];
    }
    return votes;
  }

  int emotion(std::int64_t i, const LayoutFace& face) const {
    DemoRandom random = layout_random(options_, face_place(i), kOldLabelField);
    const int code = random.chance(kOldLabelWrong) ? face.recipe.truth.second_label : face.code;
    return kEmotionOfCode[static_cast<std::size_t>(code)];
  }

  static std::string votes_text(const Votes& votes) {
    std::string text;
    for (const int count : votes) text += (text.empty() ? "" : ",") + std::to_string(count);
    return text;
  }

  static std::string old_table_row(const Row& row, const char* usage) {
    std::string text = std::to_string(row.emotion) + ",";
    for (std::size_t p = 0; p < row.pixels.size(); ++p) {
      text += (p == 0 ? "" : " ") + std::to_string(row.pixels[p]);
    }
    return text + "," + usage + "\n";
  }

  std::vector<Row> rows_;
};

}  // namespace

std::unique_ptr<DemoLayoutWriter> make_ferplus_writer(const DemoDataOptions& options) {
  return std::make_unique<FerPlusWriter>(options);
}

}  // namespace selfcure
