// A tile of 8-bit weights with a few rows of activations.

// What is fetched while that is computed: for each four inputs so many lines, into the first-level cache where they are wanted `soon`,
// else into the second.
struct i8_fetch {
  const uint8_t *from;
  size_t lines;
  int soon;
};

// acc[r][output] of one block of inputs -> y += (acc - 128 sum of q) * activation scale * weight scale. `paired`: activations are two
// rows of q, 128 times the first and once the second, and so are their sums; the second's scale is that of both.
#if UIO2_LEVEL_NUMBER >= 3
// Rows of a tile: TILE_ROWS of q.
#define I8_TOGETHER(paired) ((paired) ? TILE_ROWS / 2 : TILE_ROWS)

ALWAYS_INLINE void i8_tile(float *y, size_t y_stride, const int8_t *q, size_t q_stride, const float *x_scales,
                           const int32_t *sums, size_t blocks, const uint8_t *packed, const float *w_scales,
                           size_t count, int first, size_t outputs, struct i8_fetch fetch, const int rows, const int paired) {
  const int planes = paired ? 2 : 1, all = rows * planes;
  __m512i acc[TILE_ROWS][4];
  UNROLL for (int r = 0; r < all; r++) UNROLL for (int n = 0; n < 4; n++) acc[r][n] = _mm512_setzero_si512();
  // The scales' lines come while the sums are made.
  UNROLL for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(w_scales + n);
  for (size_t c = 0; c < count; c += 4, packed += 4 * I8_TILE) {
    for (size_t n = 0; n < fetch.lines; n++, fetch.from += 64) {
      if (fetch.soon) _mm_prefetch((const char *)fetch.from, _MM_HINT_T0);
      else _mm_prefetch((const char *)fetch.from, _MM_HINT_T1);
    }
    __m512i w[4];
    UNROLL for (int n = 0; n < 4; n++) w[n] = _mm512_loadu_si512(packed + n * 64);
    UNROLL for (int r = 0; r < all; r++) {
      int32_t four;
      memcpy(&four, q + (size_t)r * q_stride + c, 4);
      __m512i x = _mm512_set1_epi32(four);
      UNROLL for (int n = 0; n < 4; n++) acc[r][n] = _mm512_dpbusd_epi32(acc[r][n], w[n], x);
    }
  }
  UNROLL for (int n = 0; n < 4; n++) {
    const size_t from = (size_t)n * 16;
    if (from >= outputs) break;
    const __mmask16 mask = outputs - from >= 16 ? 0xffff : (__mmask16)((1u << (outputs - from)) - 1);
    const __m512 scale = _mm512_loadu_ps(w_scales + from);
    UNROLL for (int r = 0; r < rows; r++) {
      const size_t at = (size_t)(r * planes) * blocks;
      const int32_t excess = paired ? sums[at] * 128 + sums[at + blocks] : sums[at];
      __m512i dot = acc[r * planes][n];
      if (paired) dot = _mm512_add_epi32(_mm512_slli_epi32(dot, 7), acc[r * planes + 1][n]);
      dot = _mm512_sub_epi32(dot, _mm512_set1_epi32(excess));
      const __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(x_scales[at + (paired ? blocks : 0)]));
      float *out = y + (size_t)r * y_stride + from;
      const __m512 before = first ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, out);
      _mm512_mask_storeu_ps(out, mask, _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), factor, before));
    }
  }
}
#else
#define I8_TOGETHER(paired) TILE_ROWS
// Inputs whose activations are widened at a time.
#define I8_PIECE 256
// Up to so many rows multiply weights that are taken apart into even and odd inputs, which leaves one sum for each output: the tile
// is read in order. More rows multiply widened weights, which takes fewer registers.
#define I8_ROWS_IN_HALVES 4
#define I8_OUTPUTS_AT_ONCE(rows) ((rows) == 1 ? 64 : (rows) == 2 ? 32 : (rows) <= I8_ROWS_IN_HALVES ? 16 : 8)

