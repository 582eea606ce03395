// One register of floats, as wide as the instruction set that this file is compiled for.
//
// Everything under simd/ is compiled once per instruction set, within a namespace of its name, and
// uses no function of the standard library: an inline function compiled for AVX-512 could otherwise
// be the copy that the linker keeps for the whole program.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

#ifdef __AVX512F__
#define SELFCURE_INSTRUCTION_SET avx512
#else
#define SELFCURE_INSTRUCTION_SET avx2
#endif

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

using Index = std::int64_t;

#ifdef __AVX512F__

struct Vector {
  static constexpr int kWidth = 16;
  __m512 value;

  static Vector zero() { return {_mm512_setzero_ps()}; }
  static Vector of(float x) { return {_mm512_set1_ps(x)}; }
  static Vector load(const float* p) { return {_mm512_loadu_ps(p)}; }
  /// The first `count` floats, in [1, kWidth], the rest 0; nothing beyond them is read.
  static Vector load(const float* p, Index count) {
    return {_mm512_maskz_loadu_ps(mask(count), p)};
  }
  void store(float* p) const { _mm512_storeu_ps(p, value); }
  /// Writes around the caches; `p` is aligned to the vector.
  void stream(float* p) const { _mm512_stream_ps(p, value); }
  void store(float* p, Index count) const { _mm512_mask_storeu_ps(p, mask(count), value); }

 private:
  static __mmask16 mask(Index count) { return static_cast<__mmask16>((1U << count) - 1U); }
};

inline Vector operator+(Vector a, Vector b) { return {_mm512_add_ps(a.value, b.value)}; }
inline Vector operator-(Vector a, Vector b) { return {_mm512_sub_ps(a.value, b.value)}; }
inline Vector operator*(Vector a, Vector b) { return {_mm512_mul_ps(a.value, b.value)}; }
inline Vector operator/(Vector a, Vector b) { return {_mm512_div_ps(a.value, b.value)}; }
inline Vector square_root(Vector a) { return {_mm512_sqrt_ps(a.value)}; }
/// a * b + c
inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return {_mm512_fmadd_ps(a.value, b.value, c.value)};
}
/// c - a * b
inline Vector subtract_product(Vector c, Vector a, Vector b) {
  return {_mm512_fnmadd_ps(a.value, b.value, c.value)};
}
/// b where one of them is NaN.
inline Vector max(Vector a, Vector b) { return {_mm512_max_ps(a.value, b.value)}; }
/// x where y > 0 or y is NaN, else 0.
inline Vector where_positive(Vector y, Vector x) {
  return {
      _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(y.value, _mm512_setzero_ps(), _CMP_NLE_UQ), x.value)};
}

/// The same lanes in double precision.
struct WideVector {
  __m512d low;
  __m512d high;

  static WideVector of(double x) { return {_mm512_set1_pd(x), _mm512_set1_pd(x)}; }
  static WideVector load(const float* p) {
    return {_mm512_cvtps_pd(_mm256_loadu_ps(p)), _mm512_cvtps_pd(_mm256_loadu_ps(p + 8))};
  }
  /// Rounded to floats.
  void store(float* p) const {
    _mm256_storeu_ps(p, _mm512_cvtpd_ps(low));
    _mm256_storeu_ps(p + 8, _mm512_cvtpd_ps(high));
  }
};

inline WideVector operator+(WideVector a, WideVector b) {
  return {_mm512_add_pd(a.low, b.low), _mm512_add_pd(a.high, b.high)};
}
inline WideVector operator-(WideVector a, WideVector b) {
  return {_mm512_sub_pd(a.low, b.low), _mm512_sub_pd(a.high, b.high)};
}
inline WideVector operator*(WideVector a, WideVector b) {
  return {_mm512_mul_pd(a.low, b.low), _mm512_mul_pd(a.high, b.high)};
}

#else

struct Vector {
  static constexpr int kWidth = 8;
  __m256 value;

  static Vector zero() { return {_mm256_setzero_ps()}; }
  static Vector of(float x) { return {_mm256_set1_ps(x)}; }
  static Vector load(const float* p) { return {_mm256_loadu_ps(p)}; }
  /// The first `count` floats, in [1, kWidth], the rest 0; nothing beyond them is read.
  static Vector load(const float* p, Index count) { return {_mm256_maskload_ps(p, mask(count))}; }
  void store(float* p) const { _mm256_storeu_ps(p, value); }
  /// Writes around the caches; `p` is aligned to the vector.
  void stream(float* p) const { _mm256_stream_ps(p, value); }
  void store(float* p, Index count) const { _mm256_maskstore_ps(p, mask(count), value); }

