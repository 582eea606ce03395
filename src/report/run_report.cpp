#include "selfcure/report/run_report.h"

#include "run_sections.h"

namespace selfcure {

ReportDocument run_report(const RunRecord& run, FaceImages* faces,
                          const RunReportOptions& options) {
  ReportDocument document("Run " + run.name, "Run directory " + run.path.string());
  add_run_overview(document, run);
  // Said once and not in each section.
  if (faces != nullptr && options.faces > 0) {
    const std::string problem = faces->problem();
    if (!problem.empty()) document.page().note("Pictures of faces are missing: " + problem);
  }
  add_run_curves(document, run);
  add_run_test(document, run, faces, options);
  add_run_importance(document, run, faces, options);
  add_run_relabels(document, run, faces, options);
  add_run_settings(document, run);
  return document;
}

}  // namespace selfcure
