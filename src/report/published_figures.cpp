#include "selfcure/report/published_figures.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

std::string listed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::optional<double> number_of(const std::string& text) {
  double value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (result.ec != std::errc() || result.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

const std::string* field_of(const PublishedRow& row, const std::string& name) {
  for (const auto& [field, value] : row.fields)
    if (field == name) return &value;
  return nullptr;
}

std::vector<std::string> field_names(const PublishedRow& row) {
  std::vector<std::string> names;
  for (const auto& field : row.fields) names.push_back(field.first);
  return names;
}

[[noreturn]] void fail_for_several_rows(const PublishedTable& table, const std::string& figure) {
  throw UserError("published table '" + table.name +
                  "': expected values that fit one row, got several rows with " + figure +
                  "; its fields are " + listed(field_names(table.rows.front())));
}

/// All rows of a table have the same fields.
void check_fields(const PublishedTable& table,
                  const std::vector<std::pair<std::string, std::string>>& fields) {
  for (const auto& field : fields) {
    if (field_of(table.rows.front(), field.first) != nullptr) continue;
    throw UserError("published table '" + table.name + "': no field '" + field.first +
                    "', it has " + listed(field_names(table.rows.front())));
  }
}

}  // namespace

std::vector<std::string> PublishedTable::figure_names() const {
  std::vector<std::string> names;
  for (const PublishedRow& row : rows)
    for (const auto& figure : row.figures)
      if (std::find(names.begin(), names.end(), figure.first) == names.end())
        names.push_back(figure.first);
  return names;
}

const PublishedTable* published_table(const std::string& name) {
  for (const PublishedTable& table : published_tables())
    if (table.name == name) return &table;
  return nullptr;
}

bool same_value(const std::string& value, const std::string& published) {
  if (value == published) return true;
  const std::optional<double> left = number_of(value), right = number_of(published);
  if (!left || !right) return false;
  const auto close = [](double a, double b) { return std::abs(a - b) <= 1e-9 * std::abs(b); };
  return close(*left, *right) || close(100 * *left, *right);
}

std::optional<double> published_figure(
    const std::string& table_name, const std::vector<std::pair<std::string, std::string>>& fields,
    const std::string& figure) {
  const PublishedTable* table = published_table(table_name);
  if (table == nullptr) {
    std::vector<std::string> names;
    for (const PublishedTable& known : published_tables()) names.push_back(known.name);
    throw UserError("published table '" + table_name + "' is not known; there are " +
                    listed(names));
  }
  check_fields(*table, fields);
  const std::vector<std::string> figures = table->figure_names();
  const std::string wanted = figure.empty() && figures.size() == 1 ? figures[0] : figure;
  if (std::find(figures.begin(), figures.end(), wanted) == figures.end())
    throw UserError("published table '" + table_name + "': no figure '" + figure + "', it has " +
                    listed(figures));
  std::optional<double> result;
  for (const PublishedRow& row : table->rows) {
    const bool matches = std::all_of(fields.begin(), fields.end(), [&](const auto& field) {
      return same_value(field.second, *field_of(row, field.first));
    });
    if (!matches) continue;
    for (const auto& [name, value] : row.figures) {
      if (name != wanted || std::isnan(value)) continue;
      if (result) fail_for_several_rows(*table, wanted);
      result = value;
    }
  }
  return result;
}

}  // namespace selfcure