 private:
  static __m256i mask(Index count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
  }
};

inline Vector operator+(Vector a, Vector b) { return {_mm256_add_ps(a.value, b.value)}; }
inline Vector operator-(Vector a, Vector b) { return {_mm256_sub_ps(a.value, b.value)}; }
inline Vector operator*(Vector a, Vector b) { return {_mm256_mul_ps(a.value, b.value)}; }
inline Vector operator/(Vector a, Vector b) { return {_mm256_div_ps(a.value, b.value)}; }
inline Vector square_root(Vector a) { return {_mm256_sqrt_ps(a.value)}; }
/// a * b + c
inline Vector multiply_add(Vector a, Vector b, Vector c) {
  return {_mm256_fmadd_ps(a.value, b.value, c.value)};
}
/// c - a * b
inline Vector subtract_product(Vector c, Vector a, Vector b) {
  return {_mm256_fnmadd_ps(a.value, b.value, c.value)};
}
/// b where one of them is NaN.
inline Vector max(Vector a, Vector b) { return {_mm256_max_ps(a.value, b.value)}; }
/// x where y > 0 or y is NaN, else 0.
inline Vector where_positive(Vector y, Vector x) {
  return {_mm256_and_ps(x.value, _mm256_cmp_ps(y.value, _mm256_setzero_ps(), _CMP_NLE_UQ))};
}

/// The same lanes in double precision.
struct WideVector {
  __m256d low;
  __m256d high;

  static WideVector of(double x) { return {_mm256_set1_pd(x), _mm256_set1_pd(x)}; }
  static WideVector load(const float* p) {
    return {_mm256_cvtps_pd(_mm_loadu_ps(p)), _mm256_cvtps_pd(_mm_loadu_ps(p + 4))};
  }
  /// Rounded to floats.
  void store(float* p) const {
    _mm_storeu_ps(p, _mm256_cvtpd_ps(low));
    _mm_storeu_ps(p + 4, _mm256_cvtpd_ps(high));
  }
};

inline WideVector operator+(WideVector a, WideVector b) {
  return {_mm256_add_pd(a.low, b.low), _mm256_add_pd(a.high, b.high)};
}
inline WideVector operator-(WideVector a, WideVector b) {
  return {_mm256_sub_pd(a.low, b.low), _mm256_sub_pd(a.high, b.high)};
}
inline WideVector operator*(WideVector a, WideVector b) {
  return {_mm256_mul_pd(a.low, b.low), _mm256_mul_pd(a.high, b.high)};
}

#endif

inline Index smaller(Index a, Index b) { return a < b ? a : b; }
inline Index rounded_up(Index count, Index unit) { return (count + unit - 1) / unit * unit; }

/// The place `offset` floats from `base`, which may lie outside of the array: a prefetch forgives
/// that, but a float* to there would not be one.
inline const void* place_to_fetch(const float* base, Index offset) {
  const auto address =
      reinterpret_cast<std::uintptr_t>(base) + static_cast<std::uintptr_t>(offset) * sizeof(float);
  return reinterpret_cast<const void*>(address);  // NOLINT(performance-no-int-to-ptr)
}

/// Fetches the line `offset` floats from `base`, which may lie outside of the array.
inline void prefetch(const float* base, Index offset) {
  __builtin_prefetch(place_to_fetch(base, offset));
}
/// The same, to be written.
inline void prefetch_to_write(const float* base, Index offset) {
  __builtin_prefetch(place_to_fetch(base, offset), 1);
}

/// Calls body(channel, count) for each vector of channels; the last count may be below the width.
template <class Body>
inline void for_each_vector(Index channels, Body body) {
  Index channel = 0;
  for (; channel + Vector::kWidth <= channels; channel += Vector::kWidth)
    body(channel, Index{Vector::kWidth});
  if (channel < channels) body(channel, channels - channel);
}

/// Is a row's every vector aligned as Vector::stream() wants it?
inline bool streamable(const float* rows, Index channels) {
  return channels % Vector::kWidth == 0 &&
         reinterpret_cast<std::uintptr_t>(rows) % sizeof(Vector) == 0;
}
/// Brings what was streamed into order with later writes of this thread.
inline void finish_streams() { _mm_sfence(); }

inline Vector load_some(const float* p, Index count) {
  return count == Vector::kWidth ? Vector::load(p) : Vector::load(p, count);
}
inline void store_some(Vector v, float* p, Index count) {
  if (count == Vector::kWidth)
    v.store(p);
  else
    v.store(p, count);
}

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
