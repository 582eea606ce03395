// On the CPU: the same operators gather on a CUDA device.

#include "selfcure/engine/device_images.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "selfcure/core/errors.h"
#include "selfcure/data/augment.h"
#include "selfcure/data/batch_loader.h"
#include "selfcure/engine/upload.h"
#include "support/image_sets.h"
#include "support/temporary_directory.h"

namespace selfcure {
namespace {

const c10::Device kCpu(c10::kCPU);
constexpr std::uint64_t kSeed = 3;
constexpr std::uint64_t kEpoch = 2;

class DeviceImagesOfASet : public ::testing::Test {
 protected:
  DeviceImagesOfASet()
      : manifest_(testing::write_picture_set(folder_.path(), 23, 12)), labels_(manifest_) {
    options_.image_size = 10;
    augment_.noise = 0.5;
    augment_.crop_padding = 2;
    augment_.brightness = 0.2;
    augment_.erase = 0.5;
  }

  /// Batches of a plan made both ways, from `first_batch` on, must be the same bits.
  void expect_same_batches(const SamplePlan& plan, std::int64_t first_batch = 0) {
    const ImageStore images(manifest_, options_);
    const DeviceImages kept(images, 2, kCpu);
    BatchLoader ordinary(images, 2), without_pixels(images, 2);
    without_pixels.leave_out_pixels();
    const EpochTargets targets{manifest_.distributions.empty() ? nullptr : &manifest_, kSeed,
                               kEpoch};
    ordinary.start(plan, labels_, first_batch, targets);
    without_pixels.start(plan, labels_, first_batch, targets);
    HostBatch a, b;
    std::int64_t count = 0;
    while (ordinary.next(a)) {
      ASSERT_TRUE(without_pixels.next(b));
      ++count;
      EXPECT_TRUE(b.pixels.empty());
      const at::Tensor pixels = kept.gather(upload_rows(b, kCpu));
      EXPECT_TRUE(pixels.equal(upload_pixels(a, kCpu)));
      const AugmentKey key{kSeed, kEpoch, 0};
      EXPECT_TRUE(augment_images(upload_pixels(a, kCpu), a.visits, augment_, {}, key)
                      .equal(augment_images(pixels, b.visits, augment_, {}, key)));
      EXPECT_TRUE(upload_labels(a, kCpu).equal(upload_labels(b, kCpu)));
      EXPECT_EQ(a.targets, b.targets);
      EXPECT_EQ(a.rows, b.rows);
    }
    EXPECT_FALSE(without_pixels.next(b));
    EXPECT_EQ(count, plan.batch_count() - first_batch);
  }

  testing::TemporaryDirectory folder_;
  Manifest manifest_;
  LabelStore labels_;
  ImageStoreOptions options_;
  AugmentOptions augment_;
};

TEST_F(DeviceImagesOfASet, BatchesAreThoseOfTheLoaderAfterRelabelsAndAResume) {
  labels_.commit(1, {1, 7}, {2, 2});
  expect_same_batches(shuffled_plan(23, 4, kSeed, kEpoch));
  expect_same_batches(shuffled_plan(23, 4, kSeed, kEpoch), 3);
}

TEST_F(DeviceImagesOfASet, BatchesOfOversampledClassesVisitRowsAgain) {
  for (const Sampling sampling :
       {Sampling::kInverseFrequency, Sampling::kInverseSqrtFrequency, Sampling::kClassBalanced}) {
    labels_.commit(1, {0, 3, 6, 9}, {1, 1, 1, 1});
    expect_same_batches(training_plan(sampling, labels_.labels(), 4, kSeed, kEpoch));
  }
}

TEST_F(DeviceImagesOfASet, DistributionsAndDrawnLabelsFollow) {
  for (std::size_t i = 0; i < manifest_.rows.size(); ++i)
    manifest_.distributions.insert(manifest_.distributions.end(), {0.5F, 0.25F, 0.25F});
  for (const LabelUse use : {LabelUse::kDraw, LabelUse::kDistribution, LabelUse::kMultiTarget}) {
    manifest_.label_use = use;
    expect_same_batches(shuffled_plan(23, 4, kSeed, kEpoch));
  }
}

TEST_F(DeviceImagesOfASet, ABadImageIsNamed) {
  testing::write_file(folder_.path() / manifest_.rows[5].image, "no image");
  const ImageStore images(manifest_, options_);
  try {
    const DeviceImages kept(images, 2, kCpu);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_NE(std::string(error.what()).find(manifest_.rows[5].image), std::string::npos);
  }
}

TEST(DeviceImages, WhatCannotBeKeptIsSaidInOneLine) {
  const c10::Device cuda(c10::kCUDA, 1);
  constexpr std::int64_t kGibibyte = std::int64_t{1} << 30;
  EXPECT_EQ(DeviceImages::obstacle(6 * kGibibyte, cuda, 10 * kGibibyte), "");
  EXPECT_EQ(DeviceImages::obstacle(7 * kGibibyte, cuda, 10 * kGibibyte),
            "data.cache: gpu is not used: the training images take 7.0 GiB, and cuda:1 has 10.0 "
            "GiB free, of which they may take 60 %");
  EXPECT_EQ(DeviceImages::obstacle(1, kCpu, 10 * kGibibyte),
            "data.cache: gpu is not used: the training runs on the CPU");
}

}  // namespace
}  // namespace selfcure