#if UIO2_LEVEL_NUMBER >= 1
// x[0 ..< count] of one row, times 128 plus the row after it where they are `paired`, as 16-bit numbers; in halves the even inputs of
// each group of four come first.
ALWAYS_INLINE void i8_activations(int16_t *x, const int8_t *q, size_t q_stride, size_t count, const int rows, const int paired) {
  const __m256i order = _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 4, 5, 2, 3, 6, 7, 8, 9, 12, 13, 10, 11, 14, 15));
  size_t c = 0;
  for (; c + 16 <= count; c += 16) {
    __m256i value = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(q + c)));
    if (paired)
      value = _mm256_add_epi16(_mm256_slli_epi16(value, 7),
                               _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(q + q_stride + c))));
    _mm256_storeu_si256((__m256i *)(x + c), rows > I8_ROWS_IN_HALVES ? value : _mm256_shuffle_epi8(value, order));
  }
  for (; c < count; c++) {
    const size_t place = rows > I8_ROWS_IN_HALVES ? c : c / 4 * 4 + c % 2 * 2 + c % 4 / 2;
    x[place] = (int16_t)(paired ? q[c] * 128 + q[q_stride + c] : q[c]);
  }
}

// Two neighbouring activations in every place.
ALWAYS_INLINE __m256i i8_two(const int16_t *x) {
  int32_t two;
  memcpy(&two, x, 4);
  return _mm256_set1_epi32(two);
}

// dots[r][0 ..< I8_OUTPUTS_AT_ONCE] of `count` inputs, added to what is there unless `fresh`. Pairs of 16-bit products, since sums of
// two 8-bit products would not fit 16 bits. From one row of x to the next it is x_stride; `ahead` is fetched meanwhile, as many bytes
// as are read.
ALWAYS_INLINE void i8_dots(int32_t *dots, int fresh, const int16_t *x, const size_t x_stride, const uint8_t *packed, size_t count,
                           const uint8_t *ahead, const int fetching, const int rows) {
  enum { most = TILE_ROWS > 8 ? TILE_ROWS : 8 };
  const int outputs = I8_OUTPUTS_AT_ONCE(rows), halves = rows <= I8_ROWS_IN_HALVES, vectors = outputs / (halves ? 8 : 4);
  __m256i acc[TILE_ROWS][most];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int n = 0; n < vectors; n++) acc[r][n] = _mm256_setzero_si256();
  for (size_t c = 0; c < count; c += 4, packed += 4 * I8_TILE) {
    if (fetching) {
      UNROLL for (int n = 0; n < outputs * 4; n += 64) _mm_prefetch((const char *)ahead + n, _MM_HINT_T0);
      ahead += outputs * 4;
    }
    if (halves) {
      // Both halves of a load at a time, or, where their activations would not stay in registers, one after the other.
      const int apart = rows > 1;
      __m256i even[I8_ROWS_IN_HALVES], odd[I8_ROWS_IN_HALVES];
      UNROLL for (int r = 0; r < rows; r++) {
        even[r] = i8_two(x + (size_t)r * x_stride + c);
        if (!apart) odd[r] = i8_two(x + (size_t)r * x_stride + c + 2);
      }
      UNROLL for (int n = 0; n < vectors; n++) {
        const __m256i both = _mm256_loadu_si256((const __m256i *)(packed + n * 32));
        const __m256i low = _mm256_and_si256(both, _mm256_set1_epi16(255)), high = _mm256_srli_epi16(both, 8);
        UNROLL for (int r = 0; r < rows; r++) {
          acc[r][n] = _mm256_add_epi32(acc[r][n], _mm256_madd_epi16(low, even[r]));
          if (!apart) acc[r][n] = _mm256_add_epi32(acc[r][n], _mm256_madd_epi16(high, odd[r]));
        }
      }
      if (apart) {
        // Or the compiler would keep all weights of the first half, and put sums into memory for it.
        __asm__ volatile("" ::: "memory");
        UNROLL for (int r = 0; r < rows; r++) odd[r] = i8_two(x + (size_t)r * x_stride + c + 2);
        UNROLL for (int n = 0; n < vectors; n++) {
          const __m256i high = _mm256_srli_epi16(_mm256_loadu_si256((const __m256i *)(packed + n * 32)), 8);
          UNROLL for (int r = 0; r < rows; r++) acc[r][n] = _mm256_add_epi32(acc[r][n], _mm256_madd_epi16(high, odd[r]));
        }
      }
    } else {
      __m256i w[most];
      UNROLL for (int n = 0; n < vectors; n++) w[n] = _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(packed + n * 16)));
      UNROLL for (int r = 0; r < rows; r++) {
        int64_t four;
        memcpy(&four, x + (size_t)r * x_stride + c, 8);
        const __m256i value = _mm256_set1_epi64x(four);
        UNROLL for (int n = 0; n < vectors; n++) acc[r][n] = _mm256_add_epi32(acc[r][n], _mm256_madd_epi16(w[n], value));
      }
    }
  }
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int n = 0; n < outputs / 8; n++) {
    const __m256i sum = halves ? acc[r][n]
                               : _mm256_permute4x64_epi64(_mm256_hadd_epi32(acc[r][2 * n], acc[r][2 * n + 1]), 0xd8);
    __m256i *out = (__m256i *)(dots + r * I8_TILE + n * 8);
    _mm256_storeu_si256(out, fresh ? sum : _mm256_add_epi32(_mm256_loadu_si256(out), sum));
  }
}
#else
ALWAYS_INLINE void i8_activations(int16_t *x, const int8_t *q, size_t q_stride, size_t count, const int rows, const int paired) {
  (void)rows;
  for (size_t c = 0; c < count; c++) x[c] = (int16_t)(paired ? q[c] * 128 + q[q_stride + c] : q[c]);
}

