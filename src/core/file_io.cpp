#include "selfcure/core/file_io.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, const std::string& what) {
  throw RunError(path.string() + ": " + what + ": " + std::strerror(errno));
}

}  // namespace

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) fail(path, "cannot be written");
  std::size_t done = 0;
  while (done < content.size()) {
    const ssize_t count = ::write(file, content.data() + done, content.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int reason = errno;
      ::close(file);
      ::unlink(temporary.c_str());
      errno = reason;
      fail(path, "cannot be written");
    }
    done += static_cast<std::size_t>(count);
  }
  const bool synced = ::fsync(file) == 0;
  const int reason = errno;
  if (::close(file) != 0 || !synced) {
    if (!synced) errno = reason;
    ::unlink(temporary.c_str());
    fail(path, "cannot be written");
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "cannot be put in place");
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
