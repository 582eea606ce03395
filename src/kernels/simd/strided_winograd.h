// The transforms of 3x3 with stride 2, 8 or 16 channels at a time.
//
// Output pixel o of a line reads the pixels 2o - 1, 2o and 2o + 1: two of the odd ones, through the
// outer taps, and one of the even ones, through the middle tap. The four phases of an image, odd or
// even in rows and columns, are therefore convolved with 2x2, 2x1, 1x2 and 1x1 taps at stride 1,
// each by Winograd's F(4x4, 2x2) at the same points, so that they are summed before the transform
// back. One tap has no part at infinity: of the 4 x 25 products for 16 output pixels 81 are left,
// where the convolution itself has 144.
#pragma once

#include "../kernel_table.h"
#include "product.h"
#include "vector.h"
#include "winograd.h"
#include "winograd_points.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET::strided {

/// Frequencies of a side: the points a, -a, b, -b and infinity.
inline constexpr int kSide = 5;
/// Of them, those of a phase that one tap reads.
inline constexpr int kFiniteSide = 4;

/// Least rounding among such points: 3/4 of what the points of F(4x4, 3x3) have.
struct Points {
  static constexpr double kA = 0.375;
  static constexpr double kB = 1.25;
};
using Transforms = PointTransforms<Points>;
inline constexpr double kA = Transforms::kA;
inline constexpr double kB = Transforms::kB;
inline constexpr double kScaleA = Transforms::kScaleA;
inline constexpr double kScaleB = Transforms::kScaleB;

/// Odd or even pixels of a line.
enum class Phase { kOdd, kEven };

/// Frequencies that a phase has a part in, on one side.
constexpr int frequencies_of(Phase phase) { return phase == Phase::kOdd ? kSide : kFiniteSide; }

/// Place of a phase among those of frequency (i, j): at infinity only odd lines have a part.
constexpr int place_of_phase(Phase row, Phase column, int j) {
  const int columns_of_row = j < kFiniteSide ? 2 : 1;
  return (row == Phase::kOdd ? 0 : columns_of_row) + (column == Phase::kOdd ? 0 : 1);
}

/// A phase that is known to the compiler.
template <Phase kPhase>
struct PhaseConstant {
  constexpr operator Phase() const { return kPhase; }
};

static_assert(strided_phases(0) == place_of_phase(Phase::kEven, Phase::kEven, 0) + 1 &&
              strided_phases(kFiniteSide) ==
                  place_of_phase(Phase::kEven, Phase::kOdd, kFiniteSide) + 1 &&
              strided_phases(kFiniteSide * kSide) ==
                  place_of_phase(Phase::kOdd, Phase::kEven, 0) + 1 &&
              strided_phases(kSide * kSide - 1) == 1);

/// Calls body(row, column) with PhaseConstants for the four phases of an image.
template <class Body>
inline void for_each_phase(Body body) {
  const PhaseConstant<Phase::kOdd> odd;
  const PhaseConstant<Phase::kEven> even;
  body(odd, odd);
  body(odd, even);
  body(even, odd);
  body(even, even);
}

/// B^T d: as many values as frequencies.
template <int kFrequencies>
inline void input_transform(const Vector* d, Vector* r) {
  Transforms::input(d, r);
  if constexpr (kFrequencies == kSide) r[kFiniteSide] = Transforms::input_at_infinity(d);
}

/// A^T m: frequencies to 4 values.
template <int kFrequencies>
inline void output_transform(const Vector* m, Vector* o) {
  const Vector zero = Vector::zero();
  if constexpr (kFrequencies == kSide)
    Transforms::output(m, zero, m[kFiniteSide], o);
  else
    Transforms::output(m, zero, zero, o);
}

/// A y: 4 values to 5 frequencies.
inline void gradient_transform(const Vector* y, Vector* z) {
  Transforms::gradient(y, z);
  z[kFiniteSide] = y[3];
}

