#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace selfcure {

/// Largest text file that a reader accepts unless told otherwise; the FER2013 table has 0.3e9
/// bytes.
inline constexpr std::uintmax_t kMaxTextFileBytes = std::uintmax_t{1} << 30;

/// One line of a TextFile.
struct TextLine {
  /// Without its line end; valid as long as the TextFile lives.
  std::string_view text;
  /// Counted from 1.
  std::int64_t number = 0;
};

/// A whole text file in memory, given out line by line.
///
/// Lines end in LF or CR LF, the last one may lack its end, and a UTF-8 byte order mark at the
/// start is left out. All that the data set readers have in common is here, so that they complain
/// in the same words: `file:line: expected ..., got ...`.
class TextFile {
 public:
  /// Reads the file.
  ///
  /// @throws DataError that names `path` if there is no such file, if it is a folder, cannot be
  ///         read or has more than `max_bytes`
  explicit TextFile(std::filesystem::path path, std::uintmax_t max_bytes = kMaxTextFileBytes);
  TextFile(const TextFile&) = delete;
  TextFile& operator=(const TextFile&) = delete;

  const std::filesystem::path& path() const { return path_; }

  /// The next line, or nothing after the last one.
  std::optional<TextLine> next_line();

  /// split_csv_line() of a line of this file.
  /// @throws DataError with file and line if a quote stays open or text follows a closing quote
  std::vector<std::string> csv_fields(const TextLine& line) const;

  /// "file:line", the start of every message about a line.
  std::string where(const TextLine& line) const;

  /// Throws DataError "file:line: what".
  [[noreturn]] void fail(const TextLine& line, const std::string& what) const;

 private:
  std::filesystem::path path_;
  std::string text_;
  std::size_t position_ = 0;
  std::int64_t lines_given_ = 0;
};

/// Splits a line into the fields of a CSV table, quotes taken off and doubled quotes halved.
///
/// A quoted field ends on its own line; blanks beside a comma belong to the field.
/// @param fail  told what is wrong if a quote stays open or text follows a closing quote; it should
///              throw, else the fields so far are returned
/// Source: RFC 4180, section 2, without line breaks inside quotes.
std::vector<std::string> split_csv_line(std::string_view line,
                                        const std::function<void(const std::string&)>& fail);

/// A decimal integer and nothing else: an optional minus sign and digits.
///
/// @return nothing for an empty text, blanks, a plus sign, other characters or an overflow
std::optional<std::int64_t> parse_integer(std::string_view text);

/// The text in single quotes for a message: cut after 60 bytes, control characters shown as '?'.
std::string in_quotes(std::string_view text);

/// Whether a folder, or anything at all, can be seen at this path. Unlike the functions of
/// std::filesystem, these do not throw where a folder above may not be entered: the answer is no.
bool folder_exists(const std::filesystem::path& path) noexcept;
bool path_exists(const std::filesystem::path& path) noexcept;

/// The parts between runs of blanks and tabs.
std::vector<std::string_view> split_blanks(std::string_view text);

}  // namespace selfcure
