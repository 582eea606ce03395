#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "selfcure/report/report_table.h"

namespace selfcure {

/// A picture in a page, with its bytes in it.
struct PageImage {
  /// Of a JPEG or PNG file.
  std::string bytes;
  /// What is to be seen.
  std::string alt;
  /// Lines below it.
  std::vector<std::string> lines = {};
  /// "right" or "wrong" shows a tick or a cross with the word; other texts stand as they are.
  std::string verdict = {};
};

/// A number at the head of a page.
struct PageTile {
  std::string label;
  std::string value;
  std::string hint = {};
};

/// One self-contained HTML file.
///
/// Style is inline, pictures are data: URIs, there is no script, and a Content-Security-Policy
/// forbids every load from elsewhere. Light or dark follows the reader's system; it prints, and
/// it is readable at a width of 360 pixels: wide tables and plots scroll in a box of their own.
/// All texts are escaped; only figure() takes markup, which is SVG of svg_plot.h.
class HtmlPage {
 public:
  /// @param lead  a sentence below the title, or ""
  explicit HtmlPage(std::string title, std::string lead = {});

  /// Starts a section, which the list of contents names.
  void section(const std::string& title);
  void heading(const std::string& title);
  void paragraph(const std::string& text);
  /// Small and grey: how something is to be read.
  void hint(const std::string& text);
  /// In a frame: something is missing or to be minded.
  void note(const std::string& text);
  void list(const std::vector<std::string>& items);
  void tiles(const std::vector<PageTile>& tiles);
  void table(const ReportTable& table);
  /// @param svg      of svg_plot.h
  /// @param caption  below it, or ""
  void figure(const std::string& svg, const std::string& caption);
  /// Figures until end_figures() stand side by side where there is room.
  void begin_figures();
  void end_figures();
  void images(const std::vector<PageImage>& images);
  /// Text in letters of equal width, as it is.
  void preformatted(const std::string& text);
  /// What follows, until end_details(), is shown when the reader opens it; open when printed.
  void begin_details(const std::string& summary);
  void end_details();

  const std::string& title() const { return title_; }
  /// The whole file.
  std::string text() const;

 private:
  struct Entry {
    std::string id;
    std::string title;
  };
  std::string title_;
  std::string lead_;
  std::string body_;
  std::vector<Entry> contents_;
};

/// Base64 with padding (RFC 4648).
std::string base64(const std::string& bytes);

}  // namespace selfcure
