// 8-bit weights with 32-bit activations, widened, and packed.

// Weight `k` of each group of four, signed, as floats, for VECTOR_WIDTH outputs.
ALWAYS_INLINE vfloat i8_weights(vint fours, const int k) {
  return __builtin_convertvector((fours << (24 - 8 * k)) >> 24, vfloat);
}

// acc[r][v] += x[r][0 ..< 4] . the fours of weights at w, for the outputs of four vectors.
ALWAYS_INLINE void i8_four(vfloat acc[SHARED_ROWS][4], const uint8_t *w, const float *x, size_t x_stride, const int rows) {
  UNROLL for (int v = 0; v < 4; v++) {
    const vint fours = *(const vint_unaligned *)(w + v * VECTOR_WIDTH * 4) ^ (int32_t)0x80808080;
    UNROLL for (int k = 0; k < 4; k++) {
      const vfloat weights = i8_weights(fours, k);
      UNROLL for (int r = 0; r < rows; r++)
        acc[r][v] = fused(weights, splat(x[(size_t)r * x_stride + (size_t)k]), acc[r][v]);
    }
  }
}

ALWAYS_INLINE void i8_some_rows(float *y, size_t y_stride, const float *x, size_t x_stride, const uint8_t *packed,
                                const float *w_scales, size_t columns, size_t block, size_t outputs, const int rows) {
  const size_t blocks = i8_blocks(columns, block);
  for (size_t n = 0; n < outputs; n += 4 * VECTOR_WIDTH) {
    vfloat total[SHARED_ROWS][4] = {{{0}}};
    for (size_t b = 0; b < blocks; b++) {
      const size_t start = b * block, end = columns - start < block ? columns : start + block;
      vfloat acc[SHARED_ROWS][4];
      UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < 4; v++) acc[r][v] = (vfloat){0};
      const uint8_t *w = packed + start * I8_TILE + n * 4;
      size_t c = start;
      for (; c + 4 <= end; c += 4, w += 4 * I8_TILE) i8_four(acc, w, x + c, x_stride, rows);
      if (c < end) {
        float last[SHARED_ROWS][4] = {{0}};
        for (int r = 0; r < rows; r++) memcpy(last[r], x + (size_t)r * x_stride + c, (end - c) * sizeof(float));
        i8_four(acc, w, last[0], 4, rows);
      }
      UNROLL for (int r = 0; r < rows; r++) UNROLL for (int v = 0; v < 4; v++)
        total[r][v] = fused(acc[r][v], load(w_scales + b * I8_TILE + n + (size_t)v * VECTOR_WIDTH), total[r][v]);
    }
    const size_t count = outputs - n < 4 * VECTOR_WIDTH ? outputs - n : 4 * VECTOR_WIDTH;
    for (int r = 0; r < rows; r++) memcpy(y + (size_t)r * y_stride + n, total[r], count * sizeof(float));
  }
}

void KERNEL(i8_rows)(float *y, size_t y_stride, const float *x, size_t x_stride, size_t count, const uint8_t *packed,
                     const float *w_scales, size_t columns, size_t block, size_t outputs) {
#define UIO2_ROWS(n) \
  i8_some_rows(y + i * y_stride, y_stride, x + i * x_stride, x_stride, packed, w_scales, columns, block, outputs, n)
  size_t i = 0;
  for (; i + SHARED_ROWS <= count; i += SHARED_ROWS) UIO2_ROWS(SHARED_ROWS);
#if SHARED_ROWS > 2
  for (; i + 2 <= count; i += 2) UIO2_ROWS(2);
#endif
  for (; i < count; i++) UIO2_ROWS(1);
#undef UIO2_ROWS
}

// Four neighbouring inputs of one output, which lie together in a tile.
typedef uint8_t i8_bytes __attribute__((vector_size(4)));
typedef int32_t i8_integers __attribute__((vector_size(16)));
typedef float i8_floats __attribute__((vector_size(16)));

// The first `count` of a group of four as floats.
ALWAYS_INLINE void i8_widen_four(float *w, const uint8_t *packed, float scale, size_t count) {
  i8_bytes four;
  memcpy(&four, packed, 4);
  const i8_integers values = __builtin_convertvector(four, i8_integers) - 128;
  const i8_floats wide = __builtin_convertvector(values, i8_floats) * scale;
  memcpy(w, &wide, count * sizeof(float));
}

void KERNEL(i8_widen)(float *w, size_t w_stride, const uint8_t *packed, const float *w_scales, size_t columns,
                      size_t block, size_t first, size_t outputs) {
  const size_t blocks = i8_blocks(columns, block);
  for (size_t n = first; n < first + outputs; n++, w += w_stride) {
    for (size_t b = 0; b < blocks; b++) {
      const float scale = w_scales[b * I8_TILE + n];
      const size_t end = columns - b * block < block ? columns : (b + 1) * block;
      size_t c = b * block;
      for (; c + 4 <= end; c += 4) i8_widen_four(w + c, packed + c * I8_TILE + n * 4, scale, 4);
      if (c < end) i8_widen_four(w + c, packed + c * I8_TILE + n * 4, scale, end - c);
    }
  }
}

ALWAYS_INLINE void i8_pack_four(uint8_t *packed, const float *w, float inverse, size_t count) {
  i8_floats four = {0};
  memcpy(&four, w, count * sizeof(float));
  const i8_floats scaled = four * inverse;
  const i8_floats shifted = scaled + I8_MAGIC;
  const i8_bytes bytes = __builtin_convertvector((i8_integers)shifted - I8_MAGIC_BITS + 128, i8_bytes);
  memcpy(packed, &bytes, 4);
}

void KERNEL(i8_pack)(uint8_t *packed, float *w_scales, const float *w, size_t rows, size_t columns, size_t block) {
  const size_t blocks = i8_blocks(columns, block);
  memset(packed, 128, i8_padded(columns) * I8_TILE);
  for (size_t n = 0; n < I8_TILE; n++) {
    const float *row = n < rows ? w + n * columns : NULL;
    for (size_t b = 0; b < blocks; b++) {
      w_scales[b * I8_TILE + n] = 0;
      if (row == NULL) continue;
      const size_t end = columns - b * block < block ? columns : (b + 1) * block;
      size_t c = b * block;
      const float inverse = i8_inverse(row + c, end - c, &w_scales[b * I8_TILE + n]);
      if (inverse == 0) continue;
      for (; c + 4 <= end; c += 4) i8_pack_four(packed + c * I8_TILE + n * 4, row + c, inverse, 4);
      if (c < end) i8_pack_four(packed + c * I8_TILE + n * 4, row + c, inverse, end - c);
    }
  }
}
