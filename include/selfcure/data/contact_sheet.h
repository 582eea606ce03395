#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "selfcure/data/image_decoder.h"
#include "selfcure/data/manifest.h"

namespace selfcure {

/// One image of a contact sheet.
struct ContactTile {
  /// [side, side, 3], 8 bit, RGB.
  std::vector<std::uint8_t> pixels;
  /// Small, below the image; lines end in LF. The start of a line that is too long is cut off, as
  /// names differ at their end.
  std::string caption = {};
  /// Red, below the caption; the image gets a red frame. Empty: nothing to warn of.
  std::string warning = {};
};

/// Images side by side, for example those of a class.
struct ContactRow {
  /// Stands at the left; lines end in LF.
  std::string title;
  std::vector<ContactTile> tiles;
};

/// Images as a person looks through them. Letters beyond ASCII are shown as '?'.
struct ContactSheet {
  std::string heading;
  /// Pixels of all images, 1 to 1024; small ones are shown enlarged, pixel by pixel.
  int side = 0;
  std::vector<ContactRow> rows;
  /// Images that would be shown larger than this are reduced to it, by averaging; 0: none are.
  int most_shown_side = 0;
};

/// @return blue, green, red
/// @throws DataError if the side is out of range, a tile has not as many pixels as it says, there
///         is no tile, or the sheet would have more than kMostImagePixels
Picture draw_contact_sheet(const ContactSheet& sheet);

/// Draws a sheet into a PNG file.
/// @throws DataError as draw_contact_sheet() does, RunError if the file cannot be written
void write_contact_sheet(const ContactSheet& sheet, const std::filesystem::path& path);

/// Rows of a manifest with this given label, at most `count`, in the order in which they are in it.
/// Which ones depends on the seed, the label and the labels of all rows.
std::vector<std::int64_t> pick_rows_of_class(const Manifest& manifest, std::int32_t label,
                                             std::int64_t count, std::uint64_t seed);

}  // namespace selfcure
