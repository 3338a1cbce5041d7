// Vectors as wide as the level's registers, and the register tile that fits them.
#ifndef UIO2_VECTOR_H
#define UIO2_VECTOR_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#if UIO2_LEVEL_NUMBER >= 2
#define VECTOR_WIDTH 16
#define TILE_ROWS 6
#define TILE_VECTORS 4
#define SHARED_ROWS 4
#elif UIO2_LEVEL_NUMBER == 1
#define VECTOR_WIDTH 8
#define TILE_ROWS 6
#define TILE_VECTORS 2
#define SHARED_ROWS 2
#else
#define VECTOR_WIDTH 4
#define TILE_ROWS 4
#define TILE_VECTORS 2
#define SHARED_ROWS 2
#endif
#define TILE_COLUMNS (VECTOR_WIDTH * TILE_VECTORS)
// SHARED_ROWS: rows of inputs that share weights while these are in registers.

// X for every number of rows that a tile may have.
#if TILE_ROWS > 4
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6)
#else
#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4)
#endif

#define ALWAYS_INLINE static inline __attribute__((always_inline))
#define UNROLL _Pragma("clang loop unroll(full)")

typedef float vfloat __attribute__((vector_size(VECTOR_WIDTH * 4)));
typedef int32_t vint __attribute__((vector_size(VECTOR_WIDTH * 4)));
// The same at any address.
typedef float vfloat_unaligned __attribute__((vector_size(VECTOR_WIDTH * 4), aligned(1), may_alias));
typedef int32_t vint_unaligned __attribute__((vector_size(VECTOR_WIDTH * 4), aligned(1), may_alias));

ALWAYS_INLINE vfloat load(const float *p) { return *(const vfloat_unaligned *)p; }
ALWAYS_INLINE void store(float *p, vfloat x) { *(vfloat_unaligned *)p = x; }
// x - 0 is x, -0 included, and the compiler knows it: a load that fills the register. 0 + x it would compute.
ALWAYS_INLINE vfloat splat(float x) { return x - (vfloat){0}; }

// a * b + c in one rounding where the level has it.
ALWAYS_INLINE vfloat fused(vfloat a, vfloat b, vfloat c) {
#pragma clang fp contract(fast)
  return a * b + c;
}

// a0 b0 a1 b1 ...: the first and the second vector of it.
ALWAYS_INLINE vfloat zip_low(vfloat a, vfloat b) {
#if VECTOR_WIDTH == 16
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
#elif VECTOR_WIDTH == 8
  return __builtin_shufflevector(a, b, 0, 8, 1, 9, 2, 10, 3, 11);
#else
  return __builtin_shufflevector(a, b, 0, 4, 1, 5);
#endif
}
ALWAYS_INLINE vfloat zip_high(vfloat a, vfloat b) {
#if VECTOR_WIDTH == 16
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
#elif VECTOR_WIDTH == 8
  return __builtin_shufflevector(a, b, 4, 12, 5, 13, 6, 14, 7, 15);
#else
  return __builtin_shufflevector(a, b, 2, 6, 3, 7);
#endif
}

// Fours: a vector is VECTOR_WIDTH / 4 of them, wherever each lies.
typedef float four __attribute__((vector_size(16)));
typedef float four_unaligned __attribute__((vector_size(16), aligned(1), may_alias));
typedef float two_unaligned __attribute__((vector_size(8), aligned(1), may_alias));
typedef float eight __attribute__((vector_size(32)));
ALWAYS_INLINE four load_four(const float *p) { return *(const four_unaligned *)p; }

