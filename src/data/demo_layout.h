#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <opencv2/core/mat.hpp>

#include "demo_random.h"
#include "demo_recipe.h"
#include "demo_set.h"

namespace selfcure {

/// RAF-DB's code of a demo class, and one more.
inline constexpr int kContemptCode = 8;

/// A face whose expression may be contempt.
struct LayoutFace {
  DemoRecipe recipe;
  /// RAF-DB code, or kContemptCode.
  int code = 7;
};

/// Position among all faces of a set: training, then (if there is one) validation, then test.
struct LayoutPlace {
  DemoSplit split = DemoSplit::kTrain;
  /// In its drawing split: validation faces come after the test's.
  std::int64_t index = 0;
};

/// A stream of numbers of a face for what a layout adds to it.
DemoRandom layout_random(const DemoDataOptions& options, const LayoutPlace& place,
                         std::uint64_t field);
LayoutFace layout_face(const DemoDataOptions& options, const LayoutPlace& place,
                       bool with_contempt);
/// BGR 8-bit [side, side].
cv::Mat paint_layout_face(const LayoutFace& face, int side);
/// "Contempt" or the demo class's name.
std::string layout_class_name(int code);

void write_jpeg(const std::filesystem::path& path, const cv::Mat& image, int quality);

/// One data set that is being drawn. Pictures are written by several threads, lists after them.
class DemoLayoutWriter {
 public:
  explicit DemoLayoutWriter(const DemoDataOptions& options) : options_(options) {}
  DemoLayoutWriter(const DemoLayoutWriter&) = delete;
  DemoLayoutWriter& operator=(const DemoLayoutWriter&) = delete;
  virtual ~DemoLayoutWriter() = default;

  virtual std::int64_t count() const { return options_.train_count + options_.test_count; }
  virtual void make_folders() = 0;
  /// @param i  in 0..count()-1
  virtual void write(std::int64_t i) = 0;
  virtual void write_lists() = 0;

 protected:
  LayoutPlace place(std::int64_t i) const {
    const bool train = i < options_.train_count;
    return {train ? DemoSplit::kTrain : DemoSplit::kTest, train ? i : i - options_.train_count};
  }
  /// A row of demo_truth.csv.
  void add_truth(const std::string& file, const LayoutFace& face);
  void write_truth() const;

  const DemoDataOptions& options_;

 private:
  std::string truth_ = "file,class,intensity,ambiguity,second_class\n";
};

std::unique_ptr<DemoLayoutWriter> make_ferplus_writer(const DemoDataOptions& options);
std::unique_ptr<DemoLayoutWriter> make_affectnet_2017_writer(const DemoDataOptions& options);
std::unique_ptr<DemoLayoutWriter> make_affectnet_2021_writer(const DemoDataOptions& options);
std::unique_ptr<DemoLayoutWriter> make_webemotion_writer(const DemoDataOptions& options);
std::unique_ptr<DemoLayoutWriter> make_folders_writer(const DemoDataOptions& options);

}  // namespace selfcure
