#pragma once

#include <ATen/core/Tensor.h>

#include <map>
#include <string>
#include <vector>

#include "selfcure/nn/weights/state_dict.h"

namespace selfcure {

/// How tensors of a file become a network's.
struct WeightImportOptions {
  /// Text before the backbone's names in the file, such as "module.backbone."; "auto" takes the one
  /// under which most names fit; a file with two whole networks is refused.
  std::string prefix = "auto";
  /// Take the classifier and the attention head too, where name and shape agree; otherwise they
  /// keep their initial weights.
  bool take_heads = false;
  /// Take a backbone of which the file has only a part, or of another network what fits.
  bool partial = false;
};

/// What became of a tensor.
enum class ImportOutcome {
  kLoaded,
  /// The network has it, the file has not.
  kMissing,
  /// The file has it, the network has not.
  kUnexpected,
  /// Both have it in different shapes.
  kShapeMismatch,
  /// A head that is not asked for.
  kLeftOut,
};
/// "loaded", "missing", "unexpected", "shape mismatch", "left out".
const char* import_outcome_name(ImportOutcome outcome);

struct ImportRow {
  ImportOutcome outcome = ImportOutcome::kLoaded;
  /// Of the network; empty for unexpected tensors.
  std::string name;
  /// In the file; empty for missing ones.
  std::string source;
  /// Shapes, or why.
  std::string detail;
};

/// What an import did, tensor by tensor.
struct ImportReport {
  std::vector<ImportRow> rows;
  /// How names of the file were read, such as "without the prefix 'module.'".
  std::string rule;
  std::int64_t backbone_loaded = 0;
  /// Tensors of the backbone, without the counters of batch norm that old files lack.
  std::int64_t backbone_total = 0;

  std::int64_t count(ImportOutcome outcome) const;
  /// "122 of 122 backbone tensors loaded (PyTorch zip, without the prefix 'module.'); ..." in one
  /// line.
  std::string summary() const;
  /// A line per tensor that was not simply loaded, at most `limit` of each kind.
  std::string table(std::size_t limit) const;
};

/// Names that the network may have in files of other programs.
///
/// `features.N` of a Sequential of torchvision's ResNet (conv1, bn1, relu, maxpool, layer1 to 4),
/// as in the published SCN code, becomes torchvision's name, and `alpha.0` the attention head.
/// @return the name here, or `name` itself
/// Source: published SCN code, `nn.Sequential(*list(resnet.children())[:-1])`.
std::string torchvision_name(const std::string& name);
/// The way back: a name of ours as the published SCN code writes it.
std::string published_scn_name(const std::string& name);

/// Copies weights of a file into a network's state.
///
/// @param state   name to tensor, as module_state() gives it: "backbone." + name, and heads
/// @param source  tensors of the file
/// @param where   the file, for messages
/// @return what was done; `state` has the new weights, of the network's types
/// @throws CheckpointError when fewer than all tensors of the backbone were loaded and that is not
///         asked for, or none at all, with the nearest names of the file; when the file has more
///         inside of the backbone's parts (a deeper network) and that is not asked for; when two
///         prefixes lead to whole networks; when a tensor that would be loaded holds NaN or an
///         infinite number
ImportReport import_weights(std::map<std::string, at::Tensor>& state, const StateDict& source,
                            const WeightImportOptions& options, const std::string& where);

}  // namespace selfcure
