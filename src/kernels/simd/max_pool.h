// Max pooling: each output's winner, and each input's gradient from the windows that it won.
#pragma once

#include "../kernel_table.h"
#include "groups.h"
#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

#ifdef __AVX512F__

/// The largest values so far, and their places.
struct Winners {
  __m512 value;
  __m512i place;

  static Winners first(Vector value, int place) { return {value.value, _mm512_set1_epi32(place)}; }
  void challenge(Vector v, int at) {
    const auto wins = static_cast<__mmask16>(_mm512_cmp_ps_mask(v.value, value, _CMP_GT_OQ) |
                                             _mm512_cmp_ps_mask(v.value, v.value, _CMP_UNORD_Q));
    value = _mm512_mask_mov_ps(value, wins, v.value);
    place = _mm512_mask_mov_epi32(place, wins, _mm512_set1_epi32(at));
  }
  Vector values() const { return {value}; }
  void store_places(std::uint8_t* p, Index count) const {
    _mm512_mask_cvtepi32_storeu_epi8(p, static_cast<__mmask16>((1U << count) - 1U), place);
  }
};

/// sum + (winner == place ? value : 0) of `count` winners; kWhole: of a vector's
template <bool kWhole>
inline Vector add_won(Vector sum, Vector value, const std::uint8_t* winners, Index count,
                      int place) {
  const __m128i places =
      kWhole ? _mm_loadu_si128(reinterpret_cast<const __m128i*>(winners))
             : _mm_maskz_loadu_epi8(static_cast<__mmask16>((1U << count) - 1U), winners);
  // Lanes behind the last one add 0.
  const __mmask16 won = _mm_cmpeq_epi8_mask(places, _mm_set1_epi8(static_cast<char>(place)));
  return {_mm512_mask_add_ps(sum.value, won, sum.value, value.value)};
}

#else

/// The largest values so far, and their places.
struct Winners {
  __m256 value;
  __m256i place;

  static Winners first(Vector value, int place) { return {value.value, _mm256_set1_epi32(place)}; }
  void challenge(Vector v, int at) {
    const __m256 wins = _mm256_or_ps(_mm256_cmp_ps(v.value, value, _CMP_GT_OQ),
                                     _mm256_cmp_ps(v.value, v.value, _CMP_UNORD_Q));
    value = _mm256_blendv_ps(value, v.value, wins);
    place = _mm256_blendv_epi8(place, _mm256_set1_epi32(at), _mm256_castps_si256(wins));
  }
  Vector values() const { return {value}; }
  void store_places(std::uint8_t* p, Index count) const {
    const __m128i words =
        _mm_packus_epi32(_mm256_castsi256_si128(place), _mm256_extracti128_si256(place, 1));
    alignas(8) std::uint8_t bytes[Vector::kWidth];
    const __m128i packed = _mm_packus_epi16(words, words);
    if (count == Vector::kWidth) {
      _mm_storel_epi64(reinterpret_cast<__m128i*>(p), packed);
      return;
    }
    _mm_storel_epi64(reinterpret_cast<__m128i*>(bytes), packed);
    for (Index i = 0; i < count; ++i) p[i] = bytes[i];
  }
};

/// sum + (winner == place ? value : 0) of `count` winners; kWhole: of a vector's
template <bool kWhole>
inline Vector add_won(Vector sum, Vector value, const std::uint8_t* winners, Index count,
                      int place) {
  alignas(8) std::uint8_t bytes[Vector::kWidth] = {};
  if (!kWhole) {
    for (Index i = 0; i < count; ++i) bytes[i] = winners[i];
    winners = bytes;
  }
  const __m256i places =
      _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(winners)));
  const __m256i won = _mm256_cmpeq_epi32(places, _mm256_set1_epi32(place));
  return {_mm256_add_ps(sum.value, _mm256_and_ps(value.value, _mm256_castsi256_ps(won)))};
}

#endif

/// Indices [first, last).
struct Span {
  Index first;
  Index last;
};

/// Taps of the window `window` that lie within `size` pixels; at least one, as padding is less than
/// the kernel.
inline Span taps_of(const MaxPoolShape& shape, Index window, Index size) {
  const Index begin = window * shape.stride - shape.padding;
  return {begin < 0 ? -begin : 0, smaller(shape.kernel, size - begin)};
}

template <bool kPlaces>
inline void pool_row(const MaxPoolShape& shape, const float* lines_of_image, Index first_line,
                     Index row, float* output, std::uint8_t* winners) {
  const Index channels = shape.channels;
  const Index out_width = shape.out_width();
  const Span lines = taps_of(shape, row, shape.height);
  const float* const top =
      lines_of_image + (row * shape.stride - shape.padding - first_line) * shape.width * channels;
  for (Index column = 0; column < out_width; ++column) {
    const Span columns = taps_of(shape, column, shape.width);
    const Index left = (column * shape.stride - shape.padding) * channels;
    for_each_group(channels, [&](auto group, Index channel, Index count) {
      constexpr int kVectors = decltype(group)::kVectors;
      const float* const window = top + left + channel;
      Winners best[kVectors];
      const float* const corner = window + (lines.first * shape.width + columns.first) * channels;
      const int corner_place = static_cast<int>(lines.first * shape.kernel + columns.first);
      for (int v = 0; v < kVectors; ++v)
        best[v] = Winners::first(group.load(corner + v * Vector::kWidth, count), corner_place);
      for (Index i = lines.first; i < lines.last; ++i)
        for (Index j = columns.first; j < columns.last; ++j) {
          const float* const tap = window + (i * shape.width + j) * channels;
          const int place = static_cast<int>(i * shape.kernel + j);
#pragma GCC unroll 4
          for (int v = 0; v < kVectors; ++v)
            best[v].challenge(group.load(tap + v * Vector::kWidth, count), place);
        }
      const Index at = column * channels + channel;
      for (int v = 0; v < kVectors; ++v) {
        group.store(best[v].values(), output + at + v * Vector::kWidth, count);
        if (kPlaces) best[v].store_places(winners + at + v * Vector::kWidth, count);
      }
    });
  }
}

