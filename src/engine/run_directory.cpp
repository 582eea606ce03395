#include "selfcure/engine/run_directory.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/engine/event_log.h"

namespace selfcure {
namespace fs = std::filesystem;

namespace {

/// What a training writes before its first last.pt: a run that ended there, on a wrong data folder
/// for example, has nothing to lose, and the next try may use its place.
bool is_left_by_a_false_start(const fs::path& entry) {
  for (const char* name : {".lock", "config.resolved.yaml", "environment.json", "noise.json",
                           "labels.csv", "weights.csv", "best.pt"})
    if (entry.filename() == name || entry.filename() == std::string(name) + ".tmp") return true;
  if (entry.filename() == "last.pt.tmp") return true;
  if (fs::is_directory(entry) && entry.filename() == "tensorboard") {
    const fs::directory_iterator content(entry);
    return std::all_of(begin(content), end(content), [](const fs::directory_entry& file) {
      return is_event_log_name(file.path().filename().string());
    });
  }
  if (entry.filename() != "checkpoints" || !fs::is_directory(entry)) return false;
  const fs::directory_iterator content(entry);
  return std::all_of(begin(content), end(content), [](const fs::directory_entry& file) {
    return is_left_by_a_false_start(file.path());
  });
}

}  // namespace

RunDirectory::RunDirectory(fs::path path) : path_(std::move(path)) {
  const fs::path name = path_ / ".lock";
  lock_ = ::open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (lock_ < 0)
    throw RunError(path_.string() + ": run directory cannot be written: " + std::strerror(errno));
  if (::flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock_);
    throw RunError(path_.string() + ": run directory is in use by another process");
  }
}

RunDirectory::RunDirectory(RunDirectory&& other) noexcept
    : path_(std::move(other.path_)), lock_(std::exchange(other.lock_, -1)) {}

RunDirectory::~RunDirectory() {
  if (lock_ >= 0) ::close(lock_);
}

RunDirectory RunDirectory::create(const fs::path& path) {
  std::error_code error;
  if (fs::exists(path, error)) {
    if (!fs::is_directory(path, error))
      throw RunError(path.string() + ": expected a folder for the run, got a file");
    for (const fs::directory_entry& entry : fs::directory_iterator(path, error))
      if (!is_left_by_a_false_start(entry.path()))
        throw RunError(path.string() +
                       ": run directory is not empty; use --resume to go on with that run, or "
                       "another --out");
    if (error) throw RunError(path.string() + ": run directory cannot be read: " + error.message());
  }
  fs::create_directories(path / "checkpoints", error);
  if (error) throw RunError(path.string() + ": run directory cannot be made: " + error.message());
  RunDirectory run(path);
  // What a false start left would speak of another experiment.
  for (const fs::path& folder : {path, path / "checkpoints", path / "tensorboard"})
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, error))
      if (entry.is_regular_file() && entry.path().filename() != ".lock") fs::remove(entry.path());
  return run;
}

RunDirectory RunDirectory::open(const fs::path& path) {
  if (!fs::is_directory(path / "checkpoints"))
    throw RunError(path.string() + ": expected a run directory to resume, got " +
                   (fs::exists(path) ? "a folder without checkpoints" : "nothing there"));
  return RunDirectory(path);
}

fs::path RunDirectory::checkpoint(const std::string& name) const {
  return path_ / "checkpoints" / (name + ".pt");
}

void RunDirectory::write(const std::string& name, std::string_view content) const {
  write_file_atomically(path_ / name, content);
}

bool RunDirectory::has(const std::string& name) const { return fs::exists(path_ / name); }

}  // namespace selfcure
