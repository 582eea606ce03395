#include "selfcure/report/html_page.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "page_style.h"
#include "selfcure/core/version.h"
#include "selfcure/report/svg_plot.h"

namespace selfcure {
namespace {

const char* mime_of(const std::string& bytes) {
  return bytes.compare(0, 4, "\x89PNG") == 0 ? "image/png" : "image/jpeg";
}

std::string element(const char* tag, const std::string& text) {
  return "<" + std::string(tag) + ">" + escape_markup(text) + "</" + tag + ">\n";
}

std::string class_of(const ReportColumn& column) {
  return column.number ? " class=\"number\"" : " class=\"text\"";
}

/// One or two lines of headings; columns without a group span both.
std::string table_head(const ReportTable& table) {
  const bool grouped =
      std::any_of(table.columns.begin(), table.columns.end(),
                  [](const ReportColumn& column) { return !column.group.empty(); });
  std::string first;
  std::string second;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const ReportColumn& column = table.columns[i];
    const std::string title = escape_markup(column_heading(column));
    if (column.group.empty()) {
      first += "<th scope=\"col\"" + class_of(column) + (grouped ? " rowspan=\"2\">" : ">") +
               title + "</th>";
      continue;
    }
    std::size_t end = i;
    while (end < table.columns.size() && table.columns[end].group == column.group) ++end;
    if (i == 0 || table.columns[i - 1].group != column.group)
      first += "<th scope=\"colgroup\" class=\"group\" colspan=\"" + std::to_string(end - i) +
               "\">" + escape_markup(column.group) + "</th>";
    second += "<th scope=\"col\"" + class_of(column) + ">" + title + "</th>";
  }
  return "<thead><tr>" + first + "</tr>" + (grouped ? "<tr>" + second + "</tr>" : "") +
         "</thead>\n";
}

std::string cell_text(const ReportCell& cell) {
  std::string text = escape_markup(cell.text);
  if (!cell.link.empty()) text = "<a href=\"" + escape_markup(cell.link) + "\">" + text + "</a>";
  return (cell.strong ? "<strong>" + text + "</strong>" : text) +
         (cell.note.empty() ? "" : " <small>" + escape_markup(cell.note) + "</small>");
}

std::string verdict_text(const std::string& verdict) {
  if (verdict == "right") return "\xE2\x9C\x93 right";
  if (verdict == "wrong") return "\xE2\x9C\x97 wrong";
  return verdict;
}

}  // namespace

std::string base64(const std::string& bytes) {
  static constexpr char kLetters[] =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string result;
  result.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k)
      group = (group << 8) | (i + k < bytes.size() ? static_cast<unsigned char>(bytes[i + k]) : 0U);
    for (std::size_t k = 0; k < 4; ++k)
      result += i + k > bytes.size() ? '=' : kLetters[(group >> (18 - 6 * k)) & 63U];
  }
  return result;
}

HtmlPage::HtmlPage(std::string title, std::string lead)
    : title_(std::move(title)), lead_(std::move(lead)) {}

void HtmlPage::section(const std::string& title) {
  contents_.push_back({"s" + std::to_string(contents_.size() + 1), title});
  body_ += "<h2 id=\"" + contents_.back().id + "\">" + escape_markup(title) + "</h2>\n";
}

void HtmlPage::heading(const std::string& title) { body_ += element("h3", title); }

void HtmlPage::paragraph(const std::string& text) { body_ += element("p", text); }

void HtmlPage::hint(const std::string& text) {
  body_ += "<p class=\"hint\">" + escape_markup(text) + "</p>\n";
}

void HtmlPage::note(const std::string& text) {
  body_ += "<p class=\"note\">" + escape_markup(text) + "</p>\n";
}

void HtmlPage::list(const std::vector<std::string>& items) {
  if (items.empty()) return;
  body_ += "<ul>\n";
  for (const std::string& item : items) body_ += element("li", item);
  body_ += "</ul>\n";
}

void HtmlPage::tiles(const std::vector<PageTile>& tiles) {
  if (tiles.empty()) return;
  body_ += "<div class=\"tiles\">\n";
  for (const PageTile& tile : tiles)
    body_ += "<div class=\"tile\"><span>" + escape_markup(tile.label) + "</span><b>" +
             escape_markup(tile.value) + "</b><span>" + escape_markup(tile.hint) +
             "</span></div>\n";
  body_ += "</div>\n";
}

