#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "selfcure/report/face_images.h"
#include "selfcure/report/report_document.h"
#include "selfcure/report/run_record.h"
#include "selfcure/report/run_report.h"
#include "selfcure/report/svg_plot.h"

namespace selfcure {

// Parts of a run's report. Each leaves itself out where the run has nothing for it.

/// What happened, in sentences and key numbers.
void add_run_overview(ReportDocument& document, const RunRecord& run);
void add_run_curves(ReportDocument& document, const RunRecord& run);
void add_run_importance(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                        const RunReportOptions& options);
void add_run_relabels(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                      const RunReportOptions& options);
void add_run_test(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                  const RunReportOptions& options);
/// Time, config and environment.
void add_run_settings(ReportDocument& document, const RunRecord& run);

/// What happened at which epoch, for plots over epochs.
std::vector<PlotMark> run_marks(const RunRecord& run);
PlotAxis epoch_axis();

/// How labels were changed, of relabels.csv.
enum class RelabelKind { kMended, kSpoiled, kStillWrong, kUnknown };
RelabelKind kind_of(const RelabelRecord& change);

/// Recall, precision and F1 of a class by a confusion matrix; 0/0 is 0.
struct ClassScore {
  double precision = 0;
  double recall = 0;
  double f1 = 0;
  std::int64_t support = 0;
};
std::vector<ClassScore> class_scores(const std::vector<std::vector<std::int64_t>>& confusion);

/// A face that a section wants to show.
struct WantedFace {
  std::string split;
  std::int64_t row = 0;
  std::string image;
  std::string alt;
  std::vector<std::string> lines = {};
  std::string verdict = {};
};

/// Puts the faces whose pictures can be had on the page, under a heading if there is one.
void add_faces(HtmlPage& page, FaceImages* faces, const std::vector<WantedFace>& wanted,
               const std::string& heading, const std::string& hint);

/// "12.34 %", "-" for NaN.
std::string percent_text(double ratio, int decimals = 2);
/// "1 label", "12 labels".
std::string counted(std::int64_t count, const std::string& one, const std::string& many);
/// Fixed digits after the point; "-" for NaN.
std::string fixed_text(double value, int decimals);
/// "3 h 20 min", "45 s".
std::string duration_text(double seconds);

}  // namespace selfcure
