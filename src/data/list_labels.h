#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "selfcure/data/image_list.h"
#include "selfcure/data/text_file.h"

namespace selfcure {

/// The different label texts of all lists of a set, and what class each means; `read_image_list`
/// says how.
class ListLabels {
 public:
  /// A number that stands for an unknown label.
  static constexpr std::int32_t kNoText = kUnknownLabel;

  /// @param options  must outlive the object
  explicit ListLabels(const ImageListOptions& options) : options_(options) {}

  /// Number of a label text, which `class_of` turns into a class when all lists have been read.
  /// @throws DataError with file and line for an empty text
  std::int32_t add(std::string_view text, const TextFile& file, const TextLine& line);

  /// True from the first label on that is one too many: reading on is of no use then.
  bool has_too_many() const;

  /// Decides on the classes and what each text means.
  /// @throws DataError with file and line for too many labels, labels of two kinds, two spellings
  ///         of one class and, unless bad lines are left out, a label that means no class
  std::vector<std::string> resolve();

  /// Why a label means no class; empty if it does. @param number  what `add` returned, or kNoText
  const std::string& problem_of(std::int32_t number) const;

  /// The class, or kUnknownLabel for kNoText. @param number  of a label without a problem
  std::int32_t class_of(std::int32_t number) const;

 private:
  struct Text {
    std::string text;
    /// Of its first line.
    std::string where;
    std::optional<std::int64_t> integer;
    std::int32_t label = kUnknownLabel;
    /// Why it means no class.
    std::string problem = {};
  };

  std::vector<std::string> class_names() const;
  std::vector<std::string> numbered_classes() const;
  std::vector<std::string> named_classes() const;
  void classify(Text& text, const std::vector<std::string>& classes) const;

  const ImageListOptions& options_;
  std::vector<Text> texts_;
  std::unordered_map<std::string, std::int32_t> number_of_;
};

}  // namespace selfcure
