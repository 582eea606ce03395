#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <unordered_map>

#include "run_sections.h"
#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr std::array<const char*, 4> kKindNames = {
    "now right", "was right, now wrong", "wrong before and after", "right or wrong unknown"};
constexpr std::array<int, 4> kKindColours = {2, 1, 3, 0};
constexpr std::size_t kMostFlows = 12;

struct Flow {
  std::int64_t count = 0;
  std::int64_t known = 0;
  std::int64_t right = 0;
};

/// What relabels.csv comes to, without its rows.
struct Relabels {
  std::vector<std::string> names;
  std::unordered_map<std::string, std::size_t> index;
  std::map<std::pair<std::size_t, std::size_t>, Flow> flows;
  std::map<int, std::array<std::int64_t, 4>> epochs;
  std::array<std::int64_t, 4> kinds = {};
  std::int64_t total = 0;

  std::size_t name_index(const std::string& name) {
    const auto [found, is_new] = index.emplace(name, names.size());
    if (is_new) names.push_back(name);
    return found->second;
  }
};

Relabels read_all(const RunRecord& run) {
  Relabels all;
  for (const std::string& name : run.class_names) all.name_index(name);
  read_relabels(run.path, [&](const RelabelRecord& change) {
    const std::size_t from = all.name_index(change.from);
    Flow& flow = all.flows[{from, all.name_index(change.to)}];
    const RelabelKind kind = kind_of(change);
    ++flow.count;
    flow.known += kind != RelabelKind::kUnknown;
    flow.right += kind == RelabelKind::kMended;
    ++all.epochs[change.epoch][static_cast<std::size_t>(kind)];
    ++all.kinds[static_cast<std::size_t>(kind)];
    ++all.total;
  });
  return all;
}

void add_epoch_bars(ReportDocument& document, const RunRecord& run, const Relabels& all) {
  BarPlot plot;
  plot.title = "Labels that " + run.name + " changed after each epoch";
  plot.category_label = "epoch";
  plot.y.label = "changes";
  plot.y.whole = true;
  plot.stacked = true;
  plot.width = 480;
  plot.height = 300;
  const int first = all.epochs.begin()->first;
  const int last = all.epochs.rbegin()->first;
  const bool dense = last - first < 200;
  std::vector<std::array<std::int64_t, 4>> counts;
  for (int epoch = first; epoch <= last && dense; ++epoch) {
    const auto found = all.epochs.find(epoch);
    plot.categories.push_back(std::to_string(epoch));
    counts.push_back(found == all.epochs.end() ? std::array<std::int64_t, 4>{} : found->second);
  }
  if (!dense)
    for (const auto& [epoch, kinds] : all.epochs) {
      plot.categories.push_back(std::to_string(epoch));
      counts.push_back(kinds);
    }
  for (std::size_t kind = 0; kind < kKindNames.size(); ++kind) {
    if (all.kinds[kind] == 0) continue;
    PlotBars bars;
    bars.name = kKindNames[kind];
    bars.colour = kKindColours[kind];
    for (const auto& kinds : counts) bars.values.push_back(static_cast<double>(kinds[kind]));
    plot.series.push_back(std::move(bars));
  }
  document.plot("relabels_per_epoch", svg(plot), "Changes of labels after each epoch.");
}

void add_flow_matrix(ReportDocument& document, const RunRecord& run, const Relabels& all) {
  HeatMap map;
  map.title = "Changes of labels of " + run.name + ", from the label before to the label after";
  map.row_label = "label before";
  map.column_label = "label after";
  map.rows = map.columns = all.names;
  map.values.assign(all.names.size(), std::vector<double>(all.names.size(), 0));
  for (std::size_t i = 0; i < all.names.size(); ++i) map.values[i][i] = std::nan("");
  for (const auto& [pair, flow] : all.flows)
    map.values[pair.first][pair.second] = static_cast<double>(flow.count);
  document.plot("relabel_flow", svg(map), "How many labels were changed from what to what.");
}

