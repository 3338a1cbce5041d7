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

// Where the dot product takes 8 bits: both rows, then their sum.
ALWAYS_INLINE void i16_by_rows(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                               size_t count, const uint8_t *packed, const float *w_scales, size_t columns,
                               size_t block, size_t outputs, float *scratch) {
  KERNEL(i8_gemm)(scratch, I8_TILE, q, x_scales, sums, 2 * count, packed, w_scales, columns, block, outputs);
  for (size_t r = 0; r < count; r++) {
    const float *first = scratch + 2 * r * I8_TILE, *second = first + I8_TILE;
    float *out = y + r * y_stride;
    for (size_t n = 0; n < outputs; n++) out[n] = first[n] + second[n];
  }
}

void KERNEL(i16_gemm)(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                      size_t count, const uint8_t *packed, const float *w_scales, size_t columns, size_t block,
                      size_t outputs, float *scratch) {
#if UIO2_LEVEL_NUMBER < 3
  // Where it takes 16 bits anyway, in one go, unless 32 bits might not hold the sum: 512 * 128 * 127 * 255 < 2^31.
  if (block <= 512) {
    i8_product(y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs, 1);
    return;
  }
#endif
  i16_by_rows(y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs, scratch);
}
