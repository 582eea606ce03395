#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace selfcure {

/// A file that is read at any place; it never reads beyond its end.
class InputFile {
 public:
  /// @throws CheckpointError when it cannot be opened
  explicit InputFile(const std::filesystem::path& path);
  ~InputFile();
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const { return size_; }
  const std::string& name() const { return name_; }
  /// @throws CheckpointError when [offset, offset + bytes) is not all in the file
  void read(std::uint64_t offset, void* into, std::uint64_t bytes) const;
  /// "name: what" as an error to throw.
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  std::string name_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

/// Reads a part of a file from front to back through a window.
class FileCursor {
 public:
  /// @param what  for messages: "data.pkl"
  FileCursor(const InputFile& file, std::uint64_t begin, std::uint64_t end, std::string what);

  std::uint8_t byte();
  void read(void* into, std::uint64_t bytes);
  /// So many bytes; the length is checked against the end before any memory is taken.
  std::string text(std::uint64_t bytes);
  /// Up to the next line feed, which is dropped.
  std::string line();
  /// Little-endian unsigned number of `bytes` bytes, at most 8.
  std::uint64_t number(int bytes);
  void skip(std::uint64_t bytes);
  std::uint64_t position() const { return position_; }
  std::uint64_t left() const { return end_ - position_; }
  [[noreturn]] void refuse(const std::string& what) const;

 private:
  const InputFile& file_;
  std::string what_;
  std::uint64_t position_;
  std::uint64_t end_;
  std::array<std::uint8_t, 65536> window_{};
  std::uint64_t window_begin_ = 0;
  std::uint64_t window_size_ = 0;
};

}  // namespace selfcure
