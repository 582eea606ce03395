#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>
#include <vector>

namespace selfcure {

/// Reads a CSV file (RFC 4180) record by record in bounded memory.
///
/// Fields may be quoted and hold commas, quotes (doubled) and line breaks; lines end in LF or CR
/// LF; a UTF-8 byte order mark is left out. Every record must have as many fields as the header.
class CsvReader {
 public:
  /// Longest record that is accepted, in bytes.
  static constexpr std::size_t kMaxRecordBytes = std::size_t{1} << 20;

  /// Opens the file and reads its header.
  /// @throws DataError that names the file if it cannot be read or has no header
  explicit CsvReader(std::filesystem::path path);

  const std::vector<std::string>& header() const { return header_; }
  /// Position of a column, or nothing.
  std::optional<std::size_t> find(const std::string& column) const;
  /// Position of a column. @throws DataError that names the file and the column if there is none
  std::size_t column(const std::string& column) const;

  /// Reads the next record into `fields`; false after the last one.
  /// @throws DataError "file:line: expected ..., got ..." where a quote stays open, text follows a
  ///         closing quote, the number of fields differs from the header's, or a record is longer
  ///         than kMaxRecordBytes
  bool next(std::vector<std::string>& fields);

  /// The number in a field of the record read last; may be NaN or infinite, as in a run that
  /// diverged.
  /// @throws DataError with file, line and column unless the whole field is one number
  double number(const std::vector<std::string>& fields, std::size_t column) const;
  /// The same for a whole number. @throws DataError
  std::int64_t integer(const std::vector<std::string>& fields, std::size_t column) const;

  /// Throws DataError "file:line: what", of the record read last.
  [[noreturn]] void fail(const std::string& what) const;

 private:
  bool read_record(std::vector<std::string>& fields);

  std::filesystem::path path_;
  std::ifstream file_;
  std::vector<std::string> header_;
  /// Of the first line of the record read last, and of the line to come.
  std::int64_t record_line_ = 1;
  std::int64_t line_ = 1;
};

}  // namespace selfcure