void HtmlPage::table(const ReportTable& table) {
  body_ += "<div class=\"tablebox\" role=\"region\" tabindex=\"0\" aria-label=\"" +
           escape_markup(table.caption.empty() ? table.name : table.caption) + "\"><table>\n";
  if (!table.caption.empty()) body_ += element("caption", table.caption);
  body_ += table_head(table) + "<tbody>\n";
  for (std::size_t r = 0; r < table.rows.size(); ++r) {
    const bool rule = std::find(table.rules.begin(), table.rules.end(), r) != table.rules.end();
    body_ += rule ? "<tr class=\"rule\">" : "<tr>";
    for (std::size_t c = 0; c < table.rows[r].size(); ++c) {
      const ReportCell& cell = table.rows[r][c];
      const std::string style = c < table.columns.size() ? class_of(table.columns[c]) : "";
      body_ += cell.header ? "<th scope=\"row\"" + style + ">" + cell_text(cell) + "</th>"
                           : "<td" + style + ">" + cell_text(cell) + "</td>";
    }
    body_ += "</tr>\n";
  }
  body_ += "</tbody></table></div>\n";
  for (const std::string& note : table.notes)
    body_ += "<p class=\"tablenotes\">" + escape_markup(note) + "</p>\n";
}

void HtmlPage::figure(const std::string& svg, const std::string& caption) {
  body_ += "<figure><div class=\"scroll\" tabindex=\"0\">\n" + svg + "</div>" +
           (caption.empty() ? "" : "<figcaption>" + escape_markup(caption) + "</figcaption>") +
           "</figure>\n";
}

void HtmlPage::begin_figures() { body_ += "<div class=\"figures\">\n"; }

void HtmlPage::end_figures() { body_ += "</div>\n"; }

void HtmlPage::images(const std::vector<PageImage>& images) {
  if (images.empty()) return;
  body_ += "<div class=\"faces\">\n";
  for (const PageImage& image : images) {
    const bool marked = image.verdict == "right" || image.verdict == "wrong";
    body_ += "<figure class=\"face" + (marked ? " verdict-" + image.verdict : "") +
             "\"><img src=\"data:" + mime_of(image.bytes) + ";base64," + base64(image.bytes) +
             "\" alt=\"" + escape_markup(image.alt) + "\">";
    if (!image.verdict.empty())
      body_ += "<div class=\"verdict\">" + escape_markup(verdict_text(image.verdict)) + "</div>";
    for (const std::string& line : image.lines) body_ += "<div>" + escape_markup(line) + "</div>";
    body_ += "</figure>\n";
  }
  body_ += "</div>\n";
}

void HtmlPage::preformatted(const std::string& text) {
  body_ += "<pre tabindex=\"0\">" + escape_markup(text) + "</pre>\n";
}

void HtmlPage::begin_details(const std::string& summary) {
  body_ += "<details><summary>" + escape_markup(summary) + "</summary>\n";
}

void HtmlPage::end_details() { body_ += "</details>\n"; }

std::string HtmlPage::text() const {
  std::string page =
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; "
      "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
      "<meta name=\"referrer\" content=\"no-referrer\">\n";
  page += "<title>" + escape_markup(title_) + "</title>\n<link rel=\"icon\" href=\"data:,\">\n";
  page += "<style>" + std::string(kPageStyle) + "</style>\n</head>\n<body>\n<header>\n" +
          element("h1", title_);
  if (!lead_.empty()) page += "<p class=\"lead\">" + escape_markup(lead_) + "</p>\n";
  if (contents_.size() > 1) {
    page += "<nav aria-label=\"Contents\"><ul>\n";
    for (const Entry& entry : contents_)
      page += "<li><a href=\"#" + entry.id + "\">" + escape_markup(entry.title) + "</a></li>\n";
    page += "</ul></nav>\n";
  }
  page += "</header>\n<main>\n" + body_ + "</main>\n<footer>selfcure " + escape_markup(version()) +
          ". This file holds everything it shows and loads nothing.</footer>\n</body>\n</html>\n";
  return page;
}

}  // namespace selfcure
