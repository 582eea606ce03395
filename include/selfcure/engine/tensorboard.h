#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "selfcure/core/metrics.h"
#include "selfcure/data/image_store.h"
#include "selfcure/data/label_store.h"
#include "selfcure/data/manifest.h"
#include "selfcure/engine/epoch_record.h"
#include "selfcure/engine/event_log.h"
#include "selfcure/engine/options.h"
#include "selfcure/engine/trainer.h"

namespace selfcure {

/// Tag of a number of metrics.jsonl: its name after the group that it is shown with, such as
/// "loss/train_loss"; "lr" stands alone.
std::string scalar_tag(const std::string& name);

/// All numbers of an epoch but its own; what metrics.jsonl has as null is no point.
Summary scalar_summary(const EpochRecord& record);

/// Distribution of importance weights over the bins of importance_histogram.csv, empty bins at both
/// ends left out.
/// @param importance  at least one, none of them NaN
EventHistogram importance_event_histogram(const std::vector<float>& importance);

/// What a log is about; everything is owned by the caller and outlives the log.
struct TensorBoardSubject {
  const ExperimentOptions& options;
  /// Text of config.resolved.yaml.
  const std::string& config;
  const Manifest& train;
  const ImageStore& images;
};

/// An epoch that has just ended.
struct TensorBoardEpoch {
  const EpochRecord& record;
  /// [train.size()], of each row at its last visit, NaN before.
  const std::vector<float>& importance;
  /// After the changes of the epoch.
  const LabelStore& labels;
  const std::vector<Relabel>& changes;
  /// On the test set; null where the epoch was not evaluated.
  const ConfusionMatrix* confusion = nullptr;
};

/// Shows a training in TensorBoard: step is the epoch, step 0 the state before the first.
///
/// - step 0: the resolved config, hyperparameters, the first images as the network sees them;
/// - each epoch: every number of metrics.jsonl; histograms of the importance weights, those of rows
///   with right and wrong given labels apart where the clean ones are known;
/// - each `images_every`-th epoch and the last: the training images with the lowest and the highest
///   importance under the label that they were trained with, relabelled images, the confusion
///   matrix. A red frame marks what the clean label contradicts.
///
/// It waits for no device. A failure in the course of the training is a warning and ends the log,
/// not the training: the next resume makes up for the scalars.
class TensorBoardLog {
 public:
  /// @param records  of the epochs that are done, from the checkpoint
  /// @throws RunError when the folder cannot be written
  TensorBoardLog(const std::filesystem::path& folder, const TensorBoardSubject& subject,
                 const std::vector<EpochRecord>& records, TrainingObserver& observer);

  void epoch(const TensorBoardEpoch& epoch);

 private:
  Summary preamble() const;
  Summary pictures(const TensorBoardEpoch& epoch, int number) const;

  TensorBoardSubject subject_;
  TrainingObserver& observer_;
  std::unique_ptr<EventLog> log_;
};

}  // namespace selfcure
