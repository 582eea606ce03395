#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace selfcure {

/// How a process ended: an exit code, or the signal that ended it.
struct ChildEnd {
  int exit_code = 0;
  int signal = 0;
};

/// A training in a process of its own.
///
/// It has its own process group, so that Ctrl-C on a terminal reaches the sweep alone, and gets
/// SIGTERM when the sweep dies, so that it saves a checkpoint and ends. Output goes to a file.
class Child {
 public:
  /// @param arguments  after the program's name
  /// @param log        appended to
  /// @throws RunError when the log cannot be written or no process can be made
  Child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
        const std::filesystem::path& log);
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  /// Ends what still runs: asks it to, and kills it after half a minute.
  ~Child();

  /// Nothing while it runs.
  std::optional<ChildEnd> ended();
  /// To the whole group.
  void signal(int number) const;
  pid_t id() const { return id_; }

 private:
  pid_t id_ = -1;
  std::optional<ChildEnd> end_;
};

}  // namespace selfcure
