#include "selfcure/engine/checkpoint.h"

#include <ATen/core/Dict.h>
#include <ATen/core/ivalue.h>
#include <torch/serialize.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <string_view>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/nn/weights/tensor_statistics.h"
#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {
namespace {

// End of a zip archive: 22 bytes whose last two are the length of the comment that follows.
constexpr std::size_t kZipEndBytes = 22;
constexpr std::string_view kZipEndSignature = "PK\x05\x06";
constexpr std::string_view kCommentStart = "selfcure xxh3-128 ";
constexpr std::size_t kCommentBytes = kCommentStart.size() + 32;
constexpr std::size_t kPartBytes = std::size_t{1} << 20;
constexpr const char* kTensors = "tensors";
constexpr const char* kTexts = "texts";
constexpr const char* kFormat = "format";

std::string checksum_text(const XXH128_hash_t& hash) {
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return std::string(text.data(), 32);
}

std::string checksum(const char* data, std::size_t size) {
  return checksum_text(XXH3_128bits(data, size));
}

/// The same of the first `size` bytes of a stream.
std::string checksum(std::istream& content, std::size_t size) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       &XXH3_freeState);
  XXH3_128bits_reset(state.get());
  std::vector<char> part(kPartBytes);
  while (size > 0) {
    const std::size_t count = std::min(size, part.size());
    if (!content.read(part.data(), static_cast<std::streamsize>(count))) break;
    XXH3_128bits_update(state.get(), part.data(), count);
    size -= count;
  }
  return checksum_text(XXH3_128bits_digest(state.get()));
}

template <class Value>
c10::Dict<std::string, Value> to_dict(const std::map<std::string, Value>& map) {
  c10::Dict<std::string, Value> dict;
  for (const auto& [name, value] : map) dict.insert(name, value);
  return dict;
}

/// Own memory, on the CPU, contiguous: a view would drag its whole storage into the file.
std::map<std::string, at::Tensor> plain(const std::map<std::string, at::Tensor>& tensors) {
  std::map<std::string, at::Tensor> copies;
  for (const auto& [name, tensor] : tensors) {
    at::Tensor copy = tensor.detach().to(at::kCPU).contiguous();
    if (copy.storage().nbytes() != copy.nbytes()) copy = copy.clone();
    copies[name] = copy;
  }
  return copies;
}

}  // namespace

std::map<std::string, at::Tensor> Checkpoint::section(const std::string& prefix) const {
  std::map<std::string, at::Tensor> part;
  for (auto it = tensors.lower_bound(prefix);
       it != tensors.end() && it->first.compare(0, prefix.size(), prefix) == 0; ++it)
    part[it->first.substr(prefix.size())] = it->second;
  return part;
}

void Checkpoint::add_section(const std::string& prefix,
                             const std::map<std::string, at::Tensor>& part) {
  for (const auto& [name, tensor] : part) tensors[prefix + name] = tensor;
}

const at::Tensor& Checkpoint::tensor(const std::string& name) const {
  const auto entry = tensors.find(name);
  if (entry == tensors.end()) throw CheckpointError("checkpoint: tensor '" + name + "' is missing");
  return entry->second;
}

const std::string& Checkpoint::text(const std::string& name) const {
  const auto entry = texts.find(name);
  if (entry == texts.end()) throw CheckpointError("checkpoint: entry '" + name + "' is missing");
  return entry->second;
}

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint) {
  std::map<std::string, std::string> texts = checkpoint.texts;
  texts[kFormat] = kCheckpointFormat;
  c10::impl::GenericDict content(c10::StringType::get(), c10::AnyType::get());
  content.insert(kTensors, to_dict(plain(checkpoint.tensors)));
  content.insert(kTexts, to_dict(texts));
  std::vector<char> bytes = torch::pickle_save(content);
  const std::size_t end = bytes.size() - kZipEndBytes;
  if (bytes.size() < kZipEndBytes ||
      std::string_view(bytes.data() + end, kZipEndSignature.size()) != kZipEndSignature)
    throw Error("save_checkpoint: LibTorch's archive does not end as a zip without a comment does");
  bytes[bytes.size() - 2] = static_cast<char>(kCommentBytes & 0xFF);
  bytes[bytes.size() - 1] = static_cast<char>(kCommentBytes >> 8);
  const std::string comment = std::string(kCommentStart) + checksum(bytes.data(), bytes.size());
  bytes.insert(bytes.end(), comment.begin(), comment.end());
  write_file_atomically(path, std::string_view(bytes.data(), bytes.size()));
}

Checkpoint load_checkpoint(const std::filesystem::path& path) {
  const auto refuse = [&](const std::string& what) {
    return CheckpointError(path.string() + ": " + what);
  };
  if (std::filesystem::is_directory(path))
    throw refuse("is a folder (expected a selfcure checkpoint)");
  std::ifstream content(path, std::ios::binary | std::ios::ate);
  if (!content)
    throw refuse(std::string("cannot be read: ") + std::strerror(errno) +
                 " (expected a selfcure checkpoint)");
  const auto bytes = static_cast<std::size_t>(content.tellg());
  std::string start(2, '\0'), comment(kCommentBytes, '\0');
  if (bytes < kCommentBytes + kZipEndBytes || !content.seekg(0).read(start.data(), 2) ||
      start != "PK")
    throw refuse("expected a selfcure checkpoint, got a file of another kind");
  const std::size_t archive_bytes = bytes - kCommentBytes;
  content.seekg(static_cast<std::streamoff>(archive_bytes));
  content.read(comment.data(), static_cast<std::streamsize>(comment.size()));
  if (comment.compare(0, kCommentStart.size(), kCommentStart) != 0)
    throw refuse("expected a selfcure checkpoint, got one that is cut short or of another program");
  if (comment.substr(kCommentStart.size()) != checksum(content.seekg(0), archive_bytes))
    throw refuse("the checksum does not fit: the file was changed or damaged");

  // Whoever changes a file can change its checksum: LibTorch's own reader crashes on bad pickles.
  const WeightFile file(path);
  Checkpoint checkpoint;
  for (const StoredValue& value : file.index().values)
    if (value.section == kTexts) checkpoint.texts[value.name] = value.text;
  const auto format = checkpoint.texts.find(kFormat);
  if (format == checkpoint.texts.end() || format->second != kCheckpointFormat)
    throw refuse(
        "expected format '" + std::string(kCheckpointFormat) + "', got " +
        (format == checkpoint.texts.end() ? "none" : "'" + one_line(format->second) + "'"));
  TensorReader reader(file);
  for (const StoredTensor& tensor : file.index().tensors)
    if (tensor.section == kTensors) checkpoint.tensors[tensor.name] = reader.read(tensor);
  return checkpoint;
}

}  // namespace selfcure
