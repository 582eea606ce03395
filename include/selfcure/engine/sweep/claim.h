#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

namespace selfcure {

/// How a claim ended.
enum class ClaimOutcome { kHeld, kDone, kFailed, kStopped };

/// Who works on a job of a sweep, or did last.
struct ClaimRecord {
  /// From 1; the highest is the one in force.
  std::int64_t generation = 0;
  ClaimOutcome outcome = ClaimOutcome::kHeld;
  /// For people: "node7, process 4711".
  std::string holder;
  /// Exit code or, below 0, the signal that ended a failed job.
  int exit_code = 0;
  /// Held by a process that is gone, or one that has not been heard of for too long.
  bool is_stale = false;
};

/// The right to run one job, of at most one process on all machines that share the folder.
///
/// A claim is a file `<folder>/<generation>` that is made by link(2), which is exclusive on NFS
/// too. Files are never taken away: who takes over a stale or ended claim makes the next
/// generation, and of several takers one succeeds. The file names host, boot, process-id space,
/// process and its start time, and its time of change is the heartbeat, by the clock of the file
/// server.
class Claim {
 public:
  /// Takes a job that is free, whose claim has ended, or whose claim is stale.
  ///
  /// @param folder  of the job's claims; is made
  /// @param after_seconds  a claim without a heartbeat for so long is stale
  /// @return nothing when another process holds it
  /// @throws RunError when the folder cannot be made or written
  static std::optional<Claim> take(const std::filesystem::path& folder, double after_seconds);
  /// The claim in force; generation 0 when there is none.
  static ClaimRecord look(const std::filesystem::path& folder, double after_seconds);

  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&& other) noexcept;
  /// Ends as kStopped unless it has ended before.
  ~Claim();

  std::int64_t generation() const { return generation_; }
  /// Says that the holder lives; to be called several times within `after_seconds`.
  void beat() const;
  /// Another process took this for stale and has the job now.
  bool is_superseded() const;
  void end(ClaimOutcome outcome, int exit_code = 0);

 private:
  Claim(std::filesystem::path file, std::int64_t generation);
  std::filesystem::path file_;
  std::int64_t generation_ = 0;
  bool is_open_ = true;
};

/// This process as claims name it: host, boot, process-id space, process, start time.
std::string own_process_json();

/// Replaces a file as a whole where several machines may do so at once.
/// @throws RunError
void write_shared_file(const std::filesystem::path& path, const std::string& content);

/// True while a training has the lock of a run directory on this machine (or, where the file system
/// passes locks on, on any).
bool is_run_locked(const std::filesystem::path& run_directory);

}  // namespace selfcure
