// What one instruction set offers: the serial inner parts of the kernels, each on one block, tile
// range or image. The files beside this one deal blocks to threads and know no instruction set.
#pragma once

#include <cstddef>
#include <cstdint>

#include "selfcure/kernels/convolution.h"
#include "selfcure/kernels/max_pool.h"
#include "selfcure/kernels/optimizer_step.h"

namespace selfcure::kernels {

/// Rows of a frequency's matrices, and the matrices themselves, begin this many floats further than
/// they are long: those whose distance is a power of two would share few sets of the caches, and
/// transforming weights would take twice as long.
inline constexpr std::int64_t kRowPadding = 16;

/// 64 MiB: more than last-level caches hold for a team. An output of that size is written around
/// them, so that it is not read first, and what is yet to be read stays.
inline constexpr std::int64_t kPastCachesFloats = std::int64_t{1} << 24;

/// Pixels of the largest pooling window: a winner's place fits into a byte.
inline constexpr std::int64_t kMostPoolSide = 15;
inline constexpr std::int64_t kMostPoolTaps = kMostPoolSide * kMostPoolSide;

/// Output pixels of a tile's side.
inline constexpr std::int64_t kTileSide = 4;

/// How images lie in tiles of kTileSide x kTileSide pixels of the layer's output, in both
/// directions. With stride 2 the larger image has twice as many pixels of a tile on each side.
struct WinogradTiles {
  std::int64_t height;
  std::int64_t width;
  std::int64_t tiles_high;
  std::int64_t tiles_wide;
  /// Frequencies of a tile's side.
  std::int64_t side;
  /// Of them, the first rows and columns that the last tiles of an image have: fewer where the
  /// image ends within a tile, as m pixels need only m + 2 points to interpolate at. All with
  /// stride 2.
  std::int64_t last_rows;
  std::int64_t last_columns;
};

// What follows is not inline in the linker's sense, as everything that is compiled for AVX-512 too.

static constexpr std::int64_t tiles_per_image(const WinogradTiles& tiles) {
  return tiles.tiles_high * tiles.tiles_wide;
}

/// Tiles before `tile` that have frequency (row, column) of their sides.
static constexpr std::int64_t tiles_before(const WinogradTiles& tiles, std::int64_t tile,
                                           std::int64_t row, std::int64_t column) {
  const std::int64_t high = tiles.tiles_high - (row < tiles.last_rows ? 0 : 1);
  const std::int64_t wide = tiles.tiles_wide - (column < tiles.last_columns ? 0 : 1);
  const std::int64_t within = tile % tiles_per_image(tiles);
  const std::int64_t above = within / tiles.tiles_wide;
  const std::int64_t before = within % tiles.tiles_wide;
  return tile / tiles_per_image(tiles) * high * wide +
         (above < high ? above * wide + (before < wide ? before : wide) : high * wide);
}

/// Matrices of [tiles, columns] within one buffer, one for each frequency. Columns are channels;
/// for the larger images of stride 2 the channels of strided_phases() phases. A tile that lacks a
/// frequency has no row in its matrix.
struct TileMatrix {
  float* data;
  /// Distance of two tiles' rows, in floats.
  std::int64_t row_stride;
  /// Distance of two frequencies' matrices, in floats.
  std::int64_t frequency_stride;
  /// The tile whose rows are the first ones.
  std::int64_t first_tile;
  /// A row for the frequencies that a tile lacks: written by the transforms to frequencies, each
  /// thread needs one; 0 where the transform back reads it.
  float* spare;
};

/// Phases of the larger image that have a part in frequency `frequency` of stride 2, which has
/// 5 x 5: at infinity, the last of a side, only odd pixels have.
///
/// Not inline in the linker's sense, as everything that is compiled for AVX-512 too.
static constexpr std::int64_t strided_phases(std::int64_t frequency) {
  return (frequency / 5 < 4 ? 2 : 1) * (frequency % 5 < 4 ? 2 : 1);
}

/// What a batch norm does to an input value, [channels] each: (value - mean) * scale + bias.
struct ChannelMap {
  const float* mean;
  const float* scale;
  const float* bias;
};

/// What the gradient of a batch norm reads, all [rows, channels].
struct BatchNormRows {
  const float* output_gradient;
  const float* input;
  /// Of the forward pass: its sign tells what ReLU let through. Null: the sign is computed from the
  /// input.
  const float* output;
  bool relu;
};

/// The gradient of a batch norm's input, [channels] each:
/// output gradient * scale + (input - mean) * slope + offset.
struct GradientMap {
  const float* slope;
  const float* offset;
};

/// What Adam multiplies with in one step: see simd/update_rules.h.
struct AdamFactors;

/// The transforms of a convolution: forward, or the one that gives the input's gradient.
struct WinogradTransforms {
  std::int64_t frequencies;
  /// Transformed weights of the panels [first, last) of output channels.
  ///
  /// @param rotated  of the convolution that gives the input's gradient: `out_channels` are then
  ///                 the layer's input channels, and kernels are rotated by half a turn
  /// @param packed   [frequencies][panels][phases * in_channels][panel_width] of panels from
  ///                 `origin_panel` on, its frequencies `frequency_stride` floats apart; phases: 1,
  ///                 with stride 2 strided_phases()
  void (*pack)(const float* weight, std::int64_t out_channels, std::int64_t in_channels,
               bool rotated, std::int64_t first_panel, std::int64_t last_panel,
               std::int64_t origin_panel, float* packed, std::int64_t frequency_stride);
  /// B^T d B of the tiles [first, last) of `images`. The columns up to the next whole vector become
  /// 0.
  /// @param zeros  as many as channels, rounded up to a vector
  void (*input)(const float* images, const WinogradTiles& tiles, std::int64_t channels,
                std::int64_t first, std::int64_t last, const float* zeros, const TileMatrix& to);
  /// A^T m A and the epilogue, for the channels [first_channel, last_channel), the first of which
  /// begins a panel and is column 0 of `from`. For the gradient of stride 2 each panel's columns
  /// are those of its first phase, its second and so on.
  void (*output)(const TileMatrix& from, const WinogradTiles& tiles, std::int64_t channels,
                 std::int64_t first, std::int64_t last, std::int64_t first_channel,
                 std::int64_t last_channel, const Epilogue& epilogue, float* images);
};

struct WinogradTable {
  WinogradTransforms forward;
  /// From the output's gradient to the input's.
  WinogradTransforms backward;
  /// A y A^T of output gradients, for the weights' gradient; otherwise as
  /// WinogradTransforms::input.
  void (*gradient)(const float* gradients, const WinogradTiles& tiles, std::int64_t channels,
                   std::int64_t first, std::int64_t last, const float* zeros, const TileMatrix& to);
  /// G^T d G: gradients of the weights between input channels [first, last) and `out_channels`
  /// output channels, summed over `parts` matrices
  /// [frequencies][phases * in_channels][padded out_channels] that lie `part_stride` apart, their
  /// frequencies `frequency_stride`.
  ///
  /// @param weight_gradient  of the first of those output channels and input channel 0
  void (*weight_gradient)(const float* from, std::int64_t parts, std::int64_t part_stride,
                          std::int64_t frequency_stride, std::int64_t in_channels,
                          std::int64_t out_channels, std::int64_t first, std::int64_t last,
                          float* weight_gradient);
};

struct KernelTable {
  /// Channels that a packed panel of weights holds; counts of output channels are rounded up to it.
  std::int64_t panel_width;
  /// Rows that the matrix product computes at a time; blocks of a multiple waste nothing.
  std::int64_t row_tile;