/// G w: the 3 taps of a line to the frequencies of a phase.
template <Phase kPhase>
inline void weight_transform(const WideVector* w, WideVector* u) {
  const WideVector scale_a = WideVector::of(kScaleA);
  const WideVector scale_b = WideVector::of(kScaleB);
  if constexpr (kPhase == Phase::kEven) {
    u[0] = scale_a * w[1];
    u[1] = WideVector::of(-kScaleA) * w[1];
    u[2] = scale_b * w[1];
    u[3] = WideVector::of(-kScaleB) * w[1];
  } else {
    const WideVector near_a = scale_a * w[0];
    const WideVector far_a = WideVector::of(kScaleA * kA) * w[2];
    const WideVector near_b = scale_b * w[0];
    const WideVector far_b = WideVector::of(kScaleB * kB) * w[2];
    u[0] = far_a + near_a;
    u[1] = far_a - near_a;
    u[2] = far_b + near_b;
    u[3] = far_b - near_b;
    u[4] = w[2];
  }
}

/// G^T u: the frequencies of a phase to those of the 3 taps that read it.
template <Phase kPhase>
inline void weight_gradient_transform(const Vector* u, Vector* w) {
  const Vector scale_a = Vector::of(static_cast<float>(kScaleA));
  const Vector scale_b = Vector::of(static_cast<float>(kScaleB));
  const Vector near = multiply_add(scale_a, u[0] - u[1], scale_b * (u[2] - u[3]));
  if constexpr (kPhase == Phase::kEven) {
    w[1] = near;
  } else {
    w[0] = near;
    w[2] =
        multiply_add(Vector::of(static_cast<float>(kScaleA * kA)), u[0] + u[1],
                     multiply_add(Vector::of(static_cast<float>(kScaleB * kB)), u[2] + u[3], u[4]));
  }
}

/// The taps [first, last] in steps of 2 that read a phase.
constexpr int first_tap(Phase phase) { return phase == Phase::kOdd ? 0 : 1; }
constexpr int last_tap(Phase phase) { return phase == Phase::kOdd ? 2 : 1; }

/// Row of a frequency's weights, and of their gradients' sums, for an input channel of a phase.
inline Index row_of(Phase row, Phase column, int j, Index in_channels, Index in) {
  return place_of_phase(row, column, j) * in_channels + in;
}

/// WinogradTransforms::input: the four phases side by side, as many floats apart as channels.
inline void input(const float* images, const WinogradTiles& tiles, Index channels, Index first,
                  Index last, const float* zeros, const TileMatrix& to) {
  constexpr int kPatchSide = 2 * kTileSide + 1;
  for (Index tile = first; tile < last; ++tile) {
    const TilePlace place = place_of(tiles, tile);
    const Index top = 2 * place.row - 1;
    const Index left = 2 * place.column - 1;
    const Index first_pixel = (place.image * tiles.height + top) * tiles.width + left;
    const float* pixels[kPatchSide][kPatchSide];
    for (int i = 0; i < kPatchSide; ++i)
      for (int j = 0; j < kPatchSide; ++j) {
        const bool inside =
            top + i >= 0 && top + i < tiles.height && left + j >= 0 && left + j < tiles.width;
        pixels[i][j] = inside ? images + (first_pixel + i * tiles.width + j) * channels : zeros;
      }
    const TilePlace next = place_of(tiles, tile + 1);
    const Index next_pixel =
        (next.image * tiles.height + 2 * next.row - 1) * tiles.width + 2 * next.column - 1;
    float* const row_of_tile = to.data + (tile - to.first_tile) * to.row_stride;
    // Phase by phase: what the last vector of one has too much, the next one overwrites.
    for_each_phase([&](auto row, auto column) {
      constexpr int kRows = frequencies_of(row);
      constexpr int kColumns = frequencies_of(column);
      constexpr int kTop = row == Phase::kOdd ? 0 : 1;
      constexpr int kLeft = column == Phase::kOdd ? 0 : 1;
      for_each_vector(channels, [&](Index channel, Index count) {
        Vector half[kRows][kColumns];
        for (int j = 0; j < kColumns; ++j) {
          Vector line[kRows];
          Vector transformed[kRows];
          for (int i = 0; i < kRows; ++i) {
            line[i] = load_some(pixels[kTop + 2 * i][kLeft + 2 * j] + channel, count);
            prefetch(
                images,
                (next_pixel + (kTop + 2 * i) * tiles.width + kLeft + 2 * j) * channels + channel);
          }
          input_transform<kRows>(line, transformed);
          for (int i = 0; i < kRows; ++i) half[i][j] = transformed[i];
        }
        for (int i = 0; i < kRows; ++i) {
          Vector transformed[kColumns];
          input_transform<kColumns>(half[i], transformed);
          for (int j = 0; j < kColumns; ++j)
            transformed[j].store(row_of_tile + (i * kSide + j) * to.frequency_stride +
                                 place_of_phase(row, column, j) * channels + channel);
        }
      });
    });
  }
}

