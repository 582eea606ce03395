#include "selfcure/engine/sweep/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "selfcure/core/errors.h"

namespace selfcure {

Child::Child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
             const std::filesystem::path& log) {
  const int output = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (output < 0) throw RunError(log.string() + ": cannot be written: " + std::strerror(errno));
  // All that takes memory comes before the fork: only async-signal-safe calls may follow it.
  std::vector<std::string> texts = {program.string()};
  texts.insert(texts.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& text : texts) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  const pid_t parent = ::getpid();
  id_ = ::fork();
  if (id_ == 0) {
    ::setpgid(0, 0);
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (::getppid() != parent) ::_exit(128 + SIGTERM);  // it died in between
    // SIGHUP stays ignored under nohup; a handler of it goes with the program.
    for (const int number : {SIGINT, SIGTERM}) ::signal(number, SIG_DFL);
    const int nothing = ::open("/dev/null", O_RDONLY);
    if (nothing >= 0) ::dup2(nothing, STDIN_FILENO);
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
    ::execv(pointers[0], pointers.data());
    ::_exit(127);
  }
  const int reason = errno;
  ::close(output);
  if (id_ < 0)
    throw RunError(program.string() + ": no process can be made: " + std::strerror(reason));
  ::setpgid(id_, id_);  // whoever comes first, so that signal() finds the group
}

Child::~Child() {
  constexpr int kPolls = 300;
  constexpr useconds_t kMicroseconds = 100000;
  if (ended()) return;
  signal(SIGTERM);
  for (int i = 0; i < kPolls && !ended(); ++i) ::usleep(kMicroseconds);
  if (ended()) return;
  signal(SIGKILL);
  int status = 0;
  while (::waitpid(id_, &status, 0) < 0 && errno == EINTR) {
  }
}

std::optional<ChildEnd> Child::ended() {
  if (end_ || id_ < 0) return end_;
  int status = 0;
  const pid_t result = ::waitpid(id_, &status, WNOHANG);
  if (result == id_) {
    end_ = ChildEnd{};
    if (WIFSIGNALED(status))
      end_->signal = WTERMSIG(status);
    else
      end_->exit_code = WEXITSTATUS(status);
  } else if (result < 0 && errno == ECHILD) {
    end_ = ChildEnd{1, 0};
  }
  return end_;
}

void Child::signal(int number) const {
  if (id_ > 0 && !end_) ::kill(-id_, number);
}

}  // namespace selfcure
