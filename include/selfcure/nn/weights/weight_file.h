#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace selfcure {

/// Text of a file, such as a name, for a line of a message: control characters as '?', cut where it
/// is very long.
std::string one_line(const std::string& text);

/// Formats of weight files that are read.
enum class WeightFormat {
  /// `torch.save` since PyTorch 1.6: a zip archive with one pickle and a file per storage.
  kPytorchZip,
  /// `torch.save` before 1.6 (magic number 0x1950a86a20f9469cfc6c): pickles, then storages.
  kPytorchLegacy,
  kSafetensors,
};
/// "PyTorch zip", "PyTorch legacy", "safetensors".
const char* weight_format_name(WeightFormat format);

/// Types of elements that tensors in files may have.
enum class ElementType {
  kFloat16,
  kBFloat16,
  kFloat32,
  kFloat64,
  kUint8,
  kInt8,
  kInt16,
  kInt32,
  kInt64,
  kBool,
};
std::size_t element_bytes(ElementType type);
/// PyTorch's name: "float32", "bool".
const char* element_name(ElementType type);

/// Raw numbers in a file; several tensors may look at the same.
struct StoredBytes {
  /// Of the first byte, from the start of the file.
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  /// Checksum that the file gives for them (zip), if it gives one.
  std::uint32_t crc32 = 0;
  bool has_crc32 = false;
};

/// A tensor as a file describes it. It lies within its storage: that was checked.
struct StoredTensor {
  /// Keys of the dictionaries around it, joined by '/': "model_state_dict"; empty at the top.
  std::string section;
  /// Its own key: "layer1.0.conv1.weight".
  std::string name;
  ElementType type = ElementType::kFloat32;
  std::vector<std::int64_t> shape;
  /// In elements, none negative.
  std::vector<std::int64_t> strides;
  /// Position in WeightIndex::storages.
  std::size_t storage = 0;
  /// Of its first element in the storage, in elements.
  std::int64_t storage_offset = 0;

  std::int64_t element_count() const;
};

/// A number, text or flag beside the tensors.
struct StoredValue {
  std::string section;
  std::string name;
  /// The whole text of a string; numbers as Python prints them.
  std::string text;
};

/// What is in a weight file, in the file's order. None of the tensors' numbers were read.
struct WeightIndex {
  WeightFormat format = WeightFormat::kPytorchZip;
  std::vector<StoredTensor> tensors;
  std::vector<StoredValue> values;
  std::vector<StoredBytes> storages;
};

class InputFile;

/// An open weight file.
///
/// Nothing in a file is ever executed: a pickle may name what tensors, dictionaries, lists, tuples,
/// numbers, strings and parameters need; any other name is refused and said. Memory for the index
/// grows with the number of tensors and not with what a file claims.
class WeightFile {
 public:
  /// @throws CheckpointError in one line: a file that is missing, cut short, of another kind, with
  ///         sizes that do not agree, or with a name in its pickle that is refused
  explicit WeightFile(std::filesystem::path path);
  ~WeightFile();
  WeightFile(WeightFile&&) noexcept;
  WeightFile& operator=(WeightFile&&) noexcept;

  const std::filesystem::path& path() const { return path_; }
  const WeightIndex& index() const { return index_; }
  std::uint64_t file_bytes() const;

  /// Reads the bytes of a storage. @param into  room for storages[storage].bytes
  /// @throws CheckpointError when they cannot be read or their checksum does not fit
  void read_storage(std::size_t storage, std::uint8_t* into) const;

 private:
  std::filesystem::path path_;
  std::unique_ptr<InputFile> file_;
  WeightIndex index_;
};

}  // namespace selfcure