ALWAYS_INLINE void i8_dots(int32_t *dots, int fresh, const int16_t *x, const size_t x_stride, const uint8_t *packed, size_t count,
                           const uint8_t *ahead, const int fetching, const int rows) {
  (void)ahead, (void)fetching;
  for (int r = 0; r < rows; r++) {
    int32_t *const out = dots + r * I8_TILE;
    if (fresh) memset(out, 0, I8_OUTPUTS_AT_ONCE(rows) * sizeof(int32_t));
    for (size_t c = 0; c < count; c += 4)
      for (int n = 0; n < I8_OUTPUTS_AT_ONCE(rows); n++)
        for (size_t k = 0; k < 4; k++)
          out[n] += (int32_t)packed[c * I8_TILE + (size_t)n * 4 + k] * x[(size_t)r * x_stride + c + k];
  }
}
#endif
// y (+)= (dots - excess) * activation scale * weight scale of one block, for one row.
ALWAYS_INLINE void i8_results(float *y, const int32_t *dots, const float *x_scales, const int32_t *sums, size_t blocks,
                              const float *w_scales, int first, size_t outputs, const int paired) {
  const float scale = x_scales[paired ? blocks : 0];
  const int32_t excess = paired ? sums[0] * 128 + sums[blocks] : sums[0];
  // Not reassociated: the same order whatever the number of rows.
  size_t n = 0;
  for (; n + VECTOR_WIDTH <= outputs; n += VECTOR_WIDTH) {
    const vfloat dot = __builtin_convertvector(*(const vint_unaligned *)(dots + n) - excess, vfloat);
    store(y + n, fused(dot, load(w_scales + n) * splat(scale), first ? splat(0) : load(y + n)));
  }
  for (; n < outputs; n++) {
#pragma clang fp contract(fast)
    const float before = first ? 0 : y[n];
    y[n] = (float)(dots[n] - excess) * (w_scales[n] * scale) + before;
  }
}

ALWAYS_INLINE void i8_tile(float *y, size_t y_stride, const int8_t *q, size_t q_stride, const float *x_scales,
                           const int32_t *sums, size_t blocks, const uint8_t *packed, const float *w_scales,
                           size_t count, int first, size_t outputs, const struct i8_fetch fetch, const int rows, const int paired) {
  int32_t dots[TILE_ROWS][I8_TILE];
  const size_t planes = paired ? 2 : 1;
  // The lines of results and scales come while the sums are made.
  for (int r = 0; r < rows; r++)
    UNROLL for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(y + (size_t)r * y_stride + n, 1);
  UNROLL for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(w_scales + n);
  for (size_t start = 0; start < count; start += I8_PIECE) {
    const size_t size = count - start < I8_PIECE ? count - start : I8_PIECE;
    int16_t x[TILE_ROWS * I8_PIECE];
    for (int r = 0; r < rows; r++)
      i8_activations(x + r * I8_PIECE, q + (size_t)r * planes * q_stride + start, q_stride, size, rows, paired);
    const uint8_t *const weights = packed + start * I8_TILE;
    for (size_t n = 0; n < I8_TILE; n += I8_OUTPUTS_AT_ONCE(rows))
      i8_dots(dots[0] + n, start == 0, x, I8_PIECE, weights + n * 4, size, fetch.from + start * I8_TILE + n * size, fetch.lines > 0, rows);
  }
  for (int r = 0; r < rows; r++) {
    const size_t at = (size_t)r * planes * blocks;
    i8_results(y + (size_t)r * y_stride, dots[r], x_scales + at, sums + at, blocks, w_scales, first, outputs, paired);
  }
}
#endif
