#include <spdlog/spdlog.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>

#include "progress.h"
#include "selfcure/data/align_tree.h"
#include "signals.h"
#include "verbs.h"

namespace selfcure::apps {
namespace {

constexpr int kMostWarnings = 10;

struct AlignArguments {
  AlignTreeOptions tree;
  std::string choice = "largest";
  std::string no_face = "skip";
  std::string format = "keep";
  CascadeDetectorOptions cascade;
  YuNetDetectorOptions yunet;
};

std::unique_ptr<FaceDetector> make_detector(const AlignArguments& arguments) {
  if (!arguments.yunet.model.empty()) return make_yunet_detector(arguments.yunet);
  return make_cascade_detector(arguments.cascade);
}

AlignTreeOptions tree_options(const AlignArguments& arguments) {
  AlignTreeOptions tree = arguments.tree;
  tree.choice = arguments.choice == "largest" ? FaceChoice::kLargest : FaceChoice::kMostCentral;
  tree.no_face = arguments.no_face == "skip"   ? NoFacePolicy::kSkip
                 : arguments.no_face == "copy" ? NoFacePolicy::kCopy
                                               : NoFacePolicy::kCentre;
  tree.format = arguments.format == "keep"   ? CropFormat::kKeep
                : arguments.format == "jpeg" ? CropFormat::kJpeg
                                             : CropFormat::kPng;
  return tree;
}

int align(const AlignArguments& arguments) {
  catch_stop_signals();
  ProgressBar bar;
  int warnings = 0;
  AlignCallbacks callbacks;
  callbacks.progress = [&bar](std::int64_t done, std::int64_t total) {
    if (bar.due(done, total)) bar.draw("aligning", done, total, "pictures");
  };
  callbacks.should_stop = [] { return stop_signal() != 0; };
  callbacks.warning = [&](const std::string& message) {
    if (++warnings > kMostWarnings) return;
    bar.clear();
    spdlog::warn("{}", message);
  };
  const AlignSummary summary = align_tree(
      tree_options(arguments), [&arguments] { return make_detector(arguments); }, callbacks);
  bar.clear();
  const auto number = [](std::int64_t value) { return static_cast<long long>(value); };
  std::printf(
      "%lld pictures, %lld done before: %lld aligned by the eyes, %lld by the face box, %lld "
      "without a face, %lld unreadable\nwritten: alignment.csv and the faces in %s\n",
      number(summary.pictures), number(summary.done_before), number(summary.aligned),
      number(summary.box_only), number(summary.no_face), number(summary.unreadable),
      arguments.tree.out.c_str());
  if (!summary.stopped) return 0;
  std::fprintf(stderr, "stopped by %s; the same command goes on\n",
               stop_signal() == SIGINT ? "SIGINT" : "SIGTERM");
  return 128 + stop_signal();
}

void add_detector_options(CLI::App& verb, AlignArguments& arguments) {
  verb.add_option("--yunet", arguments.yunet.model,
                  "YuNet model (ONNX) to detect with; OpenCV's cascades without it")
      ->type_name("FILE");
  verb.add_option("--min-score", arguments.yunet.min_score,
                  "Smallest confidence of a face found by YuNet, 0 to 1")
      ->capture_default_str();
  verb.add_option("--cascades", arguments.cascade.folder, "Folder of OpenCV's cascades")
      ->type_name("DIR")
      ->capture_default_str();
  verb.add_option("--min-face", arguments.cascade.min_face_share,
                  "Smallest face found by the cascades, as a share of the shorter side, 0.02 to 1")
      ->capture_default_str();
  verb.add_option("--choose", arguments.choice, "Of several faces: largest or central")
      ->check(CLI::IsMember({"largest", "central"}))
      ->capture_default_str();
}

void add_crop_options(CLI::App& verb, AlignTreeOptions& tree) {
  verb.add_option("--side", tree.crop.side, "Side of the faces in pixels, 16 to 2048")
      ->capture_default_str();
  verb.add_option("--eye-distance", tree.crop.eye_distance,
                  "Distance of the eyes as a share of the side, 0.1 to 0.9; more cuts tighter")
      ->capture_default_str();
  verb.add_option("--eye-height", tree.crop.eye_height,
                  "The eyes' distance from the upper edge as a share of the side, 0.1 to 0.9")
      ->capture_default_str();
  verb.add_option("--margin", tree.crop.box_margin,
                  "Faces without eyes: added to each side of the box, as a share of it, 0 to 2")
      ->capture_default_str();
}

void add_output_options(CLI::App& verb, AlignArguments& arguments) {
  verb.add_option("--no-face", arguments.no_face,
                  "Pictures without a face: skip, copy (the whole) or centre (the middle square)")
      ->check(CLI::IsMember({"skip", "copy", "centre"}))
      ->capture_default_str();
  verb.add_option("--format", arguments.format, "Image format: keep, jpeg or png")
      ->check(CLI::IsMember({"keep", "jpeg", "png"}))
      ->capture_default_str();
  AlignTreeOptions& tree = arguments.tree;
  verb.add_option("--quality", tree.jpeg_quality, "JPEG quality, 1 to 100")->capture_default_str();
  verb.add_option("--threads", tree.threads, "Threads; 0: one per core")->capture_default_str();
  verb.add_flag("--force", tree.force, "Remove what an earlier call wrote to OUT and start afresh");
}

}  // namespace

void add_data_align(CLI::App& data, Action& action) {
  auto* verb = data.add_subcommand("align", "Cut the faces out of a tree of pictures, eyes level");
  auto arguments = std::make_shared<AlignArguments>();
  verb->add_option("IN", arguments->tree.in, "Folder of pictures, searched with all below it")
      ->required();
  verb->add_option("OUT", arguments->tree.out, "Folder for the faces, which keep their names")
      ->required();
  add_detector_options(*verb, *arguments);
  add_crop_options(*verb, arguments->tree);
  add_output_options(*verb, *arguments);
  verb->footer(
      "Writes OUT/alignment.csv, a row per picture: status (aligned, box_only, no_face,\n"
      "unreadable), face box, eyes, angle, score. Stopped or killed, the same command goes on.\n"
      "Examples:\n"
      "  selfcure data align photos faces\n"
      "  selfcure data align Image/original Image/mine --side 224 --format jpeg\n"
      "  selfcure data align photos faces --yunet face_detection_yunet_2022mar.onnx --no-face "
      "centre");
  verb->callback([arguments, &action] { action = [arguments] { return align(*arguments); }; });
}

}  // namespace selfcure::apps
