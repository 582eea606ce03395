// The transforms of F(4x4, 3x3), 8 or 16 channels at a time.
#pragma once

#include "../kernel_table.h"
#include "product.h"
#include "vector.h"
#include "winograd_points.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

inline constexpr int kInputSide = 6;
inline constexpr int kKernelSide = 3;
inline constexpr int kTaps = kKernelSide * kKernelSide;
/// Input channels by which weights are fetched ahead: too many rows for the processor to foresee.
inline constexpr Index kChannelsAhead = 4;

/// The points a, -a, b, -b, beside 0 and infinity.
struct UnitStridePoints {
  static constexpr double kA = 0.625;
  static constexpr double kB = 1.5;
};
using UnitStride = PointTransforms<UnitStridePoints>;
inline constexpr double kA = UnitStride::kA;
inline constexpr double kB = UnitStride::kB;
// 1 / product of the differences to the other points, 0 among them.
inline constexpr double kScale0 = 1.0 / (kA * kA * kB * kB);
inline constexpr double kScaleA = UnitStride::kScaleA / kA;
inline constexpr double kScaleB = UnitStride::kScaleB / kB;

// The frequencies are in an order of which any first few that a tile's side needs, m + 2 for m
// pixels, make a good set of points: a, -a, b, -b, 0, infinity.

/// B^T d: 6 values to 6 frequencies.
inline void input_transform(const Vector* d, Vector* r) {
  UnitStride::input(d + 1, r);
  // One polynomial, (x^2 - a^2) (x^2 - b^2), at 0 as it is, at infinity times x.
  r[4] = UnitStride::input_at_infinity(d);
  r[5] = UnitStride::input_at_infinity(d + 1);
}

/// For a side with only `pixels` of a tile's 4, whose taps read d[0] to d[pixels + 1]: sets what
/// follows, which only the missing pixels would read, so that the transform is 0 at 0 (2 pixels or
/// 1) and -b (1 pixel). Frequencies from `pixels` + 2 on can then be left out: without the fourth
/// pixel infinity has no part in the others anyway.
inline void leave_out_frequencies(int pixels, Vector* d) {
  if (pixels > 2) return;
  constexpr float kProduct = UnitStride::kA2 * UnitStride::kB2;
  constexpr float kSum = UnitStride::kA2 + UnitStride::kB2;
  constexpr float kA2B = UnitStride::kA2 * UnitStride::kFloatB;
  if (pixels == 1)
    d[3] = multiply_add(
        Vector::of(UnitStride::kA2), d[1],
        subtract_product(Vector::of(UnitStride::kFloatB) * d[2], Vector::of(kA2B), d[0]));
  d[4] = subtract_product(Vector::of(kSum) * d[2], Vector::of(kProduct), d[0]);
}

/// A^T m: 6 frequencies to 4 values.
inline void output_transform(const Vector* m, Vector* o) { UnitStride::output(m, m[4], m[5], o); }

/// A y: 4 values to 6 frequencies.
inline void gradient_transform(const Vector* y, Vector* z) {
  UnitStride::gradient(y, z);
  z[4] = y[0];
  z[5] = y[3];
}

/// G w: 3 values to 6 frequencies, in double precision: it is done once for many products.
inline void weight_transform(const WideVector* w, WideVector* u) {
  const WideVector scale_a = WideVector::of(kScaleA);
  const WideVector scale_b = WideVector::of(kScaleB);
  const WideVector even_a = scale_a * (w[0] + WideVector::of(kA * kA) * w[2]);
  const WideVector odd_a = scale_a * (WideVector::of(kA) * w[1]);
  const WideVector even_b = scale_b * (w[0] + WideVector::of(kB * kB) * w[2]);
  const WideVector odd_b = scale_b * (WideVector::of(kB) * w[1]);
  u[0] = even_a + odd_a;
  u[1] = even_a - odd_a;
  u[2] = even_b + odd_b;
  u[3] = even_b - odd_b;
  u[4] = WideVector::of(kScale0) * w[0];
  u[5] = w[2];
}

