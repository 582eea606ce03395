#include "selfcure/report/sweep_report.h"

#include <algorithm>
#include <set>

#include "selfcure/report/table_formats.h"
#include "sweep_sections.h"

namespace selfcure {
namespace {

std::string count_text(std::size_t count, const std::string& word) {
  return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

std::string lead_of(const SweepRecord& sweep) {
  std::string lead;
  for (const SweepDimension& dimension : sweep.dimensions) {
    std::string values;
    for (const std::string& value : dimension.values)
      values += (values.empty() ? "" : ", ") + value;
    lead += (lead.empty() ? "" : "; ") + dimension.label + ": " + values;
  }
  return lead;
}

std::int64_t test_images(const SweepRun& run) {
  std::int64_t size = 0;
  for (const auto& row : run.record.confusion)
    for (const std::int64_t count : row) size += count;
  return size;
}

/// Sizes of the test sets of these runs, as far as they are known.
template <typename Runs>
std::set<std::int64_t> test_sizes(const Runs& runs) {
  std::set<std::int64_t> sizes;
  for (const SweepRun* run : runs) {
    const std::int64_t size = test_images(*run);
    if (size > 0) sizes.insert(size);
  }
  return sizes;
}

std::vector<const SweepRun*> all_runs(const SweepRecord& sweep) {
  std::vector<const SweepRun*> runs;
  for (const SweepRun& run : sweep.runs) runs.push_back(&run);
  return runs;
}

/// Whether runs of the same column, which readers compare, were tested on sets of different size.
bool columns_mix_test_sets(const SweepGrid& grid) {
  for (std::size_t column = 0; column < grid.column_values.size(); ++column) {
    std::vector<const SweepRun*> runs;
    for (const auto& row : grid.cells)
      runs.insert(runs.end(), row[column].runs.begin(), row[column].runs.end());
    if (test_sizes(runs).size() > 1) return true;
  }
  return false;
}

void add_head(ReportDocument& document, const SweepView& view) {
  const SweepRecord& sweep = view.sweep;
  HtmlPage& page = document.page();
  std::vector<PageTile> tiles;
  tiles.push_back({"finished runs", std::to_string(sweep.runs.size()),
                   sweep.left_out.empty() ? "all that there are"
                                          : std::to_string(sweep.left_out.size()) + " left out"});
  std::size_t most = 0, least = sweep.runs.size();
  for_each_cell(view, [&](const SweepCell& cell) {
    most = std::max(most, cell.runs.size());
    least = std::min(least, cell.runs.size());
  });
  tiles.push_back(
      {"runs per cell of the table",
       least == most ? std::to_string(most) : std::to_string(least) + " to " + std::to_string(most),
       sweep.repeat.empty() ? "nothing was repeated" : "by " + sweep.label_of(sweep.repeat)});
  tiles.push_back({"measure", metric_words(sweep.metric), "of the last epoch"});
  const std::set<std::int64_t> sizes = test_sizes(all_runs(sweep));
  if (sizes.size() == 1) {
    const std::int64_t size = *sizes.begin();
    double mean = 0;
    for (const SweepRun& run : sweep.runs)
      mean += run.record.accuracy("test_accuracy").last / static_cast<double>(sweep.runs.size());
    const auto right = static_cast<std::int64_t>(mean * static_cast<double>(size));
    const ConfidenceInterval interval =
        wilson_interval(std::clamp<std::int64_t>(right, 0, size), size);
    tiles.push_back({"test images", std::to_string(size),
                     "their choice alone moves an accuracy by \u00B1" +
                         decimal_text(50 * (interval.high - interval.low), 1) +
                         " points (95 %, Wilson)"});
  }
  page.tiles(tiles);
  for (const std::string& sentence : overall_sentences(sweep, view.grid)) page.paragraph(sentence);
  if (columns_mix_test_sets(view.grid)) {
    std::string text;
    for (const std::int64_t size : sizes) text += (text.empty() ? "" : ", ") + std::to_string(size);
    page.note("Runs of one column were tested on sets of different size (" + text +
              " images): their accuracies cannot be compared.");
  }
  std::set<std::size_t> epochs;
  for (const SweepRun& run : sweep.runs) epochs.insert(run.record.epochs.size());
  if (epochs.size() > 1)
    page.note("The runs have different numbers of epochs, from " + std::to_string(*epochs.begin()) +
              " to " + std::to_string(*epochs.rbegin()) + ".");
  const bool short_runs =
      std::any_of(sweep.runs.begin(), sweep.runs.end(), [&](const SweepRun& run) {
        return spread_of(run.record.epochs.column(sweep.metric)).count < 5;
      });
  if (short_runs)
    page.note(
        "Some runs have fewer than five evaluated epochs: what is called their mean of the last "
        "five is the mean of all, from the first epoch on.");
  if (least < most)
    page.note(
        "Some places of the table have fewer finished runs than others: the number stands "
        "behind each mean.");
  for (const std::string& note : sweep.notes) page.note(note);
}

}  // namespace

ReportDocument sweep_report(const SweepRecord& sweep, const SweepReportOptions& options) {
  ReportDocument document(sweep.title, lead_of(sweep));
  const SweepGrid grid = arrange(sweep);
  const SweepView view = {sweep, grid, options};
  if (sweep.runs.empty()) {
    document.page().note("No run is finished" +
                         (sweep.left_out.empty()
                              ? std::string(".")
                              : "; " + count_text(sweep.left_out.size(), "run") + " left out."));
    add_sweep_runs(document, view);
    return document;
  }
  add_head(document, view);
  add_sweep_accuracy(document, view);
  add_sweep_plots(document, view);
  add_sweep_differences(document, view);
  add_sweep_published(document, view);
  add_sweep_curves(document, view);
  add_sweep_relabelling(document, view);
  add_sweep_classes(document, view);
  add_same_faces(document, view);
  add_sweep_time(document, view);
  add_sweep_runs(document, view);
  return document;
}

}  // namespace selfcure
