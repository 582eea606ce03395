#include <algorithm>
#include <array>
#include <cstdio>

#include <opencv2/videoio.hpp>

#include "demo_layout.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kFramesPerClip = 8;
constexpr std::int64_t kVideoEvery = 5;
constexpr double kWrongFolder = 0.3;
constexpr double kFramesPerSecond = 8;
constexpr std::uint64_t kFolderField = 120;

class FoldersWriter : public DemoLayoutWriter {
 public:
  using DemoLayoutWriter::DemoLayoutWriter;

  void make_folders() override {
    for (int c = 0; c < options_.class_count; ++c) {
      const std::string name = layout_class_name(kDemoClassOrder[static_cast<std::size_t>(c)]);
      for (const char* const split : {"train", "test"}) {
        make_folder(options_.root / split / name);
      }
    }
  }

  void write(std::int64_t i) override {
    const LayoutFace face = layout_face(options_, place(i), false);
    write_jpeg(options_.root / file(i, face), paint_layout_face(face, options_.side),
               options_.jpeg_quality);
  }

  void write_lists() override {
    for (std::int64_t i = 0; i < count(); ++i) {
      const LayoutFace face = layout_face(options_, place(i), false);
      add_truth(file(i, face), face);
    }
    write_truth();
  }

 private:
  std::string file(std::int64_t i, const LayoutFace& face) const {
    const char* const split = place(i).split == DemoSplit::kTrain ? "train/" : "test/";
    return split + layout_class_name(face.code) + "/" + std::to_string(place(i).index + 1) + ".jpg";
  }
};

/// Clips, one person each, whose label is the word that they were found with.
class WebEmotionWriter : public DemoLayoutWriter {
 public:
  using DemoLayoutWriter::DemoLayoutWriter;

  std::int64_t count() const override {
    const std::int64_t frames = options_.train_count + options_.test_count;
    return (frames + kFramesPerClip - 1) / kFramesPerClip;
  }

  void make_folders() override {
    for (const int code : codes()) make_folder(options_.root / layout_class_name(code));
  }

  void write(std::int64_t i) override {
    const LayoutFace face = clip_face(i);
    const fs::path clip = options_.root / clip_path(i);
    std::vector<cv::Mat> frames;
    for (std::int64_t f = 0; f < kFramesPerClip; ++f) {
      frames.push_back(paint_layout_face(frame_face(face, f), options_.side));
    }
    if (is_video(i) && write_video(clip.string() + ".avi", frames)) return;
    make_folder(clip);
    for (std::size_t f = 0; f < frames.size(); ++f) {
      write_jpeg(clip / frame_name(f), frames[f], options_.jpeg_quality);
    }
  }

  void write_lists() override {
    std::string table = "path,label,clip_id,keyword\n";
    for (std::int64_t i = 0; i < count(); ++i) {
      const std::string label = layout_class_name(folder_code(i));
      const std::string rest =
          "," + label + "," + clip_id(i) + "," + keyword(folder_code(i)) + "\n";
      if (fs::exists(options_.root / (clip_path(i) + ".avi"))) {
        table += clip_path(i) + ".avi" + rest;
      } else {
        for (std::size_t f = 0; f < kFramesPerClip; ++f) {
          table += clip_path(i) + "/" + frame_name(f) + rest;
        }
      }
      add_truth(clip_path(i), clip_face(i));
    }
    write_by_rename(options_.root / "manifest.csv", table);
    write_truth();
  }

 private:
  std::vector<int> codes() const {
    std::vector<int> codes(kDemoClassOrder.begin(), kDemoClassOrder.begin() + options_.class_count);
    if (options_.class_count == 7) codes.push_back(kContemptCode);
    return codes;
  }

  LayoutFace clip_face(std::int64_t i) const {
    return layout_face(options_, {DemoSplit::kTrain, i}, true);
  }

  /// The same person in a moment of the clip: the expression grows.
  static LayoutFace frame_face(const LayoutFace& clip, std::int64_t frame) {
    LayoutFace face = clip;
    const DemoTruth& truth = clip.recipe.truth;
    if (clip.code == kContemptCode || clip.code == 7) return face;
    const double share = (static_cast<double>(frame) + 1) / kFramesPerClip;
    set_demo_expression(face.recipe, truth.label, truth.second_label,
                        truth.intensity * (0.4 + 0.6 * share), truth.ambiguity);
    return face;
  }

  static bool is_video(std::int64_t i) { return i % kVideoEvery == 0; }

  static std::string clip_id(std::int64_t i) {
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "clip%05lld", static_cast<long long>(i) + 1);
    return text.data();
  }

  static std::string frame_name(std::size_t frame) { return std::to_string(frame + 1) + ".jpg"; }

  /// The class that the search said, which need not be the clip's.
  int folder_code(std::int64_t i) const {
    DemoRandom random = layout_random(options_, {DemoSplit::kTrain, i}, kFolderField);
    const bool wrong = random.chance(kWrongFolder);
    const std::vector<int> all = codes();
    const int other = all[static_cast<std::size_t>(random.below(static_cast<int>(all.size())))];
    return wrong ? other : clip_face(i).code;
  }

  std::string clip_path(std::int64_t i) const {
    return layout_class_name(folder_code(i)) + "/" + clip_id(i);
  }

  static std::string keyword(int code) {
    std::string word = layout_class_name(code);
    word[0] = static_cast<char>(word[0] - 'A' + 'a');
    return word + " person";
  }

  /// @return false if this OpenCV cannot write it
  bool write_video(const std::string& path, const std::vector<cv::Mat>& frames) const {
    cv::VideoWriter video(path, cv::CAP_OPENCV_MJPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'),
                          kFramesPerSecond, frames.front().size());
    if (!video.isOpened()) return false;
    for (const cv::Mat& frame : frames) video.write(frame);
    return true;
  }
};

}  // namespace

std::unique_ptr<DemoLayoutWriter> make_webemotion_writer(const DemoDataOptions& options) {
  return std::make_unique<WebEmotionWriter>(options);
}

std::unique_ptr<DemoLayoutWriter> make_folders_writer(const DemoDataOptions& options) {
  return std::make_unique<FoldersWriter>(options);
}

}  // namespace selfcure
