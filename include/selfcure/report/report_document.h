#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/report/html_page.h"
#include "selfcure/report/report_table.h"

namespace selfcure {

/// A report: the page, and the plots and tables that are in it, to be written as files too.
class ReportDocument {
 public:
  struct Plot {
    /// Names its files.
    std::string name;
    std::string svg;
  };

  explicit ReportDocument(std::string title, std::string lead = {});

  HtmlPage& page() { return page_; }
  const HtmlPage& page() const { return page_; }
  const std::vector<Plot>& plots() const { return plots_; }
  const std::vector<ReportTable>& tables() const { return tables_; }

  /// Puts a plot on the page and keeps it. A name that is taken gets a number.
  void plot(const std::string& name, const std::string& svg, const std::string& caption);
  /// Puts a table on the page and keeps it.
  void table(ReportTable table);

  /// Writes the page as one file. @throws RunError if it cannot be written
  void write_page(const std::filesystem::path& file) const;
  /// Writes every plot as NAME.svg and NAME.png, and every table as NAME.md, NAME.csv and NAME.tex,
  /// into a folder, which is made.
  /// @return names of the files
  /// @throws RunError if one cannot be written
  std::vector<std::string> write_files(const std::filesystem::path& folder) const;

 private:
  std::string free_name(const std::string& wanted) const;

  HtmlPage page_;
  std::vector<Plot> plots_;
  std::vector<ReportTable> tables_;
};

}  // namespace selfcure
