#include "selfcure/data/text_file.h"

#include <charconv>
#include <fstream>
#include <system_error>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
constexpr std::size_t kQuotedBytes = 60;

std::string read_bytes(const std::filesystem::path& path, std::uintmax_t max_bytes) {
  const std::string name = path.string();
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) {
    throw DataError(name + ": expected a text file, found nothing there");
  }
  if (error) throw DataError(name + ": cannot be read: " + error.message());
  if (status.type() == std::filesystem::file_type::directory) {
    throw DataError(name + ": expected a text file, found a folder");
  }
  if (status.type() != std::filesystem::file_type::regular) {
    throw DataError(name + ": expected a text file, found something that is not a plain file");
  }
  const std::uintmax_t bytes = std::filesystem::file_size(path, error);
  if (error) throw DataError(name + ": cannot be read: " + error.message());
  if (bytes > max_bytes) {
    throw DataError(name + ": expected at most " + std::to_string(max_bytes) + " bytes, got " +
                    std::to_string(bytes));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) throw DataError(name + ": cannot be opened for reading");
  std::string text(static_cast<std::size_t>(bytes), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  if (in.gcount() != static_cast<std::streamsize>(text.size())) {
    throw DataError(name + ": expected " + std::to_string(bytes) + " bytes, could read " +
                    std::to_string(in.gcount()));
  }
  return text;
}

}  // namespace

TextFile::TextFile(std::filesystem::path path, std::uintmax_t max_bytes)
    : path_(std::move(path)), text_(read_bytes(path_, max_bytes)) {
  if (std::string_view(text_).substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    position_ = kByteOrderMark.size();
  }
}

std::optional<TextLine> TextFile::next_line() {
  if (position_ >= text_.size()) return std::nullopt;
  const std::string_view rest = std::string_view(text_).substr(position_);
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  position_ = end == std::string_view::npos ? text_.size() : position_ + end + 1;
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  return TextLine{line, ++lines_given_};
}

std::vector<std::string> split_csv_line(std::string_view line,
                                        const std::function<void(const std::string&)>& fail) {
  std::vector<std::string> fields;
  std::string_view rest = line;
  while (true) {
    std::string field;
    if (rest.empty() || rest.front() != '"') {
      const std::size_t comma = rest.find(',');
      field = rest.substr(0, comma);
      rest.remove_prefix(field.size());
    } else {
      rest.remove_prefix(1);
      while (true) {
        const std::size_t quote = rest.find('"');
        if (quote == std::string_view::npos) {
          fail("expected a closing quote in field " + std::to_string(fields.size() + 1) +
               ", got the end of the line");
          return fields;
        }
        field += rest.substr(0, quote);
        rest.remove_prefix(quote + 1);
        if (rest.empty() || rest.front() != '"') break;
        field += '"';
        rest.remove_prefix(1);
      }
      if (!rest.empty() && rest.front() != ',') {
        fail("expected a comma after the closing quote of field " +
             std::to_string(fields.size() + 1) + ", got " + in_quotes(rest));
        return fields;
      }
    }
    fields.push_back(std::move(field));
    if (rest.empty()) return fields;
    rest.remove_prefix(1);
  }
}

std::vector<std::string> TextFile::csv_fields(const TextLine& line) const {
  return split_csv_line(line.text, [&](const std::string& what) { fail(line, what); });
}

std::string TextFile::where(const TextLine& line) const {
  return path_.string() + ":" + std::to_string(line.number);
}

void TextFile::fail(const TextLine& line, const std::string& what) const {
  throw DataError(where(line) + ": " + what);
}

std::optional<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

std::string in_quotes(std::string_view text) {
  std::string shown(text.substr(0, kQuotedBytes));
  for (char& c : shown) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = '?';
  }
  return "'" + shown + (text.size() > kQuotedBytes ? "...'" : "'");
}

bool folder_exists(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  return std::filesystem::is_directory(path, ignored);
}

bool path_exists(const std::filesystem::path& path) noexcept {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::vector<std::string_view> split_blanks(std::string_view text) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> parts;
  std::size_t begin = text.find_first_not_of(kBlanks);
  while (begin != std::string_view::npos) {
    const std::size_t end = text.find_first_of(kBlanks, begin);
    parts.push_back(text.substr(begin, end - begin));  // npos - begin still means "to the end"
    begin = end == std::string_view::npos ? end : text.find_first_not_of(kBlanks, end);
  }
  return parts;
}

}  // namespace selfcure
