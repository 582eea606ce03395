#include "selfcure/nn/weights/weight_file.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

#include "checksum.h"
#include "input_file.h"
#include "weight_formats.h"

namespace selfcure {
namespace {

constexpr std::string_view kZipStart{"PK\x03\x04", 4};
// A long of ten bytes: 0x1950a86a20f9469cfc6c.
constexpr std::string_view kLegacyMagic{"\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 12};
// Before it a pickle's protocol, and in protocols 4 and 5 a frame with its size.
constexpr std::uint64_t kProtocolBytes = 2;
constexpr std::uint64_t kFrameBytes = 9;
constexpr std::size_t kTarSignatureOffset = 257;
constexpr std::int64_t kRepeatedElements = std::int64_t{1} << 20;

bool starts_with(const InputFile& file, std::string_view start, std::uint64_t offset = 0) {
  if (file.size() < offset + start.size()) return false;
  std::string head(start.size(), '\0');
  file.read(offset, head.data(), head.size());
  return head == start;
}

bool is_pytorch_legacy(const InputFile& file) {
  return starts_with(file, "\x80") &&
         (starts_with(file, kLegacyMagic, kProtocolBytes) ||
          starts_with(file, kLegacyMagic, kProtocolBytes + kFrameBytes));
}

/// The first character of the header, a JSON object, behind its length.
bool may_be_safetensors(const InputFile& file) { return starts_with(file, "{", 8); }

WeightIndex read_index(const InputFile& file) {
  if (starts_with(file, kZipStart)) return read_pytorch_zip(file);
  if (is_pytorch_legacy(file)) return read_pytorch_legacy(file);
  if (may_be_safetensors(file)) return read_safetensors(file);
  const std::string expected =
      "expected a .pth, .pt, .th or .pth.tar of PyTorch, a .safetensors file or a checkpoint, got ";
  if (file.size() == 0) file.refuse(expected + "an empty file");
  if (starts_with(file, "ustar", kTarSignatureOffset))
    file.refuse(expected + "a tar archive (PyTorch before 0.1.10 wrote these)");
  if (starts_with(file, "\x89HDF")) file.refuse(expected + "an HDF5 file (Keras)");
  if (starts_with(file, "\x80")) file.refuse(expected + "a pickle of another program");
  if (starts_with(file, "version https://git-lfs")) file.refuse(expected + "a git-lfs pointer");
  if (starts_with(file, "<")) file.refuse(expected + "a web page (a download that failed?)");
  file.refuse(expected + "a file that starts otherwise");
}

}  // namespace

const char* weight_format_name(WeightFormat format) {
  switch (format) {
    case WeightFormat::kPytorchZip:
      return "PyTorch zip";
    case WeightFormat::kPytorchLegacy:
      return "PyTorch legacy";
    case WeightFormat::kSafetensors:
      return "safetensors";
  }
  return "";
}

std::size_t element_bytes(ElementType type) {
  constexpr std::array<std::size_t, 10> kBytes = {2, 2, 4, 8, 1, 1, 2, 4, 8, 1};
  return kBytes.at(static_cast<std::size_t>(type));
}

const char* element_name(ElementType type) {
  constexpr std::array<const char*, 10> kNames = {"float16", "bfloat16", "float32", "float64",
                                                  "uint8",   "int8",     "int16",   "int32",
                                                  "int64",   "bool"};
  return kNames.at(static_cast<std::size_t>(type));
}

std::int64_t StoredTensor::element_count() const {
  std::int64_t count = 1;
  for (const std::int64_t size : shape) count *= size;
  return count;
}

bool fits_storage(const StoredTensor& tensor, std::uint64_t bytes) {
  const auto limit = static_cast<std::int64_t>(std::min<std::uint64_t>(
      bytes / element_bytes(tensor.type), std::numeric_limits<std::int64_t>::max()));
  // A tensor that repeats its storage by strides of 0 must not claim any number of elements.
  const std::int64_t count_limit = std::max(limit, kRepeatedElements);
  std::int64_t count = 1;
  std::int64_t last = tensor.storage_offset;
  if (last < 0 || last > limit) return false;
  bool is_empty = false;
  for (const std::int64_t size : tensor.shape) is_empty = is_empty || size == 0;
  for (std::size_t i = 0; i < tensor.shape.size(); ++i) {
    const std::int64_t size = tensor.shape[i];
    const std::int64_t stride = tensor.strides[i];
    if (size < 0 || stride < 0) return false;
    if (is_empty) {
      // The product must not overflow even so.
      if (size > std::numeric_limits<std::int64_t>::max() / count) return false;
      count *= std::max<std::int64_t>(size, 1);
      continue;
    }
    if (size > count_limit / count) return false;
    count *= size;
    if (size > 1 && stride > (limit - last) / (size - 1)) return false;
    last += (size - 1) * stride;
  }
  return is_empty || last < limit;
}

void refuse_duplicates(const InputFile& file, const WeightIndex& index) {
  std::vector<const StoredTensor*> tensors;
  for (const StoredTensor& tensor : index.tensors) tensors.push_back(&tensor);
  const auto key = [](const StoredTensor* t) { return std::tie(t->section, t->name); };
  std::sort(tensors.begin(), tensors.end(),
            [&](const auto* a, const auto* b) { return key(a) < key(b); });
  const auto twice = std::adjacent_find(tensors.begin(), tensors.end(),
                                        [&](auto* a, auto* b) { return key(a) == key(b); });
  if (twice != tensors.end()) file.refuse("the name '" + (*twice)->name + "' comes twice");
}

WeightFile::WeightFile(std::filesystem::path path)
    : path_(std::move(path)), file_(std::make_unique<InputFile>(path_)) {
  index_ = read_index(*file_);
  refuse_duplicates(*file_, index_);
}
WeightFile::~WeightFile() = default;
WeightFile::WeightFile(WeightFile&&) noexcept = default;
WeightFile& WeightFile::operator=(WeightFile&&) noexcept = default;

std::uint64_t WeightFile::file_bytes() const { return file_->size(); }

void WeightFile::read_storage(std::size_t storage, std::uint8_t* into) const {
  const StoredBytes& stored = index_.storages.at(storage);
  file_->read(stored.offset, into, stored.bytes);
  if (!stored.has_crc32) return;
  if (zip_checksum(into, stored.bytes) != stored.crc32)
    file_->refuse("the checksum of the " + std::to_string(stored.bytes) + " bytes at " +
                  std::to_string(stored.offset) + " does not fit: the file is damaged");
}

}  // namespace selfcure
