#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "selfcure/engine/options.h"
#include "selfcure/engine/trainer.h"

namespace selfcure {

/// Images of the sets that a config names.
struct ImageCounts {
  std::int64_t train = 0;
  /// 0 without a validation set.
  std::int64_t valid = 0;
  std::int64_t test = 0;
  /// Not counted on disk but taken from the publications, since the data is not there.
  bool published = false;
};

/// Seconds that a core needs for the pixels of an image, measured.
struct ReadingCost {
  /// The first time: read, decoded, resized.
  double first_seconds = 0;
  /// From memory, where decoded images are kept.
  double kept_seconds = 0;
  /// Decoded images that memory holds, of each set.
  std::int64_t kept_images = 0;
};

/// What one training is to do.
struct TrainingWork {
  ImageCounts images;
  int epochs = 1;
  std::int64_t batch_size = 1;
  /// Evaluation after every this many epochs, and after the last.
  int evaluate_every = 1;
};

/// How fast a machine does it, measured.
struct TrainingCost {
  /// Augmentation and training step, divided by the images of the batch.
  double training_seconds_per_image = 0;
  double evaluation_seconds_per_image = 0;
  /// Nothing where there are no images to measure it on.
  std::optional<ReadingCost> reading;
  /// Cores that reading is spread over.
  int reading_cores = 1;
};

/// Seconds that a training will take, by what they are spent on.
struct TrainingEstimate {
  std::int64_t evaluations = 0;
  double training_seconds = 0;
  double evaluation_seconds = 0;
  /// Of all sets; nothing where it could not be measured.
  std::optional<double> reading_seconds;

  double total_seconds() const;
};

/// Core seconds for the pixels of a set that is gone through `visits` times: images that memory
/// holds are decoded once, all others at each visit.
double reading_seconds(const ReadingCost& cost, std::int64_t images, std::int64_t visits);

/// Not in it: start of the program, checkpoints, result files, training with a last batch that is
/// smaller than the others (it costs what its images cost here).
///
/// Reading is added as core seconds / `reading_cores`, that is, as if training left no core idle.
TrainingEstimate estimate_training(const TrainingWork& work, const TrainingCost& cost);

/// Counts the images that a config trains and evaluates on, by reading its lists.
///
/// Where a root of its sources does not exist, the published counts are taken instead, if the data
/// sets have them and the config takes whole splits.
/// @return nothing if neither is possible
/// @throws DataError when data is there but cannot be read
std::optional<ImageCounts> count_images(const DataOptions& data, TrainingObserver& observer);

/// Times how a few images, evenly spread over the training set, are read.
///
/// @param images  how many, at least 1
/// @return nothing where the data is not there
/// @throws DataError when an image cannot be read
std::optional<ReadingCost> measure_reading(const DataOptions& data, int images,
                                           TrainingObserver& observer);

/// A batch that a measurement can afford: `wanted`, halved until it needs no more memory and, for
/// one step, no more time than allowed; at least 1.
///
/// @param bytes_per_image, seconds_per_image  of a training step, measured with a few images
std::int64_t affordable_batch_size(std::int64_t wanted, double bytes_per_image,
                                   double available_bytes, double seconds_per_image,
                                   double most_seconds);

}  // namespace selfcure
