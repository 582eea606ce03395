#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace selfcure {

/// Which value of a column mark_best() makes bold.
enum class Best { kNone, kHighest, kLowest };

struct ReportColumn {
  std::string title;
  /// Consecutive columns with the same group share a heading above them; empty: none.
  std::string group = {};
  /// Right-aligned.
  bool number = true;
  /// Of the numbers as they are shown: "%", "points", "s"; stands behind the title.
  std::string unit = {};
  Best best = Best::kNone;
  /// Names of the raw numbers of a cell, each a CSV column: "10 % mean", "10 % sd". Empty: one CSV
  /// column with the first raw number, or the text where a cell has none.
  std::vector<std::string> parts = {};
};

struct ReportCell {
  std::string text;
  /// The best of its kind: bold.
  bool strong = false;
  /// Said in small letters behind the text, for example a spread.
  std::string note = {};
  /// Takes the place of a name at the head of its row.
  bool header = false;
  /// Raw numbers, one per part of the column; the first decides which cell is the best. NaN:
  /// unknown.
  std::vector<double> values = {};
  /// Where the text leads to; empty: nowhere.
  std::string link = {};
};

/// A number as it is shown, and in full for CSV.
inline ReportCell number_cell(double value, const std::string& text) {
  ReportCell cell{text};
  cell.values = {value};
  return cell;
}

inline ReportCell count_cell(std::int64_t count) {
  return number_cell(static_cast<double>(count), std::to_string(count));
}

/// A table as data: the page, Markdown, CSV and LaTeX are made from the same one.
struct ReportTable {
  /// Names its files: letters, digits, '-' and '_'.
  std::string name;
  std::string caption;
  std::vector<ReportColumn> columns;
  /// [rows][columns]
  std::vector<std::vector<ReportCell>> rows;
  /// Rows before which a line is drawn.
  std::vector<std::size_t> rules = {};
  /// Below the table.
  std::vector<std::string> notes = {};
};

/// "title (unit)", or the title alone.
std::string column_heading(const ReportColumn& column);

}  // namespace selfcure
