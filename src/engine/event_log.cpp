#include "selfcure/engine/event_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <system_error>
#include <vector>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"

namespace selfcure {
namespace fs = std::filesystem;

namespace {

constexpr const char* kPrefix = "events.out.tfevents.";
/// TensorBoard takes every name with "tfevents" in it for an event file: not this one.
constexpr const char* kUnfinished = "unfinished";

std::string host_name() {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  std::string name = host;
  std::replace(name.begin(), name.end(), '/', '_');
  return name.empty() ? "unknown" : name;
}

bool is_event_file_name(const std::string& name) {
  constexpr std::size_t kDigits = 10;
  const std::size_t start = std::char_traits<char>::length(kPrefix);
  return name.compare(0, start, kPrefix) == 0 && name.size() > start + kDigits + 1 &&
         std::all_of(name.begin() + static_cast<std::ptrdiff_t>(start),
                     name.begin() + static_cast<std::ptrdiff_t>(start + kDigits),
                     [](char c) { return c >= '0' && c <= '9'; }) &&
         name[start + kDigits] == '.';
}

/// Event files from old to new, as TensorBoard orders them.
std::vector<fs::path> event_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error))
    if (is_event_file_name(entry->path().filename().string()) && entry->is_regular_file(error))
      files.push_back(entry->path());
  if (error) throw RunError(folder.string() + ": cannot be read: " + error.message());
  std::sort(files.begin(), files.end());
  return files;
}

/// A name that sorts after those of the files, although a clock may have been set back.
std::string next_name(const std::vector<fs::path>& files) {
  constexpr std::size_t kDigits = 10;
  auto seconds = static_cast<long long>(wall_time());
  for (const fs::path& file : files) {
    const std::string digits =
        file.filename().string().substr(std::char_traits<char>::length(kPrefix), kDigits);
    seconds = std::max(seconds, std::stoll(digits) + 1);
  }
  std::string digits = std::to_string(seconds);
  digits.insert(0, kDigits - std::min(kDigits, digits.size()), '0');
  return kPrefix + digits + "." + host_name();
}

/// Messages of a step, those with scalars apart.
struct StepEvents {
  std::vector<std::string> scalars;
  std::vector<std::string> others;
};

/// Events by step as a reader sees them: a restart event takes back what was before it.
std::map<std::int64_t, StepEvents> read_events(const std::vector<fs::path>& files) {
  std::map<std::int64_t, StepEvents> steps;
  for (const fs::path& file : files) {
    const std::string content = read_file(file);
    for (const std::string_view message : tf_records(content)) {
      const std::optional<EventHead> head = read_event_head(message);
      if (!head) continue;
      if (head->is_restart) steps.erase(steps.lower_bound(head->step), steps.end());
      if (head->summary.empty()) continue;
      StepEvents& events = steps[head->step];
      (head->has_scalars ? events.scalars : events.others).emplace_back(message);
    }
  }
  return steps;
}

}  // namespace

double wall_time() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

bool is_event_log_name(const std::string& name) {
  return is_event_file_name(name) || name == kUnfinished ||
         name == std::string(kUnfinished) + ".tmp";
}

EventLog::EventLog(fs::path folder, const Summary& preamble,
                   const std::map<std::int64_t, Summary>& scalars) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) throw RunError(folder.string() + ": cannot be made: " + error.message());
  const std::vector<fs::path> old_files = event_files(folder);
  const std::map<std::int64_t, StepEvents> old_events = read_events(old_files);
  const double now = wall_time();

  path_ = folder / next_name(old_files);
  const fs::path unfinished = folder / kUnfinished;
  AtomicFile file(unfinished);
  file.write(tf_record(version_event(now)));
  file.write(tf_record(restart_event(now, 0)));
  if (!preamble.empty()) file.write(tf_record(summary_event(now, 0, preamble)));
  for (const auto& [step, summary] : scalars) {
    const auto old = old_events.find(step);
    const bool same = old != old_events.end() && old->second.scalars.size() == 1 &&
                      read_event_head(old->second.scalars[0])->summary == summary.message();
    file.write(tf_record(same ? old->second.scalars[0] : summary_event(now, step, summary)));
    if (!same) continue;
    for (const std::string& message : old->second.others) file.write(tf_record(message));
  }
  size_ = file.position();
  file.commit();
  fs::rename(unfinished, path_, error);
  if (error) throw RunError(path_.string() + ": cannot be put in place: " + error.message());
  for (const fs::path& old_file : old_files) {
    // A TensorBoard that is watching goes on to the new file from the end of the old one, and never
    // from one that is gone. By the next resume it has.
    if (fs::is_empty(old_file, error))
      fs::remove(old_file, error);
    else if (!error)
      fs::resize_file(old_file, 0, error);
    if (error) throw RunError(old_file.string() + ": cannot be emptied: " + error.message());
  }
  descriptor_ = ::open(path_.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor_ < 0)
    throw RunError(path_.string() + ": cannot be written: " + std::strerror(errno));
}

EventLog::~EventLog() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void EventLog::append(std::int64_t step, const Summary& summary) {
  if (summary.empty()) return;
  const std::string record = tf_record(summary_event(wall_time(), step, summary));
  std::string_view left = record;
  int reason = 0;
  while (!left.empty() && reason == 0) {
    const ssize_t count = ::write(descriptor_, left.data(), left.size());
    if (count >= 0)
      left.remove_prefix(static_cast<std::size_t>(count));
    else if (errno != EINTR)
      reason = errno;
  }
  if (reason == 0 && ::fsync(descriptor_) != 0) reason = errno;
  if (reason != 0) {
    // Half a record would hide what a later session appends from strict readers.
    if (::ftruncate(descriptor_, static_cast<off_t>(size_)) != 0) {
      // Readers stop at the damaged record, and so does a resume.
    }
    throw RunError(path_.string() + ": cannot be written: " + std::strerror(reason));
  }
  size_ += record.size();
}

}  // namespace selfcure
