#include "choice_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <sstream>
#include <system_error>
#include <thread>

namespace selfcure {
namespace {

/// More than all layer shapes of many networks; what is longer is no file of ours.
constexpr std::size_t kLargestFile = std::size_t{1} << 22U;

/// A process that measures has the file for some runs of a layer, most often tens of milliseconds;
/// one that was stopped must not stop others.
constexpr std::chrono::seconds kLongestWait{60};

std::string content_of(int descriptor) {
  std::string text;
  std::array<char, 4096> buffer{};
  ssize_t count = 0;
  while ((count = ::read(descriptor, buffer.data(), buffer.size())) > 0 &&
         text.size() < kLargestFile)
    text.append(buffer.data(), static_cast<std::size_t>(count));
  return text;
}

}  // namespace

ChoiceFile::ChoiceFile(const std::filesystem::path& path) {
  if (path.empty()) return;
  std::error_code ignored;
  std::filesystem::create_directories(path.parent_path(), ignored);
  // O_NONBLOCK: a pipe of that name has no writer to wait for.
  constexpr int kFlags = O_CLOEXEC | O_NONBLOCK;
  descriptor_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | kFlags, 0644);
  if (descriptor_ < 0) {
    obstacle_ = path.string() + ": " + std::strerror(errno);
    descriptor_ = ::open(path.c_str(), O_RDONLY | kFlags);
    if (descriptor_ >= 0) text_ = content_of(descriptor_);
    return;
  }
  const auto end = std::chrono::steady_clock::now() + kLongestWait;
  while (::flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const int error = errno;
    const bool is_held = error == EWOULDBLOCK || error == EINTR;
    held_by_another_ = is_held && std::chrono::steady_clock::now() >= end;
    if (!is_held || held_by_another_) {
      // Some network file systems have no locks.
      obstacle_ = path.string() + ": " +
                  (held_by_another_ ? "held by another process" : std::strerror(error));
      break;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  text_ = content_of(descriptor_);
}

ChoiceFile::~ChoiceFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

std::string ChoiceFile::kernel_of(const std::string& key) const {
  const std::string beginning = key + ": ";
  std::string kernel;
  std::istringstream lines(text_);
  for (std::string line; std::getline(lines, line) && !lines.eof();)
    if (line.rfind(beginning, 0) == 0) kernel = line.substr(beginning.size());
  return kernel;
}

void ChoiceFile::add(const std::string& key, const std::string& kernel) {
  if (descriptor_ < 0 || !obstacle_.empty() || text_.size() >= kLargestFile) return;
  // The end of a line that was cut must not become the beginning of this one.
  const bool cut = !text_.empty() && text_.back() != '\n';
  const std::string line = (cut ? "\n" : "") + key + ": " + kernel + "\n";
  if (::write(descriptor_, line.data(), line.size()) > 0) text_ += line;
}

}  // namespace selfcure
