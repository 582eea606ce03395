#pragma once

#include "input_file.h"
#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

// One reader per format; each checks everything that it puts into the index.

WeightIndex read_pytorch_zip(const InputFile& file);
WeightIndex read_pytorch_legacy(const InputFile& file);
WeightIndex read_safetensors(const InputFile& file);

/// Do the elements of `tensor` lie within `bytes` of storage? False on overflow as well.
bool fits_storage(const StoredTensor& tensor, std::uint64_t bytes);

/// Refuses a file with one name twice in a section.
void refuse_duplicates(const InputFile& file, const WeightIndex& index);

}  // namespace selfcure
