#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>

#include "selfcure/report/svg_plot.h"

namespace selfcure {
namespace {

/// Advance widths of DejaVu Sans in hundredths of the font size, from the blank to '~'.
constexpr std::array<std::uint8_t, 95> kWidths = {
    32, 40, 46, 84, 64, 95, 78, 27, 39,  39, 50, 84, 32, 36, 32, 34, 64, 64, 64, 64, 64, 64, 64, 64,
    64, 64, 34, 34, 84, 84, 84, 53, 100, 68, 69, 70, 77, 63, 58, 77, 75, 29, 29, 66, 56, 86, 75, 79,
    60, 79, 69, 63, 61, 73, 68, 99, 69,  61, 69, 39, 34, 39, 84, 50, 50, 61, 63, 55, 63, 62, 35, 63,
    63, 28, 28, 58, 28, 97, 63, 61, 63,  63, 41, 52, 39, 63, 59, 82, 59, 59, 52, 64, 34, 64, 84};
constexpr std::uint32_t kReplacement = 0xFFFD;
/// Where scripts begin whose letters are about as wide as high.
constexpr std::uint32_t kFirstWide = 0x1100;
constexpr const char* kEllipsis = "\xE2\x80\xA6";

struct Letter {
  std::uint32_t code = kReplacement;
  /// Bytes that it takes in the text.
  std::size_t bytes = 1;
};

/// Decodes one letter of UTF-8; a byte that belongs to none becomes U+FFFD.
Letter letter_at(const std::string& text, std::size_t position) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(position);
  if (first < 0x80) return {first, 1};
  const std::size_t bytes = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
  if (first < 0xC2 || first > 0xF4 || position + bytes > text.size()) return {};
  std::uint32_t code = first & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(position + i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(position + i) & 0x3FU);
  }
  const bool too_long = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  const bool no_letter =
      (code >= 0xD800 && code <= 0xDFFF) || code > 0x10FFFF || code == 0xFFFE || code == 0xFFFF;
  if (too_long || no_letter) return {};
  return {code, bytes};
}

double width_of(std::uint32_t code) {
  if (code >= 0x20 && code < 0x7F) return kWidths[code - 0x20] / 100.0;
  if (code >= 0x300 && code < 0x370) return 0;  // accents on the letter before
  return code >= kFirstWide && code != 0x2026 && !(code >= 0x2000 && code < 0x2E80) ? 1.0 : 0.68;
}

}  // namespace

double text_width(const std::string& text, double font_size) {
  double width = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Letter letter = letter_at(text, i);
    width += width_of(letter.code);
    i += letter.bytes;
  }
  return width * font_size;
}

std::string fitted_text(const std::string& text, double font_size, double width) {
  if (text_width(text, font_size) <= width) return text;
  const double room = width - text_width(kEllipsis, font_size);
  double used = 0;
  std::size_t end = 0;
  while (end < text.size()) {
    const Letter letter = letter_at(text, end);
    used += width_of(letter.code) * font_size;
    if (used > room) break;
    end += letter.bytes;
  }
  while (end > 0 && text[end - 1] == ' ') --end;
  return text.substr(0, end) + kEllipsis;
}

std::string escape_markup(const std::string& text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    const Letter letter = letter_at(text, i);
    switch (letter.code) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&#39;";
        break;
      default:
        if (letter.code == kReplacement || letter.code == 0x7F ||
            (letter.code < 0x20 && letter.code != '\n' && letter.code != '\t') ||
            (letter.code >= 0x80 && letter.code < 0xA0))
          result += "\xEF\xBF\xBD";
        else
          result.append(text, i, letter.bytes);
    }
    i += letter.bytes;
  }
  return result;
}

std::string short_number(double value) {
  if (!std::isfinite(value)) return "-";
  if (value == std::floor(value) && std::abs(value) < 1e6) {
    char whole[32];
    std::snprintf(whole, sizeof(whole), "%.0f", value + 0.0);
    return std::string(whole) == "-0" ? "0" : whole;
  }
  char text[32];
  const double size = std::abs(value);
  if (size >= 1e-4 && size < 1e6) {
    const int digits = size >= 100 ? 1 : size >= 1 ? 2 : 2 - static_cast<int>(std::log10(size));
    std::snprintf(text, sizeof(text), "%.*f", digits, value);
    std::string result = text;
    while (result.find('.') != std::string::npos && result.back() == '0') result.pop_back();
    if (result.back() == '.') result.pop_back();
    return result;
  }
  std::snprintf(text, sizeof(text), "%.2g", value);
  return text;
}

}  // namespace selfcure
