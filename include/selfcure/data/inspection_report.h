#pragma once

#include <optional>
#include <string>
#include <vector>

#include "selfcure/data/bad_lines.h"
#include "selfcure/data/inspection.h"

namespace selfcure {

/// One part of a data set as it was found.
struct InspectedSet {
  Manifest manifest;
  BadLines bad_lines;
  ImageInspection images;
  /// See golden_count_difference().
  std::optional<std::string> count_difference;
  /// FER2013's single labels (given) against the majority of the votes (clean), where both are on
  /// disk and the manifest has only one of them.
  std::optional<LabelAgreement> original_labels;
};

/// What was found out about a data set, and what of it is wrong.
///
/// Wrong is what spoils a training or its comparison with others: bad lines, missing and unreadable
/// images, counts that differ from the published ones, images that are in two parts byte for byte,
/// and the same image with two labels. Other duplicates, and images that look nearly the same, are
/// reported only: real data sets have many.
class InspectionReport {
 public:
  /// @param near  nothing: only the same bytes are looked for
  InspectionReport(std::vector<InspectedSet> parts,
                   const std::optional<NearDuplicateOptions>& near);

  /// What is wrong, a line each; empty if nothing is.
  const std::vector<std::string>& problems() const { return problems_; }

  /// For people: counts with bars, sizes, problems with the first examples.
  /// @param width  of a line in letters, at least 40
  std::string text(int width) const;
  /// The same as JSON, with every problem image and every group of duplicates.
  std::string json() const;

 private:
  void find_problems();
  std::string name_of(const PartRow& row) const;
  std::string part_text(const InspectedSet& part, int width) const;
  std::string duplicates_text(const std::string& title,
                              const std::vector<DuplicateGroup>& groups) const;

  std::vector<InspectedSet> parts_;
  bool looked_for_near_;
  DuplicateReport duplicates_;
  std::vector<std::string> problems_;
};

}  // namespace selfcure
