#include "checksum.h"

#include <zlib.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace selfcure {
namespace {

#if defined(__x86_64__)

constexpr std::size_t kLane = 16;
constexpr std::size_t kBlock = 4 * kLane;

using Lane = __m128i;

// Remainders of powers of x by the polynomial, bits reversed: a lane moves on by so many bits.
// Source: Gopal et al., Fast CRC Computation for Generic Polynomials Using PCLMULQDQ, Intel 2009.
constexpr long long kBy544 = 0x0154442bd4, kBy480 = 0x01c6e41596;
constexpr long long kBy160 = 0x01751997d0, kBy96 = 0x00ccaa009e;
constexpr long long kBy64 = 0x0163cd6124;
constexpr long long kPolynomial = 0x01db710641, kInverse = 0x01f7011641;

__attribute__((target("pclmul,sse4.1"))) Lane load(const std::uint8_t* data) {
  return _mm_loadu_si128(reinterpret_cast<const Lane*>(data));
}

/// Moves `lane` on by the distance of `factors` and adds what is there.
__attribute__((target("pclmul,sse4.1"))) Lane fold(Lane lane, Lane factors, Lane next) {
  const Lane low = _mm_clmulepi64_si128(lane, factors, 0x00);
  const Lane high = _mm_clmulepi64_si128(lane, factors, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/// The remainder of whole lanes. @param bytes  a multiple of 16, at least 64
__attribute__((target("pclmul,sse4.1"))) std::uint32_t remainder_of(const std::uint8_t* data,
                                                                    std::size_t bytes) {
  Lane a = _mm_xor_si128(load(data), _mm_cvtsi32_si128(-1));
  Lane b = load(data + kLane);
  Lane c = load(data + 2 * kLane);
  Lane d = load(data + 3 * kLane);
  const Lane by_block = _mm_set_epi64x(kBy480, kBy544);
  for (data += kBlock, bytes -= kBlock; bytes >= kBlock; data += kBlock, bytes -= kBlock) {
    a = fold(a, by_block, load(data));
    b = fold(b, by_block, load(data + kLane));
    c = fold(c, by_block, load(data + 2 * kLane));
    d = fold(d, by_block, load(data + 3 * kLane));
  }
  const Lane by_lane = _mm_set_epi64x(kBy96, kBy160);
  a = fold(fold(fold(a, by_lane, b), by_lane, c), by_lane, d);
  for (; bytes >= kLane; data += kLane, bytes -= kLane) a = fold(a, by_lane, load(data));

  // 128 bits to 64, to 32, and the remainder by Barrett's method.
  const Lane words = _mm_setr_epi32(-1, 0, -1, 0);
  a = _mm_xor_si128(_mm_srli_si128(a, 8), _mm_clmulepi64_si128(a, by_lane, 0x10));
  a = _mm_xor_si128(_mm_srli_si128(a, 4),
                    _mm_clmulepi64_si128(_mm_and_si128(a, words), _mm_set_epi64x(0, kBy64), 0x00));
  const Lane barrett = _mm_set_epi64x(kInverse, kPolynomial);
  Lane quotient = _mm_clmulepi64_si128(_mm_and_si128(a, words), barrett, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, words), barrett, 0x00);
  return ~static_cast<std::uint32_t>(_mm_extract_epi32(_mm_xor_si128(a, quotient), 1));
}

#endif

}  // namespace

std::uint32_t zip_checksum(const std::uint8_t* data, std::size_t bytes) {
  uLong sum = 0;
#if defined(__x86_64__)
  if (bytes >= kBlock && __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
    const std::size_t whole = bytes / kLane * kLane;
    sum = remainder_of(data, whole);
    data += whole;
    bytes -= whole;
  }
#endif
  return static_cast<std::uint32_t>(::crc32_z(sum, data, bytes));
}

}  // namespace selfcure