/// G^T u: 6 frequencies to 3 values.
inline void weight_gradient_transform(const Vector* u, Vector* w) {
  constexpr float kFloatScaleA = static_cast<float>(kScaleA);
  constexpr float kFloatScaleB = static_cast<float>(kScaleB);
  const Vector sum_a = Vector::of(kFloatScaleA) * (u[0] + u[1]);
  const Vector difference_a = Vector::of(kFloatScaleA * UnitStride::kFloatA) * (u[0] - u[1]);
  const Vector sum_b = Vector::of(kFloatScaleB) * (u[2] + u[3]);
  const Vector difference_b = Vector::of(kFloatScaleB * UnitStride::kFloatB) * (u[2] - u[3]);
  w[0] = multiply_add(Vector::of(static_cast<float>(kScale0)), u[4], sum_a + sum_b);
  w[1] = difference_a + difference_b;
  w[2] = multiply_add(Vector::of(UnitStride::kA2), sum_a,
                      multiply_add(Vector::of(UnitStride::kB2), sum_b, u[5]));
}

/// Where a tile lies: its image and its first pixel, in the layer's output.
struct TilePlace {
  Index image;
  Index row;
  Index column;
};

inline TilePlace place_of(const WinogradTiles& tiles, Index tile) {
  const Index within = tile % tiles_per_image(tiles);
  return {tile / tiles_per_image(tiles), within / tiles.tiles_wide * kTileSide,
          within % tiles.tiles_wide * kTileSide};
}

/// Rows of one tile, one for each frequency.
template <int kSide>
struct TileRows {
  float* at[kSide * kSide];

  TileRows(const TileMatrix& matrix, const WinogradTiles& tiles, Index tile) {
    const Index within = tile % tiles_per_image(tiles);
    const bool last_row = within / tiles.tiles_wide == tiles.tiles_high - 1;
    const bool last_column = within % tiles.tiles_wide == tiles.tiles_wide - 1;
    // Frequencies that all tiles have; then those that the last tiles lack.
    set(matrix, tiles, tile, 0, tiles.last_rows, 0, tiles.last_columns, false);
    set(matrix, tiles, tile, 0, tiles.last_rows, tiles.last_columns, kSide, last_column);
    set(matrix, tiles, tile, tiles.last_rows, kSide, 0, tiles.last_columns, last_row);
    set(matrix, tiles, tile, tiles.last_rows, kSide, tiles.last_columns, kSide,
        last_row || last_column);
  }

 private:
  /// Of the frequencies [first_row, last_row) x [first_column, last_column).
  void set(const TileMatrix& matrix, const WinogradTiles& tiles, Index tile, Index first_row,
           Index last_row, Index first_column, Index last_column, bool lacking) {
    if (first_row == last_row || first_column == last_column) return;
    const Index row = tiles_before(tiles, tile, first_row, first_column) -
                      tiles_before(tiles, matrix.first_tile, first_row, first_column);
    for (Index i = first_row; i < last_row; ++i)
      for (Index j = first_column; j < last_column; ++j)
        at[i * kSide + j] = lacking ? matrix.spare
                                    : matrix.data + (i * kSide + j) * matrix.frequency_stride +
                                          row * matrix.row_stride;
  }
};

/// Frequencies that a tile lacks are dropped as they are.
inline void leave_as_they_are(int /*pixels*/, Vector* /*d*/) {}

/// Transforms a kSide x kSide patch of each tile, whose first pixel lies `kBefore` pixels before
/// the tile's, to rows of kFrequencySide x kFrequencySide frequencies.
///
/// @tparam kLeaveOut  prepares a side with fewer pixels for the frequencies that it lacks
template <int kSide, int kBefore, int kFrequencySide, void (*kTransform)(const Vector*, Vector*),
          void (*kLeaveOut)(int, Vector*) = leave_as_they_are>
