// Vectorisable single-precision functions: branch-free, no calls, so that the loops around them become SIMD.
#ifndef UIO2_MATH_H
#define UIO2_MATH_H

#include <stdint.h>
#include <string.h>

// exp(x), within 2 ulp for -87.3 <= x <= 88.3; exp(-87.3) below, infinity above 88.4.
static inline __attribute__((always_inline)) float uio2_expf(float x) {
  x = x < -87.3f ? -87.3f : x;
  x = x > 88.7f ? 88.7f : x;
  // Adding 1.5 * 2^23 rounds to an integer in the low mantissa bits.
  const float magic = 12582912.0f;
  float shifted = x * 1.44269504088896341f + magic;
  float n = shifted - magic;
  float r = x - n * 0.693359375f;
  r = r - n * -2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  int32_t bits;
  memcpy(&bits, &shifted, 4);
  int32_t scale_bits = (int32_t)(((uint32_t)bits << 23) + 0x3f800000u);
  float scale;
  memcpy(&scale, &scale_bits, 4);
  return p * scale;
}

// erf(x), within about 1 ulp (minimax polynomials on both sides of 475/512).
static inline __attribute__((always_inline)) float uio2_erff(float x) {
  float t = x < 0 ? -x : x;
  float s = x * x;
  float r = -1.72853470e-5f * t + 3.83197126e-4f;
  float u = -3.88396438e-3f * t + 2.42546219e-2f;
  r = r * s + u;
  r = r * t + -1.06777877e-1f;
  r = r * t + -6.34846687e-1f;
  r = r * t + -1.28717512e-1f;
  r = r * t + -t;
  float large = 1.0f - uio2_expf(r);
  large = x < 0 ? -large : large;
  float q = -5.96761703e-4f;
  q = q * s + 4.99119423e-3f;
  q = q * s + -2.67681349e-2f;
  q = q * s + 1.12819925e-1f;
  q = q * s + -3.76125336e-1f;
  q = q * s + 1.28379166e-1f;
  float small = q * x + x;
  return t > 0.927734375f ? large : small;
}

#endif
