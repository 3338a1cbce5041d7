// Weights stored as bfloat16, the upper half of an f32: products widen them in registers, so that only half the bytes are read.
#include "CKernels.h"
#include "dispatch.h"

#include <string.h>

static inline __attribute__((always_inline)) float widened(uint16_t half) {
  uint32_t bits = (uint32_t)half << 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

UIO2_DISPATCHED void uio2_bf16_matvec(float *y, const uint16_t *w, const float *x, size_t rows, size_t columns) {
  UIO2_REASSOCIATE
  size_t r = 0;
  // Four rows at a time share each load of x and keep enough additions in flight.
  for (; r + 4 <= rows; r += 4) {
    const uint16_t *row0 = w + r * columns, *row1 = row0 + columns, *row2 = row1 + columns, *row3 = row2 + columns;
    float sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (size_t c = 0; c < columns; c++) {
      float value = x[c];
      sum0 += widened(row0[c]) * value;
      sum1 += widened(row1[c]) * value;
      sum2 += widened(row2[c]) * value;
      sum3 += widened(row3[c]) * value;
    }
    y[r] = sum0;
    y[r + 1] = sum1;
    y[r + 2] = sum2;
    y[r + 3] = sum3;
  }
  for (; r < rows; r++) {
    const uint16_t *row = w + r * columns;
    float sum = 0;
    for (size_t c = 0; c < columns; c++) sum += widened(row[c]) * x[c];
    y[r] = sum;
  }
}

UIO2_DISPATCHED void uio2_f32_to_bf16(uint16_t *y, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits;
    memcpy(&bits, &x[i], 4);
    // To nearest, ties to even; a NaN keeps its sign and stays a NaN although its payload may lie in the lower half.
    uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    uint32_t quiet = (bits >> 16) | 0x40u;
    y[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
  }
}