void add_flow_table(ReportDocument& document, const Relabels& all) {
  std::vector<std::pair<std::pair<std::size_t, std::size_t>, Flow>> flows(all.flows.begin(),
                                                                          all.flows.end());
  std::stable_sort(flows.begin(), flows.end(),
                   [](const auto& a, const auto& b) { return a.second.count > b.second.count; });
  ReportTable table;
  table.name = "relabel_flows";
  table.caption = flows.size() > kMostFlows
                      ? "The " + std::to_string(kMostFlows) + " most frequent of " +
                            std::to_string(flows.size()) + " kinds of changes"
                      : "Changes by kind";
  table.columns = {{"label before", "", false},
                   {"label after", "", false},
                   {"changes"},
                   {"share"},
                   {"right now"}};
  if (flows.size() > kMostFlows) flows.resize(kMostFlows);
  for (const auto& [pair, flow] : flows) {
    const double share = static_cast<double>(flow.count) / static_cast<double>(all.total);
    const double right = flow.known > 0
                             ? static_cast<double>(flow.right) / static_cast<double>(flow.known)
                             : std::nan("");
    table.rows.push_back({{all.names[pair.first]},
                          {all.names[pair.second]},
                          number_cell(static_cast<double>(flow.count), std::to_string(flow.count)),
                          number_cell(share, percent_text(share, 1)),
                          number_cell(right, percent_text(right, 1))});
  }
  document.table(std::move(table));
}

/// Evenly spaced changes of one kind, so that all epochs have their share.
void add_kind_faces(ReportDocument& document, const RunRecord& run, const Relabels& all,
                    FaceImages* faces, std::size_t most, bool right) {
  const auto wanted_kind = [right](RelabelKind kind) {
    if (kind == RelabelKind::kUnknown) return right;
    return (kind == RelabelKind::kMended) == right;
  };
  std::int64_t total = 0;
  for (std::size_t kind = 0; kind < all.kinds.size(); ++kind)
    if (wanted_kind(static_cast<RelabelKind>(kind))) total += all.kinds[kind];
  const auto count = std::min(static_cast<std::int64_t>(most), total);
  std::vector<WantedFace> wanted;
  std::int64_t seen = 0;
  read_relabels(run.path, [&](const RelabelRecord& change) {
    if (!wanted_kind(kind_of(change))) return;
    const auto next = static_cast<std::int64_t>(wanted.size());
    if (next < count && seen * count >= next * total) {
      WantedFace face{
          "train",      change.row,
          change.image, "training face relabelled from " + change.from + " to " + change.to,
          {},           {}};
      face.lines = {change.from + " \xE2\x86\x92 " + change.to,
                    "epoch " + std::to_string(change.epoch)};
      if (!change.clean.empty()) {
        face.verdict = right ? "right" : "wrong";
        if (!right) face.lines.push_back("clean " + change.clean);
      }
      wanted.push_back(std::move(face));
    }
    ++seen;
  });
  const bool unknown = all.kinds[static_cast<std::size_t>(RelabelKind::kUnknown)] == all.total;
  add_faces(document.page(), faces, wanted,
            unknown ? "Relabelled faces"
            : right ? "Relabelled faces whose new label is right"
                    : "Relabelled faces whose new label is wrong",
            counted(static_cast<std::int64_t>(wanted.size()), "change", "changes") + " out of " +
                std::to_string(total) +
                ", evenly over the epochs; label before \xE2\x86\x92 label after.");
}

}  // namespace

void add_run_relabels(ReportDocument& document, const RunRecord& run, FaceImages* faces,
                      const RunReportOptions& options) {
  HtmlPage& page = document.page();
  try {
    const Relabels all = read_all(run);
    if (all.total == 0) return;
    page.section("Relabelling");
    const bool beside = all.names.size() <= 12;
    if (beside) page.begin_figures();
    add_epoch_bars(document, run, all);
    add_flow_matrix(document, run, all);
    if (beside) page.end_figures();
    add_flow_table(document, all);
    if (options.faces > 0 && faces != nullptr) {
      add_kind_faces(document, run, all, faces, options.faces, true);
      add_kind_faces(document, run, all, faces, options.faces, false);
    }
  } catch (const UserError& error) {
    page.section("Relabelling");
    page.note(std::string("Left out: ") + error.what());
  }
}

}  // namespace selfcure