  WinogradTable winograd;
  /// Of stride 2.
  WinogradTable strided_winograd;

  /// c [rows, columns] = a [rows, depth] * b, nothing for 0 rows; b packed in panels
  /// [panels][depth][panel_width].
  void (*product)(std::int64_t rows, std::int64_t depth, std::int64_t columns, const float* a,
                  std::int64_t a_stride, const float* b, float* c, std::int64_t c_stride);
  /// c [columns_a, columns_b] = (accumulate ? c : 0) + a^T b of a [rows, columns_a] and
  /// b [rows, columns_b], whose sum over 0 rows is 0; columns_b is a multiple of panel_width in
  /// memory.
  void (*transposed_product)(std::int64_t rows, std::int64_t columns_a, std::int64_t columns_b,
                             const float* a, std::int64_t a_stride, const float* b,
                             std::int64_t b_stride, float* c, std::int64_t c_stride,
                             bool accumulate);

  /// to = epilogue(from), both [rows, columns]; bias and residual begin where `to` does.
  void (*finish_rows)(const float* from, std::int64_t from_stride, std::int64_t rows,
                      std::int64_t columns, const Epilogue& epilogue, float* to,
                      std::int64_t to_stride);
  /// to [count] += from [count]
  void (*add)(const float* from, std::int64_t count, float* to);

  /// Adds to `sums` and `squares`, [channels], the sums over rows of (input - shift) and its
  /// square.
  void (*batch_norm_sums)(const float* input, std::int64_t rows, std::int64_t channels,
                          const float* shift, double* sums, double* squares);
  /// output = relu?(map(input) + residual?)
  /// @param past_caches  write around the caches
  void (*batch_norm_apply)(const float* input, const float* residual, std::int64_t rows,
                           std::int64_t channels, const ChannelMap& map, bool relu,
                           bool past_caches, float* output);
  /// Adds to `sums` and `products`, [channels], the sums over rows of the gradient that ReLU let
  /// through and of its products with (input - mean).
  /// @param masked  becomes that gradient; null: not wanted
  void (*batch_norm_gradient_sums)(const BatchNormRows& from, std::int64_t rows,
                                   std::int64_t channels, const ChannelMap& map, float* masked,
                                   double* sums, double* products);
  void (*batch_norm_gradient)(const BatchNormRows& from, std::int64_t rows, std::int64_t channels,
                              const ChannelMap& map, const GradientMap& gradient_map,
                              bool past_caches, float* input_gradient);

  /// Row `row` of one image's output and, unless null, its winners.
  /// @param lines  [.., width, channels] of the image from `first_line` on, those that the row
  /// needs
  /// @param output, winners  [out_width, channels]
  void (*max_pool_row)(const MaxPoolShape& shape, const float* lines, std::int64_t first_line,
                       std::int64_t row, float* output, std::uint8_t* winners);
  /// Row `row` of the gradient of one image.
  /// @param output_gradient, winners  [out_height, out_width, channels]
  /// @param input_gradient  [width, channels]
  void (*max_pool_gradient_row)(const MaxPoolShape& shape, const float* output_gradient,
                                const std::uint8_t* winners, std::int64_t row, bool past_caches,
                                float* input_gradient);

  void (*sgd_slice)(const ParameterSlice& slice, const SgdStep& step);
  void (*adam_slice)(const ParameterSlice& slice, const AdamFactors& factors);
};

#ifdef SELFCURE_X86_KERNELS
const KernelTable& avx2_kernels();
const KernelTable& avx512_kernels();
#endif

/// The kernels of the instruction set in use; null without one.
const KernelTable* kernel_table();

}  // namespace selfcure::kernels
