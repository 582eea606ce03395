#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

namespace selfcure {

/// Named tensors and texts in one file.
///
/// The file is a zip archive that Python reads: `torch.load(path)` gives a dict with the entries
/// "tensors" (name to tensor) and "texts" (name to string). A checksum of all bytes is kept in the
/// archive's comment, so that a file that was cut short or changed anywhere is refused.
struct Checkpoint {
  std::map<std::string, at::Tensor> tensors;
  std::map<std::string, std::string> texts;

  /// Tensors whose name starts with `prefix`, under the rest of their name.
  std::map<std::string, at::Tensor> section(const std::string& prefix) const;
  /// Adds tensors under `prefix` + name.
  void add_section(const std::string& prefix, const std::map<std::string, at::Tensor>& tensors);
  /// @throws CheckpointError when there is no such entry
  const at::Tensor& tensor(const std::string& name) const;
  const std::string& text(const std::string& name) const;
};

/// Version of the layout of entries that this program writes.
inline constexpr const char* kCheckpointFormat = "selfcure checkpoint 1";

/// Writes to a temporary name beside `path` and renames: `path` is whole at every moment.
/// @throws RunError when the folder cannot be written or the disk is full
void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

/// @throws CheckpointError when the file is missing, foreign, cut short, changed or of a newer
/// format
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace selfcure
