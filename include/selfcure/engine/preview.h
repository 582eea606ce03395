#pragma once

#include <cstdint>
#include <filesystem>

#include "selfcure/engine/options.h"
#include "selfcure/engine/trainer.h"

namespace selfcure {

struct PreviewOptions {
  /// PNG to write.
  std::filesystem::path out;
  /// Images of each class, at least 1.
  int per_class = 10;
  /// Epoch, from 1, whose random changes are shown.
  int epoch = 1;
};

/// Draws what the network sees: training images after augmentation, a row per class.
///
/// The images of a class are chosen by the training seed, and changed as the training changes them
/// in that epoch. Where the clean label is known and differs from the given one, it stands below
/// and the image has a red frame. The normalisation is undone.
/// @throws UserError as the training does for the same options
void write_preview(const ExperimentOptions& options, const PreviewOptions& preview,
                   TrainingObserver& observer);

}  // namespace selfcure
