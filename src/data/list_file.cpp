#include "selfcure/data/list_file.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/data/class_folders.h"
#include "selfcure/data/class_map.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kBlanks = " \t";
constexpr std::string_view kSeparators = " \t,;";
constexpr std::size_t kMostColumns = 1000;

bool is_number(std::string_view text) {
  double value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stop == end;
}

/// What lies between the separators: blanks with at most one comma or semicolon among them.
std::vector<std::string_view> split_parts(std::string_view text) {
  std::vector<std::string_view> parts;
  std::string_view rest = without_end_blanks(text);
  while (true) {
    const std::size_t end = std::min(rest.find_first_of(kSeparators), rest.size());
    parts.push_back(rest.substr(0, end));
    if (end == rest.size()) return parts;
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks, end), rest.size()));
    if (rest.empty() || (rest.front() != ',' && rest.front() != ';')) continue;
    rest.remove_prefix(1);
    rest.remove_prefix(std::min(rest.find_first_not_of(kBlanks), rest.size()));
  }
}

/// The text from the start of one part to the end of another.
std::string_view span(std::string_view first, std::string_view last) {
  return {first.data(), static_cast<std::size_t>(last.data() + last.size() - first.data())};
}

bool is_blank(const TextLine& line) { return without_end_blanks(line.text).empty(); }

bool is_picture(std::string_view part) { return is_image_file(part) || is_video_file(part); }

}  // namespace

std::string_view without_end_blanks(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool same_in_any_case(std::string_view left, std::string_view right) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [&](char a, char b) { return lower(a) == lower(b); });
}

bool is_table_file(const fs::path& path) {
  return same_in_any_case(path.extension().string(), ".csv");
}

fs::path find_list_file(const fs::path& root, const fs::path& file) {
  if (file.is_absolute() || path_exists(root / file)) return root / file;  // absolute: the file
  if (path_exists(file)) return file;
  throw DataError((root / file).string() + ": expected a list here or at " + file.string() +
                  ", found neither");
}

void require_list_line(const TextFile& file, const TextLine& line) {
  if (line.text.size() <= kMaxListLineBytes) return;
  file.fail(line, "expected a line of at most " + std::to_string(kMaxListLineBytes) +
                      " bytes, got " + std::to_string(line.text.size()));
}

void require_list_path(const TextFile& file, const TextLine& line, std::string_view path) {
  if (without_end_blanks(path).empty()) {
    file.fail(line, "expected the path of an image, got an empty field");
  }
  if (path.find('\0') != std::string_view::npos) {
    file.fail(line, "expected a path in UTF-8 or another text without zero bytes, got " +
                        in_quotes(path));
  }
}

std::optional<ListLine> split_list_line(std::string_view text,
                                        const std::vector<std::string>& classes) {
  const std::vector<std::string_view> parts = split_parts(text);
  if (parts.size() < 2) return std::nullopt;
  std::size_t end = parts.size() - 1;
  while (end > 0 && !is_picture(parts[end - 1])) --end;
  if (end == 0 && is_picture(parts.back())) return std::nullopt;
  if (end == 0) end = parts.size() - 1;
  const std::string_view path = span(parts.front(), parts[end - 1]);
  const std::string_view rest = span(parts[end], parts.back());
  const std::size_t words = parts.size() - end;
  if (words == 1 || find_class(classes, rest)) return ListLine{path, rest};
  const std::string_view label = span(parts[end], parts[parts.size() - 2]);
  if (words > 2) {
    if (find_class(classes, label)) return ListLine{path, label};
    return std::nullopt;
  }
  if (classes.empty() && !is_number(label) && !is_number(parts.back())) return std::nullopt;
  return ListLine{path, label};
}

CsvTable::CsvTable(fs::path path, BadLines* bad_lines)
    : file_(std::move(path)), bad_lines_(bad_lines) {
  std::optional<TextLine> line = file_.next_line();
  while (line && is_blank(*line)) line = file_.next_line();
  if (!line) {
    throw DataError(file_.path().string() + ": expected a header line, got an empty file");
  }
  header_ = *line;
  require_list_line(file_, header_);
  const std::vector<std::string> fields = file_.csv_fields(header_);
  if (fields.size() > kMostColumns) {
    file_.fail(header_, "expected at most " + std::to_string(kMostColumns) + " columns, got " +
                            std::to_string(fields.size()));
  }
  for (const std::string& field : fields) {
    const std::string name(without_end_blanks(field));
    if (find_column(name)) {
      file_.fail(header_, "expected each column once, got " + in_quotes(name) + " twice");
    }
    columns_.push_back(name);
  }
}

std::optional<std::size_t> CsvTable::find_column(std::string_view name) const {
  if (name.empty()) return std::nullopt;
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    if (same_in_any_case(columns_[i], name)) return i;
  }
  return std::nullopt;
}

std::size_t CsvTable::column(const std::vector<std::string>& names) const {
  for (const std::string& name : names) {
    if (const std::optional<std::size_t> found = find_column(name)) return *found;
  }
  std::string expected;
  for (const std::string& name : names) {
    expected += (expected.empty() ? "" : " or ") + in_quotes(name);
  }
  fail_header("expected a header with a column " + expected);
}

void CsvTable::fail_header(const std::string& expected) const {
  file_.fail(header_, expected + ", got " + in_quotes(header_.text));
}

std::optional<CsvTable::Row> CsvTable::next_row() {
  while (const std::optional<TextLine> line = file_.next_line()) {
    if (is_blank(*line)) continue;
    Row row{*line, {}};
    if (read_or_skip(bad_lines_, [&] { read_row(row); })) return row;
  }
  return std::nullopt;
}

void CsvTable::read_row(Row& row) const {
  require_list_line(file_, row.line);
  row.fields = file_.csv_fields(row.line);
  if (row.fields.size() == columns_.size()) return;
  file_.fail(row.line, "expected " + std::to_string(columns_.size()) + " fields, got " +
                           std::to_string(row.fields.size()));
}

}  // namespace selfcure
