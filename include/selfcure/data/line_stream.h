#pragma once

#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "selfcure/data/text_file.h"

namespace selfcure {

/// A text file that is read line by line and never held as a whole.
///
/// For tables of hundreds of megabytes; else as TextFile: lines end in LF or CR LF, the last one
/// may lack its end, a UTF-8 byte order mark at the start is left out.
class LineStream {
 public:
  /// @param max_line_bytes  a longer line is an error, so that a hostile one does not fill the
  ///                        memory
  /// @throws DataError that names `path` if there is no such file, or it is none that can be read
  LineStream(std::filesystem::path path, std::size_t max_line_bytes);

  const std::filesystem::path& path() const { return path_; }

  /// The next line, or nothing after the last one. Its text is valid until the next call.
  /// @throws DataError with file and line if the line is too long, or the file cannot be read
  std::optional<TextLine> next_line();

  /// Throws DataError "file:line: what".
  [[noreturn]] void fail(const TextLine& line, const std::string& what) const;

 private:
  struct Closer {
    void operator()(std::FILE* file) const { std::fclose(file); }
  };
  bool read_more();

  std::filesystem::path path_;
  std::size_t max_line_bytes_;
  std::unique_ptr<std::FILE, Closer> file_;
  /// What was read and not yet given out begins at `position_`.
  std::string buffer_;
  std::size_t position_ = 0;
  bool at_end_ = false;
  std::int64_t lines_given_ = 0;
};

}  // namespace selfcure
