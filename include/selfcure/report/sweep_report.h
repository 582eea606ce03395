#pragma once

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include "selfcure/report/face_images.h"
#include "selfcure/report/report_document.h"
#include "selfcure/report/sweep_record.h"

namespace selfcure {

struct SweepReportOptions {
  /// Folder of the page: links to the reports of single runs are relative to it. Empty: no links.
  std::filesystem::path page_folder;
  /// Gives the pictures of a run's data; null, or what it gives is null: no pictures.
  std::function<std::unique_ptr<FaceImages>(const RunRecord&)> faces;
  /// Pictures in each row of the figure of importance on the same faces, 1 to 20.
  std::size_t same_faces = 8;
};

/// Everything about a sweep: what it found in sentences, the table as in the paper with mean and
/// spread, published figures beside it, paired differences to the baseline, plots over what was
/// varied, curves, relabelling, faces, time, the runs, and what was left out and why.
///
/// Places whose runs are missing stay empty. A published table or figure that does not exist, and
/// runs of the figure of faces that are not there, are named on the page.
ReportDocument sweep_report(const SweepRecord& sweep, const SweepReportOptions& options = {});

}  // namespace selfcure
