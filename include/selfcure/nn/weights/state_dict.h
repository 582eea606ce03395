#pragma once

#include <ATen/core/Tensor.h>

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

struct NamedTensor {
  std::string name;
  at::Tensor value;
};

/// Tensors by name in a fixed order, each name once, as PyTorch's state_dict().
using StateDict = std::vector<NamedTensor>;

/// The section of a file that holds the network's weights.
///
/// `wanted` if it is not empty. Otherwise, for a checkpoint of this program its tensors; for other
/// files the first with tensors of state_dict, model_state_dict, model, net and the top, or else
/// the only one there is.
/// @throws CheckpointError that lists the sections when the wanted one has no tensors, or when
///         there is a choice
std::string find_weights(const WeightFile& file, const std::string& wanted = "");

/// Is the file a checkpoint that this program has written?
bool is_own_checkpoint(const WeightFile& file);

/// Reads the tensors of a section, on the CPU, with the file's strides.
///
/// Each storage is read once: tensors that share one in the file share it in memory. Of a
/// checkpoint of this program only the network's tensors, without the prefix "model.".
/// @throws CheckpointError when the file changed or its checksum does not fit
StateDict read_state_dict(const WeightFile& file, const std::string& section);

/// The same for the section that find_weights() chooses.
StateDict read_state_dict(const std::filesystem::path& path, const std::string& wanted = "");

/// Writes a file that `torch.load(path, weights_only=True)` reads: an OrderedDict of tensors.
///
/// Tensors become contiguous on the CPU; those that share all of a storage go on sharing it.
/// @param section  key of a dictionary around it, such as "model_state_dict"; empty: none
/// @param texts    entries beside the section, only where there is one
/// @throws RunError when the file cannot be written; ShapeError for a tensor of a type that
///         ElementType does not have
void write_pytorch(const std::filesystem::path& path, const StateDict& tensors,
                   const std::string& section = "",
                   const std::map<std::string, std::string>& texts = {});

/// Writes a .safetensors file, in the order of its own library: wide types first, then by name.
/// @param metadata  texts for its "__metadata__"
void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace selfcure
