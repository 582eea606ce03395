#include "selfcure/engine/checkpoint.h"

#include <ATen/core/Dict.h>
#include <ATen/core/ivalue.h>
#include <torch/serialize.h>
#include <xxhash.h>

#include <array>
#include <cstring>
#include <string_view>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"

namespace selfcure {
namespace {

// End of a zip archive: 22 bytes whose last two are the length of the comment that follows.
constexpr std::size_t kZipEndBytes = 22;
constexpr std::string_view kZipEndSignature = "PK\x05\x06";
constexpr std::string_view kCommentStart = "selfcure xxh3-128 ";
constexpr std::size_t kCommentBytes = kCommentStart.size() + 32;

std::string checksum(const char* data, std::size_t size) {
  const XXH128_hash_t hash = XXH3_128bits(data, size);
  std::array<char, 33> text{};
  std::snprintf(text.data(), text.size(), "%016llx%016llx",
                static_cast<unsigned long long>(hash.high64),
                static_cast<unsigned long long>(hash.low64));
  return std::string(text.data(), 32);
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
  texts["format"] = kCheckpointFormat;
  c10::impl::GenericDict content(c10::StringType::get(), c10::AnyType::get());
  content.insert("tensors", to_dict(plain(checkpoint.tensors)));
  content.insert("texts", to_dict(texts));
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
  std::string content;
  try {
    if (std::filesystem::is_directory(path)) throw RunError(path.string() + ": is a folder");
    content = read_file(path);
  } catch (const RunError& error) {
    throw CheckpointError(std::string(error.what()) + " (expected a selfcure checkpoint)");
  }
  const auto refuse = [&](const std::string& what) {
    return CheckpointError(path.string() + ": " + what);
  };
  if (content.size() < kCommentBytes + kZipEndBytes || content.compare(0, 2, "PK") != 0)
    throw refuse("expected a selfcure checkpoint, got a file of another kind");
  const std::size_t archive_bytes = content.size() - kCommentBytes;
  const std::string_view comment(content.data() + archive_bytes, kCommentBytes);
  if (comment.substr(0, kCommentStart.size()) != kCommentStart)
    throw refuse("expected a selfcure checkpoint, got one that is cut short or of another program");
  if (comment.substr(kCommentStart.size()) != checksum(content.data(), archive_bytes))
    throw refuse("the checksum does not fit: the file was changed or damaged");
  Checkpoint checkpoint;
  try {
    const std::vector<char> bytes(content.begin(), content.end());
    content = std::string();
    const c10::IValue value = torch::pickle_load(bytes);
    const auto dict = value.toGenericDict();
    for (const auto& item : dict.at("tensors").toGenericDict())
      checkpoint.tensors[item.key().toStringRef()] = item.value().toTensor();
    for (const auto& item : dict.at("texts").toGenericDict())
      checkpoint.texts[item.key().toStringRef()] = item.value().toStringRef();
  } catch (const c10::Error& error) {
    throw refuse(std::string("cannot be read: ") + error.what_without_backtrace());
  }
  if (checkpoint.text("format") != kCheckpointFormat)
    throw refuse("expected format '" + std::string(kCheckpointFormat) + "', got '" +
                 checkpoint.text("format") + "'");
  return checkpoint;
}

}  // namespace selfcure
