#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace selfcure {

/// A file that is written piece by piece and takes its place as a whole.
///
/// The pieces go to a temporary name in the same folder, which is removed unless commit() was
/// reached: at every moment `path` is either the old file or the new one, whatever kills the
/// process. Every function throws RunError that names the file and the system's reason.
class AtomicFile {
 public:
  explicit AtomicFile(std::filesystem::path path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* data, std::size_t bytes);
  void write(std::string_view text) { write(text.data(), text.size()); }
  /// Bytes written so far.
  std::uint64_t position() const { return position_; }
  /// Syncs and renames.
  void commit();

 private:
  [[noreturn]] void fail(const std::string& what);

  std::filesystem::path path_;
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  std::uint64_t position_ = 0;
};

/// Replaces a file as a whole: writes a temporary name in the same folder, syncs and renames it.
///
/// At every moment `path` is either the old file or the new one, whatever kills the process.
/// @throws RunError that names the file and the system's reason (no right, no space)
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// Whole content of a file. @throws RunError when it cannot be read
std::string read_file(const std::filesystem::path& path);

/// A field of a CSV line (RFC 4180): quoted where it holds a comma, a quote or a line break.
std::string csv_field(const std::string& text);

}  // namespace selfcure
