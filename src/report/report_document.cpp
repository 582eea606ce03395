#include "selfcure/report/report_document.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/report/raster.h"
#include "selfcure/report/table_formats.h"

namespace selfcure {
namespace {

namespace fs = std::filesystem;

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

}  // namespace

ReportDocument::ReportDocument(std::string title, std::string lead)
    : page_(std::move(title), std::move(lead)) {}

std::string ReportDocument::free_name(const std::string& wanted) const {
  std::string plain;
  for (const char c : wanted) plain += is_plain(c) ? c : '_';
  if (plain.empty()) plain = "unnamed";
  const auto taken = [&](const std::string& name) {
    return std::any_of(plots_.begin(), plots_.end(),
                       [&](const Plot& plot) { return plot.name == name; }) ||
           std::any_of(tables_.begin(), tables_.end(),
                       [&](const ReportTable& table) { return table.name == name; });
  };
  std::string name = plain;
  for (int number = 2; taken(name); ++number) name = plain + "_" + std::to_string(number);
  return name;
}

void ReportDocument::plot(const std::string& name, const std::string& svg,
                          const std::string& caption) {
  page_.figure(svg, caption);
  plots_.push_back({free_name(name), svg});
}

void ReportDocument::table(ReportTable table) {
  table.name = free_name(table.name);
  page_.table(table);
  tables_.push_back(std::move(table));
}

void ReportDocument::write_page(const fs::path& file) const {
  write_file_atomically(file, page_.text());
}

std::vector<std::string> ReportDocument::write_files(const fs::path& folder) const {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_directory(folder))
    throw RunError(folder.string() + ": cannot be made a folder" +
                   (error ? ": " + error.message() : ""));
  std::vector<std::string> files;
  const auto write = [&](const std::string& name, const std::string& content) {
    write_file_atomically(folder / name, content);
    files.push_back(name);
  };
  for (const Plot& plot : plots_) {
    write(plot.name + ".svg", plot.svg);
    write(plot.name + ".png", png_of_svg(plot.svg));
  }
  for (const ReportTable& table : tables_) {
    write(table.name + ".md", table_markdown(table));
    write(table.name + ".csv", table_csv(table));
    write(table.name + ".tex", table_latex(table));
  }
  return files;
}

}  // namespace selfcure
