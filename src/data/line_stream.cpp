#include "selfcure/data/line_stream.h"

#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::size_t kBlockBytes = std::size_t{1} << 20;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

}  // namespace

LineStream::LineStream(std::filesystem::path path, std::size_t max_line_bytes)
    : path_(std::move(path)), max_line_bytes_(max_line_bytes) {
  const std::string name = path_.string();
  if (!path_exists(path_)) throw DataError(name + ": expected a text file, found nothing there");
  if (folder_exists(path_)) throw DataError(name + ": expected a text file, found a folder");
  std::error_code error;
  if (!std::filesystem::is_regular_file(path_, error)) {
    throw DataError(name + ": expected a text file, found something that is not a plain file");
  }
  file_.reset(std::fopen(path_.c_str(), "rb"));
  if (!file_) throw DataError(name + ": cannot be opened for reading: " + std::strerror(errno));
  read_more();
  if (std::string_view(buffer_).substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    position_ = kByteOrderMark.size();
  }
}

/// Appends a block to the buffer, whose part that was given out is dropped. @return false at the
/// end
bool LineStream::read_more() {
  if (at_end_) return false;
  buffer_.erase(0, position_);
  position_ = 0;
  const std::size_t before = buffer_.size();
  buffer_.resize(before + kBlockBytes);
  const std::size_t got = std::fread(buffer_.data() + before, 1, kBlockBytes, file_.get());
  buffer_.resize(before + got);
  if (got < kBlockBytes) {
    if (std::ferror(file_.get()) != 0) {
      throw DataError(path_.string() + ": cannot be read: " + std::strerror(errno));
    }
    at_end_ = true;
  }
  return got > 0;
}

std::optional<TextLine> LineStream::next_line() {
  std::size_t searched = position_;
  std::size_t end = buffer_.find('\n', searched);
  while (end == std::string::npos) {
    if (buffer_.size() - position_ > max_line_bytes_) break;
    searched = buffer_.size() - position_;
    if (!read_more()) break;
    end = buffer_.find('\n', searched);
  }
  const bool is_last = end == std::string::npos;
  if (is_last && position_ >= buffer_.size()) return std::nullopt;
  TextLine line;
  line.number = ++lines_given_;
  line.text = std::string_view(buffer_).substr(position_, is_last ? end : end - position_);
  if (line.text.size() > max_line_bytes_) {
    fail(line, "expected a line of at most " + std::to_string(max_line_bytes_) +
                   " bytes, got a longer one");
  }
  position_ = is_last ? buffer_.size() : end + 1;
  if (!line.text.empty() && line.text.back() == '\r') line.text.remove_suffix(1);
  return line;
}

void LineStream::fail(const TextLine& line, const std::string& what) const {
  throw DataError(path_.string() + ":" + std::to_string(line.number) + ": " + what);
}

}  // namespace selfcure
