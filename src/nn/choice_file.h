// Kernel choices that outlive a process.
#pragma once

#include <filesystem>
#include <string>

namespace selfcure {

/// A file of lines as kernel_choices() writes them, locked while this object lives: who waits for a
/// choice that another process measures finds it there.
///
/// A file that cannot be opened or locked is as good as empty, and nothing is kept. Lines are added
/// whole; one that a crash or a full disk has cut is skipped.
class ChoiceFile {
 public:
  explicit ChoiceFile(const std::filesystem::path& path);
  ChoiceFile(const ChoiceFile&) = delete;
  ChoiceFile& operator=(const ChoiceFile&) = delete;
  ~ChoiceFile();

  /// What follows "KEY: " in the last line that begins so, which was added because those before it
  /// could not be used; empty: there is none.
  std::string kernel_of(const std::string& key) const;
  void add(const std::string& key, const std::string& kernel);

 private:
  int descriptor_ = -1;
  std::string text_;
};

}  // namespace selfcure
