#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "selfcure/data/face_detector.h"

namespace selfcure {

/// What became of a picture, in the words of kAlignStatusNames.
enum class AlignStatus : std::size_t { kAligned, kBoxOnly, kNoFace, kUnreadable };
inline constexpr std::array<const char*, 4> kAlignStatusNames = {"aligned", "box_only", "no_face",
                                                                 "unreadable"};

/// A row of alignment.csv.
struct AlignmentRow {
  AlignStatus status = AlignStatus::kUnreadable;
  /// Empty if nothing was written.
  std::string output;
  /// As it stands in the table, with its line end.
  std::string line;
};

/// Rows by the path of their picture.
using AlignmentTable = std::map<std::string, AlignmentRow>;

/// Paths of the pictures below a folder, relative to it and sorted. Each real folder is visited
/// once, by its own name if it has one in `in`, else by that of the first link to it.
///
/// @param in, out  canonical; what lies in `out` is left out
/// @throws DataError if a folder cannot be listed or a picture's path has a line break
std::vector<std::string> find_pictures(const std::filesystem::path& in,
                                       const std::filesystem::path& out);

/// Whether the path is the folder or lies below it; both canonical.
bool is_within(const std::filesystem::path& path, const std::filesystem::path& folder);

/// Makes the row of a picture.
/// @param output  relative to the folder that is written; "" if nothing is
/// @param face    the one that was cut out, or null
/// @param faces   how many were found
AlignmentRow make_alignment_row(const std::string& picture, AlignStatus status,
                                const std::string& output, const DetectedFace* face,
                                std::size_t faces);

/// Reads the table of an earlier call; there are no rows if there is none. A last line that was cut
/// short by a kill is as if never written.
/// @throws DataError if it is not a table of an alignment
AlignmentTable read_alignment_table(const std::filesystem::path& path);

void write_alignment_table(const std::filesystem::path& path, const AlignmentTable& table);

/// Adds lines to the end of a table; after a failure nothing more, so that only the last line can
/// be cut short.
class TableAppender {
 public:
  /// @throws RunError if there is no such file or it cannot be written
  explicit TableAppender(std::filesystem::path path);
  ~TableAppender();
  TableAppender(const TableAppender&) = delete;
  TableAppender& operator=(const TableAppender&) = delete;

  void append(std::string_view line);

 private:
  [[noreturn]] void fail() const;

  std::filesystem::path path_;
  int file_ = -1;
  bool broken_ = false;
};

}  // namespace selfcure
