#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/text_file.h"

namespace selfcure {

/// Longest line of a list or table, so that a hostile one does not fill the memory.
inline constexpr std::size_t kMaxListLineBytes = std::size_t{1} << 20;

/// The text without blanks and tabs at its ends.
std::string_view without_end_blanks(std::string_view text);

/// Whether both texts are the same but for the case of ASCII letters.
bool same_in_any_case(std::string_view left, std::string_view right);

/// Whether a file's name ends in .csv, in any case.
bool is_table_file(const std::filesystem::path& path);

/// A list or table that an option names: a relative path is looked up below `root`, then at the
/// working directory.
/// @throws DataError that names both places if it is at neither
std::filesystem::path find_list_file(const std::filesystem::path& root,
                                     const std::filesystem::path& file);

/// @throws DataError with file and line if the line is longer than kMaxListLineBytes
void require_list_line(const TextFile& file, const TextLine& line);

/// @throws DataError with file and line if the path of an image is empty or holds a zero byte
void require_list_path(const TextFile& file, const TextLine& line, std::string_view path);

/// A line of a plain list.
struct ListLine {
  std::string_view path;
  std::string_view label;
};

/// Takes a line `path label` of a plain list apart.
///
/// Its parts lie between blanks and tabs, a comma or a semicolon (with or without blanks around).
/// - The path ends with the last part that ends as an image or a video does and has something
///   behind it (`my face.jpg 5`), else with the last part but one. It may hold blanks and commas.
/// - What follows is one label where it is, as a whole, one of `classes` (`Happily Surprised`).
/// - Else one more part after the label is left out (`a.jpg 5 0.9` and `a.jpg 5 b.jpg`, forms in
///   public circulation). Without `classes`, one of the two must be a number, since they could as
///   well be a name of two words.
///
/// @return views into `text`; nothing if the line is not of this form. The label may be empty
std::optional<ListLine> split_list_line(std::string_view text,
                                        const std::vector<std::string>& classes);

/// A CSV table whose first line names its columns; they may be in any order and any case.
class CsvTable {
 public:
  struct Row {
    TextLine line;
    /// As many as the header has.
    std::vector<std::string> fields;
  };

  /// Reads the file and its header.
  /// @param bad_lines  says what becomes of rows that are not what the header promises; must
  ///                   outlive the table
  /// @throws DataError if the file cannot be read, is empty, or a column's name comes twice
  explicit CsvTable(std::filesystem::path path, BadLines* bad_lines = nullptr);

  const TextFile& file() const { return file_; }
  /// The names of the columns in the table's order and spelling.
  const std::vector<std::string>& columns() const { return columns_; }

  /// Index of a column, or nothing.
  std::optional<std::size_t> find_column(std::string_view name) const;

  /// Index of the first of these columns that is there.
  /// @throws DataError that lists the columns that are there if none is
  std::size_t column(const std::vector<std::string>& names) const;

  /// Throws DataError "file:line: <expected>, got <the header>".
  [[noreturn]] void fail_header(const std::string& expected) const;

  /// The next row, empty lines left out, or nothing after the last one.
  /// @throws DataError with file and line unless it has one field per column, or is left out
  std::optional<Row> next_row();

 private:
  void read_row(Row& row) const;

  TextFile file_;
  BadLines* bad_lines_;
  TextLine header_;
  std::vector<std::string> columns_;
};

}  // namespace selfcure
