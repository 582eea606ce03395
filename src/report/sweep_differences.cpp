#include <algorithm>
#include <cmath>

#include "selfcure/core/errors.h"
#include "selfcure/report/published_figures.h"
#include "selfcure/report/table_formats.h"
#include "sweep_sections.h"

namespace selfcure {
namespace {

ReportColumn column(const std::string& title, const std::string& unit = "",
                    const std::string& group = "", const std::vector<std::string>& parts = {}) {
  ReportColumn result;
  result.title = title;
  result.unit = unit;
  result.group = group;
  result.parts = parts;
  return result;
}

ReportCell interval_cell(const ConfidenceInterval& interval) {
  ReportCell cell;
  cell.values = {interval.low, interval.high};
  cell.text = interval.exists() ? signed_text(100 * interval.low, 1) + " to " +
                                      signed_text(100 * interval.high, 1)
                                : "-";
  return cell;
}

std::string verdict_word(const PairedDifference& difference) {
  switch (verdict_of(difference)) {
    case Verdict::kBetter:
      return "better";
    case Verdict::kWorse:
      return "worse";
    case Verdict::kUndecided:
      break;
  }
  return "cannot tell";
}

ReportTable differences_table(const SweepView& view, Reported which, const std::string& name,
                              const std::string& caption) {
  ReportTable table;
  table.name = name;
  table.caption = caption;
  table.columns = place_columns(view);
  table.columns.push_back(column("ahead", "", "", {"better", "worse", "pairs"}));
  table.columns.push_back(column("mean", "", "difference"));
  table.columns.push_back(column("sd", "", "difference"));
  table.columns.push_back(column("95 % interval", "", "difference", {"low", "high"}));
  table.columns.push_back(column("verdict"));
  table.columns.back().number = false;
  table.columns.push_back(column("interval by"));
  table.columns.back().number = false;
  table.columns.push_back(column("bootstrap", "", "", {"low", "high"}));
  for_each_cell(view, [&](const SweepCell& cell) {
    const auto comparison =
        compare_with_baseline(view.sweep, view.grid, cell, view.sweep.metric, which);
    if (!comparison || comparison->difference.pairs == 0) return;
    const PairedDifference& difference = comparison->difference;
    std::vector<ReportCell> cells = place_cells(view, cell.point);
    cells.emplace_back();
    cells.back().text =
        std::to_string(difference.better) + " of " + std::to_string(difference.pairs);
    cells.back().values = {static_cast<double>(difference.better),
                           static_cast<double>(difference.worse),
                           static_cast<double>(difference.pairs)};
    cells.push_back(number_cell(difference.mean, signed_text(100 * difference.mean, 2)));
    cells.push_back(number_cell(difference.standard_deviation,
                                decimal_text(100 * difference.standard_deviation, 2)));
    cells.push_back(interval_cell(difference.interval));
    cells.emplace_back();
    cells.back().text = verdict_word(difference);
    cells.emplace_back();
    cells.back().text = to_string(difference.interval.method);
    cells.push_back(interval_cell(difference.bootstrap));
    table.rows.push_back(std::move(cells));
  });
  return table;
}

/// Of every cell: its place, and the verdict in words.
std::vector<std::string> verdicts(const SweepView& view, Reported which) {
  std::vector<std::string> sentences;
  for_each_cell(view, [&](const SweepCell& cell) {
    const auto comparison =
        compare_with_baseline(view.sweep, view.grid, cell, view.sweep.metric, which);
    if (!comparison) return;
    std::string text = describe(view.sweep, cell.point) + ": " +
                       verdict_sentence(comparison->difference, repeat_word(view.sweep));
    if (comparison->unpaired > 0)
      text += "; " + std::to_string(comparison->unpaired) +
              (comparison->unpaired == 1 ? " run has" : " runs have") + " no partner";
    sentences.push_back(text + ".");
  });
  return sentences;
}

std::string listed(const std::vector<std::string>& values) {
  std::string text;
  for (std::size_t i = 0; i < values.size(); ++i)
    text += (i == 0 ? "" : i + 1 == values.size() ? " and " : ", ") + values[i];
  return text;
}

/// Distinct values of a config key over the runs.
std::vector<std::string> config_values(const SweepRecord& sweep, const std::string& key) {
  std::vector<std::string> values;
  for (const SweepRun& run : sweep.runs) {
    const std::string value = find_text(run.record.config, key);
    bool known = value.empty();
    for (const std::string& other : values) known = known || other == value;
    if (!known) values.push_back(value);
  }
  return values;
}

/// What was done otherwise than by the authors of the figures.
std::vector<std::string> recipe_notes(const SweepRecord& sweep, const PublishedTable& table) {
  std::vector<std::string> notes = {"Published: " + table.recipe + ". Source: " + table.source +
                                    "."};
  std::string fixed;
  for (const auto& [field, value] : sweep.published->fixed)
    fixed.append(fixed.empty() ? "" : ", ").append(field).append(" ").append(value);
  if (!fixed.empty()) notes.push_back("Rows of that table with: " + fixed + ".");
  struct Fact {
    const char* key;
    const char* words;
    int published;
  };
  std::string facts;
  std::vector<std::string> differing;
  for (const Fact& fact :
       {Fact{"data.image_size", "image size", table.image_size},
        Fact{"train.epochs", "epochs", table.epochs}, Fact{"train.batch_size", "batch size", 0},
        Fact{"train.optimizer.name", "optimizer", 0}, Fact{"model.backbone", "backbone", 0}}) {
    const std::vector<std::string> values = config_values(sweep, fact.key);
    if (values.empty()) continue;
    facts += std::string(facts.empty() ? "" : "; ") + fact.words + ": " + listed(values);
    const std::string published = std::to_string(fact.published);
    if (fact.published > 0 && values != std::vector<std::string>{published})
      differing.push_back(std::string(fact.words) + " " + listed(values) + " instead of " +
                          published);
  }
  std::vector<std::string> weights;
  for (const std::string& value : config_values(sweep, "model.weights"))
    weights.push_back(value == "null" || value == "none" ? "none" : value);
  if (!weights.empty())
    facts += std::string(facts.empty() ? "" : "; ") + "initial weights: " + listed(weights);
  if (!facts.empty()) notes.push_back("Here: " + facts + ".");
  if (!differing.empty())
    notes.push_back("The recipe differs (" + listed(differing) +
                    "), so the levels cannot be compared; that one method is ahead of another may "
                    "be.");
  return notes;
}

/// Published figure of the cell minus that of the baseline's cell.
double published_gain(const SweepView& view, const SweepCell& cell, const SweepCell* baseline) {
  if (baseline == nullptr) return std::nan("");
  const auto own = published_of(view.sweep, cell.point);
  const auto other = published_of(view.sweep, baseline->point);
  return own && other ? *own - *other : std::nan("");
}

ReportTable published_comparison(const SweepView& view) {
  ReportTable table;
  table.name = "published";
  table.caption =
      metric_words(view.sweep.metric) + " of the last epoch beside the published figure";
  table.columns = place_columns(view);
  table.columns.push_back(spread_column("here", "%", "level"));
  table.columns.push_back(column("published", "%", "level"));
  table.columns.push_back(column("difference", "points", "level"));
  if (!view.sweep.baseline.empty()) {
    table.columns.push_back(column("here", "points", "gain over the baseline"));
    table.columns.push_back(column("published", "points", "gain over the baseline"));
  }
  bool any = false;
  for (const auto& row : view.grid.cells)
    for (const SweepCell& cell : row) {
      const auto published = published_of(view.sweep, cell.point);
      any = any || published.has_value();
      const double figure = published ? *published : std::nan("");
      const Spread spread = spread_of(cell, view.sweep.metric, Reported::kLastEpoch);
      std::vector<ReportCell> cells = place_cells(view, cell.point);
      cells.push_back(spread_cell(spread, 100, 2));
      cells.push_back(number_cell(figure, decimal_text(100 * figure, 2)));
      cells.push_back(
          number_cell(spread.mean - figure, signed_text(100 * (spread.mean - figure), 2)));
      if (!view.sweep.baseline.empty()) {
        const auto comparison = compare_with_baseline(view.sweep, view.grid, cell,
                                                      view.sweep.metric, Reported::kLastEpoch);
        const double here = comparison ? comparison->difference.mean : std::nan("");
        const double there =
            published_gain(view, cell, comparison ? comparison->baseline : nullptr);
        cells.push_back(number_cell(here, signed_text(100 * here, 2)));
        cells.push_back(number_cell(there, signed_text(100 * there, 2)));
      }
      table.rows.push_back(std::move(cells));
    }
  if (!any) table.rows.clear();
  draw_rules(table);
  return table;
}

/// Later methods on the same data set, for orientation.
void add_anchors(ReportDocument& document, const SweepRecord& sweep) {
  const PublishedTable* anchors = published_table("anchors_since");
  if (anchors == nullptr || sweep.published->table != "table1_synthetic_noise") return;
  const std::vector<std::string> figures = anchors->figure_names();
  if (std::find(figures.begin(), figures.end(), sweep.published->figure) == figures.end()) return;
  ReportTable table;
  table.name = "published_since";
  table.caption = "Published since, " + sweep.published->figure + ": accuracy by label noise";
  table.columns.push_back(column("method"));
  table.columns[0].number = false;
  const std::vector<std::string> rates = {"0", "10", "20", "30"};
  for (const std::string& rate : rates) table.columns.push_back(column(rate + " %", "%", "noise"));
  std::vector<std::string> methods;
  for (const PublishedRow& row : anchors->rows)
    if (methods.empty() || methods.back() != row.fields[0].second)
      methods.push_back(row.fields[0].second);
  for (const std::string& method : methods) {
    std::vector<ReportCell> cells(1);
    cells[0].text = method;
    bool any = false;
    for (const std::string& rate : rates) {
      const auto figure = published_figure(anchors->name, {{"method", method}, {"noise", rate}},
                                           sweep.published->figure);
      any = any || figure.has_value();
      const double value = figure ? *figure / 100 : std::nan("");
      cells.push_back(number_cell(value, decimal_text(100 * value, 2)));
    }
    if (any) table.rows.push_back(std::move(cells));
  }
  if (table.rows.empty()) return;
  table.notes.push_back(anchors->recipe + ".");
  document.page().begin_details("Methods published since");
  document.table(std::move(table));
  document.page().end_details();
}

}  // namespace

void add_sweep_differences(ReportDocument& document, const SweepView& view) {
  const std::vector<std::string> sentences = verdicts(view, Reported::kLastEpoch);
  if (sentences.empty()) return;
  HtmlPage& page = document.page();
  std::vector<std::string> dimensions;
  for (const auto& entry : view.sweep.baseline) dimensions.push_back(entry.first);
  const std::string baseline = describe(view.sweep, view.sweep.baseline, dimensions);
  page.section("Differences to " + baseline);
  page.paragraph("Each run is compared with the run of " + baseline + " of the same " +
                 (repeat_word(view.sweep) == "seeds" ? "seed" : "repetition") +
                 " at the same place.");
  page.list(sentences);
  const std::string words = metric_words(view.sweep.metric);
  document.table(differences_table(
      view, Reported::kLastEpoch, "paired_differences",
      "Paired differences to " + baseline + " in points, " + words + " of the last epoch"));
  page.hint(
      "The interval is one of the mean difference over seeds. With 3 to 9 pairs it is Student's t, "
      "which assumes that differences are spread like a bell; with 10 or more the bias-corrected "
      "accelerated bootstrap. With few pairs the bootstrap interval is shown for comparison only: "
      "it cannot leave the range of the differences, so that with 3, 4 or 5 pairs it holds the "
      "true mean in at most 75, 88 or 94 % of cases and not in 95 %. One or two pairs give no "
      "interval. Of twenty comparisons without any true difference, one looks like a difference.");
  page.begin_details("The same with the mean of the last five epochs");
  page.list(verdicts(view, Reported::kMeanOfLastFive));
  document.table(differences_table(view, Reported::kMeanOfLastFive,
                                   "paired_differences_mean_of_last_5",
                                   "Paired differences to " + baseline + " in points, " + words +
                                       ", mean of the last five epochs"));
  page.end_details();
}

void add_sweep_published(ReportDocument& document, const SweepView& view) {
  if (!view.sweep.published) return;
  HtmlPage& page = document.page();
  page.section("Beside the published figures");
  try {
    ReportTable table = published_comparison(view);
    if (table.rows.empty()) {
      page.note("No published figure belongs to a place of this sweep.");
    } else {
      const PublishedTable* source = published_table(view.sweep.published->table);
      table.notes = recipe_notes(view.sweep, *source);
      document.table(std::move(table));
    }
    add_anchors(document, view.sweep);
  } catch (const UserError& error) {
    page.note(error.what());
  }
}

}  // namespace selfcure
