// Products of activations and 8-bit weights, in 8 bits and in 15.

// All rows with one tile; `paired` as for i8_results.
ALWAYS_INLINE void i8_rows_of_tile(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums, size_t count,
                                   const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs,
                                   const int paired) {
  const size_t padded = i8_padded(columns), blocks = i8_blocks(columns, block), planes = paired ? 2 : 1;
  for (size_t b = 0; b < blocks; b++) {
    // A block of the tile stays in the first-level cache while all rows pass; the first of them fetch what comes after it.
    const size_t start = b * block, size = padded - start < block ? padded - start : block;
    const uint8_t *weights = packed + start * I8_TILE;
    for (size_t i = 0; i < count; i += TILE_ROWS) {
      const size_t rows = count - i < TILE_ROWS ? count - i : TILE_ROWS, row = i * planes;
#define UIO2_TILE(fetching, n)                                                                                 \
  i8_tile(y + i * y_stride, y_stride, q + row * padded + start, padded, x_scales + row * blocks + b,           \
          sums + row * blocks + b, blocks, weights, w_scales + b * I8_TILE, size, b == 0, outputs, fetching, n, paired)
#define UIO2_ROWS(n)                                              \
  case n:                                                         \
    if (I8_FEW_ROWS > 0 && n > I8_FEW_ROWS && i == 0) UIO2_TILE(1, n); \
    else UIO2_TILE(0, n);                                         \
    break;
      switch (rows) {
        EACH_ROW_COUNT(UIO2_ROWS)
      }
#undef UIO2_ROWS
#undef UIO2_TILE
    }
  }
}

ALWAYS_INLINE void i8_product(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                              size_t count, const uint8_t *packed, const float *w_scales, size_t columns, size_t block,
                              size_t outputs, const int paired) {
#if I8_FEW_ROWS > 0
#define UIO2_FEW(n)                                                                                             \
  case n: i8_few(y, y_stride, q, x_scales, sums, packed, w_scales, columns, block, outputs, n, paired); return;
  switch (count) {
    UIO2_FEW(1)
    UIO2_FEW(2)
    UIO2_FEW(3)
    UIO2_FEW(4)
  }
#undef UIO2_FEW
#endif
  const size_t bytes = i8_padded(columns) * I8_TILE, scales = i8_blocks(columns, block) * I8_TILE;
  for (size_t n = 0; n < outputs; n += I8_TILE, packed += bytes, w_scales += scales)
    i8_rows_of_tile(y + n, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block,
                    outputs - n < I8_TILE ? outputs - n : I8_TILE, paired);
}

void KERNEL(i8_gemm)(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                     size_t count, const uint8_t *packed, const float *w_scales, size_t columns, size_t block,
                     size_t outputs) {
  i8_product(y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs, 0);
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
  const size_t bytes = i8_padded(columns) * I8_TILE, scales = i8_blocks(columns, block) * I8_TILE;
  for (size_t n = 0; n < outputs; n += I8_TILE, packed += bytes, w_scales += scales)
    i16_by_rows(y + n, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block,
                outputs - n < I8_TILE ? outputs - n : I8_TILE, scratch);
}
