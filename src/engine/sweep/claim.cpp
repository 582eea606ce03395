#include "selfcure/engine/sweep/claim.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* kOutcomeNames[] = {"held", "done", "failed", "stopped"};

[[noreturn]] void fail(const fs::path& path, const std::string& what, int reason) {
  throw RunError(path.string() + ": " + what + ": " + std::strerror(reason));
}

std::string host_name() {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  return host;
}

/// Two machines may have the same name, but not the same boot id; two containers of a machine may
/// have the same boot id, but see different processes.
std::string machine_id() {
  std::string id;
  std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
  char space[128] = "";
  const ssize_t length = ::readlink("/proc/self/ns/pid", space, sizeof(space) - 1);
  return id + " " + std::string(space, static_cast<std::size_t>(length > 0 ? length : 0));
}

/// Clock ticks from boot to the start of a process; empty when there is no such process, or it has
/// ended and only waits for its parent to ask.
std::string start_time(long process) {
  std::ifstream file("/proc/" + std::to_string(process) + "/stat");
  std::string text;
  std::getline(file, text);
  // The name of the program, field 2, may hold blanks and brackets.
  const std::size_t end = text.rfind(')');
  if (end == std::string::npos) return "";
  std::istringstream fields(text.substr(end + 1));
  std::string field;
  for (int number = 3; number <= 22; ++number) {
    if (!(fields >> field)) return "";
    if (number == 3 && (field == "Z" || field == "X")) return "";
  }
  return field;
}

/// A name that no other process on any machine makes.
fs::path unique_name(const fs::path& folder, const std::string& what) {
  static std::atomic<unsigned> counter{0};
  static const std::string boot = machine_id().substr(0, 8);
  return folder / ("." + what + "." + host_name() + "." + boot + "." + std::to_string(::getpid()) +
                   "." + std::to_string(counter++));
}

/// Writes a file under a unique name. @return its path
fs::path write_unique(const fs::path& folder, const std::string& what, const std::string& content) {
  // A container that is started again may have the name, boot and process id of one that was killed
  // and left its file.
  fs::path path;
  int descriptor = -1;
  do {
    path = unique_name(folder, what);
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  } while (descriptor < 0 && errno == EEXIST);
  if (descriptor < 0) fail(path, "cannot be written", errno);
  const ssize_t written = ::write(descriptor, content.data(), content.size());
  const int reason = written < 0 ? errno : ENOSPC;
  const bool synced = ::fsync(descriptor) == 0;
  if (::close(descriptor) != 0 || !synced || written != static_cast<ssize_t>(content.size())) {
    ::unlink(path.c_str());
    fail(path, "cannot be written", reason);
  }
  return path;
}

/// The highest generation in a folder; 0 when there is none.
std::int64_t last_generation(const fs::path& folder) {
  std::int64_t last = 0;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.empty() || name.size() > 12 ||
        name.find_first_not_of("0123456789") != std::string::npos)
      continue;
    last = std::max<std::int64_t>(last, std::stoll(name));
  }
  return last;
}

std::string claim_text(ClaimOutcome outcome, int exit_code) {
  ordered_json json = ordered_json::parse(own_process_json());
  json["outcome"] = kOutcomeNames[static_cast<int>(outcome)];
  json["exit_code"] = exit_code;
  return json.dump() + "\n";
}

