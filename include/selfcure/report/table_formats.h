#pragma once

#include <string>

#include "selfcure/report/report_table.h"

namespace selfcure {

/// Makes the best value of each column bold, by its ReportColumn::best, in every part of the table
/// between two rules; ties are all bold. Where fewer than two values are known, none is the best.
/// @throws ShapeError unless every row has a cell per column; so do the functions below
void mark_best(ReportTable& table);

/// GitHub's Markdown: the caption and best cells in bold, the notes as a list.
std::string table_markdown(const ReportTable& table);

/// RFC 4180: raw numbers by the shortest text that reads back the same, unknown ones empty; caption
/// and notes are left out.
std::string table_csv(const ReportTable& table);

/// A `table` float for the package booktabs, with \caption and \label{tab:name}.
std::string table_latex(const ReportTable& table);

/// Escapes text for LaTeX.
std::string escape_latex(const std::string& text);

/// Escapes text for a cell of a Markdown table: one line, nothing in it is markup.
std::string escape_markdown(const std::string& text);

/// The shortest decimal text that reads back as the same number; "" for NaN.
std::string number_text(double value);

/// With `digits` places after the point; "-" for NaN. The minus sign is U+2212; no negative zero.
std::string decimal_text(double value, int digits);

/// The same with a plus sign before what is above 0.
std::string signed_text(double value, int digits);

}  // namespace selfcure
