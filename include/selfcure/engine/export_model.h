#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/engine/checkpoint.h"
#include "selfcure/engine/options.h"

namespace selfcure {

enum class ExportFormat { kTorchScript, kOnnx };

/// Versions of ONNX's operators that are written.
inline constexpr std::int64_t kLowestOpset = 13;
inline constexpr std::int64_t kHighestOpset = 17;

struct ExportOptions {
  ExportFormat format = ExportFormat::kTorchScript;
  /// In [13, 17].
  std::int64_t opset = kLowestOpset;
};

/// What was written.
struct ExportedModel {
  /// Of its outputs, in order: "logits", "probabilities", and "importance" where the method has it.
  std::vector<std::string> outputs;
  std::int64_t class_count = 0;
  std::int64_t image_size = 0;
  std::int64_t epoch = 0;
};

/// Writes the trained network of a checkpoint as a model that runs without this program.
///
/// Input "images": float32 [B, 3, S, S], RGB, (value / 255 - mean) / std. Outputs: logits [B, K],
/// probabilities [B, K], importance [B]. Class names, size, mean and std stand in the model's
/// metadata: extra file "selfcure.json" of TorchScript, metadata_props of ONNX. The batch size is
/// free. ONNX is checked by ONNX's own checker before it takes its place.
///
/// @param checkpoint_path  for messages   @param options  the config of the checkpoint
/// @throws CheckpointError when the weights do not fit; RunError when the file cannot be written
ExportedModel export_model(const Checkpoint& checkpoint,
                           const std::filesystem::path& checkpoint_path,
                           const ExperimentOptions& options, const ExportOptions& export_options,
                           const std::filesystem::path& out);

}  // namespace selfcure