inline void transform_tiles(const float* images, const WinogradTiles& tiles, Index channels,
                            Index first, Index last, const float* zeros, const TileMatrix& to) {
  for (Index tile = first; tile < last; ++tile) {
    const TilePlace place = place_of(tiles, tile);
    const float* pixels[kSide * kSide];
    const Index top = place.row - kBefore;
    const Index left = place.column - kBefore;
    const Index first_pixel = (place.image * tiles.height + top) * tiles.width + left;
    if (top >= 0 && top + kSide <= tiles.height && left >= 0 && left + kSide <= tiles.width) {
      const float* row = images + first_pixel * channels;
      for (int i = 0; i < kSide; ++i, row += tiles.width * channels)
        for (int j = 0; j < kSide; ++j) pixels[i * kSide + j] = row + j * channels;
    } else {
      for (int i = 0; i < kSide; ++i)
        for (int j = 0; j < kSide; ++j) {
          const bool inside =
              top + i >= 0 && top + i < tiles.height && left + j >= 0 && left + j < tiles.width;
          pixels[i * kSide + j] =
              inside ? images + (first_pixel + i * tiles.width + j) * channels : zeros;
        }
    }
    const TileRows<kFrequencySide> rows(to, tiles, tile);
    const int pixels_high = static_cast<int>(smaller(kTileSide, tiles.height - place.row));
    const int pixels_wide = static_cast<int>(smaller(kTileSide, tiles.width - place.column));
    // The next tile's pixels that this one does not have.
    const TilePlace next = place_of(tiles, tile + 1);
    const Index next_pixel =
        (next.image * tiles.height + next.row - kBefore) * tiles.width + next.column - kBefore;
    const int next_column =
        next.image == place.image && next.row == place.row ? kSide - kTileSide : 0;
    for_each_vector(channels, [&](Index channel, Index count) {
      for (int i = 0; i < kSide; ++i)
        for (int j = next_column; j < kSide; ++j)
          prefetch(images, (next_pixel + i * tiles.width + j) * channels + channel);
      Vector half[kFrequencySide][kSide];
      for (int j = 0; j < kSide; ++j) {
        Vector column[kSide];
        Vector transformed[kFrequencySide];
        for (int i = 0; i < kSide; ++i)
          column[i] = load_some(pixels[i * kSide + j] + channel, count);
        if (pixels_high < kTileSide) kLeaveOut(pixels_high, column);
        kTransform(column, transformed);
        for (int i = 0; i < kFrequencySide; ++i) half[i][j] = transformed[i];
      }
      for (int i = 0; i < kFrequencySide; ++i) {
        Vector transformed[kFrequencySide];
        if (pixels_wide < kTileSide) kLeaveOut(pixels_wide, half[i]);
        kTransform(half[i], transformed);
        // Whole vectors: what the last one has too much is 0.
        for (int j = 0; j < kFrequencySide; ++j)
          transformed[j].store(rows.at[i * kFrequencySide + j] + channel);
      }
    });
  }
}

/// WinogradTransforms::input
inline void winograd_input(const float* images, const WinogradTiles& tiles, Index channels,
                           Index first, Index last, const float* zeros, const TileMatrix& to) {
  transform_tiles<kInputSide, 1, kInputSide, input_transform, leave_out_frequencies>(
      images, tiles, channels, first, last, zeros, to);
}

/// WinogradTable::gradient
inline void winograd_gradient(const float* gradients, const WinogradTiles& tiles, Index channels,
                              Index first, Index last, const float* zeros, const TileMatrix& to) {
  transform_tiles<kTileSide, 0, kInputSide, gradient_transform>(gradients, tiles, channels, first,
                                                                last, zeros, to);
}

/// Writes the channels of one pixel, of which the first lies at `at`.
inline void finish_pixel(Vector value, const Epilogue& epilogue, Vector bias, Index at, Index count,
                         float* images) {
  value = value + bias;
  if (epilogue.residual != nullptr) value = value + load_some(epilogue.residual + at, count);
  if (epilogue.relu) value = max(Vector::zero(), value);
  store_some(value, images + at, count);
}

