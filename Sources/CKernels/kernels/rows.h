// Products of a few rows with weights that are read from memory once. Every result is summed in the same order whatever the
// number of rows, so that examples computed together give the same bits as examples computed alone.

ALWAYS_INLINE vfloat widened_vector(const void *w, size_t i, const int brain) {
#if UIO2_LEVEL_NUMBER >= 2
  if (brain)
    return (vfloat)_mm512_castsi512_ps(
        _mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i *)((const uint16_t *)w + i))), 16));
#elif UIO2_LEVEL_NUMBER == 1
  if (brain)
    return (vfloat)_mm256_castsi256_ps(
        _mm256_slli_epi32(_mm256_cvtepu16_epi32(_mm_loadu_si128((const __m128i *)((const uint16_t *)w + i))), 16));
#else
  if (brain) {
    vfloat x;
    for (int l = 0; l < VECTOR_WIDTH; l++) x[l] = widened(((const uint16_t *)w)[i + (size_t)l]);
    return x;
  }
#endif
  return load((const float *)w + i);
}

ALWAYS_INLINE float widened_value(const void *w, size_t i, const int brain) {
  return brain ? widened(((const uint16_t *)w)[i]) : ((const float *)w)[i];
}

// y[i][n * apart] = w[n * apart] . x[i] for `count` weight rows and `inputs` rows of x. `fetching`: the weight rows after these are
// fetched into the second-level cache meanwhile.
ALWAYS_INLINE void dot_rows(float *y, size_t y_stride, const void *w, size_t apart, const float *x, size_t x_stride, size_t columns,
                            const int inputs, const int count, const int brain, const int fetching) {
  vfloat acc[SHARED_ROWS][4];
  UNROLL for (int i = 0; i < inputs; i++) UNROLL for (int n = 0; n < count; n++) acc[i][n] = (vfloat){0};
  const size_t whole = columns / VECTOR_WIDTH * VECTOR_WIDTH, step = apart * columns, size = brain ? 2 : 4;
  for (size_t c = 0; c < whole; c += VECTOR_WIDTH) {
    vfloat weights[4];
    if (fetching && c * size % 64 == 0)
      UNROLL for (int n = 0; n < count; n++)
        __builtin_prefetch((const char *)w + ((size_t)n * step + columns + c) * size, 0, 2);
    UNROLL for (int n = 0; n < count; n++) weights[n] = widened_vector(w, (size_t)n * step + c, brain);
    UNROLL for (int i = 0; i < inputs; i++) {
      const vfloat value = load(x + (size_t)i * x_stride + c);
      UNROLL for (int n = 0; n < count; n++) acc[i][n] = fused(value, weights[n], acc[i][n]);
    }
  }
  UNROLL for (int i = 0; i < inputs; i++) UNROLL for (int n = 0; n < count; n++) {
    float sum = sum_of(acc[i][n]);
    for (size_t c = whole; c < columns; c++)
      sum += x[(size_t)i * x_stride + c] * widened_value(w, (size_t)n * step + c, brain);
    y[(size_t)i * y_stride + (size_t)n * apart] = sum;
  }
}

// `count` weight rows with all rows of x. The first rows of x bring the weights from memory, which would rest while the others find them
// in the cache: the second ones fetch what comes next.
ALWAYS_INLINE void dot_all(float *y, size_t y_stride, const void *w, size_t apart, const float *x, size_t x_stride, size_t inputs,
                           size_t columns, const int count, const int brain) {
  size_t i = 0;
#define UIO2_DOT(rows, fetching) \
  dot_rows(y + i * y_stride, y_stride, w, apart, x + i * x_stride, x_stride, columns, rows, count, brain, fetching)
  for (; i + SHARED_ROWS <= inputs; i += SHARED_ROWS) {
    if (i == SHARED_ROWS) UIO2_DOT(SHARED_ROWS, 1);
    else UIO2_DOT(SHARED_ROWS, 0);
  }
#if SHARED_ROWS > 2
  for (; i + 2 <= inputs; i += 2) {
    if (i == SHARED_ROWS) UIO2_DOT(2, 1);
    else UIO2_DOT(2, 0);
  }
#endif
  for (; i < inputs; i++) UIO2_DOT(1, 0);
#undef UIO2_DOT
}

// Four rows at a time that lie far apart: a core gets more from memory at several places, each read on and on, than at one.
ALWAYS_INLINE void product_of_rows(float *y, size_t y_stride, const void *w, const float *x, size_t x_stride,
                                   size_t count, size_t rows, size_t columns, const int brain) {
  const size_t size = columns * (brain ? 2 : 4), apart = rows / 4;
  for (size_t r = 0; r < apart; r++)
    dot_all(y + r, y_stride, (const char *)w + r * size, apart, x, x_stride, count, columns, 4, brain);
  for (size_t r = 4 * apart; r < rows; r++)
    dot_all(y + r, y_stride, (const char *)w + r * size, 1, x, x_stride, count, columns, 1, brain);
}

void KERNEL(f32_rows)(float *y, size_t y_stride, const float *w, const float *x, size_t x_stride, size_t count,
                      size_t rows, size_t columns) {
  product_of_rows(y, y_stride, w, x, x_stride, count, rows, columns, 0);
}

void KERNEL(bf16_rows)(float *y, size_t y_stride, const uint16_t *w, const float *x, size_t x_stride, size_t count,
                       size_t rows, size_t columns) {
  product_of_rows(y, y_stride, w, x, x_stride, count, rows, columns, 1);
}