/// WinogradTable::gradient
inline void gradient(const float* gradients, const WinogradTiles& tiles, Index channels,
                     Index first, Index last, const float* zeros, const TileMatrix& to) {
  transform_tiles<kTileSide, 0, kSide, gradient_transform>(gradients, tiles, channels, first, last,
                                                           zeros, to);
}

/// WinogradTransforms::output
inline void output(const TileMatrix& from, const WinogradTiles& tiles, Index channels, Index first,
                   Index last, Index first_channel, Index last_channel, const Epilogue& epilogue,
                   float* images) {
  transform_back<kSide, output_transform<kSide>>(from, tiles, channels, first, last, first_channel,
                                                 last_channel, epilogue, images);
}

/// WinogradTransforms::input of the gradient's convolution.
inline void spread_input(const float* gradients, const WinogradTiles& tiles, Index channels,
                         Index first, Index last, const float* zeros, const TileMatrix& to) {
  transform_tiles<kSide, 0, kSide, input_transform<kSide>>(gradients, tiles, channels, first, last,
                                                           zeros, to);
}

/// WinogradTransforms::output of the gradient's convolution: each panel's phases lie side by side.
inline void spread_output(const TileMatrix& from, const WinogradTiles& tiles, Index channels,
                          Index first, Index last, Index first_channel, Index last_channel,
                          const Epilogue& epilogue, float* images) {
  for (Index tile = first; tile < last; ++tile) {
    const TilePlace place = place_of(tiles, tile);
    const float* const row_of_tile = from.data + (tile - from.first_tile) * from.row_stride;
    for_each_vector(last_channel - first_channel, [&](Index offset, Index count) {
      const Index channel = first_channel + offset;
      const Index panel = offset / kPanelWidth;
      const Index lane = offset % kPanelWidth;
      const Vector bias = bias_of(epilogue, channel, count);
      for_each_phase([&](auto row, auto column) {
        constexpr int kRows = frequencies_of(row);
        constexpr int kColumns = frequencies_of(column);
        Vector half[kTileSide][kColumns];
        for (int j = 0; j < kColumns; ++j) {
          Vector line[kRows];
          Vector transformed[kTileSide];
          for (int i = 0; i < kRows; ++i) {
            const Index block =
                panel * strided_phases(i * kSide + j) + place_of_phase(row, column, j);
            line[i] = Vector::load(row_of_tile + (i * kSide + j) * from.frequency_stride +
                                   block * kPanelWidth + lane);
          }
          output_transform<kRows>(line, transformed);
          for (int i = 0; i < kTileSide; ++i) half[i][j] = transformed[i];
        }
        for (int i = 0; i < kTileSide; ++i) {
          const Index y = 2 * (place.row + i) + (row == Phase::kOdd ? 1 : 0);
          if (y >= tiles.height) break;
          Vector transformed[kTileSide];
          output_transform<kColumns>(half[i], transformed);
          for (int j = 0; j < kTileSide; ++j) {
            const Index x = 2 * (place.column + j) + (column == Phase::kOdd ? 1 : 0);
            if (x >= tiles.width) break;
            finish_pixel(transformed[j], epilogue, bias,
                         ((place.image * tiles.height + y) * tiles.width + x) * channels + channel,
                         count, images);
          }
        }
      });
    });
  }
}

