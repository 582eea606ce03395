#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/core/file_io.h"

namespace selfcure {

/// Writes a zip archive of stored files, of any size (zip64 where needed).
class ZipWriter {
 public:
  explicit ZipWriter(AtomicFile& file) : file_(file) {}

  /// Adds a file whose content begins at a multiple of 64 bytes, as PyTorch's do.
  void add(const std::string& name, const void* data, std::size_t bytes);
  void add(const std::string& name, std::string_view text) { add(name, text.data(), text.size()); }
  /// Writes the directory.
  /// @param comment  of the archive, less than 65,536 bytes
  void finish(const std::string& comment = "");

 private:
  struct Entry {
    std::string name;
    std::uint64_t bytes;
    std::uint32_t crc32;
    std::uint64_t local;
  };
  void write_central(const Entry& entry);

  AtomicFile& file_;
  std::vector<Entry> entries_;
};

}  // namespace selfcure
