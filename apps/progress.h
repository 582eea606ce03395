#pragma once

#include <cstdint>
#include <string>

namespace selfcure::apps {

/// "3 h 20 min", "4 min 05 s" or "12 s".
std::string duration_text(double seconds);

/// One line on a terminal that is drawn over itself; on anything else it prints nothing.
class ProgressBar {
 public:
  ProgressBar();
  /// @param label  stands before the bar   @param tail stands behind it
  void draw(const std::string& label, std::int64_t done, std::int64_t total,
            const std::string& tail);
  /// True when enough time has passed to draw again (five times a second), or at the end.
  bool due(std::int64_t done, std::int64_t total);
  /// Removes the line, so that other text can be printed.
  void clear();
  bool on_terminal() const { return on_terminal_; }

 private:
  bool on_terminal_;
  bool drawn_ = false;
  double last_draw_ = -1;
};

}  // namespace selfcure::apps
