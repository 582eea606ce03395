// What Winograd's transforms have in common that interpolate at a, -a, b, -b and infinity.
#pragma once

#include "vector.h"

namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET {

/// The transforms at those points.
///
/// @tparam Points  kA and kB, in double precision
template <class Points>
struct PointTransforms {
  static constexpr double kA = Points::kA;
  static constexpr double kB = Points::kB;
  /// 1 / product of the differences between a, or b, and the other points but 0; of -a and -b it is
  /// the negative one.
  static constexpr double kScaleA = 1.0 / (2 * kA * (kA * kA - kB * kB));
  static constexpr double kScaleB = 1.0 / (2 * kB * (kB * kB - kA * kA));
  static constexpr float kFloatA = static_cast<float>(kA);
  static constexpr float kFloatB = static_cast<float>(kB);
  static constexpr float kA2 = static_cast<float>(kA * kA);
  static constexpr float kB2 = static_cast<float>(kB * kB);
  static constexpr float kA3 = static_cast<float>(kA * kA * kA);
  static constexpr float kB3 = static_cast<float>(kB * kB * kB);

  /// B^T d at a, -a, b, -b: 4 values to 4.
  static void input(const Vector* d, Vector* r) {
    const Vector a = Vector::of(kFloatA);
    const Vector b = Vector::of(kFloatB);
    const Vector upper_a = subtract_product(d[3], Vector::of(kB2), d[1]);
    const Vector lower_a = subtract_product(d[2], Vector::of(kB2), d[0]);
    const Vector upper_b = subtract_product(d[3], Vector::of(kA2), d[1]);
    const Vector lower_b = subtract_product(d[2], Vector::of(kA2), d[0]);
    r[0] = multiply_add(a, lower_a, upper_a);
    r[1] = subtract_product(upper_a, a, lower_a);
    r[2] = multiply_add(b, lower_b, upper_b);
    r[3] = subtract_product(upper_b, b, lower_b);
  }

  /// B^T d at infinity: (x^2 - a^2) (x^2 - b^2), of d[0], d[2] and d[4].
  static Vector input_at_infinity(const Vector* d) {
    constexpr float kProduct = static_cast<float>(kA * kA * kB * kB);
    constexpr float kSum = static_cast<float>(kA * kA + kB * kB);
    return multiply_add(Vector::of(kProduct), d[0], subtract_product(d[4], Vector::of(kSum), d[2]));
  }

  /// A^T m: the frequencies at a, -a, b, -b to 4 values.
  ///
  /// @param first, last  what other points add to the first and the last of them
  static void output(const Vector* m, Vector first, Vector last, Vector* o) {
    const Vector sum_a = m[0] + m[1];
    const Vector difference_a = m[0] - m[1];
    const Vector sum_b = m[2] + m[3];
    const Vector difference_b = m[2] - m[3];
    o[0] = first + (sum_a + sum_b);
    o[1] = multiply_add(Vector::of(kFloatB), difference_b, Vector::of(kFloatA) * difference_a);
    o[2] = multiply_add(Vector::of(kB2), sum_b, Vector::of(kA2) * sum_a);
    o[3] = multiply_add(Vector::of(kB3), difference_b,
                        multiply_add(Vector::of(kA3), difference_a, last));
  }

  /// A y at a, -a, b, -b: 4 values to 4.
  static void gradient(const Vector* y, Vector* z) {
    const Vector a = Vector::of(kFloatA);
    const Vector b = Vector::of(kFloatB);
    const Vector even_a = multiply_add(Vector::of(kA2), y[2], y[0]);
    const Vector odd_a = multiply_add(Vector::of(kA2), y[3], y[1]);
    const Vector even_b = multiply_add(Vector::of(kB2), y[2], y[0]);
    const Vector odd_b = multiply_add(Vector::of(kB2), y[3], y[1]);
    z[0] = multiply_add(a, odd_a, even_a);
    z[1] = subtract_product(even_a, a, odd_a);
    z[2] = multiply_add(b, odd_b, even_b);
    z[3] = subtract_product(even_b, b, odd_b);
  }
};

}  // namespace selfcure::kernels::SELFCURE_INSTRUCTION_SET
