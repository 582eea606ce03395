#include <algorithm>
#include <cmath>

#include "run_sections.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

void add_confusion(ReportDocument& document, const RunRecord& run) {
  HeatMap map;
  map.title = "Confusion matrix of " + run.name + " on the test set";
  map.row_label = "true class";
  map.column_label = "predicted class";
  map.rows = map.columns = run.class_names;
  map.diagonal = true;
  for (const auto& counts : run.confusion) {
    std::int64_t sum = 0;
    for (const std::int64_t count : counts) sum += count;
    std::vector<double> row;
    std::vector<double> shades;
    for (const std::int64_t count : counts) {
      row.push_back(static_cast<double>(count));
      shades.push_back(sum > 0 ? static_cast<double>(count) / static_cast<double>(sum) : 0);
    }
    map.values.push_back(std::move(row));
    map.shades.push_back(std::move(shades));
  }
  document.plot(
      "confusion_matrix", svg(map),
      "Test images by true and predicted class; the shade is the share of the true class.");
}

ReportCell percent_cell(double ratio) { return number_cell(ratio, fixed_text(100 * ratio, 2)); }

void add_class_table(ReportDocument& document, const RunRecord& run) {
  const std::vector<ClassScore> scores = class_scores(run.confusion);
  ReportTable table;
  table.name = "classes";
  table.caption = "Per class, in percent";
  table.columns = {{"class", "", false}, {"precision"}, {"recall"}, {"F1"}, {"support"}};
  ClassScore mean;
  std::int64_t support = 0;
  double classes = 0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    ReportCell name{run.class_names[k]};
    name.header = true;
    table.rows.push_back({name, percent_cell(scores[k].precision), percent_cell(scores[k].recall),
                          percent_cell(scores[k].f1), count_cell(scores[k].support)});
    support += scores[k].support;
    if (scores[k].support == 0) continue;
    ++classes;
    mean.precision += scores[k].precision;
    mean.recall += scores[k].recall;
    mean.f1 += scores[k].f1;
  }
  if (classes > 0) {
    ReportCell name{"mean of classes"};
    name.header = true;
    table.rules.push_back(table.rows.size());
    table.rows.push_back({name, percent_cell(mean.precision / classes),
                          percent_cell(mean.recall / classes), percent_cell(mean.f1 / classes),
                          count_cell(support)});
  }
  document.table(std::move(table));
}

struct Mistake {
  double confidence = 0;
  PredictionRecord record;
};

void add_mistakes(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                  std::size_t most) {
  std::vector<Mistake> mistakes;  // a heap whose top is the least confident
  std::int64_t count = 0;
  const auto before = [](const Mistake& a, const Mistake& b) {
    return a.confidence != b.confidence ? a.confidence > b.confidence : a.record.row < b.record.row;
  };
  read_predictions(run.path, [&](const PredictionRecord& record) {
    if (record.label == record.predicted) return;
    ++count;
    const double confidence =
        *std::max_element(record.probabilities.begin(), record.probabilities.end());
    if (std::isnan(confidence)) return;
    mistakes.push_back({confidence, record});
    std::push_heap(mistakes.begin(), mistakes.end(), before);
    if (mistakes.size() > most) {
      std::pop_heap(mistakes.begin(), mistakes.end(), before);
      mistakes.pop_back();
    }
  });
  std::sort(mistakes.begin(), mistakes.end(), before);
  std::vector<WantedFace> wanted;
  for (const Mistake& mistake : mistakes) {
    const PredictionRecord& record = mistake.record;
    wanted.push_back({"test",
                      record.row,
                      record.image,
                      "test face labelled " + record.label + ", taken for " + record.predicted,
                      {"labelled " + record.label, "taken for " + record.predicted,
                       "confidence " + percent_text(mistake.confidence, 1)},
                      {}});
  }
  add_faces(document.page(), faces, wanted, "Misclassified test faces",
            "The " + std::to_string(wanted.size()) + " of " +
                counted(count, "misclassified face", "misclassified faces") +
                " that the network is most sure of.");
}

}  // namespace

void add_run_test(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                  const RunReportOptions& options) {
  if (run.confusion.empty()) return;
  HtmlPage& page = document.page();
  page.section("Test results");
  if (run.evaluated_epoch > 0)
    page.hint("Of epoch " + std::to_string(run.evaluated_epoch) +
              ", the last one that was evaluated.");
  // Side by side where both fit.
  const bool beside = run.class_names.size() <= 12;
  if (beside) page.begin_figures();
  add_confusion(document, run);
  add_class_table(document, run);
  if (beside) page.end_figures();
  if (faces == nullptr || options.faces == 0) return;
  try {
    add_mistakes(document, run, faces, options.faces);
  } catch (const UserError& error) {
    page.note(std::string("Left out: ") + error.what());
  }
}

}  // namespace selfcure
