#include <cmath>

#include "run_sections.h"

namespace selfcure {
namespace {

PlotSeries series_of(const RunRecord& run, const std::string& name, const std::string& column) {
  PlotSeries series;
  series.name = name;
  const std::vector<double> values = run.epochs.column(column);
  // The evaluation has no time where there was none.
  for (std::size_t row = 0; row < values.size(); ++row)
    if (!std::isnan(values[row])) {
      series.x.push_back(run.epochs.value(row, "epoch"));
      series.y.push_back(values[row]);
    }
  return series;
}

void add_time(ReportDocument& document, const RunRecord& run) {
  if (!run.epochs.has("seconds")) return;
  HtmlPage& page = document.page();
  page.section("Time");
  page.begin_figures();
  LinePlot seconds;
  seconds.title = "Seconds that " + run.name + " spent per epoch";
  seconds.x = epoch_axis();
  seconds.y.label = "time per epoch (s)";
  seconds.y.low = 0;
  seconds.width = 480;
  seconds.height = 270;
  seconds.series = {series_of(run, "training", "seconds")};
  if (run.epochs.has("data_wait_seconds"))
    seconds.series.push_back(series_of(run, "of it, waiting for data", "data_wait_seconds"));
  if (run.epochs.has("evaluation_seconds"))
    seconds.series.push_back(series_of(run, "evaluation", "evaluation_seconds"));
  document.plot("time", svg(seconds), "Time of each epoch.");
  if (run.epochs.has("images_per_second")) {
    LinePlot rate = seconds;
    rate.title = "Training images per second of " + run.name;
    rate.y.label = "training images per second";
    rate.series = {series_of(run, "images per second", "images_per_second")};
    document.plot("throughput", svg(rate), "Throughput of the training.");
  }
  page.end_figures();
}

void add_pairs(ReportDocument& document, const std::string& name, const std::string& summary,
               const TextPairs& pairs) {
  if (pairs.empty()) return;
  HtmlPage& page = document.page();
  ReportTable table;
  table.name = name;
  table.columns = {{"key", "", false}, {"value", "", false}};
  for (const auto& [key, value] : pairs) {
    ReportCell cell{key};
    cell.header = true;
    table.rows.push_back({cell, {value}});
  }
  page.begin_details(summary);
  document.table(std::move(table));
  page.end_details();
}

void add_noise_matrix(ReportDocument& document, const RunRecord& run) {
  if (run.noise_counts.empty()) return;
  HeatMap map;
  map.title = "Given labels of the training set of " + run.name + " by clean label";
  map.row_label = "clean label";
  map.column_label = "given label";
  map.rows = map.columns = run.noise_classes;
  map.values = run.noise_counts;
  map.diagonal = true;
  for (const auto& counts : map.values) {
    double sum = 0;
    for (const double count : counts) sum += count;
    std::vector<double> shades;
    shades.reserve(counts.size());
    for (const double count : counts) shades.push_back(sum > 0 ? count / sum : 0);
    map.shades.push_back(std::move(shades));
  }
  document.plot(
      "label_noise", svg(map),
      "Training rows by clean and given label; the shade is the share of the clean class.");
}

}  // namespace

void add_run_settings(ReportDocument& document, const RunRecord& run) {
  add_time(document, run);
  HtmlPage& page = document.page();
  page.section("Settings");
  if (!run.noise_counts.empty()) {
    page.heading("Label noise");
    add_noise_matrix(document, run);
  }
  TextPairs noise;
  for (const auto& pair : run.noise)
    if (run.noise_counts.empty() ||
        (pair.first != "transition_counts" && pair.first != "transition_matrix" &&
         pair.first != "class_names"))
      noise.push_back(pair);
  add_pairs(document, "noise", "Label noise, as recorded", noise);
  add_pairs(document, "config", "Config: every key with the value in force", run.config);
  if (run.config.empty() && !run.config_text.empty()) {
    page.begin_details("Config: every key with the value in force");
    page.preformatted(run.config_text);
    page.end_details();
  }
  add_pairs(document, "environment", "Environment: versions, devices, command line",
            run.environment);
  add_pairs(document, "summary", "Summary, as recorded", run.summary);
}

}  // namespace selfcure
