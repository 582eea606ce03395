#include <algorithm>
#include <cmath>
#include <utility>

#include "run_sections.h"
#include "selfcure/report/svg_plot.h"

namespace selfcure {
namespace {

struct Curve {
  const char* column;
  const char* name;
  bool dashed = false;
  /// Only some epochs have it: the line goes on from one to the next.
  bool evaluated = false;
};

void leave_out_gaps(PlotSeries& series) {
  std::size_t kept = 0;
  for (std::size_t i = 0; i < series.y.size(); ++i) {
    if (std::isnan(series.y[i])) continue;
    series.x[kept] = series.x[i];
    series.y[kept++] = series.y[i];
  }
  series.x.resize(kept);
  series.y.resize(kept);
}

/// Columns that the run has, as series over epochs.
std::vector<PlotSeries> series_of(const RunRecord& run, const std::vector<Curve>& curves) {
  std::vector<PlotSeries> series;
  for (std::size_t i = 0; i < curves.size(); ++i) {
    if (!run.epochs.has(curves[i].column)) continue;
    PlotSeries one;
    one.name = curves[i].name;
    one.x = run.epochs.column("epoch");
    one.y = run.epochs.column(curves[i].column);
    if (curves[i].evaluated) leave_out_gaps(one);
    one.dashed = curves[i].dashed;
    one.colour = static_cast<int>(i);
    series.push_back(std::move(one));
  }
  return series;
}

void add_plot(ReportDocument& document, const RunRecord& run, const std::string& name,
              const std::string& title, const PlotAxis& y, const std::vector<Curve>& curves,
              const std::string& caption) {
  LinePlot plot;
  plot.title = title + " of " + run.name + " after each epoch";
  plot.x = epoch_axis();
  plot.y = y;
  plot.series = series_of(run, curves);
  if (plot.series.empty()) return;
  plot.marks = run_marks(run);
  plot.width = 480;
  plot.height = 290;
  document.plot(name, svg(plot), caption);
}

}  // namespace

void add_run_curves(ReportDocument& document, const RunRecord& run) {
  HtmlPage& page = document.page();
  page.section("Curves");
  page.begin_figures();
  PlotAxis accuracy;
  accuracy.label = "accuracy";
  accuracy.percent = true;
  add_plot(document, run, "accuracy", "Accuracies", accuracy,
           {{"test_accuracy", "test", false, true},
            {"train_accuracy", "training, labels in force", true},
            {"mean_class_accuracy", "test, mean of classes", false, true},
            {"valid_accuracy", "validation", false, true},
            {"valid_mean_class_accuracy", "validation, mean of classes", false, true}},
           "Accuracy. Training accuracy is measured while training, on augmented images.");
  PlotAxis loss;
  loss.label = "loss";
  add_plot(document, run, "loss", "Losses", loss,
           {{"train_loss", "total"},
            {"cross_entropy", "cross-entropy"},
            {"rank_loss", "rank regularization"}},
           "Training loss and its parts, mean over the epoch.");
  PlotAxis alpha;
  alpha.label = "importance weight alpha";
  add_plot(document, run, "alpha_groups", "Mean importance weights", alpha,
           {{"alpha_high_mean", "high group"},
            {"alpha_low_mean", "low group"},
            {"alpha_mean", "all", true},
            {"margin", "margin between the groups", true}},
           "Mean importance weight of the two groups that the rank regularization compares.");
  PlotAxis auc;
  auc.label = "AUC of alpha";
  add_plot(document, run, "alpha_auc", "AUC of the importance weights", auc, {{"alpha_auc", "AUC"}},
           "How well alpha tells rows with a right given label from those with a wrong one: 1 "
           "always, 0.5 not at all.");
  PlotAxis rate;
  rate.label = "learning rate";
  const std::vector<double> rates = run.epochs.column("lr");
  double least = INFINITY;
  double most = 0;
  for (const double value : rates)
    if (value > 0) {
      least = std::min(least, value);
      most = std::max(most, value);
    }
  rate.logarithmic = most > 20 * least;
  add_plot(document, run, "learning_rate", "Learning rate", rate, {{"lr", "learning rate"}},
           "Learning rate at the first step of each epoch.");
  page.end_figures();
}

}  // namespace selfcure
