#pragma once

#include <string>
#include <vector>

#include "selfcure/nn/weights/state_dict.h"
#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

/// How the tensors of one network are named.
enum class WeightLayout {
  /// As in the file.
  kKeep,
  /// This program's: "backbone." + torchvision's name, "fc.*", "attention.*", "margin".
  kOwn,
  /// torchvision's ResNet: "conv1.weight", "fc.weight"; nothing of the attention head.
  kTorchvision,
  /// The published SCN code's: "features.*", "fc.*", "alpha.0.*".
  kPublishedScn,
};

/// Renames tensors to a layout; prefixes "module." and "backbone." are taken off first.
///
/// @param dropped  takes the names of the file that the layout has no place for
/// @throws CheckpointError when two tensors would get one name
StateDict to_layout(const StateDict& tensors, WeightLayout layout,
                    std::vector<std::string>& dropped);

/// What a section of a file is likely to be, by its names and shapes, in a few words:
/// "ResNet-18, torchvision's names, fc for 1000 classes".
std::string guess_network(const WeightIndex& index, const std::string& section);

}  // namespace selfcure