/// WinogradTransforms::pack
inline void pack(const float* weight, Index out_channels, Index in_channels, bool rotated,
                 Index first_panel, Index last_panel, Index origin_panel, float* packed,
                 Index frequency_stride) {
  for_each_kernel_panel(
      weight, out_channels, in_channels, rotated, first_panel, last_panel,
      [&](Index panel, Index in, const float(&taps)[kTaps][kPanelWidth]) {
        for (int v = 0; v < kPanelVectors; ++v)
          for_each_phase([&](auto row, auto column) {
            constexpr int kRows = frequencies_of(row);
            constexpr int kColumns = frequencies_of(column);
            WideVector half[kRows][kKernelSide];
            for (int j = first_tap(column); j <= last_tap(column); j += 2) {
              WideVector line[kKernelSide];
              WideVector transformed[kRows];
              for (int i = first_tap(row); i <= last_tap(row); i += 2)
                line[i] = WideVector::load(&taps[i * kKernelSide + j][v * Vector::kWidth]);
              weight_transform<row>(line, transformed);
              for (int i = 0; i < kRows; ++i) half[i][j] = transformed[i];
            }
            for (int i = 0; i < kRows; ++i) {
              WideVector transformed[kColumns];
              weight_transform<column>(half[i], transformed);
              for (int j = 0; j < kColumns; ++j) {
                const int frequency = i * kSide + j;
                const Index row_of_panel =
                    (panel - origin_panel) * strided_phases(frequency) * in_channels +
                    row_of(row, column, j, in_channels, in);
                transformed[j].store(packed + frequency * frequency_stride +
                                     row_of_panel * kPanelWidth + v * Vector::kWidth);
              }
            }
          });
      });
}

/// WinogradTable::weight_gradient
inline void weight_gradient(const float* from, Index parts, Index part_stride,
                            Index frequency_stride, Index in_channels, Index out_channels,
                            Index first, Index last, float* weight_gradient) {
  const Index padded = rounded_up(out_channels, kPanelWidth);
  for (Index in = first; in < last; ++in)
    for_each_vector(out_channels, [&](Index out, Index count) {
      alignas(64) float taps[kTaps][Vector::kWidth];
      for_each_phase([&](auto row, auto column) {
        constexpr int kRows = frequencies_of(row);
        constexpr int kColumns = frequencies_of(column);
        Vector half[kKernelSide][kColumns];
        for (int j = 0; j < kColumns; ++j) {
          Vector line[kRows];
          Vector transformed[kKernelSide];
          for (int i = 0; i < kRows; ++i)
            line[i] = sum_of_parts(from + (i * kSide + j) * frequency_stride +
                                       row_of(row, column, j, in_channels, in) * padded + out,
                                   parts, part_stride);
          weight_gradient_transform<row>(line, transformed);
          for (int i = first_tap(row); i <= last_tap(row); i += 2) half[i][j] = transformed[i];
        }
        for (int i = first_tap(row); i <= last_tap(row); i += 2) {
          Vector transformed[kKernelSide];
          weight_gradient_transform<column>(half[i], transformed);
          for (int j = first_tap(column); j <= last_tap(column); j += 2)
            transformed[j].store(taps[i * kKernelSide + j]);
        }
      });
      store_taps(taps, out, count, in, in_channels, weight_gradient);
    });
}

inline constexpr WinogradTransforms kForward = {kSide * kSide, pack, input, output};
inline constexpr WinogradTransforms kBackward = {kSide * kSide, pack, spread_input, spread_output};

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET::strided
