// Weights in 8 bits. 64 outputs make a tile; in it four neighbouring inputs of each output lie together, which is what the
// dot-product instructions of x86 take: packed[tile][input / 4][output in tile][input % 4], each weight + 128. A scale belongs
// to a block of inputs of one output: scales[tile][block][output in tile].

#define I8_TILE 64
#define I8_SMALLEST 0x1p-118f

ALWAYS_INLINE size_t i8_padded(size_t columns) { return (columns + 3) / 4 * 4; }
ALWAYS_INLINE size_t i8_blocks(size_t columns, size_t block) { return (columns + block - 1) / block; }

// What x is divided by and multiplied with to fill -127...127. Numbers too small for a normal scale are taken for 0; without a
// largest finite number there is no scale: it is NaN, and so is everything that is multiplied with it.
ALWAYS_INLINE float i8_inverse(const float *x, size_t count, float *scale) {
  const float top = largest_magnitude(x, count);
  if (!(top < INFINITY)) {
    *scale = NAN;
    return 0;
  }
  *scale = top < I8_SMALLEST ? 0 : top / 127.0f;
  return top < I8_SMALLEST ? 0 : 127.0f / top;
}

// x to nearest even, |x| < 2^22: adding 1.5 * 2^23 leaves the integer in the low mantissa bits.
#define I8_MAGIC 12582912.0f
#define I8_MAGIC_BITS 0x4b400000
ALWAYS_INLINE int32_t i8_nearest(float x) {
  const float shifted = x + I8_MAGIC;
  int32_t bits;
  memcpy(&bits, &shifted, 4);
  return bits - I8_MAGIC_BITS;
}

void KERNEL(i8_quantize)(int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns,
                         size_t block) {
  const size_t padded = i8_padded(columns), blocks = i8_blocks(columns, block);
  for (size_t r = 0; r < rows; r++) {
    for (size_t b = 0; b < blocks; b++) {
      const float *in = x + r * columns + b * block;
      int8_t *out = q + r * padded + b * block;
      const size_t count = columns - b * block < block ? columns - b * block : block;
      const float inverse = i8_inverse(in, count, &scales[r * blocks + b]);
      int32_t sum = 0;
      if (inverse == 0) {
        memset(out, 0, count);
      } else {
#pragma clang loop vectorize_width(VECTOR_WIDTH) interleave_count(2)
        for (size_t c = 0; c < count; c++) {
          int32_t value = i8_nearest(in[c] * inverse);
          out[c] = (int8_t)value;
          sum += value;
        }
      }
      sums[r * blocks + b] = sum * 128;
    }
    for (size_t c = columns; c < padded; c++) q[r * padded + c] = 0;
  }
}

// Activations in 15 bits as two planes of 8: x = scale (128 high + low). Products with 8-bit weights stay exact integers, at the
// price of two rows for each one; where the weights' way from memory is what costs, the second row costs nothing.

void KERNEL(i16_quantize)(int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns,
                          size_t block) {
  const size_t padded = i8_padded(columns), blocks = i8_blocks(columns, block);
  for (size_t r = 0; r < rows; r++) {
    int8_t *high_row = q + 2 * r * padded, *low_row = high_row + padded;
    for (size_t b = 0; b < blocks; b++) {
      const float *in = x + r * columns + b * block;
      int8_t *high = high_row + b * block, *low = low_row + b * block;
      const size_t count = columns - b * block < block ? columns - b * block : block;
      float scale;
      const float inverse = i8_inverse(in, count, &scale) * 128.0f;
      int32_t high_sum = 0, low_sum = 0;
      if (inverse == 0) {
        memset(high, 0, count);
        memset(low, 0, count);
      } else {
#pragma clang loop vectorize_width(VECTOR_WIDTH) interleave_count(2)
        for (size_t c = 0; c < count; c++) {
          int32_t value = i8_nearest(in[c] * inverse);
          int32_t upper = (value + 64) >> 7, lower = value - upper * 128;
          high[c] = (int8_t)upper;
          low[c] = (int8_t)lower;
          high_sum += upper;
          low_sum += lower;
        }
      }
      scales[2 * r * blocks + b] = scale;
      scales[(2 * r + 1) * blocks + b] = scale / 128.0f;
      sums[2 * r * blocks + b] = high_sum * 128;
      sums[(2 * r + 1) * blocks + b] = low_sum * 128;
    }
    for (size_t c = columns; c < padded; c++) high_row[c] = low_row[c] = 0;
  }
}
