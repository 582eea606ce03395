#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <vector>

#include "selfcure/data/manifest.h"

namespace selfcure {

/// Changes whenever the same file is decoded into other pixels, so that packs are made anew.
inline constexpr std::uint32_t kDecodeVersion = 1;

/// Largest image that is decoded, in pixels; its 8-bit colours take three bytes each.
inline constexpr std::int64_t kMostImagePixels = 100'000'000;

/// Longest video that frames are taken of.
inline constexpr std::int64_t kMostVideoFrames = 100'000;

/// 8-bit pixels that belong to someone else, row after row.
struct PictureView {
  const std::uint8_t* pixels = nullptr;
  int width = 0;
  int height = 0;
  /// 1: grey, 3: blue, green, red.
  int channels = 0;

  std::size_t bytes() const {
    return static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
           static_cast<std::size_t>(channels);
  }
};

/// 8-bit pixels as they are kept until a batch wants them.
struct Picture {
  std::vector<std::uint8_t> pixels;
  int width = 0;
  int height = 0;
  int channels = 0;

  PictureView view() const { return {pixels.data(), width, height, channels}; }
};

struct ImageSize {
  std::int64_t width = 0;
  std::int64_t height = 0;
};

/// Width and height from the first bytes of an image file, without decoding it.
///
/// @return nothing unless the file is a JPEG, PNG, BMP, WebP, TIFF or portable anymap (P1 to P6)
///         with a header that makes sense
std::optional<ImageSize> image_size_in_header(const std::vector<std::uint8_t>& file);

/// Decodes an image file, or a part of it, into the pixels that are kept.
///
/// An image larger than `side` in width or height is reduced to `side` x `side` by averaging; any
/// other stays as it is. Where all three channels are equal everywhere, one is kept. A JPEG of
/// which at least 2, 4 or 8 times `side` is used is decoded at that part of its size, which is two
/// to three times as fast; the edges of a box are rounded to that size's pixels then.
///
/// Sixteen bits are cut to their upper eight, transparency is ignored (not blended), palettes and
/// CMYK become colours, and an EXIF orientation is ignored, as Pillow's `Image.open(path)
/// .convert("RGB")` does, which the field trains with (but for 16-bit grey, which Pillow clips).
///
/// @param box   part to take; what lies outside of the image is cut off; empty: all
/// @param side  at least 1
/// @throws DataError that names the file if it is missing, not a plain file, empty, cut short, not
///         an image of a kind that `image_size_in_header` knows, larger than kMostImagePixels, or
///         if nothing of it lies in the box
Picture decode_image(const std::filesystem::path& path, const FaceBox& box, int side);

/// One frame of a video, and the part of it to take.
struct FrameCut {
  /// From 0, below the number of frames that are taken of each video.
  std::int32_t frame = 0;
  FaceBox box = {};
};

/// Position in a video of frame `frame` of `frames_per_video`: the middle of its share of the
/// `frame_count` frames, rounded down. A video with fewer frames than are taken repeats some.
std::int64_t frame_position(std::int32_t frame, int frames_per_video, std::int64_t frame_count);

/// Decodes frames of one video with one pass over it, as `decode_image` would each of them.
///
/// The whole video is gone through, since the number of frames that a container states is often an
/// estimate; if it turns out wrong, a second pass takes the right ones.
///
/// @return one picture per cut, in their order
/// @throws DataError as `decode_image` does, and if no frame can be decoded or there are more than
///         kMostVideoFrames
std::vector<Picture> decode_frames(const std::filesystem::path& path,
                                   const std::vector<FrameCut>& cuts, int frames_per_video,
                                   int side);

/// The pixels of a row whose manifest has them inline, else nothing. Boxes do not apply to them.
std::optional<PictureView> inline_picture(const Manifest& manifest, std::int64_t row);

/// Decodes rows of a manifest that name the same file.
/// @param rows  one row, or rows of one video
/// @return one picture per row
Picture decode_row(const Manifest& manifest, std::int64_t row, int side);
std::vector<Picture> decode_rows(const Manifest& manifest, const std::vector<std::int64_t>& rows,
                                 int side);

/// Rows that are best decoded together: those of one video, every other row alone. Groups in the
/// order of their first rows.
std::vector<std::vector<std::int64_t>> rows_by_file(const Manifest& manifest);

/// Writes a picture as RGB, [side, side, 3], 8 bit: resampled without regard to the aspect ratio,
/// bilinear where it grows, by averaging where it shrinks.
void fill_rgb(const PictureView& picture, int side, std::uint8_t* pixels);

}  // namespace selfcure