inline Vector bias_of(const Epilogue& epilogue, Index channel, Index count) {
  return epilogue.bias != nullptr ? load_some(epilogue.bias + channel, count) : Vector::zero();
}

/// Transforms kSide x kSide frequencies of each tile to its pixels: see WinogradTransforms::output.
template <int kSide, void (*kTransform)(const Vector*, Vector*)>
inline void transform_back(const TileMatrix& from, const WinogradTiles& tiles, Index channels,
                           Index first, Index last, Index first_channel, Index last_channel,
                           const Epilogue& epilogue, float* images) {
  for (Index tile = first; tile < last; ++tile) {
    const TilePlace place = place_of(tiles, tile);
    const int rows = static_cast<int>(smaller(kTileSide, tiles.height - place.row));
    const int columns = static_cast<int>(smaller(kTileSide, tiles.width - place.column));
    const Index origin =
        ((place.image * tiles.height + place.row) * tiles.width + place.column) * channels;
    // The pixels of the next tile, which the stores of this one give time to come.
    const TilePlace next = place_of(tiles, tile + 1);
    const Index next_pixel = (next.image * tiles.height + next.row) * tiles.width + next.column;
    const TileRows<kSide> frequencies(from, tiles, tile);
    for_each_vector(last_channel - first_channel, [&](Index offset, Index count) {
      const Index channel = first_channel + offset;
      Vector half[kTileSide][kSide];
      for (int j = 0; j < kSide; ++j) {
        Vector column[kSide];
        Vector transformed[kTileSide];
        for (int i = 0; i < kSide; ++i)
          column[i] = Vector::load(frequencies.at[i * kSide + j] + offset);
        kTransform(column, transformed);
        for (int i = 0; i < kTileSide; ++i) half[i][j] = transformed[i];
      }
      for (int i = 0; i < kTileSide; ++i)
        for (int j = 0; j < kTileSide; ++j)
          prefetch_to_write(images, (next_pixel + i * tiles.width + j) * channels + channel);
      const Vector bias = bias_of(epilogue, channel, count);
      for (int i = 0; i < rows; ++i) {
        Vector transformed[kTileSide];
        kTransform(half[i], transformed);
        for (int j = 0; j < columns; ++j)
          finish_pixel(transformed[j], epilogue, bias,
                       origin + (i * tiles.width + j) * channels + channel, count, images);
      }
    });
  }
}

/// WinogradTransforms::output
inline void winograd_output(const TileMatrix& from, const WinogradTiles& tiles, Index channels,
                            Index first, Index last, Index first_channel, Index last_channel,
                            const Epilogue& epilogue, float* images) {
  transform_back<kInputSide, output_transform>(from, tiles, channels, first, last, first_channel,
                                               last_channel, epilogue, images);
}

/// Calls body(panel, in, taps) for the kernels [kTaps][kPanelWidth] between a panel of output
/// channels and each input channel: see WinogradTransforms::pack.
template <class Body>
inline void for_each_kernel_panel(const float* weight, Index out_channels, Index in_channels,
                                  bool rotated, Index first_panel, Index last_panel, Body body) {
  // Distance in `weight` of two output channels and of two input channels of this convolution.
  const Index out_stride = rotated ? kTaps : in_channels * kTaps;
  const Index in_stride = rotated ? out_channels * kTaps : kTaps;
  for (Index panel = first_panel; panel < last_panel; ++panel) {
    const Index begin = panel * kPanelWidth;
    const Index outs = smaller(kPanelWidth, out_channels - begin);
    alignas(64) float taps[kTaps][kPanelWidth] = {};
    for (Index in = 0; in < in_channels; ++in) {
      const float* const kernels = weight + begin * out_stride + in * in_stride;
      for (Index out = 0; out < outs; ++out) {
        const float* const kernel = kernels + out * out_stride;
        prefetch(kernel, kChannelsAhead * in_stride);
        if (rotated)
          for (Index tap = 0; tap < kTaps; ++tap) taps[tap][out] = kernel[kTaps - 1 - tap];
        else
          for (Index tap = 0; tap < kTaps; ++tap) taps[tap][out] = kernel[tap];
      }
      body(panel, in, taps);
    }
  }
}

