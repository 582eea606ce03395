#pragma once

#include <cstdint>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// One label that a method changed.
struct Relabel {
  /// Epoch (from 1) at whose end the change was made.
  std::int32_t epoch;
  std::int32_t row;
  std::int32_t from;
  std::int32_t to;
};

/// The labels in force: the only mutable label state of a run.
///
/// Revision 0 is what the data set (plus injected noise) says. Changes are committed between
/// epochs, each commit is a new revision, and every change is kept.
class LabelStore {
 public:
  explicit LabelStore(const Manifest& manifest);

  std::int32_t label(std::int64_t row) const { return labels_[static_cast<std::size_t>(row)]; }
  const std::vector<std::int32_t>& labels() const { return labels_; }
  std::int64_t revision() const { return revision_; }
  const std::vector<Relabel>& history() const { return history_; }

  /// Puts proposed labels in force; where a row is proposed more than once the last one counts.
  ///
  /// @param rows, proposed  of the same length; a proposal equal to the label in force is no change
  /// @return the changes made, sorted by row
  /// @throws ShapeError when lengths differ or a row or label is out of range
  std::vector<Relabel> commit(int epoch, const std::vector<std::int64_t>& rows,
                              const std::vector<std::int64_t>& proposed);

  /// Replays a history over revision 0, as a resumed run does.
  /// @throws CheckpointError when an entry does not fit the labels at its place
  void restore(const std::vector<Relabel>& history, std::int64_t revision);

 private:
  std::vector<std::int32_t> labels_;
  std::vector<std::int32_t> original_;
  std::int64_t class_count_;
  std::int64_t revision_ = 0;
  std::vector<Relabel> history_;
};

/// How right a set of changes was, judged by known clean labels.
///
/// precision: share of the changes that ended at the clean label; recall: share of the rows whose
/// given label (revision 0) is wrong and whose label in force is now clean. NaN where nothing
/// counts.
struct RelabelQuality {
  double precision;
  double recall;
};

/// Judges all labels in force against the manifest's clean labels (rows without one are left out).
RelabelQuality judge_relabels(const Manifest& manifest, const LabelStore& labels);

}  // namespace selfcure
