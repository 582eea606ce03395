#include "selfcure/data/contact_sheet.h"

#include <algorithm>
#include <cstddef>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <string_view>

#include "selfcure/core/errors.h"
#include "selfcure/core/file_io.h"
#include "selfcure/core/random.h"
#include "selfcure/data/png.h"

namespace selfcure {
namespace {

constexpr int kMaxSide = 1024;
/// Images are shown at this side at least, so that captions can be read.
constexpr int kLeastShownSide = 96;
constexpr int kGap = 8;
constexpr int kLineHeight = 15;
constexpr int kHeadingHeight = 30;
constexpr double kTextSize = 0.4;
constexpr double kHeadingSize = 0.5;
const cv::Scalar kInk(30, 30, 30);
const cv::Scalar kGrey(110, 110, 110);
const cv::Scalar kRed(30, 30, 200);
const cv::Scalar kPaper(252, 252, 252);

int text_width(const std::string& text, double size) {
  int baseline = 0;
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, size, 1, &baseline).width;
}

/// One '?' for each letter that the font lacks.
std::string plain(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool goes_on = (byte & 0xC0) == 0x80;  // a further byte of a UTF-8 letter
    if (byte >= 0x20 && byte < 0x7F)
      result += c;
    else if (!goes_on)
      result += '?';
  }
  return result;
}

/// What fits of the end of a text.
std::string end_that_fits(const std::string& text, int width) {
  // Every letter takes a pixel at least, so that most of a very long text need not be measured.
  std::size_t length = std::min(text.size(), static_cast<std::size_t>(width));
  if (length == text.size() && text_width(text, kTextSize) <= width) return text;
  const auto shown = [&] { return ".." + text.substr(text.size() - length); };
  while (length > 0 && text_width(shown(), kTextSize) > width) --length;
  return shown();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t start = 0; start <= text.size();) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    lines.push_back(plain(std::string_view(text).substr(start, end - start)));
    start = end + 1;
  }
  return lines;
}

void write(cv::Mat& drawn, const std::string& text, int x, int y, double size,
           const cv::Scalar& colour) {
  cv::putText(drawn, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, size, colour, 1, cv::LINE_AA);
}

/// Where things are on the sheet, in pixels.
struct Layout {
  int side = 0;
  int shown_side = 0;
  int margin = 0;
  int caption_lines = 1;
  std::int64_t width = 0;
  std::int64_t height = 0;

  int row_height() const { return shown_side + (caption_lines + 1) * kLineHeight + kGap; }
  int tile_x(std::size_t column) const {
    return margin + static_cast<int>(column) * (shown_side + kGap);
  }
  int row_y(std::size_t row) const { return kHeadingHeight + static_cast<int>(row) * row_height(); }
};

Layout lay_out(const ContactSheet& sheet) {
  Layout layout;
  layout.side = sheet.side;
  layout.shown_side = (kLeastShownSide + sheet.side - 1) / sheet.side * sheet.side;
  if (sheet.most_shown_side > 0)
    layout.shown_side = std::min(layout.shown_side, sheet.most_shown_side);
  std::size_t columns = 0;
  for (const ContactRow& row : sheet.rows) {
    columns = std::max(columns, row.tiles.size());
    for (const ContactTile& tile : row.tiles) {
      const auto breaks = std::count(tile.caption.begin(), tile.caption.end(), '\n');
      layout.caption_lines = std::max(layout.caption_lines, static_cast<int>(breaks) + 1);
    }
    for (const std::string& line : lines_of(row.title))
      layout.margin = std::max(layout.margin, text_width(line, kTextSize));
  }
  layout.margin += 2 * kGap;
  const auto count = [](std::size_t value) { return static_cast<std::int64_t>(value); };
  layout.width = std::max<std::int64_t>(layout.margin + count(columns) * (layout.shown_side + kGap),
                                        text_width(plain(sheet.heading), kHeadingSize) + 2 * kGap);
  layout.height = kHeadingHeight + count(sheet.rows.size()) * layout.row_height();
  return layout;
}

