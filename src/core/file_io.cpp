#include "selfcure/core/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw RunError(path.string() + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

AtomicFile::AtomicFile(std::filesystem::path path) : path_(std::move(path)), temporary_(path_) {
  temporary_ += ".tmp";
  descriptor_ = ::open(temporary_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (descriptor_ < 0) selfcure::fail(path_, "cannot be written");
}

AtomicFile::~AtomicFile() {
  if (descriptor_ < 0) return;
  ::close(descriptor_);
  ::unlink(temporary_.c_str());
}

void AtomicFile::fail(const std::string& what) {
  const int reason = errno;
  ::close(descriptor_);
  descriptor_ = -1;
  ::unlink(temporary_.c_str());
  errno = reason;
  selfcure::fail(path_, what);
}

void AtomicFile::write(const void* data, std::size_t bytes) {
  const auto* next = static_cast<const char*>(data);
  while (bytes > 0) {
    const ssize_t count = ::write(descriptor_, next, bytes);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail("cannot be written");
    next += count;
    bytes -= static_cast<std::size_t>(count);
    position_ += static_cast<std::uint64_t>(count);
  }
}

void AtomicFile::commit() {
  if (::fsync(descriptor_) != 0) fail("cannot be written");
  const int descriptor = std::exchange(descriptor_, -1);
  if (::close(descriptor) != 0) {
    const int reason = errno;
    ::unlink(temporary_.c_str());
    errno = reason;
    selfcure::fail(path_, "cannot be written");
  }
  if (::rename(temporary_.c_str(), path_.c_str()) != 0)
    selfcure::fail(path_, "cannot be put in place");
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  AtomicFile file(path);
  file.write(content);
  file.commit();
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, "cannot be read");
  std::ostringstream content;
  content << file.rdbuf();
  if (!file.good() && !file.eof()) fail(path, "cannot be read");
  return content.str();
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + "\"";
}

}  // namespace selfcure
