#include "selfcure/report/csv_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::size_t kShownBytes = 60;

std::string shown(const std::string& text) {
  std::string result = text.substr(0, kShownBytes);
  for (char& c : result)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) c = '?';
  return "'" + result + (text.size() > kShownBytes ? "...'" : "'");
}

}  // namespace

CsvReader::CsvReader(std::filesystem::path path)
    : path_(std::move(path)), file_(path_, std::ios::binary) {
  std::error_code error;
  if (!file_ || std::filesystem::is_directory(path_, error))
    throw DataError(path_.string() + ": cannot be read");
  if (file_.peek() == 0xEF) {
    char mark[3] = {};
    file_.read(mark, sizeof(mark));
    if (std::string(mark, 3) != "\xEF\xBB\xBF") file_.seekg(0);
  }
  if (!read_record(header_))
    throw DataError(path_.string() + ": expected a header line, got an empty file");
}

std::optional<std::size_t> CsvReader::find(const std::string& column) const {
  const auto found = std::find(header_.begin(), header_.end(), column);
  if (found == header_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - header_.begin());
}

std::size_t CsvReader::column(const std::string& column) const {
  const auto found = find(column);
  if (!found)
    throw DataError(path_.string() + ":1: expected a column '" + column +
                    "', got none of this name");
  return *found;
}

bool CsvReader::next(std::vector<std::string>& fields) {
  if (!read_record(fields)) return false;
  if (fields.size() != header_.size())
    fail("expected " + std::to_string(header_.size()) + " fields, got " +
         std::to_string(fields.size()));
  return true;
}

bool CsvReader::read_record(std::vector<std::string>& fields) {
  std::streambuf& in = *file_.rdbuf();
  constexpr int kEnd = std::char_traits<char>::eof();
  record_line_ = line_;
  std::size_t count = 0;
  std::size_t bytes = 0;
  const auto open_field = [&]() -> std::string& {
    if (count == fields.size()) fields.emplace_back();
    fields[count].clear();
    return fields[count++];
  };
  int c = in.sbumpc();
  if (c == kEnd) return false;
  std::string* field = &open_field();
  bool quoted = false;      // within quotes
  bool was_quoted = false;  // the field had quotes, which are closed now
  for (;; c = in.sbumpc()) {
    if (++bytes > kMaxRecordBytes)
      fail("expected a record of at most " + std::to_string(kMaxRecordBytes) + " bytes");
    if (c == kEnd) {
      if (quoted) fail("expected a closing quote, got the end of the file");
      break;
    }
    const char letter = static_cast<char>(c);
    if (letter == '\n') ++line_;
    if (quoted) {
      if (letter != '"') {
        field->push_back(letter);
      } else if (in.sgetc() == '"') {
        field->push_back(static_cast<char>(in.sbumpc()));
      } else {
        quoted = false;
        was_quoted = true;
      }
    } else if (letter == '\n' || (letter == '\r' && in.sgetc() == '\n')) {
      if (letter == '\r') {
        in.sbumpc();
        ++line_;
      }
      break;
    } else if (letter == ',') {
      field = &open_field();
      was_quoted = false;
    } else if (was_quoted) {
      fail("expected a comma behind the closing quote, got " + shown(std::string(1, letter)));
    } else if (letter == '"' && field->empty()) {
      quoted = true;
    } else {
      field->push_back(letter);
    }
  }
  fields.resize(count);
  return true;
}

double CsvReader::number(const std::vector<std::string>& fields, std::size_t column) const {
  const std::string& text = fields[column];
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end)
    fail("expected a number as " + header_[column] + ", got " + shown(text));
  return value;
}

std::int64_t CsvReader::integer(const std::vector<std::string>& fields, std::size_t column) const {
  const std::string& text = fields[column];
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end)
    fail("expected a whole number as " + header_[column] + ", got " + shown(text));
  return value;
}

void CsvReader::fail(const std::string& what) const {
  throw DataError(path_.string() + ":" + std::to_string(record_line_) + ": " + what);
}

}  // namespace selfcure
