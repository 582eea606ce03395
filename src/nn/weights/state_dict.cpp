#include "selfcure/nn/weights/state_dict.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <array>
#include <utility>

#include "element_types.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::array<const char*, 4> kUsualSections = {"state_dict", "model_state_dict", "model",
                                                       "net"};
constexpr const char* kOwnTensors = "tensors";
constexpr const char* kOwnTexts = "texts";
constexpr const char* kOwnPrefix = "model.";

/// Tensors of each section, in the order of the file.
std::vector<std::pair<std::string, std::size_t>> count_sections(const WeightIndex& index) {
  std::vector<std::pair<std::string, std::size_t>> sections;
  std::map<std::string, std::size_t> places;
  for (const StoredTensor& tensor : index.tensors) {
    const auto [place, is_new] = places.emplace(tensor.section, sections.size());
    if (is_new) sections.emplace_back(tensor.section, 0);
    ++sections[place->second].second;
  }
  return sections;
}

std::string list_sections(const std::vector<std::pair<std::string, std::size_t>>& sections) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(sections.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") +
            (sections[i].first.empty() ? std::string("the top") : "'" + sections[i].first + "'") +
            " (" + std::to_string(sections[i].second) + " tensors)";
  if (sections.size() > kShown) text += ", ...";
  return text.empty() ? "no tensors at all" : one_line(text);
}

at::Tensor read_bytes(const WeightFile& file, std::size_t storage) {
  const auto bytes = static_cast<std::int64_t>(file.index().storages[storage].bytes);
  at::Tensor buffer = at::empty({bytes}, at::kByte);
  file.read_storage(storage, buffer.data_ptr<std::uint8_t>());
  return buffer;
}

}  // namespace

bool is_own_checkpoint(const WeightFile& file) {
  for (const StoredValue& value : file.index().values)
    if (value.section == kOwnTexts && value.name == "format")
      return value.text.rfind("selfcure checkpoint", 0) == 0;
  return false;
}

std::string find_weights(const WeightFile& file, const std::string& wanted) {
  const auto sections = count_sections(file.index());
  const auto has = [&](const std::string& section) {
    return std::any_of(sections.begin(), sections.end(),
                       [&](const auto& entry) { return entry.first == section; });
  };
  const std::string where = file.path().string() + ": ";
  if (!wanted.empty()) {
    if (has(wanted)) return wanted;
    throw CheckpointError(where + "expected tensors under '" + wanted + "', got " +
                          list_sections(sections));
  }
  if (is_own_checkpoint(file)) return kOwnTensors;
  for (const char* section : kUsualSections)
    if (has(section)) return section;
  if (has("")) return "";
  if (sections.size() == 1) return sections[0].first;
  throw CheckpointError(where +
                        (sections.empty() ? "expected tensors, got "
                                          : "expected one place with tensors (or its name), got ") +
                        list_sections(sections));
}

StateDict read_state_dict(const WeightFile& file, const std::string& section) {
  const bool is_own = is_own_checkpoint(file) && section == kOwnTensors;
  const std::string prefix = kOwnPrefix;
  std::map<std::size_t, at::Tensor> storages;
  StateDict tensors;
  for (const StoredTensor& stored : file.index().tensors) {
    if (stored.section != section) continue;
    if (is_own && stored.name.compare(0, prefix.size(), prefix) != 0) continue;
    auto bytes = storages.find(stored.storage);
    if (bytes == storages.end())
      bytes = storages.emplace(stored.storage, read_bytes(file, stored.storage)).first;
    at::Tensor tensor = at::empty({0}, scalar_type(stored.type));
    tensor.set_(bytes->second.storage(), stored.storage_offset, stored.shape, stored.strides);
    tensors.push_back({is_own ? stored.name.substr(prefix.size()) : stored.name, tensor});
  }
  return tensors;
}

StateDict read_state_dict(const std::filesystem::path& path, const std::string& wanted) {
  const WeightFile file(path);
  return read_state_dict(file, find_weights(file, wanted));
}

}  // namespace selfcure
