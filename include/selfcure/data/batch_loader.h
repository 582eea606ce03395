#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "selfcure/data/image_store.h"
#include "selfcure/data/label_store.h"
#include "selfcure/data/sample_plan.h"

namespace selfcure {

/// How the labels of an epoch are made where rows have label distributions.
struct EpochTargets {
  /// Whose distributions count; null: the labels in force are all there is.
  const Manifest* manifest = nullptr;
  /// What drawn labels follow from, beside the row.
  std::uint64_t seed = 0;
  std::uint64_t epoch = 0;
};

/// A batch as the worker threads make it: plain memory, no tensors.
struct HostBatch {
  std::int64_t index = 0;
  std::vector<std::int64_t> rows;
  /// What random changes of each image follow from: the row at its first visit in the epoch, other
  /// numbers at the visits after it.
  std::vector<std::int64_t> visits;
  /// Labels in force when the plan was started, or drawn (LabelUse::kDraw).
  std::vector<std::int64_t> labels;
  /// [B, K], label distributions (LabelUse::kDistribution and kMultiTarget), else empty.
  std::vector<float> targets;
  int image_size = 0;
  /// [B, image_size, image_size, 3], RGB; empty after leave_out_pixels().
  std::vector<std::uint8_t> pixels;
};

/// Assembles the batches of a plan ahead of time with threads that live as long as the loader.
///
/// Batches come out in order and are bit-equal for any number of workers. The workers touch no
/// torch operator: each thread that does would start its own team of OpenMP threads.
class BatchLoader {
 public:
  /// @param workers  0: batches are assembled by the thread that asks for them
  /// @param prefetch  batches held ready at most, at least 1
  BatchLoader(const ImageStore& images, int workers, int prefetch = 4);
  ~BatchLoader();
  BatchLoader(const BatchLoader&) = delete;
  BatchLoader& operator=(const BatchLoader&) = delete;

  /// Begins a plan at one of its batches and forgets what was left of the one before.
  /// @param labels  the labels in force now are those of the whole plan
  /// @param targets  must not be given where labels change in the course of the training: a drawn
  ///                 label does not look at the one in force
  void start(SamplePlan plan, const LabelStore& labels, std::int64_t first_batch = 0,
             const EpochTargets& targets = {}) {
    start(std::move(plan), labels.labels(), first_batch, targets);
  }
  /// @param labels  one per row
  void start(SamplePlan plan, std::vector<std::int32_t> labels, std::int64_t first_batch = 0,
             const EpochTargets& targets = {});

  /// Batches of later plans have no pixels, for a caller who has them elsewhere.
  void leave_out_pixels() { has_pixels_ = false; }

  /// Gives the next batch. @return false after the last one
  /// @throws what the worker threw (DataError), at the place of the batch that failed
  bool next(HostBatch& batch);

  /// Seconds that `next` has waited for a batch (or assembled it itself) since `start`.
  double wait_seconds() const { return wait_seconds_; }

 private:
  struct Slot {
    HostBatch batch;
    std::exception_ptr error;
  };
  void work();
  HostBatch assemble(std::int64_t index) const;
  void use_distributions(HostBatch& batch) const;
  void pause(std::unique_lock<std::mutex>& lock);

  const ImageStore& images_;
  const std::int64_t prefetch_;
  bool has_pixels_ = true;
  SamplePlan plan_;
  std::vector<std::int64_t> visits_;
  std::vector<std::int32_t> labels_;
  EpochTargets targets_;
  double wait_seconds_ = 0;

  std::mutex mutex_;
  std::condition_variable work_ready_;
  std::condition_variable batch_ready_;
  std::map<std::int64_t, Slot> ready_;
  std::int64_t next_to_assemble_ = 0;
  std::int64_t next_to_give_ = 0;
  std::int64_t batch_count_ = 0;
  int busy_ = 0;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace selfcure