/// KernelTable::max_pool_row
inline void max_pool_row(const MaxPoolShape& shape, const float* lines, Index first_line, Index row,
                         float* output, std::uint8_t* winners) {
  if (winners != nullptr)
    pool_row<true>(shape, lines, first_line, row, output, winners);
  else
    pool_row<false>(shape, lines, first_line, row, output, winners);
}

/// Windows that a pixel takes part in, as it moves on along one dimension.
class Windows {
 public:
  Windows(const MaxPoolShape& shape, Index pixel, Index count)
      : stride_(shape.stride), kernel_(shape.kernel), count_(count), at_(pixel + shape.padding) {
    span_.last = smaller(at_ / stride_ + 1, count_);
    span_.first = at_ < kernel_ ? 0 : (at_ - kernel_) / stride_ + 1;
  }
  void next() {
    ++at_;
    if (span_.last < count_ && span_.last * stride_ <= at_) ++span_.last;
    if (span_.first * stride_ + kernel_ <= at_) ++span_.first;
  }
  Index first() const { return span_.first; }
  Index last() const { return span_.last; }
  /// The pixel's place within a window.
  Index tap(Index window) const { return at_ - window * stride_; }

 private:
  Index stride_;
  Index kernel_;
  Index count_;
  Index at_;
  Span span_;
};

/// A window that a pixel takes part in.
struct WonWindow {
  /// Of its first channel within gradients and winners.
  Index at;
  /// The pixel's place.
  int place;
};

/// Sums the gradients of windows, `kCount` if above 0 and otherwise `count`, that a pixel won.
template <int kCount, bool kStream>
inline void pixel_gradient(const WonWindow* windows, Index count, Index channels,
                           const float* output_gradient, const std::uint8_t* winners,
                           float* input_gradient) {
  for_each_group(channels, [=](auto group, Index channel, Index last) {
    constexpr int kVectors = decltype(group)::kVectors;
    Vector sum[kVectors];
    for (int v = 0; v < kVectors; ++v) sum[v] = Vector::zero();
#pragma GCC unroll 4
    for (Index i = 0; i < (kCount > 0 ? kCount : count); ++i) {
      const Index at = windows[i].at + channel;
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v)
        sum[v] = add_won<decltype(group)::kLastIsWhole>(
            sum[v], group.load(output_gradient + at + v * Vector::kWidth, last),
            winners + at + v * Vector::kWidth, last, windows[i].place);
    }
    for (int v = 0; v < kVectors; ++v) {
      float* const to = input_gradient + channel + v * Vector::kWidth;
      if (kStream)
        sum[v].stream(to);
      else
        group.store(sum[v], to, last);
    }
  });
}

template <bool kStream>
inline void gradient_row(const MaxPoolShape& shape, const float* output_gradient,
                         const std::uint8_t* winners, Index row, float* input_gradient) {
  const Index channels = shape.channels;
  const Index out_width = shape.out_width();
  const Windows lines(shape, row, shape.out_height());
  Windows columns(shape, 0, out_width);
  WonWindow windows[kMostPoolTaps];
  for (Index column = 0; column < shape.width; ++column, columns.next()) {
    Index count = 0;
    for (Index i = lines.first(); i < lines.last(); ++i)
      for (Index j = columns.first(); j < columns.last(); ++j)
        windows[count++] = {(i * out_width + j) * channels,
                            static_cast<int>(lines.tap(i) * shape.kernel + columns.tap(j))};
    float* const to = input_gradient + column * channels;
    // As many as a kernel of 3 with stride 2 has.
    if (count == 1)
      pixel_gradient<1, kStream>(windows, count, channels, output_gradient, winners, to);
    else if (count == 2)
      pixel_gradient<2, kStream>(windows, count, channels, output_gradient, winners, to);
    else if (count == 4)
      pixel_gradient<4, kStream>(windows, count, channels, output_gradient, winners, to);
    else
      pixel_gradient<0, kStream>(windows, count, channels, output_gradient, winners, to);
  }
  if (kStream) finish_streams();
}

/// KernelTable::max_pool_gradient_row
inline void max_pool_gradient_row(const MaxPoolShape& shape, const float* output_gradient,
                                  const std::uint8_t* winners, Index row, bool past_caches,
                                  float* input_gradient) {
  if (past_caches && streamable(input_gradient, shape.channels))
    gradient_row<true>(shape, output_gradient, winners, row, input_gradient);
  else
    gradient_row<false>(shape, output_gradient, winners, row, input_gradient);
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
