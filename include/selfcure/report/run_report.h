#pragma once

#include <cstddef>

#include "selfcure/report/face_images.h"
#include "selfcure/report/report_document.h"
#include "selfcure/report/run_record.h"

namespace selfcure {

struct RunReportOptions {
  /// Pictures of each kind that are shown, 0 to 200.
  std::size_t faces = 24;
};

/// Everything about one run: what happened in sentences, curves, importance weights, relabelling,
/// test results, faces, config, environment.
///
/// Parts whose files are missing or damaged are left out with a note that says so.
/// @param faces  null: no pictures
ReportDocument run_report(const RunRecord& run, FaceImages* faces,
                          const RunReportOptions& options = {});

}  // namespace selfcure