void check(const ContactSheet& sheet) {
  if (sheet.side < 1 || sheet.side > kMaxSide) {
    throw DataError("contact sheet: expected images of 1.." + std::to_string(kMaxSide) +
                    " pixels, got " + std::to_string(sheet.side));
  }
  const std::size_t bytes = std::size_t{3} * static_cast<std::size_t>(sheet.side * sheet.side);
  bool has_tiles = false;
  for (const ContactRow& row : sheet.rows) {
    for (const ContactTile& tile : row.tiles) {
      has_tiles = true;
      if (tile.pixels.size() == bytes) continue;
      throw DataError("contact sheet: expected images of " + std::to_string(bytes) +
                      " bytes, got one of " + std::to_string(tile.pixels.size()));
    }
  }
  if (!has_tiles) throw DataError("contact sheet: expected images, got none");
}

void draw_tile(cv::Mat& drawn, const ContactTile& tile, const Layout& layout, int x, int y) {
  // OpenCV takes no view of constant pixels; these are only read.
  const cv::Mat rgb(layout.side, layout.side, CV_8UC3,
                    const_cast<std::uint8_t*>(tile.pixels.data()));
  const cv::Rect place(x, y, layout.shown_side, layout.shown_side);
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  cv::resize(bgr, drawn(place), place.size(), 0, 0,
             layout.shown_side % layout.side == 0 ? cv::INTER_NEAREST : cv::INTER_AREA);
  const int below = y + place.height + kLineHeight - 3;
  int line_y = below;
  for (const std::string& line : lines_of(tile.caption)) {
    write(drawn, end_that_fits(line, place.width), x, line_y, kTextSize, kGrey);
    line_y += kLineHeight;
  }
  if (tile.warning.empty()) return;
  // All of the frame lies outside of the image.
  for (int i = 1; i <= 2; ++i)
    cv::rectangle(drawn, cv::Rect(x - i, y - i, place.width + 2 * i, place.height + 2 * i), kRed);
  write(drawn, end_that_fits(plain(tile.warning), place.width), x,
        below + layout.caption_lines * kLineHeight, kTextSize, kRed);
}

}  // namespace

Picture draw_contact_sheet(const ContactSheet& sheet) {
  check(sheet);
  const Layout layout = lay_out(sheet);
  if (layout.width * layout.height > kMostImagePixels) {
    throw DataError("contact sheet: expected at most " + std::to_string(kMostImagePixels) +
                    " pixels, got " + std::to_string(layout.width) + " x " +
                    std::to_string(layout.height) + "; take fewer images");
  }
  Picture picture;
  picture.width = static_cast<int>(layout.width);
  picture.height = static_cast<int>(layout.height);
  picture.channels = 3;
  picture.pixels.resize(picture.view().bytes());
  cv::Mat drawn(picture.height, picture.width, CV_8UC3, picture.pixels.data());
  drawn.setTo(kPaper);
  write(drawn, plain(sheet.heading), kGap, kHeadingHeight - 12, kHeadingSize, kInk);
  for (std::size_t row = 0; row < sheet.rows.size(); ++row) {
    int text_y = layout.row_y(row) + kLineHeight;
    for (const std::string& line : lines_of(sheet.rows[row].title)) {
      write(drawn, line, kGap, text_y, kTextSize, kInk);
      text_y += kLineHeight;
    }
    for (std::size_t i = 0; i < sheet.rows[row].tiles.size(); ++i)
      draw_tile(drawn, sheet.rows[row].tiles[i], layout, layout.tile_x(i), layout.row_y(row));
  }
  return picture;
}

void write_contact_sheet(const ContactSheet& sheet, const std::filesystem::path& path) {
  write_file_atomically(path, encode_png(draw_contact_sheet(sheet)));
}

std::vector<std::int64_t> pick_rows_of_class(const Manifest& manifest, std::int32_t label,
                                             std::int64_t count, std::uint64_t seed) {
  std::vector<std::int64_t> rows;
  for (std::int64_t row = 0; row < manifest.size(); ++row) {
    if (manifest.rows[static_cast<std::size_t>(row)].given == label) rows.push_back(row);
  }
  const auto available = static_cast<std::int64_t>(rows.size());
  if (count >= available) return rows;
  const KeyedRandom random(RandomStream::kShuffle, {seed, static_cast<std::uint64_t>(label)});
  const std::vector<std::int64_t> order = random_permutation(available, random);
  std::vector<std::int64_t> picked;
  for (std::int64_t i = 0; i < count; ++i)
    picked.push_back(rows[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])]);
  std::sort(picked.begin(), picked.end());
  return picked;
}

}  // namespace selfcure
