#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include <opencv2/core/mat.hpp>

namespace selfcure {

/// RAF-DB codes of the demo classes, in the order in which `class_count` takes them.
///
/// Happiness, Neutral, Sadness, Surprise, Anger, Disgust, Fear: commonest first, so a small set
/// keeps the classes that are easiest to tell apart.
inline constexpr std::array<int, 7> kDemoClassOrder = {4, 7, 5, 1, 6, 3, 2};

/// Faces of each class in one block of consecutive indices, in the order of `kDemoClassOrder`.
///
/// With 7 classes a block is 25 faces: 24, 20, 16, 12, 12, 8 and 8 %. The order is that of RAF-DB,
/// the imbalance milder (3 : 1 instead of 17 : 1), so that a small set has enough of every class.
inline constexpr std::array<int, 7> kDemoClassShares = {6, 5, 4, 3, 3, 2, 2};

/// Share of ambiguous faces that leaves a small ResNet between 90 and 97 % test accuracy.
inline constexpr double kDemoAmbiguity = 0.2;

enum class DemoSplit { kTrain, kTest };

enum class DemoOcclusion { kNone, kHand, kScarf, kSunglasses, kHairStrand, kMicrophone };

/// Names one face: equal keys give equal pixels, whatever was drawn before and on which thread.
struct DemoFaceKey {
  std::uint64_t seed = 1;
  DemoSplit split = DemoSplit::kTrain;
  /// 0-based position in its split, >= 0. Decides the class, see `kDemoClassShares`.
  std::int64_t index = 0;
  /// In 2..7: the first so many of `kDemoClassOrder`.
  int class_count = 7;
  /// In [0, 1], see `DemoDataOptions::ambiguity`.
  double ambiguity = kDemoAmbiguity;
};

/// What is true of a drawn face. Labels are RAF-DB codes 1..7.
struct DemoTruth {
  int label = 7;
  /// The class that is mixed in; never equal to `label`.
  int second_label = 4;
  /// Strength of the expression in (0, 1]; 1 for every neutral face.
  double intensity = 1.0;
  /// Weight of the second class in [0, 0.5): the mixture is (1 - ambiguity) to ambiguity.
  double ambiguity = 0.0;
  /// Head turned to the right, nose up, head tilted clockwise: positive, as seen in the picture.
  double yaw_degrees = 0.0;
  double pitch_degrees = 0.0;
  double roll_degrees = 0.0;
  /// Where the main light comes from: 0 ahead, positive right; positive above.
  double light_azimuth_degrees = 0.0;
  double light_elevation_degrees = 0.0;
  /// 0 is flat light, 1 a single lamp in a dark room.
  double light_contrast = 0.0;
  DemoOcclusion occlusion = DemoOcclusion::kNone;
  /// Standard deviation of the blur, in hundredths of the picture's side.
  double blur = 0.0;
  /// Standard deviation of the sensor noise, in grey levels of 255.
  double noise = 0.0;
  bool grey = false;
  bool glasses = false;
  bool beard = false;
};

/// A picture, BGR 8-bit [side, side], and its truth.
struct DemoFace {
  cv::Mat image;
  DemoTruth truth;
};

struct DemoDataOptions {
  /// Folder to write; made if missing, must be empty otherwise.
  std::filesystem::path root;
  /// Faces per split, each in 1..99999. Multiples of 25 meet the class shares exactly.
  std::int64_t train_count = 2100;
  std::int64_t test_count = 700;
  /// In 2..7: the first so many of `kDemoClassOrder`; the list keeps their RAF-DB codes.
  int class_count = 7;
  /// Pixels, in 32..512.
  int side = 100;
  std::uint64_t seed = 1;
  /// Share in [0, 1] of faces that show a weaker expression mixed with that of a second class.
  /// 0 makes a set that is almost always clear, 1 one that even its painter would mistake.
  double ambiguity = kDemoAmbiguity;
  /// In 1..100.
  int jpeg_quality = 92;
  /// Drawing threads, 0 for one per core. The bytes written do not depend on it.
  int threads = 0;
};

struct DemoDataSummary {
  std::filesystem::path root;
  std::filesystem::path list;
  std::filesystem::path truth;
  std::int64_t train_count = 0;
  std::int64_t test_count = 0;
  /// Faces per RAF-DB code, both splits; [0] is unused.
  std::array<std::int64_t, 8> label_counts{};
  /// The root already held this very set and nothing was written.
  bool already_there = false;
};

/// Called with (faces written, faces in all), never from two threads at once.
using DemoProgress = std::function<void(std::int64_t, std::int64_t)>;

/// Draws a set of synthetic faces in the layout of RAF-DB basic.
///
/// Writes `EmoLabel/list_patition_label.txt`, `Image/aligned/<stem>_aligned.jpg`,
/// `demo_truth.csv` (one row per face, in list order) and last, by rename, `demo_data.json`: its
/// presence says that the set is complete. A root that holds a complete set with the same options
/// is left as it is; one that was cut short with the same options is drawn again.
///
/// @throws DataError if an option is out of range, the root holds anything else, or a file cannot
///         be written; a set cut short keeps its files but has no `demo_data.json`
DemoDataSummary write_demo_data(const DemoDataOptions& options, const DemoProgress& progress = {});

/// Draws one face.
///
/// @param key   which face
/// @param side  pixels, in 32..512; another side shows the same face
/// @throws DataError if the key or the side is out of range
DemoFace draw_demo_face(const DemoFaceKey& key, int side);

/// Shows what the set looks like: a row per class, one person each, from ambiguous to obvious.
///
/// @param class_count  rows, in 2..7, in the order of `kDemoClassOrder`
/// @param columns      in 2..32
/// @param side         pixels of one face, in 32..512
/// @return BGR 8-bit, with class names at the left
/// @throws DataError if an argument is out of range
cv::Mat draw_demo_contact_sheet(std::uint64_t seed, int class_count, int columns, int side);

/// English name of a RAF-DB code in 1..7, such as "Happiness"; throws DataError otherwise.
std::string demo_class_name(int label);

/// Name of an occlusion as `demo_truth.csv` spells it, such as "hand".
std::string demo_occlusion_name(DemoOcclusion occlusion);

}  // namespace selfcure
