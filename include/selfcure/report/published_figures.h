#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace selfcure {

/// A row of a published table: what was done, and what came out.
struct PublishedRow {
  /// The row's fields in order, such as {"pretrain", "false"}, {"method", "scn"}, {"noise", "10"}.
  std::vector<std::pair<std::string, std::string>> fields;
  /// Figures in percent by name, such as {"raf_db", 70.26}; NaN where it was not reported.
  std::vector<std::pair<std::string, double>> figures;
};

/// A published table.
struct PublishedTable {
  /// "table1_synthetic_noise"
  std::string name;
  /// "Table 1 of Wang et al., CVPR 2020 (SCN)"
  std::string source;
  /// What the figures are and how the networks were trained, in a sentence: what a run must share
  /// before its figure may be held against these.
  std::string recipe;
  /// Side of the input, epochs of the recipe; 0: not one value.
  int image_size = 0;
  int epochs = 0;
  std::vector<PublishedRow> rows;

  /// Names of the figures, in order of their first use.
  std::vector<std::string> figure_names() const;
};

/// Every published figure that the program knows; docs/published_figures.yaml holds the same.
///
/// Tables of one row per value have a field and a figure by these rules: Table 6 has the field
/// `gamma` and the figure `raf_db`; Table 7 has the field `method` and a figure per data set; the
/// anchors have the fields `method` and `noise` (0, 10, 20, 30) and a figure per data set.
const std::vector<PublishedTable>& published_tables();

/// @return nullptr if there is none of this name
const PublishedTable* published_table(const std::string& name);

/// Whether a value of an experiment is the one of a published row: the same text, the same number,
/// or a share and its percentage ("0.1" and "10").
bool same_value(const std::string& value, const std::string& published);

/// The figure of the row whose fields have all these values, in percent.
///
/// @param fields  a subset of the row's fields, by same_value()
/// @param figure  may be empty where the table has only one
/// @return nothing if no row matches, or the figure was not reported
/// @throws UserError if the table, a field or the figure does not exist, naming those that do, or
///         if several rows have these values and a figure
std::optional<double> published_figure(
    const std::string& table, const std::vector<std::pair<std::string, std::string>>& fields,
    const std::string& figure);

}  // namespace selfcure
