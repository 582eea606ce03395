#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "input_file.h"

namespace selfcure {

/// A file in a zip archive.
struct ZipEntry {
  /// Of its first byte in the archive.
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  std::uint32_t crc32 = 0;
  /// Not stored as it is: of no use here.
  bool is_compressed = false;
};

/// Reads the directory of an archive, of any size (zip64), by name.
///
/// @throws CheckpointError for anything that an archive of PyTorch's does not have: encryption,
///         parts on other disks, sizes beyond the file, entries that overlap or whose own header
///         contradicts the directory, a name twice, absolute names and ".."
std::map<std::string, ZipEntry> read_zip_directory(const InputFile& file);

}  // namespace selfcure
