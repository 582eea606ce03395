#pragma once

namespace selfcure::apps {

/// From now on SIGINT and SIGTERM are remembered instead of ending the process; a second one ends
/// it at once.
void catch_stop_signals();

/// The signal that came, or 0.
int stop_signal();

}  // namespace selfcure::apps
