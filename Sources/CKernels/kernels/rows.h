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

// y[n] = w[n] . x for `count` neighbouring weight rows.
ALWAYS_INLINE void dot_rows(float *y, const void *w, const float *x, size_t columns, const int count, const int brain) {
  vfloat acc[4];
  UNROLL for (int n = 0; n < count; n++) acc[n] = (vfloat){0};
  const size_t whole = columns / VECTOR_WIDTH * VECTOR_WIDTH;
  for (size_t c = 0; c < whole; c += VECTOR_WIDTH) {
    vfloat value = load(x + c);
    UNROLL for (int n = 0; n < count; n++)
      acc[n] = fused(value, widened_vector(w, (size_t)n * columns + c, brain), acc[n]);
  }
  UNROLL for (int n = 0; n < count; n++) {
    float sum = sum_of(acc[n]);
    for (size_t c = whole; c < columns; c++) sum += x[c] * widened_value(w, (size_t)n * columns + c, brain);
    y[n] = sum;
  }
}

ALWAYS_INLINE void product_of_rows(float *y, size_t y_stride, const void *w, const float *x, size_t x_stride,
                                   size_t count, size_t rows, size_t columns, const int brain) {
  const size_t size = brain ? 2 : 4;
  size_t r = 0;
  for (; r + 4 <= rows; r += 4)
    for (size_t i = 0; i < count; i++)
      dot_rows(y + i * y_stride + r, (const char *)w + r * columns * size, x + i * x_stride, columns, 4, brain);
  for (; r < rows; r++)
    for (size_t i = 0; i < count; i++)
      dot_rows(y + i * y_stride + r, (const char *)w + r * columns * size, x + i * x_stride, columns, 1, brain);
}

void KERNEL(f32_rows)(float *y, size_t y_stride, const float *w, const float *x, size_t x_stride, size_t count,
                      size_t rows, size_t columns) {
  product_of_rows(y, y_stride, w, x, x_stride, count, rows, columns, 0);
}

void KERNEL(bf16_rows)(float *y, size_t y_stride, const uint16_t *w, const float *x, size_t x_stride, size_t count,
                       size_t rows, size_t columns) {
  product_of_rows(y, y_stride, w, x, x_stride, count, rows, columns, 1);
}
