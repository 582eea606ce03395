#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "selfcure/core/errors.h"

namespace selfcure {

/// Bad lines of one reading after which the file is taken for something else than a list.
inline constexpr std::int64_t kMostBadLines = 100'000;

/// Messages that BadLines keeps.
inline constexpr std::size_t kMostKeptBadLines = 10;

/// What a reading left out of lists and tables because it was not what it should be.
///
/// The option `bad_lines` of a reader says what becomes of a line that is cut short, has a label
/// out of range or repeats an image. Null, the default, stops: the first one is thrown as a
/// DataError that names file and line. With a BadLines the reader leaves such lines out and counts
/// them in it. What concerns more than one line is thrown either way: a file that cannot be read, a
/// header without a needed column, labels of two kinds, a split without rows.
struct BadLines {
  std::int64_t count = 0;
  /// The first `kMostKeptBadLines`, as the errors would have said them.
  std::vector<std::string> messages = {};

  void add(std::string message) {
    ++count;
    if (messages.size() < kMostKeptBadLines) messages.push_back(std::move(message));
  }
};

/// Runs what reads one line.
///
/// @param bad_lines  null to stop at a bad line
/// @param read       throws DataError for a bad line, before it has changed anything
/// @return whether the line is good; if not, it has been counted
/// @throws DataError of `read` if `bad_lines` is null or has kMostBadLines already
template <typename Read>
bool read_or_skip(BadLines* bad_lines, Read&& read) {
  try {
    std::forward<Read>(read)();
  } catch (const DataError& error) {
    if (bad_lines == nullptr || bad_lines->count >= kMostBadLines) throw;
    bad_lines->add(error.what());
    return false;
  }
  return true;
}

}  // namespace selfcure
