// Kernel choices that outlive a process.
#pragma once

#include <filesystem>
#include <string>

namespace selfcure {

/// A file of lines as kernel_choices() writes them, locked while this object lives: who waits for a
/// choice that another process measures finds it there.
///
/// Without the lock, and where the file cannot be written, lines are read but none is added. Lines
/// are added whole; one that a crash or a full disk has cut is skipped.
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

  /// Another process has held it for longer than measuring takes: it was stopped, perhaps.
  bool is_held_by_another() const { return held_by_another_; }
  /// Why nothing can be added: "FILE: Permission denied". Empty: it can.
  const std::string& obstacle() const { return obstacle_; }

 private:
  int descriptor_ = -1;
  bool held_by_another_ = false;
  std::string obstacle_;
  std::string text_;
};

}  // namespace selfcure
