// Products of activations and 8-bit weights, in 8 bits and in 15.

// What a group of rows fetches while it is multiplied with `size` inputs of weights.
ALWAYS_INLINE struct i8_fetch i8_fetching(const uint8_t *weights, size_t size, size_t group, size_t groups) {
#if UIO2_LEVEL_NUMBER >= 3
  // The memory would rest while the groups after the first find their weights in the cache, so up to four of them fetch a part of what
  // comes next each: two or three into the second-level cache, more, which take longer, into the first (as measured on a Zen 4). One
  // group alone reads in order, which the processor foresees.
  const size_t lines = groups == 1 ? 0 : groups < 4 ? 2 : 1;
  return (struct i8_fetch){weights + (size + group * lines * size / 4) * I8_TILE, group * lines < 4 ? lines : 0, groups >= 4};
#elif UIO2_LEVEL_NUMBER >= 1
  (void)size, (void)groups;
  return (struct i8_fetch){weights + I8_PIECE * I8_TILE, group == 0 ? 4 : 0, 1};
#else
  (void)size, (void)group, (void)groups;
  return (struct i8_fetch){weights, 0, 0};
#endif
}

// All rows with one tile; `paired` as for i8_tile.
ALWAYS_INLINE void i8_rows_of_tile(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums, size_t count,
                                   const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs,
                                   const int paired) {
  const size_t padded = i8_padded(columns), blocks = i8_blocks(columns, block), planes = paired ? 2 : 1;
  const size_t groups = (count + I8_TOGETHER(paired) - 1) / I8_TOGETHER(paired);
  for (size_t b = 0; b < blocks; b++) {
    // A block of the tile stays in the first-level cache while all rows pass.
    const size_t start = b * block, size = padded - start < block ? padded - start : block;
    const uint8_t *weights = packed + start * I8_TILE;
    for (size_t group = 0, i = 0; group < groups; group++, i += I8_TOGETHER(paired)) {
      const size_t rows = count - i < I8_TOGETHER(paired) ? count - i : I8_TOGETHER(paired), row = i * planes;
      const struct i8_fetch none = {weights, 0, 0}, fetch = i8_fetching(weights, size, group, groups);
#define UIO2_TILE(fetch, n)                                                                                                    \
  i8_tile(y + i * y_stride, y_stride, q + row * padded + start, padded, x_scales + row * blocks + b, sums + row * blocks + b, \
          blocks, weights, w_scales + b * I8_TILE, size, b == 0, outputs, fetch, n, paired)
#define UIO2_ROWS(n)                                                                           \
  case n:                                                                                      \
    if (n > I8_TOGETHER(paired)) break;                                                        \
    if (n > I8_FEW_ROWS && fetch.lines > 0) UIO2_TILE(fetch, n <= I8_TOGETHER(paired) ? n : 1); \
    else UIO2_TILE(none, n <= I8_TOGETHER(paired) ? n : 1);                                    \
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

// Both rows, then their sum.
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
  // In one go, unless 32 bits might not hold the sum: 512 * 128 * 127 * 255 < 2^31.
  if (block <= 512) {
    i8_product(y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs, 1);
    return;
  }
  const size_t bytes = i8_padded(columns) * I8_TILE, scales = i8_blocks(columns, block) * I8_TILE;
  for (size_t n = 0; n < outputs; n += I8_TILE, packed += bytes, w_scales += scales)
    i16_by_rows(y + n, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block,
                outputs - n < I8_TILE ? outputs - n : I8_TILE, scratch);
}