// The fours at p[offsets[0]], p[offsets[4]], ...
ALWAYS_INLINE vfloat load_fours(const float *p, const size_t *offsets) {
#if VECTOR_WIDTH == 4
  return load_four(p + offsets[0]);
#else
  const eight low = __builtin_shufflevector(load_four(p + offsets[0]), load_four(p + offsets[4]), 0, 1, 2, 3, 4, 5, 6, 7);
#if VECTOR_WIDTH == 8
  return low;
#else
  const eight high = __builtin_shufflevector(load_four(p + offsets[8]), load_four(p + offsets[12]), 0, 1, 2, 3, 4, 5, 6, 7);
  return __builtin_shufflevector(low, high, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
#endif
#endif
}
// The fours of x, or the first two floats of each, to p, p + step, ...
ALWAYS_INLINE void store_fours(float *p, size_t step, vfloat x) {
  UNROLL for (size_t i = 0; i < VECTOR_WIDTH; i += 4, p += step) *(four_unaligned *)p = (four){x[i], x[i + 1], x[i + 2], x[i + 3]};
}
ALWAYS_INLINE void store_twos(float *p, size_t step, vfloat x) {
  UNROLL for (size_t i = 0; i < VECTOR_WIDTH; i += 4, p += step) *(two_unaligned *)p = (two_unaligned){x[i], x[i + 1]};
}

// Within each of the fours of a (0 ... 3) and b (4 ... 7).
#if VECTOR_WIDTH == 4
#define OF_FOURS(a, b, i, j, k, l) __builtin_shufflevector(a, b, i, j, k, l)
#else
#define PLACE(i, n) ((i) < 4 ? (i) + 4 * (n) : (i) + 4 * (n) + VECTOR_WIDTH - 4)
#define PLACES(n, i, j, k, l) PLACE(i, n), PLACE(j, n), PLACE(k, n), PLACE(l, n)
#if VECTOR_WIDTH == 8
#define OF_FOURS(a, b, i, j, k, l) __builtin_shufflevector(a, b, PLACES(0, i, j, k, l), PLACES(1, i, j, k, l))
#else
#define OF_FOURS(a, b, i, j, k, l)                                                                                       \
  __builtin_shufflevector(a, b, PLACES(0, i, j, k, l), PLACES(1, i, j, k, l), PLACES(2, i, j, k, l), PLACES(3, i, j, k, l))
#endif
#endif
// 4 x 4 floats turned, VECTOR_WIDTH / 4 times side by side: element j of x[i] becomes element i of x[j] in each of the fours.
ALWAYS_INLINE void turn_fours(vfloat x[4]) {
  const vfloat a = OF_FOURS(x[0], x[1], 0, 4, 1, 5), b = OF_FOURS(x[0], x[1], 2, 6, 3, 7);
  const vfloat c = OF_FOURS(x[2], x[3], 0, 4, 1, 5), d = OF_FOURS(x[2], x[3], 2, 6, 3, 7);
  x[0] = OF_FOURS(a, c, 0, 1, 4, 5);
  x[1] = OF_FOURS(a, c, 2, 3, 6, 7);
  x[2] = OF_FOURS(b, d, 0, 1, 4, 5);
  x[3] = OF_FOURS(b, d, 2, 3, 6, 7);
}

// The upper half is added to the lower one until one number is left: an order of its own, so that every place that sums a vector
// gives the same bits.
ALWAYS_INLINE four four_sums(vfloat x) {
#if VECTOR_WIDTH == 16
  const eight e = __builtin_shufflevector(x, x, 0, 1, 2, 3, 4, 5, 6, 7) + __builtin_shufflevector(x, x, 8, 9, 10, 11, 12, 13, 14, 15);
#else
  const vfloat e = x;
#endif
#if VECTOR_WIDTH >= 8
  return __builtin_shufflevector(e, e, 0, 1, 2, 3) + __builtin_shufflevector(e, e, 4, 5, 6, 7);
#else
  return e;
#endif
}
ALWAYS_INLINE float sum_of(vfloat x) {
  const four f = four_sums(x);
  return (f[0] + f[2]) + (f[1] + f[3]);
}
// The sums of four vectors.
ALWAYS_INLINE four sums_of(const vfloat x[4]) {
  const four p = four_sums(x[0]), q = four_sums(x[1]), r = four_sums(x[2]), s = four_sums(x[3]);
  // f[0] + f[2] and f[1] + f[3] of each.
  const four low = __builtin_shufflevector(p, q, 0, 1, 4, 5) + __builtin_shufflevector(p, q, 2, 3, 6, 7);
  const four high = __builtin_shufflevector(r, s, 0, 1, 4, 5) + __builtin_shufflevector(r, s, 2, 3, 6, 7);
  return __builtin_shufflevector(low, high, 0, 2, 4, 6) + __builtin_shufflevector(low, high, 1, 3, 5, 7);
}

// The largest element of x; -infinity for none. NaN is passed over. (The compiler does not turn such loops into vectors by
// itself, since it may not assume that there is no NaN.)
ALWAYS_INLINE float largest(const float *x, size_t count) {
  float top = -INFINITY;
  size_t i = 0;
  if (count >= 2 * VECTOR_WIDTH) {
    vfloat first = splat(top), second = first;
    for (; i + 2 * VECTOR_WIDTH <= count; i += 2 * VECTOR_WIDTH) {
      first = __builtin_elementwise_max(first, load(x + i));
      second = __builtin_elementwise_max(second, load(x + i + VECTOR_WIDTH));
    }
    first = __builtin_elementwise_max(first, second);
    for (int l = 0; l < VECTOR_WIDTH; l++) top = first[l] > top ? first[l] : top;
  }
  for (; i < count; i++) top = x[i] > top ? x[i] : top;
  return top;
}

// The largest magnitude in x; 0 for none. As integers magnitudes have the order of their values, and NaN lies above infinity:
// one NaN makes the result NaN.
ALWAYS_INLINE float largest_magnitude(const float *x, size_t count) {
  int32_t top = 0;
  size_t i = 0;
  if (count >= 2 * VECTOR_WIDTH) {
    vint first = {0}, second = {0};
    for (; i + 2 * VECTOR_WIDTH <= count; i += 2 * VECTOR_WIDTH) {
      first = __builtin_elementwise_max(first, (vint)load(x + i) & 0x7fffffff);
      second = __builtin_elementwise_max(second, (vint)load(x + i + VECTOR_WIDTH) & 0x7fffffff);
    }
    first = __builtin_elementwise_max(first, second);
    for (int l = 0; l < VECTOR_WIDTH; l++) top = first[l] > top ? first[l] : top;
  }
  for (; i < count; i++) {
    int32_t bits;
    memcpy(&bits, &x[i], 4);
    bits &= 0x7fffffff;
    top = bits > top ? bits : top;
  }
  float value;
  memcpy(&value, &top, 4);
  return value;
}

// One IEEE half, exactly.
ALWAYS_INLINE float half_value(uint16_t x) {
  uint32_t sign = (uint32_t)(x & 0x8000u) << 16, exponent = (x >> 10) & 0x1fu, mantissa = x & 0x3ffu, bits;
  if (exponent == 31) {
    bits = sign | 0x7f800000u | (mantissa << 13);
  } else if (exponent != 0) {
    bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
  } else if (mantissa == 0) {
    bits = sign;
  } else {
    float magnitude = (float)mantissa * 5.9604644775390625e-8f;  // 2^-24
    memcpy(&bits, &magnitude, 4);
    bits |= sign;
  }
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

// VECTOR_WIDTH halves, widened.
ALWAYS_INLINE vfloat load_halves(const uint16_t *p) {
#if UIO2_LEVEL_NUMBER >= 2
  return (vfloat)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)p));
#elif UIO2_LEVEL_NUMBER == 1
  return (vfloat)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)p));
#else
  vfloat x;
  for (int i = 0; i < VECTOR_WIDTH; i++) x[i] = half_value(p[i]);
  return x;
#endif
}

// Element `i` of an array of floats or halves.
ALWAYS_INLINE vfloat load_either(const void *p, size_t i, int half) {
  return half ? load_halves((const uint16_t *)p + i) : load((const float *)p + i);
}
ALWAYS_INLINE float value_of_either(const void *p, size_t i, int half) {
  return half ? half_value(((const uint16_t *)p)[i]) : ((const float *)p)[i];
}

#endif
