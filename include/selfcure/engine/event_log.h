#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>

#include "selfcure/engine/event_file.h"

namespace selfcure {

/// Seconds since 1970.
double wall_time();

/// Is this the name of a file that EventLog makes, for a moment or to stay?
bool is_event_log_name(const std::string& name);

/// The event file of a run, `events.out.tfevents.<time>.<host>`: one point per tag and step,
/// whatever stopped the run and how often it was resumed.
///
/// A resumed run knows from its checkpoint which steps it has behind it and what their scalars are.
/// It writes a new file with the events of those steps, puts it in place as a whole, empties the
/// old one (the resume after it removes that) and appends to the new one. What was logged of a step
/// that was then trained again is left out; scalars that are missing, because the log was off, are
/// made up for. The new file begins with a restart event, so that a TensorBoard which is watching
/// drops what it has read, and its name sorts after the old one, so that it is found.
class EventLog {
 public:
  /// Begins or goes on.
  ///
  /// @param folder    made if it is missing
  /// @param preamble  stands at step 0, in place of what an earlier session wrote there
  /// @param scalars   of the steps that are done, from 1. Other events of a step are kept if the
  /// old
  ///                  file has just these scalars for it
  /// @throws RunError when the folder or a file in it cannot be read or written
  EventLog(std::filesystem::path folder, const Summary& preamble,
           const std::map<std::int64_t, Summary>& scalars);
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;
  ~EventLog();

  /// Appends an event and syncs. Steps must not go back.
  /// @throws RunError, with the file as it was before
  void append(std::int64_t step, const Summary& summary);

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace selfcure
