// Activations in 15 bits as two planes of 8: x = scale (128 high + low). Products with 8-bit weights stay exact integers, at the
// price of two rows for each one; where the weights' way from memory is what costs, the second row costs nothing.

void KERNEL(i16_quantize)(int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns,
                          size_t block) {
  UIO2_REASSOCIATE
  const size_t padded = i8_padded(columns), blocks = i8_blocks(columns, block);
  for (size_t r = 0; r < rows; r++) {
    int8_t *high = q + 2 * r * padded, *low = high + padded;
    for (size_t b = 0; b < blocks; b++) {
      const float *in = x + r * columns + b * block;
      int8_t *high_out = high + b * block, *low_out = low + b * block;
      const size_t count = columns - b * block < block ? columns - b * block : block;
      const float top = largest(in, count, 1), scale = top / 16256.0f;
      const float inverse = top > 0 ? 16256.0f / top : 0;
      int32_t high_sum = 0, low_sum = 0;
#pragma clang loop vectorize_width(VECTOR_WIDTH) interleave_count(2)
      for (size_t c = 0; c < count; c++) {
        // Adding 1.5 * 2^23 rounds to nearest even in the low mantissa bits.
        float shifted = in[c] * inverse + 12582912.0f;
        int32_t bits;
        memcpy(&bits, &shifted, 4);
        int32_t value = bits - 0x4b400000;
        int32_t upper = (value + 64) >> 7, lower = value - upper * 128;
        high_out[c] = (int8_t)upper;
        low_out[c] = (int8_t)lower;
        high_sum += (int8_t)upper;
        low_sum += (int8_t)lower;
      }
      scales[2 * r * blocks + b] = scale * 128.0f;
      scales[(2 * r + 1) * blocks + b] = scale;
      sums[2 * r * blocks + b] = high_sum * 128;
      sums[(2 * r + 1) * blocks + b] = low_sum * 128;
    }
    for (size_t c = columns; c < padded; c++) high[c] = low[c] = 0;
  }
}

void KERNEL(add_pairs)(float *y, size_t y_stride, const float *x, size_t x_stride, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++) {
    const float *first = x + 2 * r * x_stride, *second = first + x_stride;
    float *out = y + r * y_stride;
    for (size_t c = 0; c < columns; c++) out[c] = first[c] + second[c];
  }
}
