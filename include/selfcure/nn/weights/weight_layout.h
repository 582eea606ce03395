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
  /// The backbone's own library's, for ResNets and VGG-16 torchvision's: "conv1.weight",
  /// "fc.weight"; nothing of the attention head, and for IR networks nothing of the classifier.
  kTorchvision,
  /// The published SCN code's: "features.*", "fc.*", "alpha.0.*".
  kPublishedScn,
};

/// Renames tensors to a layout; prefixes "module." and "backbone." are taken off first.
///
/// @param where    the file, for messages
/// @param dropped  takes the names of the file that the layout has no place for
/// @throws CheckpointError when two tensors would get one name, and for the published code's layout
///         of another network than a ResNet
StateDict to_layout(const StateDict& tensors, WeightLayout layout,
                    std::vector<std::string>& dropped, const std::string& where);

/// What a section of a file is likely to be, by its names and shapes, in a few words:
/// "ResNet-18, torchvision's names, fc for 1000 classes".
std::string guess_network(const WeightIndex& index, const std::string& section);

}  // namespace selfcure
