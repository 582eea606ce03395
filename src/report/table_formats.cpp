#include "selfcure/report/table_formats.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <limits>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"

namespace selfcure {
namespace {

/// Columns first..last (exclusive) that stand under one heading.
struct Span {
  std::size_t first;
  std::size_t last;
  std::string group;
};

std::vector<Span> spans_of(const ReportTable& table) {
  std::vector<Span> spans;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const std::string& group = table.columns[i].group;
    if (!spans.empty() && !group.empty() && spans.back().group == group)
      spans.back().last = i + 1;
    else
      spans.push_back({i, i + 1, group});
  }
  return spans;
}

bool has_groups(const ReportTable& table) {
  return std::any_of(table.columns.begin(), table.columns.end(),
                     [](const ReportColumn& column) { return !column.group.empty(); });
}

double first_value(const ReportCell& cell) {
  return cell.values.empty() ? std::numeric_limits<double>::quiet_NaN() : cell.values[0];
}

/// Makes the best value of a column bold among the rows first..last (exclusive).
void mark_best(ReportTable& table, std::size_t column, std::size_t first, std::size_t last) {
  const double sign = table.columns[column].best == Best::kLowest ? -1 : 1;
  double highest = -std::numeric_limits<double>::infinity();
  int known = 0;
  for (std::size_t row = first; row < last; ++row) {
    const double value = sign * first_value(table.rows[row][column]);
    if (std::isnan(value)) continue;
    ++known;
    highest = std::max(highest, value);
  }
  if (known < 2) return;
  for (std::size_t row = first; row < last; ++row)
    if (sign * first_value(table.rows[row][column]) == highest)
      table.rows[row][column].strong = true;
}

void check(const ReportTable& table) {
  for (std::size_t i = 0; i < table.rows.size(); ++i)
    if (table.rows[i].size() != table.columns.size())
      throw ShapeError("table '" + table.name + "', row " + std::to_string(i) + ": expected " +
                       std::to_string(table.columns.size()) + " cells, got " +
                       std::to_string(table.rows[i].size()));
}

bool has_rule(const ReportTable& table, std::size_t row) {
  return row > 0 && std::find(table.rules.begin(), table.rules.end(), row) != table.rules.end();
}

/// Text and note.
std::string shown_text(const ReportCell& cell) {
  return cell.note.empty() ? cell.text : cell.text + " " + cell.note;
}

std::string joined(const std::vector<std::string>& parts, const std::string& between) {
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) text += (i ? between : "") + parts[i];
  return text;
}

std::string replaced(std::string text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos;
       at = text.find(what, at + by.size()))
    text.replace(at, what.size(), by);
  return text;
}

std::string with_minus(std::string text) {
  return !text.empty() && text[0] == '-' ? "\u2212" + text.substr(1) : text;
}

}  // namespace

void mark_best(ReportTable& table) {
  check(table);
  for (std::size_t first = 0; first < table.rows.size();) {
    std::size_t last = first + 1;
    while (last < table.rows.size() && !has_rule(table, last)) ++last;
    for (std::size_t column = 0; column < table.columns.size(); ++column)
      if (table.columns[column].best != Best::kNone) mark_best(table, column, first, last);
    first = last;
  }
}

std::string column_heading(const ReportColumn& column) {
  return column.unit.empty() ? column.title : column.title + " (" + column.unit + ")";
}

std::string table_markdown(const ReportTable& table) {
  check(table);
  std::string text = "**" + escape_markdown(table.caption) + "**\n\n|";
  for (const ReportColumn& column : table.columns) {
    const std::string group = column.group.empty() ? "" : column.group + ": ";
    text += " " + escape_markdown(group + column_heading(column)) + " |";
  }
  text += "\n|";
  for (const ReportColumn& column : table.columns) text += column.number ? "---:|" : "---|";
  text += "\n";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    text += "|";
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const ReportCell& cell = table.rows[row][i];
      std::string shown = escape_markdown(shown_text(cell));
      if (!cell.link.empty()) {
        const std::string link = replaced(replaced(cell.link, " ", "%20"), ")", "%29");
        shown.insert(0, "[").append("](").append(link).append(")");
      }
      if (cell.strong && !shown.empty()) shown.insert(0, "**").append("**");
      text.append(" ").append(shown).append(" |");
    }
    text += "\n";
  }
  if (!table.notes.empty()) text += "\n";
  for (const std::string& note : table.notes) text += "- " + escape_markdown(note) + "\n";
  return text;
}

std::string table_csv(const ReportTable& table) {
  check(table);
  std::vector<std::string> fields;
  for (const ReportColumn& column : table.columns) {
    const std::string title = (column.group.empty() ? "" : column.group + " ") + column.title;
    if (column.parts.empty()) fields.push_back(csv_field(title));
    for (const std::string& part : column.parts) {
      std::string name = title;
      name.append(" ").append(part);
      fields.push_back(csv_field(name));
    }
  }
  std::string csv = joined(fields, ",") + "\n";
  for (const std::vector<ReportCell>& row : table.rows) {
    fields.clear();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const ReportCell& cell = row[i];
      if (table.columns[i].parts.empty())
        fields.push_back(cell.values.empty() ? csv_field(shown_text(cell))
                                             : number_text(cell.values[0]));
      for (std::size_t part = 0; part < table.columns[i].parts.size(); ++part)
        fields.push_back(part < cell.values.size() ? number_text(cell.values[part]) : "");
    }
    csv += joined(fields, ",") + "\n";
  }
  return csv;
}

