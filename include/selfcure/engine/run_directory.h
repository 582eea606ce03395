#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace selfcure {

/// The folder that holds everything a run leaves behind.
///
/// While an object lives, it holds a lock on the folder, so that two trainings never share one.
class RunDirectory {
 public:
  /// Makes a new run directory, parents included. A folder that a run left which failed before its
  /// first checkpoint counts as new.
  /// @throws RunError when the folder already holds something else, or cannot be made or written
  static RunDirectory create(const std::filesystem::path& path);
  /// Opens an existing run directory to go on with it.
  /// @throws RunError when there is none, or another process is using it
  static RunDirectory open(const std::filesystem::path& path);
  RunDirectory(RunDirectory&& other) noexcept;
  RunDirectory& operator=(RunDirectory&&) = delete;
  ~RunDirectory();

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path checkpoint(const std::string& name) const;
  /// Replaces a file of the run as a whole. @throws RunError
  void write(const std::string& name, std::string_view content) const;
  bool has(const std::string& name) const;

 private:
  explicit RunDirectory(std::filesystem::path path);
  std::filesystem::path path_;
  int lock_ = -1;
};

}  // namespace selfcure
