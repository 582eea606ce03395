#include "sweep_progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "progress.h"

namespace selfcure::apps {
namespace {

constexpr double kSecondsBetweenDraws = 0.5;
constexpr std::size_t kWidestName = 48;

volatile std::sig_atomic_t stops = 0;
volatile std::sig_atomic_t last_stop = 0;

void count(int signal) {
  stops = stops + 1;
  last_stop = signal;
}

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

winsize terminal_size() {
  winsize size{};
  if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size.ws_col = 80;
  if (size.ws_row == 0) size.ws_row = 24;
  return size;
}

std::string percent(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2f %%", 100 * value);
  return std::isnan(value) ? "" : text;
}

std::string left(double seconds) {
  return std::isnan(seconds) ? "" : duration_text(seconds) + " left";
}

std::string count_text(const SweepStatus& status) {
  std::string text = std::to_string(status.count(JobState::kDone)) + " of " +
                     std::to_string(status.jobs.size()) + " runs done";
  for (const JobState state :
       {JobState::kRunning, JobState::kElsewhere, JobState::kFailed, JobState::kBlocked})
    if (const int number = status.count(state); number > 0)
      text += ", " + std::to_string(number) + " " + job_state_name(state);
  return text;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

}  // namespace

void count_stop_signals() {
  struct sigaction action {};
  action.sa_handler = count;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM}) sigaction(signal, &action, nullptr);
  // nohup has a terminal's end ignored, and so does a sweep under it.
  struct sigaction inherited {};
  sigaction(SIGHUP, nullptr, &inherited);
  if (inherited.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, nullptr);
}

int last_stop_signal() { return last_stop; }

SweepProgress::SweepProgress(const SweepPlan& plan)
    : plan_(plan), on_terminal_(isatty(STDERR_FILENO) != 0) {}

int SweepProgress::stop_requests() { return stops; }

void SweepProgress::changed(const SweepStatus& status, const JobStatus& job) {
  std::string line = job.job->name + ": " + job_state_name(job.state);
  switch (job.state) {
    case JobState::kRunning:
      line += job.epochs_done == 0 ? std::string(" begins")
                                   : ", epoch " + std::to_string(job.epochs_done) + "/" +
                                         std::to_string(job.job->epochs) + " done";
      if (!percent(job.metric).empty()) line += ", " + percent(job.metric);
      if (on_terminal_) return;  // the table shows it
      break;
    case JobState::kDone:
      line += ", " + plan_.metric + " " + percent(job.metric);
      break;
    case JobState::kFailed:
      line += ", " + job.reason;
      break;
    case JobState::kBlocked:
      line += ", it " + job.reason;
      break;
    case JobState::kElsewhere:
      line += " (" + job.holder + ")";
      break;
    case JobState::kWaiting:
      return;
  }
  if (job.state == JobState::kDone || job.state == JobState::kFailed)
    line += " (" + count_text(status) +
            (left(status.seconds_left).empty() || status.seconds_left <= 0
                 ? ""
                 : ", " + left(status.seconds_left)) +
            ")";
  say(line);
  if (job.state != JobState::kFailed) return;
  std::istringstream tail(job.log_tail);
  for (std::string text; std::getline(tail, text);) say("    " + text);
  say("    all of it: " + (plan_.directory / "logs" / (job.job->name + ".log")).string());
}

void SweepProgress::retry(const SweepStatus&, const JobStatus& job) {
  say(job.job->name + ": " + job.reason + "; trying again from its last checkpoint");
}

bool SweepProgress::wants_status() {
  return on_terminal_ && now() - last_draw_ > kSecondsBetweenDraws;
}

void SweepProgress::tick(const SweepStatus& status) {
  last_draw_ = now();
  draw(status);
}

void SweepProgress::say(const std::string& line) {
  clear();
  std::fprintf(stderr, "%s\n", line.c_str());
  std::fflush(stderr);
}

void SweepProgress::clear() {
  std::fputs(clearing_text().c_str(), stderr);
  drawn_lines_ = 0;
}

std::string SweepProgress::clearing_text() const {
  if (drawn_lines_ == 0) return "";
  return "\r" + (drawn_lines_ > 1 ? "\033[" + std::to_string(drawn_lines_ - 1) + "A" : "") +
         "\033[J";
}

void SweepProgress::draw(const SweepStatus& status) {
  const winsize size = terminal_size();
  std::vector<std::string> lines;
  std::size_t width = 0;
  for (const JobStatus& job : status.jobs)
    if (job.state == JobState::kRunning || job.state == JobState::kElsewhere)
      width = std::max(width, std::min(kWidestName, job.job->name.size()));
  std::size_t hidden = 0;
  const std::size_t room = size.ws_row > 6 ? static_cast<std::size_t>(size.ws_row) - 4 : 2;
  std::string next;
  for (const JobStatus& job : status.jobs) {
    if (job.state == JobState::kWaiting && next.empty()) next = job.job->name;
    if (job.state != JobState::kRunning && job.state != JobState::kElsewhere) continue;
    if (lines.size() >= room) {
      ++hidden;
      continue;
    }
    const std::string epoch = "epoch " +
                              std::to_string(std::min(job.epochs_done + 1, job.job->epochs)) + "/" +
                              std::to_string(job.job->epochs);
    std::string line = "  " + padded(job.job->name, width) + "  " + padded(epoch, 13);
    line += padded(percent(job.metric), 9);
    line +=
        job.state == JobState::kElsewhere ? "  on " + job.holder : "  " + left(job.seconds_left);
    lines.push_back(line);
  }
  if (hidden > 0) lines.push_back("  and " + std::to_string(hidden) + " more");
  std::string last = count_text(status);
  if (status.is_stopping)
    last += "; stopping: runs save a checkpoint (Ctrl-C again kills them)";
  else if (!left(status.seconds_left).empty())
    last += "; " + left(status.seconds_left) + (next.empty() ? "" : "; next " + next);
  lines.push_back(last);
  // In one piece, so that a terminal does not show the time in between.
  std::string text = clearing_text();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    if (lines[i].size() >= size.ws_col) lines[i].resize(static_cast<std::size_t>(size.ws_col) - 1);
    text += (i > 0 ? "\n" : "") + lines[i];
  }
  std::fputs(text.c_str(), stderr);
  drawn_lines_ = static_cast<int>(lines.size());
}

}  // namespace selfcure::apps
