// Matrix products of row-major matrices, register tile by register tile.
#pragma once

#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

// The accumulators of a tile fill the registers but those for one row of b and one broadcast.
#ifdef __AVX512F__
inline constexpr int kRowTile = 12;
#else
inline constexpr int kRowTile = 6;
#endif
inline constexpr int kPanelVectors = 2;
inline constexpr Index kPanelWidth = kPanelVectors * Vector::kWidth;
/// Longest sum over which a panel of b stays in the first-level cache.
inline constexpr Index kDepthBlock = 128;
/// Terms that are summed before the sum is added to another: a sum of short sums rounds much less
/// than one long sum, and Winograd's transforms magnify what is lost here.
inline constexpr Index kShortRun = 16;
inline constexpr Index kLongRun = 64;
/// Rows of a packed panel by which it is fetched ahead. Where few rows share the weights, as for
/// one image, they come from memory, and the processor does not look beyond a page by itself.
inline constexpr Index kRowsAhead = 64;
inline constexpr Index kLineFloats = 16;

/// c [kRows, kPanelWidth] = (accumulate ? c : 0) + sum over `depth` of a's column times b's row.
///
/// @param a  element (row, k) is a[row * a_stride + k], transposed a[k * a_stride + row]
template <int kRows, bool kTransposed>
inline void tile_product(Index depth, const float* a, Index a_stride, const float* b,
                         Index b_stride, float* c, Index c_stride, bool accumulate) {
  constexpr Index kRun = kTransposed ? kLongRun : kShortRun;
  // Every third row's address: the two rows behind it are within reach of one instruction.
  constexpr int kPointers = (kRows + 2) / 3;
  const float* rows_of_a[kPointers];
#pragma GCC unroll 4
  for (int i = 0; i < kPointers; ++i) rows_of_a[i] = a + (kTransposed ? 0 : 3 * i * a_stride);
  alignas(64) float earlier_runs[kRows][kPanelWidth];
  Vector sums[kRows][kPanelVectors];
  for (Index begin = 0;; begin += kRun) {
#pragma GCC unroll 12
    for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) sums[row][v] = Vector::zero();
    const Index end = smaller(depth, begin + kRun);
    for (Index k = begin; k < end; ++k) {
      Vector row_of_b[kPanelVectors];
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v) row_of_b[v] = Vector::load(b + v * Vector::kWidth);
      if constexpr (!kTransposed) {
#pragma GCC unroll 2
        for (Index line = 0; line < kPanelWidth; line += kLineFloats)
          prefetch(b, kRowsAhead * kPanelWidth + line);
      }
#pragma GCC unroll 12
      for (int row = 0; row < kRows; ++row) {
        const Vector factor =
            Vector::of(kTransposed ? rows_of_a[0][row] : rows_of_a[row / 3][row % 3 * a_stride]);
#pragma GCC unroll 2
        for (int v = 0; v < kPanelVectors; ++v)
          sums[row][v] = multiply_add(factor, row_of_b[v], sums[row][v]);
      }
#pragma GCC unroll 4
      for (int i = 0; i < kPointers; ++i) rows_of_a[i] += kTransposed ? a_stride : 1;
      b += b_stride;
    }
    if (begin > 0) {
#pragma GCC unroll 12
      for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 2
        for (int v = 0; v < kPanelVectors; ++v)
          sums[row][v] = sums[row][v] + Vector::load(&earlier_runs[row][v * Vector::kWidth]);
    }
    if (end == depth) break;
#pragma GCC unroll 12
    for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 2
      for (int v = 0; v < kPanelVectors; ++v)
        sums[row][v].store(&earlier_runs[row][v * Vector::kWidth]);
  }
#pragma GCC unroll 12
  for (int row = 0; row < kRows; ++row)
#pragma GCC unroll 2
    for (int v = 0; v < kPanelVectors; ++v) {
      float* const to = c + row * c_stride + v * Vector::kWidth;
      if (accumulate) sums[row][v] = sums[row][v] + Vector::load(to);
      sums[row][v].store(to);
    }
}

/// The rows that a whole register tile leaves over.
template <int kRows, bool kTransposed>
inline void rest_product(Index rows, Index depth, const float* a, Index a_stride, const float* b,
                         Index b_stride, float* c, Index c_stride, bool accumulate) {
  if constexpr (kRows > 0) {
    if (rows == kRows)
      tile_product<kRows, kTransposed>(depth, a, a_stride, b, b_stride, c, c_stride, accumulate);
    else
      rest_product<kRows - 1, kTransposed>(rows, depth, a, a_stride, b, b_stride, c, c_stride,
                                           accumulate);
  }
}

template <bool kTransposed>
inline void column_product(Index rows, Index depth, const float* a, Index a_stride, const float* b,
                           Index b_stride, float* c, Index c_stride, bool accumulate) {
  const Index to_next_row = kTransposed ? 1 : a_stride;
  Index row = 0;
  for (; row + kRowTile <= rows; row += kRowTile)
    tile_product<kRowTile, kTransposed>(depth, a + row * to_next_row, a_stride, b, b_stride,
                                        c + row * c_stride, c_stride, accumulate);
  rest_product<kRowTile - 1, kTransposed>(rows - row, depth, a + row * to_next_row, a_stride, b,
                                          b_stride, c + row * c_stride, c_stride, accumulate);
}

/// KernelTable::product
inline void product(Index rows, Index depth, Index columns, const float* a, Index a_stride,
                    const float* b, float* c, Index c_stride) {
  for (Index begin = 0; begin < depth; begin += kDepthBlock) {
    const Index length = smaller(kDepthBlock, depth - begin);
    for (Index column = 0; column < columns; column += kPanelWidth)
      column_product<false>(rows, length, a + begin, a_stride,
                            b + column * depth + begin * kPanelWidth, kPanelWidth, c + column,
                            c_stride, begin > 0);
  }
}

/// KernelTable::transposed_product
inline void transposed_product(Index rows, Index columns_a, Index columns_b, const float* a,
                               Index a_stride, const float* b, Index b_stride, float* c,
                               Index c_stride, bool accumulate) {
  for (Index column = 0; column < columns_b; column += kPanelWidth)
    column_product<true>(columns_a, rows, a, a_stride, b + column, b_stride, c + column, c_stride,
                         accumulate);
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
