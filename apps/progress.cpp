#include "progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace selfcure::apps {
namespace {

constexpr double kSecondsBetweenDraws = 0.2;
constexpr int kBarWidth = 24;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::size_t terminal_columns() {
  winsize size{};
  return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::llround(seconds));
  char text[64];
  if (whole >= 3600)
    std::snprintf(text, sizeof(text), "%lld h %02lld min", static_cast<long long>(whole / 3600),
                  static_cast<long long>(whole / 60 % 60));
  else if (whole >= 60)
    std::snprintf(text, sizeof(text), "%lld min %02lld s", static_cast<long long>(whole / 60),
                  static_cast<long long>(whole % 60));
  else
    std::snprintf(text, sizeof(text), "%lld s", static_cast<long long>(whole));
  return text;
}

ProgressBar::ProgressBar() : on_terminal_(isatty(STDERR_FILENO) != 0) {}

bool ProgressBar::due(std::int64_t done, std::int64_t total) {
  return on_terminal_ && (done >= total || now() - last_draw_ > kSecondsBetweenDraws);
}

void ProgressBar::draw(const std::string& label, std::int64_t done, std::int64_t total,
                       const std::string& tail) {
  if (!on_terminal_) return;
  last_draw_ = now();
  const auto filled =
      static_cast<std::size_t>(total > 0 ? kBarWidth * std::min(done, total) / total : 0);
  std::string line = label + " [" + std::string(filled, '#') +
                     std::string(static_cast<std::size_t>(kBarWidth) - filled, '.') + "] " +
                     std::to_string(done) + "/" + std::to_string(total) + " " + tail;
  if (line.size() >= terminal_columns()) line.resize(terminal_columns() - 1);
  std::fprintf(stderr, "\r\033[K%s", line.c_str());
  std::fflush(stderr);
  drawn_ = true;
}

void ProgressBar::clear() {
  if (!drawn_) return;
  std::fprintf(stderr, "\r\033[K");
  std::fflush(stderr);
  drawn_ = false;
}

}  // namespace selfcure::apps
