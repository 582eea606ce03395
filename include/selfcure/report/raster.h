#pragma once

#include <string>

namespace selfcure {

/// Draws an SVG text as PNG, on white.
///
/// @param scale  pixels per SVG unit, above 0
/// @return bytes of the PNG file
/// @throws Error if the SVG is not valid or would have more than 100 million pixels
std::string png_of_svg(const std::string& svg, double scale = 2.0);

}  // namespace selfcure