/// WinogradTransforms::pack
inline void winograd_pack(const float* weight, Index out_channels, Index in_channels, bool rotated,
                          Index first_panel, Index last_panel, Index origin_panel, float* packed,
                          Index frequency_stride) {
  for_each_kernel_panel(
      weight, out_channels, in_channels, rotated, first_panel, last_panel,
      [&](Index panel, Index in, const float(&taps)[kTaps][kPanelWidth]) {
        float* const to = packed + ((panel - origin_panel) * in_channels + in) * kPanelWidth;
        for (int v = 0; v < kPanelVectors; ++v) {
          WideVector half[kInputSide][kKernelSide];
          for (int j = 0; j < kKernelSide; ++j) {
            WideVector column[kKernelSide];
            WideVector transformed[kInputSide];
            for (int i = 0; i < kKernelSide; ++i)
              column[i] = WideVector::load(&taps[i * kKernelSide + j][v * Vector::kWidth]);
            weight_transform(column, transformed);
            for (int i = 0; i < kInputSide; ++i) half[i][j] = transformed[i];
          }
          for (int i = 0; i < kInputSide; ++i) {
            WideVector transformed[kInputSide];
            weight_transform(half[i], transformed);
            for (int j = 0; j < kInputSide; ++j)
              transformed[j].store(to + (i * kInputSide + j) * frequency_stride +
                                   v * Vector::kWidth);
          }
        }
      });
}

/// The sum of the vectors at `from` of `parts` parts.
inline Vector sum_of_parts(const float* from, Index parts, Index part_stride) {
  Vector sum = Vector::load(from);
  for (Index part = 1; part < parts; ++part) sum = sum + Vector::load(from + part * part_stride);
  return sum;
}

/// Writes kernels of `count` output channels from `out` on, one in each lane.
inline void store_taps(const float (&taps)[kTaps][Vector::kWidth], Index out, Index count, Index in,
                       Index in_channels, float* weight_gradient) {
  for (Index lane = 0; lane < count; ++lane) {
    float* const kernel = weight_gradient + ((out + lane) * in_channels + in) * kTaps;
    prefetch_to_write(kernel, kChannelsAhead * kTaps);
    for (Index tap = 0; tap < kTaps; ++tap) kernel[tap] = taps[tap][lane];
  }
}

/// WinogradTable::weight_gradient
inline void winograd_weight_gradient(const float* from, Index parts, Index part_stride,
                                     Index frequency_stride, Index in_channels, Index out_channels,
                                     Index first, Index last, float* weight_gradient) {
  const Index padded = rounded_up(out_channels, kPanelWidth);
  for (Index in = first; in < last; ++in)
    for_each_vector(out_channels, [&](Index out, Index count) {
      const float* const start = from + in * padded + out;
      Vector half[kKernelSide][kInputSide];
      for (int j = 0; j < kInputSide; ++j) {
        Vector column[kInputSide];
        Vector transformed[kKernelSide];
        for (int i = 0; i < kInputSide; ++i)
          column[i] =
              sum_of_parts(start + (i * kInputSide + j) * frequency_stride, parts, part_stride);
        weight_gradient_transform(column, transformed);
        for (int i = 0; i < kKernelSide; ++i) half[i][j] = transformed[i];
      }
      alignas(64) float taps[kTaps][Vector::kWidth];
      for (int i = 0; i < kKernelSide; ++i) {
        Vector transformed[kKernelSide];
        weight_gradient_transform(half[i], transformed);
        for (int j = 0; j < kKernelSide; ++j) transformed[j].store(taps[i * kKernelSide + j]);
      }
      store_taps(taps, out, count, in, in_channels, weight_gradient);
    });
}

inline constexpr WinogradTransforms kWinogradTransforms = {kInputSide * kInputSide, winograd_pack,
                                                           winograd_input, winograd_output};

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
