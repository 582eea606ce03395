#include "input_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/nn/weights/weight_file.h"

namespace selfcure {

// A name in a pickle is never longer.
constexpr std::size_t kLineLimit = 1024;
constexpr std::size_t kMessageLimit = 2000;

InputFile::InputFile(const std::filesystem::path& path) : name_(path.string()) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) refuse(std::string("expected a weight file: ") + std::strerror(errno));
  struct stat status {};
  const bool known = ::fstat(descriptor_, &status) == 0;
  if (!known || !S_ISREG(status.st_mode)) {
    ::close(descriptor_);
    refuse(known && S_ISDIR(status.st_mode) ? "expected a weight file, got a folder"
                                            : "expected a weight file, got no regular file");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
}

InputFile::~InputFile() { ::close(descriptor_); }

void InputFile::read(std::uint64_t offset, void* into, std::uint64_t bytes) const {
  if (offset > size_ || bytes > size_ - offset)
    refuse("is cut short: expected " + std::to_string(bytes) + " bytes at " +
           std::to_string(offset) + ", the file has " + std::to_string(size_));
  auto* target = static_cast<std::uint8_t*>(into);
  while (bytes > 0) {
    const ssize_t got = ::pread(descriptor_, target, bytes, static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0)
      refuse("cannot be read at " + std::to_string(offset) + ": " +
             (got < 0 ? std::strerror(errno) : "it became shorter"));
    target += got;
    offset += static_cast<std::uint64_t>(got);
    bytes -= static_cast<std::uint64_t>(got);
  }
}

void InputFile::refuse(const std::string& what) const {
  throw CheckpointError(name_ + ": " + one_line(what));
}

std::string one_line(const std::string& text) {
  std::string line;
  for (const char c : text.substr(0, kMessageLimit)) {
    const auto code = static_cast<unsigned char>(c);
    line += code < 0x20 || code == 0x7F ? '?' : c;
  }
  return text.size() > kMessageLimit ? line + "..." : line;
}

FileCursor::FileCursor(const InputFile& file, std::uint64_t begin, std::uint64_t end,
                       std::string what)
    : file_(file), what_(std::move(what)), position_(begin), end_(end) {}

void FileCursor::refuse(const std::string& what) const {
  file_.refuse(what_ + " at byte " + std::to_string(position_) + ": " + what);
}

void FileCursor::read(void* into, std::uint64_t bytes) {
  if (bytes > left())
    refuse("is cut short: expected " + std::to_string(bytes) + " bytes more, got " +
           std::to_string(left()));
  auto* target = static_cast<std::uint8_t*>(into);
  while (bytes > 0) {
    if (position_ < window_begin_ || position_ >= window_begin_ + window_size_) {
      window_begin_ = position_;
      window_size_ = std::min<std::uint64_t>(window_.size(), left());
      file_.read(window_begin_, window_.data(), window_size_);
    }
    const std::uint64_t count = std::min(bytes, window_begin_ + window_size_ - position_);
    std::memcpy(target, window_.data() + (position_ - window_begin_), count);
    target += count;
    position_ += count;
    bytes -= count;
  }
}

std::uint8_t FileCursor::byte() {
  std::uint8_t value = 0;
  read(&value, 1);
  return value;
}

std::string FileCursor::text(std::uint64_t bytes) {
  if (bytes > left())
    refuse("is cut short: expected a text of " + std::to_string(bytes) + " bytes, got " +
           std::to_string(left()));
  std::string text(bytes, '\0');
  read(text.data(), bytes);
  return text;
}

std::string FileCursor::line() {
  std::string text;
  for (char c = static_cast<char>(byte()); c != '\n'; c = static_cast<char>(byte())) {
    if (text.size() == kLineLimit) refuse("expected a name, got one of over 1,024 bytes");
    text += c;
  }
  return text;
}

std::uint64_t FileCursor::number(int bytes) {
  std::uint64_t value = 0;
  for (int i = 0; i < bytes; ++i) value |= static_cast<std::uint64_t>(byte()) << (8 * i);
  return value;
}

void FileCursor::skip(std::uint64_t bytes) {
  if (bytes > left())
    refuse("is cut short: expected " + std::to_string(bytes) + " bytes more, got " +
           std::to_string(left()));
  position_ += bytes;
}

}  // namespace selfcure
