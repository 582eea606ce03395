#pragma once

#include <string>
#include <vector>

#include "selfcure/engine/sweep/runner.h"

namespace selfcure::apps {

/// Shows a sweep while it runs: a live table on a terminal, otherwise a line per event.
class SweepProgress : public SweepObserver {
 public:
  explicit SweepProgress(const SweepPlan& plan);
  void changed(const SweepStatus& status, const JobStatus& job) override;
  void retry(const SweepStatus& status, const JobStatus& job) override;
  void note(const std::string& message) override { say(message); }
  bool wants_status() override;
  void tick(const SweepStatus& status) override;
  int stop_requests() override;
  /// Takes the table away.
  void clear();

 private:
  void say(const std::string& line);
  void draw(const SweepStatus& status);
  /// What takes the drawn lines off the terminal.
  std::string clearing_text() const;

  const SweepPlan& plan_;
  bool on_terminal_;
  int drawn_lines_ = 0;
  double last_draw_ = -1;
};

/// Signals that ask a sweep to stop are counted from now on instead of ending it.
void count_stop_signals();
/// The last one that came, or 0.
int last_stop_signal();

}  // namespace selfcure::apps
