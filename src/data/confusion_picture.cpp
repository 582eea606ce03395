#include "selfcure/data/confusion_picture.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "selfcure/core/errors.h"

namespace selfcure {
namespace {

constexpr int kCell = 76;
constexpr int kGap = 8;
constexpr int kLineHeight = 15;
constexpr int kTop = 62;
constexpr double kTextSize = 0.4;
const cv::Scalar kInk(30, 30, 30);
const cv::Scalar kPaper(252, 252, 252);
/// Of a cell with its whole row; the colour of others lies between this and the paper.
const cv::Scalar kFull(122, 66, 8);

int text_width(const std::string& text) {
  int baseline = 0;
  return cv::getTextSize(text, cv::FONT_HERSHEY_SIMPLEX, kTextSize, 1, &baseline).width;
}

std::string plain(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7F)
      result += c;
    else if ((byte & 0xC0) != 0x80)  // not a further byte of a UTF-8 letter
      result += '?';
  }
  return result;
}

/// What fits of the start of a text.
std::string start_that_fits(std::string text, int width) {
  while (!text.empty() && text_width(text) > width) text.pop_back();
  return text;
}

void write(cv::Mat& drawn, const std::string& text, int x, int y, const cv::Scalar& colour = kInk) {
  cv::putText(drawn, text, {x, y}, cv::FONT_HERSHEY_SIMPLEX, kTextSize, colour, 1, cv::LINE_AA);
}

}  // namespace

Picture draw_confusion_matrix(const ConfusionMatrix& confusion,
                              const std::vector<std::string>& class_names,
                              const std::string& heading) {
  const std::int64_t count = confusion.class_count();
  if (count > kMostDrawnClasses || count != static_cast<std::int64_t>(class_names.size()))
    throw ShapeError("confusion matrix: expected a name per class and at most " +
                     std::to_string(kMostDrawnClasses) + " classes, got " +
                     std::to_string(class_names.size()) + " names and " + std::to_string(count) +
                     " classes");
  const std::vector<ClassMetrics> classes = confusion.per_class();
  constexpr int kMostMargin = 200;
  int margin = text_width("true class");
  std::vector<std::string> titles;
  for (std::size_t k = 0; k < classes.size(); ++k) {
    const std::string support = " (" + std::to_string(classes[k].support) + ")";
    titles.push_back(start_that_fits(plain(class_names[k]), kMostMargin - text_width(support)) +
                     support);
    margin = std::max(margin, text_width(titles.back()));
  }
  margin += 2 * kGap;

  const std::string title = plain(heading);
  Picture picture;
  picture.width =
      std::max(margin + static_cast<int>(count) * kCell + kGap, text_width(title) + 2 * kGap);
  picture.height = kTop + static_cast<int>(count) * kCell + kGap;
  picture.channels = 3;
  picture.pixels.resize(picture.view().bytes());
  cv::Mat drawn(picture.height, picture.width, CV_8UC3, picture.pixels.data());
  drawn.setTo(kPaper);
  write(drawn, title, kGap, kLineHeight + 2);
  write(drawn, "true class", kGap, kTop - 6);
  write(drawn, "predicted class", margin, kTop - 6 - kLineHeight);
  for (std::int64_t row = 0; row < count; ++row) {
    const int y = kTop + static_cast<int>(row) * kCell;
    const auto k = static_cast<std::size_t>(row);
    write(drawn, titles[k], kGap, y + kCell / 2 + 4);
    write(drawn, start_that_fits(plain(class_names[k]), kCell - 4),
          margin + static_cast<int>(row) * kCell, kTop - 6);
    for (std::int64_t column = 0; column < count; ++column) {
      const int x = margin + static_cast<int>(column) * kCell;
      const double share = classes[k].support == 0
                               ? 0.0
                               : static_cast<double>(confusion.count(row, column)) /
                                     static_cast<double>(classes[k].support);
      const cv::Rect cell(x, y, kCell - 1, kCell - 1);
      cv::rectangle(drawn, cell, kPaper + (kFull - kPaper) * share, cv::FILLED);
      cv::rectangle(drawn, cell, cv::Scalar(225, 225, 225));
      if (confusion.count(row, column) == 0) continue;
      const std::string text = cv::format("%.1f", 100 * share);
      write(drawn, text, x + (kCell - text_width(text)) / 2, y + kCell / 2 + 4,
            share > 0.5 ? kPaper : kInk);
    }
  }
  return picture;
}

}  // namespace selfcure