std::string table_latex(const ReportTable& table) {
  check(table);
  std::string text = "% \\usepackage{booktabs}\n\\begin{table}\n  \\centering\n  \\caption{" +
                     escape_latex(table.caption) +
                     "}\n  \\label{tab:" + replaced(table.name, "_", "-") +
                     "}\n  \\begin{tabular}{";
  for (const ReportColumn& column : table.columns) text += column.number ? "r" : "l";
  text += "}\n    \\toprule\n";
  if (has_groups(table)) {
    std::vector<std::string> cells;
    std::string rules;
    for (const Span& span : spans_of(table)) {
      if (span.group.empty()) {
        cells.emplace_back("");
        continue;
      }
      cells.push_back("\\multicolumn{" + std::to_string(span.last - span.first) + "}{c}{" +
                      escape_latex(span.group) + "}");
      rules += " \\cmidrule(lr){" + std::to_string(span.first + 1) + "-" +
               std::to_string(span.last) + "}";
    }
    text += "    " + joined(cells, " & ") + " \\\\\n   " + rules + "\n";
  }
  std::vector<std::string> cells;
  for (const ReportColumn& column : table.columns)
    cells.push_back(escape_latex(column_heading(column)));
  text += "    " + joined(cells, " & ") + " \\\\\n    \\midrule\n";
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    if (has_rule(table, row)) text += "    \\midrule\n";
    cells.clear();
    for (std::size_t i = 0; i < table.columns.size(); ++i) {
      const std::string shown = escape_latex(shown_text(table.rows[row][i]));
      cells.push_back(table.rows[row][i].strong && !shown.empty() ? "\\textbf{" + shown + "}"
                                                                  : shown);
    }
    text += "    " + joined(cells, " & ") + " \\\\\n";
  }
  text += "    \\bottomrule\n  \\end{tabular}\n";
  for (const std::string& note : table.notes)
    text += "  \\par\\smallskip{\\footnotesize " + escape_latex(note) + "}\n";
  return text + "\\end{table}\n";
}

std::string escape_latex(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '\\':
        escaped += "\\textbackslash{}";
        break;
      case '~':
        escaped += "\\textasciitilde{}";
        break;
      case '^':
        escaped += "\\textasciicircum{}";
        break;
      case '<':
      case '>':
        escaped += std::string("$") + c + "$";
        break;
      case '[':  // at the start of a row an argument of the line break before it
      case '*':
        escaped += std::string("{") + c + "}";
        break;
      case '\n':
        escaped += ' ';
        break;
      case '&':
      case '%':
      case '$':
      case '#':
      case '_':
      case '{':
      case '}':
        escaped += '\\';
        [[fallthrough]];
      default:
        escaped += c;
    }
  }
  const std::array<std::pair<const char*, const char*>, 7> symbols = {{{"\u00B1", "$\\pm$"},
                                                                       {"\u2212", "$-$"},
                                                                       {"\u03B1", "$\\alpha$"},
                                                                       {"\u03B2", "$\\beta$"},
                                                                       {"\u03B3", "$\\gamma$"},
                                                                       {"\u03B4", "$\\delta$"},
                                                                       {"\u00D7", "$\\times$"}}};
  for (const auto& [symbol, command] : symbols) escaped = replaced(escaped, symbol, command);
  return escaped;
}

std::string escape_markdown(const std::string& text) {
  const auto in_word = [&](std::size_t i) {
    return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0;
  };
  std::string escaped;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n' || c == '\r') {
      escaped += ' ';
      continue;
    }
    // An underscore inside a word is none of Markdown's marks.
    const bool mark = std::string("\\|*`<[]~").find(c) != std::string::npos ||
                      (c == '_' && !(i > 0 && in_word(i - 1) && in_word(i + 1)));
    if (mark) escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "";
  std::array<char, 32> text{};
  const auto result = std::to_chars(text.data(), text.data() + text.size(), value);
  return {text.data(), result.ptr};
}

std::string decimal_text(double value, int digits) {
  if (std::isnan(value)) return "-";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  std::string shown = text.data();
  // No "-0.0".
  if (shown.find_first_of("123456789") == std::string::npos && shown[0] == '-') shown.erase(0, 1);
  return with_minus(shown);
}

std::string signed_text(double value, int digits) {
  std::string shown = decimal_text(value, digits);
  if (std::isnan(value) || shown.find_first_of("123456789") == std::string::npos ||
      shown.compare(0, 3, "\u2212") == 0)
    return shown;
  return "+" + shown;
}

}  // namespace selfcure