double seconds_of(const timespec& time) {
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

/// Seconds since a file's last change by the clock that stamps files there, which on a shared
/// folder is the server's: a file that is made now tells what it says.
double age_seconds(const fs::path& file, double after_seconds) {
  struct stat status {};
  // Opening makes NFS ask the server instead of its memory.
  const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return 0;
  const bool known = ::fstat(descriptor, &status) == 0;
  ::close(descriptor);
  if (!known) return 0;
  const double changed = seconds_of(status.st_mtim);
  // Our own clock will do where it says that the change is recent.
  timespec clock{};
  ::clock_gettime(CLOCK_REALTIME, &clock);
  const double own_age = seconds_of(clock) - changed;
  if (own_age >= 0 && own_age < after_seconds / 2) return own_age;
  struct stat now {};
  const fs::path probe = write_unique(file.parent_path(), "clock", "");
  const bool probed = ::stat(probe.c_str(), &now) == 0;
  ::unlink(probe.c_str());
  return probed ? seconds_of(now.st_mtim) - changed : 0;
}

ClaimRecord read_claim(const fs::path& folder, std::int64_t generation, double after_seconds) {
  ClaimRecord record;
  record.generation = generation;
  if (generation == 0) return record;
  const fs::path file = folder / std::to_string(generation);
  ordered_json json;
  try {
    json = ordered_json::parse(read_file(file));
  } catch (const std::exception&) {
    // Not ours, or damaged: nobody's word for being alive but its time of change.
    record.holder = "an unreadable claim";
    record.is_stale = age_seconds(file, after_seconds) > after_seconds;
    return record;
  }
  const std::string outcome = json.value("outcome", "held");
  for (int i = 0; i < 4; ++i)
    if (outcome == kOutcomeNames[i]) record.outcome = static_cast<ClaimOutcome>(i);
  record.exit_code = json.value("exit_code", 0);
  const long process = json.value("process", 0L);
  record.holder = json.value("host", "?") + ", process " + std::to_string(process);
  if (record.outcome != ClaimOutcome::kHeld) return record;
  if (json.value("machine", "") == machine_id())
    record.is_stale = start_time(process) != json.value("started", "");
  else
    record.is_stale = age_seconds(file, after_seconds) > after_seconds;
  return record;
}

}  // namespace

std::string own_process_json() {
  const ordered_json json = {{"host", host_name()},
                             {"machine", machine_id()},
                             {"process", ::getpid()},
                             {"started", start_time(::getpid())}};
  return json.dump();
}

Claim::Claim(fs::path file, std::int64_t generation)
    : file_(std::move(file)), generation_(generation) {}

Claim::Claim(Claim&& other) noexcept
    : file_(std::move(other.file_)),
      generation_(other.generation_),
      is_open_(std::exchange(other.is_open_, false)) {}

Claim& Claim::operator=(Claim&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(generation_, other.generation_);
  std::swap(is_open_, other.is_open_);
  return *this;
}

Claim::~Claim() {
  try {
    end(ClaimOutcome::kStopped);
  } catch (const std::exception&) {
    // It goes stale with this process.
  }
}

ClaimRecord Claim::look(const fs::path& folder, double after_seconds) {
  return read_claim(folder, last_generation(folder), after_seconds);
}

std::optional<Claim> Claim::take(const fs::path& folder, double after_seconds) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) fail(folder, "cannot be made", error.value());
  const ClaimRecord current = look(folder, after_seconds);
  if (current.generation > 0 && current.outcome == ClaimOutcome::kHeld && !current.is_stale)
    return std::nullopt;
  const std::int64_t generation = current.generation + 1;
  const fs::path file = folder / std::to_string(generation);
  const fs::path draft = write_unique(folder, "claim", claim_text(ClaimOutcome::kHeld, 0));
  const int result = ::link(draft.c_str(), file.c_str());
  const int reason = errno;
  // An answer that NFS lost looks like a failure; two links of our own file say that it was none.
  struct stat status {};
  const bool taken = ::stat(draft.c_str(), &status) == 0 && status.st_nlink == 2;
  ::unlink(draft.c_str());
  if (result != 0 && reason != EEXIST && !taken) fail(file, "cannot be made", reason);
  if (result != 0 && !taken) return std::nullopt;
  return Claim(file, generation);
}

void Claim::beat() const {
  if (!is_open_) return;
  // No time is given, so that the server's clock is taken.
  ::utimensat(AT_FDCWD, file_.c_str(), nullptr, 0);
}

bool Claim::is_superseded() const {
  return is_open_ && last_generation(file_.parent_path()) > generation_;
}

void Claim::end(ClaimOutcome outcome, int exit_code) {
  if (!is_open_) return;
  is_open_ = false;
  write_shared_file(file_, claim_text(outcome, exit_code));
}

void write_shared_file(const fs::path& path, const std::string& content) {
  const fs::path draft = write_unique(path.parent_path(), path.filename().string(), content);
  if (::rename(draft.c_str(), path.c_str()) != 0) {
    const int reason = errno;
    ::unlink(draft.c_str());
    fail(path, "cannot be put in place", reason);
  }
}

bool is_run_locked(const fs::path& run_directory) {
  const fs::path name = run_directory / ".lock";
  const int descriptor = ::open(name.c_str(), O_RDWR | O_CLOEXEC);
  if (descriptor < 0) return false;
  const bool locked = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  ::close(descriptor);
  return locked;
}

}  // namespace selfcure
