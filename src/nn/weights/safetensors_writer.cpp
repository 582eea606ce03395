#include <ATen/ATen.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "element_types.h"
#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/nn/weights/state_dict.h"

namespace selfcure {
namespace {

constexpr std::array<const char*, 10> kTypeNames = {"F16", "BF16", "F32", "F64", "U8",
                                                    "I8",  "I16",  "I32", "I64", "BOOL"};
constexpr std::size_t kAlignment = 8;
constexpr const char* kMetadata = "__metadata__";

}  // namespace

void write_safetensors(const std::filesystem::path& path, const StateDict& tensors,
                       const std::map<std::string, std::string>& metadata) {
  std::vector<const NamedTensor*> ordered;
  for (const NamedTensor& tensor : tensors) {
    check_written_name(tensor.name, path.string());
    if (tensor.name == kMetadata)
      throw CheckpointError(path.string() + ": '" + kMetadata +
                            "': expected another name of a tensor: safetensors keeps this one");
    ordered.push_back(&tensor);
  }
  std::stable_sort(ordered.begin(), ordered.end(), [](const auto* a, const auto* b) {
    if (a->value.element_size() != b->value.element_size())
      return a->value.element_size() > b->value.element_size();
    return a->name < b->name;
  });
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  if (!metadata.empty()) header[kMetadata] = metadata;
  std::uint64_t next = 0;
  for (const NamedTensor* tensor : ordered) {
    const ElementType type = element_type(tensor->value.scalar_type(), tensor->name);
    const std::uint64_t end =
        next + static_cast<std::uint64_t>(tensor->value.numel()) * element_bytes(type);
    header[tensor->name] = {{"dtype", kTypeNames.at(static_cast<std::size_t>(type))},
                            {"shape", tensor->value.sizes().vec()},
                            {"data_offsets", {next, end}}};
    next = end;
  }
  std::string text = header.dump();
  text.append((kAlignment - text.size() % kAlignment) % kAlignment, ' ');
  const auto bytes = static_cast<std::uint64_t>(text.size());

  AtomicFile file(path);
  file.write(&bytes, sizeof(bytes));
  file.write(text);
  for (const NamedTensor* tensor : ordered) {
    const at::Tensor plain = tensor->value.detach().to(at::kCPU).contiguous();
    file.write(plain.data_ptr(), plain.nbytes());
  }
  file.commit();
}

}  // namespace selfcure
