// What is logged of a training; the files themselves are read in apps/tensorboard_test.py.

#include "selfcure/engine/tensorboard.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <limits>

#include "selfcure/core/file_io.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

class WarningObserver : public TrainingObserver {
 public:
  void warning(const std::string& message) override { warnings.push_back(message); }
  std::vector<std::string> warnings;
};

TEST(TensorBoard, EveryNumberHasAGroup) {
  EXPECT_EQ(scalar_tag("lr"), "lr");
  EXPECT_EQ(scalar_tag("train_loss"), "loss/train_loss");
  EXPECT_EQ(scalar_tag("cross_entropy"), "loss/cross_entropy");
  EXPECT_EQ(scalar_tag("rank_loss"), "loss/rank_loss");
  EXPECT_EQ(scalar_tag("margin"), "alpha/margin");
  EXPECT_EQ(scalar_tag("alpha_auc"), "alpha/alpha_auc");
  EXPECT_EQ(scalar_tag("mean_class_accuracy"), "accuracy/mean_class_accuracy");
  EXPECT_EQ(scalar_tag("relabelled"), "relabel/relabelled");
  EXPECT_EQ(scalar_tag("labels_changed"), "relabel/labels_changed");
  EXPECT_EQ(scalar_tag("images_per_second"), "speed/images_per_second");
  EXPECT_EQ(scalar_tag("evaluation_seconds"), "speed/evaluation_seconds");
  EXPECT_EQ(scalar_tag("anything_else"), "method/anything_else");
}

TEST(TensorBoard, WhatIsNotANumberIsNoPoint) {
  EpochRecord record;
  record.set("epoch", 3);
  record.set("alpha_auc", std::numeric_limits<double>::quiet_NaN());
  record.set("train_loss", std::numeric_limits<double>::infinity());
  EXPECT_TRUE(scalar_summary(record).empty());
  record.set("lr", 0.5);
  Summary lr;
  lr.scalar("lr", 0.5);
  EXPECT_EQ(scalar_summary(record).message(), lr.message());
}

TEST(TensorBoard, HistogramsHaveTheBinsOfTheCsvAndExactSums) {
  const EventHistogram histogram = importance_event_histogram({0.5F, 0.255F, 0.25F, 1.0F});
  EXPECT_EQ(histogram.min, 0.25);
  EXPECT_EQ(histogram.max, 1.0);
  EXPECT_NEAR(histogram.sum, 2.005, 1e-6);
  EXPECT_NEAR(histogram.sum_squares, 0.25 + 0.065025 + 0.0625 + 1, 1e-6);
  ASSERT_EQ(histogram.limits.size(), 75U);
  EXPECT_DOUBLE_EQ(histogram.limits.front(), 0.26);
  EXPECT_DOUBLE_EQ(histogram.limits.back(), 1.0);
  EXPECT_EQ(histogram.counts[0], 2);
  EXPECT_EQ(histogram.counts[25], 1);
  EXPECT_EQ(histogram.counts[74], 1);
  // One value: one bin.
  EXPECT_EQ(importance_event_histogram({0.0F}).limits, std::vector<double>{0.01});
}

TEST(TensorBoard, AFullDiskEndsTheLogAndNotTheTraining) {
  const testing::TemporaryDirectory folder;
  const Manifest manifest = testing::write_picture_set(folder.path(), 2, 32, 2);
  ExperimentOptions options;
  options.logging.tensorboard = true;
  options.data.image_size = 32;
  ImageStoreOptions store;
  store.image_size = 32;
  const ImageStore images(manifest, store);
  const LabelStore labels(manifest);
  const std::string config = "name: x\n";
  WarningObserver observer;
  TensorBoardLog log(folder.path() / "tensorboard", {options, config, manifest, images}, {},
                     observer);
  EpochRecord record;
  record.set("epoch", 1);
  record.set("lr", 0.5);
  const std::vector<float> importance = {0.5F, 0.25F};

  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  rlimit none = before;
  none.rlim_cur = 0;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &none), 0);
  log.epoch({record, importance, labels, {}});
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  ASSERT_EQ(observer.warnings.size(), 1U);
  EXPECT_NE(observer.warnings[0].find("cannot be written: File too large; the training goes on"),
            std::string::npos)
      << observer.warnings[0];
  record.set("epoch", 2);
  log.epoch({record, importance, labels, {}});
  EXPECT_EQ(observer.warnings.size(), 1U);
}

}  // namespace
}  // namespace selfcure
