#include <cmath>
#include <cstdio>

#include "run_sections.h"

namespace selfcure {

std::string fixed_text(double value, int decimals) {
  if (std::isnan(value)) return "-";
  char text[64];
  std::snprintf(text, sizeof(text), "%.*f", decimals, value);
  return text;
}

std::string percent_text(double ratio, int decimals) {
  return std::isnan(ratio) ? "-" : fixed_text(100 * ratio, decimals) + " %";
}

std::string counted(std::int64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string duration_text(double seconds) {
  if (!std::isfinite(seconds) || seconds < 0 || seconds > 1e10) return "-";
  if (seconds < 10) return fixed_text(seconds, 1) + " s";
  const auto whole = std::llround(seconds);
  if (whole < 90) return std::to_string(whole) + " s";
  const long long minutes = (whole + 30) / 60;
  if (minutes < 60) return std::to_string(minutes) + " min";
  return std::to_string(minutes / 60) + " h " + std::to_string(minutes % 60) + " min";
}

std::vector<PlotMark> run_marks(const RunRecord& run) {
  const std::vector<double> relabelled = run.epochs.column("relabelled");
  for (std::size_t row = 0; row < relabelled.size(); ++row)
    if (relabelled[row] > 0) return {{run.epochs.value(row, "epoch"), "relabelling begins"}};
  return {};
}

PlotAxis epoch_axis() {
  PlotAxis axis;
  axis.label = "epoch";
  axis.whole = true;
  return axis;
}

RelabelKind kind_of(const RelabelRecord& change) {
  if (change.clean.empty()) return RelabelKind::kUnknown;
  if (change.to == change.clean) return RelabelKind::kMended;
  return change.from == change.clean ? RelabelKind::kSpoiled : RelabelKind::kStillWrong;
}

std::vector<ClassScore> class_scores(const std::vector<std::vector<std::int64_t>>& confusion) {
  const auto ratio = [](std::int64_t part, std::int64_t whole) {
    return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
  };
  std::vector<ClassScore> scores(confusion.size());
  for (std::size_t k = 0; k < confusion.size(); ++k) {
    std::int64_t predicted = 0;
    for (std::size_t i = 0; i < confusion.size(); ++i) {
      scores[k].support += confusion[k][i];
      predicted += confusion[i][k];
    }
    scores[k].precision = ratio(confusion[k][k], predicted);
    scores[k].recall = ratio(confusion[k][k], scores[k].support);
    const double sum = scores[k].precision + scores[k].recall;
    scores[k].f1 = sum > 0 ? 2 * scores[k].precision * scores[k].recall / sum : 0;
  }
  return scores;
}

void add_faces(HtmlPage& page, FaceImages* faces, const std::vector<WantedFace>& wanted,
               const std::string& heading, const std::string& hint) {
  if (faces == nullptr || wanted.empty()) return;
  std::vector<PageImage> images;
  for (const WantedFace& face : wanted) {
    auto jpeg = faces->jpeg(face.split, face.row, face.image);
    if (jpeg) images.push_back({std::move(*jpeg), face.alt, face.lines, face.verdict});
  }
  if (images.empty()) return;
  page.heading(heading);
  if (!hint.empty()) page.hint(hint);
  page.images(images);
}

}  // namespace selfcure
