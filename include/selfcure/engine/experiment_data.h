#pragma once

#include <c10/core/Device.h>

#include <memory>
#include <string>
#include <vector>

#include "selfcure/data/image_store.h"
#include "selfcure/data/pixel_pack.h"
#include "selfcure/engine/device_images.h"
#include "selfcure/engine/options.h"
#include "selfcure/engine/trainer.h"

namespace selfcure {

/// How images are decoded and kept for these data.
ImageStoreOptions store_options(const DataOptions& data);

/// Reads the sources of a split's place as the config says, their classes brought together.
///
/// The observer is told the counts, and what differs from the published ones.
/// @throws DataError as the readers do
Manifest load_manifest(const DataOptions& data, Split split, TrainingObserver& observer);

/// Brings a set that is evaluated to the classes that were trained, by their names.
///
/// Where each side lacks classes of the other it is left as it is, unless other classes may be left
/// out: the caller says what differs.
Manifest with_classes_of(Manifest manifest, const std::vector<std::string>& classes,
                         UnmappedClasses other_classes);

/// Reads a set that is evaluated after epochs.
/// @param what  names it in messages
/// @throws DataError also unless it has the classes
Manifest load_evaluated(const DataOptions& data, Split split,
                        const std::vector<std::string>& classes, const std::string& what,
                        TrainingObserver& observer);

/// Thrown out of preparations when the observer asks for a stop.
struct StoppedBySignal {
  int signal;
};

/// Sets that are evaluated must hold none of the images that are trained on.
/// @param what  names the evaluated set in the message
/// @throws DataError that counts the images in both and names the first
void refuse_shared_images(const Manifest& train, const Manifest& evaluated,
                          const std::string& what);

/// Makes or opens the pack of a manifest's images if the config names a folder for packs, and drops
/// unreadable images if it allows that. The observer is told of the first of these and their
/// number.
/// @return the pack, or null
/// @throws DataError when no image is left
/// @throws StoppedBySignal
std::shared_ptr<const PixelPack> prepare_images(Manifest& manifest, const DataOptions& data,
                                                TrainingObserver& observer);

/// What a training set is like after the noise.
struct PreparedTraining {
  /// `changed` counts the labels that are wrong now if rows were left out after the noise.
  NoiseReport noise;
  /// Of its images, or null.
  std::shared_ptr<const PixelPack> pack;
};

/// Injects the label noise of the config into a training set and prepares its images. The observer
/// is told what came out.
PreparedTraining prepare_training_set(Manifest& manifest, const ExperimentOptions& options,
                                      const c10::Device& device, TrainingObserver& observer);

/// Decodes the training set onto the device, as data.cache: gpu wants it. The observer is told what
/// came of it.
/// @return null if the device is the CPU or has not the memory: the loader brings the images then
/// @throws DataError when an image cannot be read
/// @throws StoppedBySignal
std::unique_ptr<DeviceImages> keep_on_device(const Manifest& manifest, const DataOptions& data,
                                             const std::shared_ptr<const PixelPack>& pack,
                                             const c10::Device& device, TrainingObserver& observer);

/// A batch of one small image leaves batch norm a single value per channel.
/// @throws ConfigError
void refuse_untrainable_batches(const ExperimentOptions& options);

bool knows_clean_labels(const Manifest& manifest);

/// End of a message about classes that do not fit.
std::string classes_hint();

}  // namespace selfcure
