// Weights in 8 bits. 64 outputs make a tile; in it four neighbouring inputs of each output lie together, which is what the
// dot-product instructions of x86 take: packed[tile][input / 4][output in tile][input % 4], each weight + 128. A scale belongs
// to a block of inputs of one output: scales[tile][block][output in tile]. Memory is read in one stream, front to back.

#define I8_TILE 64
#define I8_SMALLEST 0x1p-118f
// Inputs whose activations are widened at a time where there is no 8-bit dot product.
#define I8_PIECE 256
#define I8_FETCHES (UIO2_LEVEL_NUMBER == 1 || UIO2_LEVEL_NUMBER == 2)

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

// acc[r][output] of one block of inputs -> y += (acc - 128 sum of q) * activation scale * weight scale
#if UIO2_LEVEL_NUMBER >= 3
ALWAYS_INLINE void i8_tile(float *y, size_t y_stride, const int8_t *q, size_t q_stride, const float *x_scales,
                           const int32_t *sums, size_t blocks, const uint8_t *packed, const float *w_scales,
                           size_t count, int first, size_t outputs, const int fetching, const int rows, const int paired) {
  (void)fetching, (void)paired;
  __m512i acc[TILE_ROWS][4];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int n = 0; n < 4; n++) acc[r][n] = _mm512_setzero_si512();
  for (size_t c = 0; c < count; c += 4, packed += 4 * I8_TILE) {
    __m512i w[4];
    UNROLL for (int n = 0; n < 4; n++) w[n] = _mm512_loadu_si512(packed + n * 64);
    UNROLL for (int r = 0; r < rows; r++) {
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
      __m512i dot = _mm512_sub_epi32(acc[r][n], _mm512_set1_epi32(sums[(size_t)r * blocks]));
      __m512 factor = _mm512_mul_ps(scale, _mm512_set1_ps(x_scales[(size_t)r * blocks]));
      float *out = y + (size_t)r * y_stride + from;
      __m512 before = first ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(mask, out);
      _mm512_mask_storeu_ps(out, mask, _mm512_fmadd_ps(_mm512_cvtepi32_ps(dot), factor, before));
    }
  }
}
#else
// Up to so many rows multiply weights that are taken apart into even and odd inputs, which leaves one sum for each output: the tile
// is read in order. More rows multiply widened weights, which takes fewer registers.
#define I8_ROWS_IN_HALVES 4
#define I8_OUTPUTS_AT_ONCE(rows) ((rows) == 1 ? 64 : (rows) == 2 ? 32 : (rows) <= I8_ROWS_IN_HALVES ? 16 : 8)
// Bytes that weights are fetched ahead: one row reads a tile in one go, and a core keeps up best with what is asked for just before it
// is needed; more rows read a piece several times.
#define I8_AHEAD(rows) ((rows) == 1 ? 1024 : I8_PIECE * I8_TILE)

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
// two 8-bit products would not fit 16 bits. `ahead` is fetched meanwhile, as many bytes as are read.
ALWAYS_INLINE void i8_dots(int32_t *dots, int fresh, const int16_t *x, const uint8_t *packed, size_t count, const uint8_t *ahead,
                           const int fetching, const int rows) {
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
        even[r] = i8_two(x + (size_t)r * I8_PIECE + c);
        if (!apart) odd[r] = i8_two(x + (size_t)r * I8_PIECE + c + 2);
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
        UNROLL for (int r = 0; r < rows; r++) odd[r] = i8_two(x + (size_t)r * I8_PIECE + c + 2);
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
        memcpy(&four, x + (size_t)r * I8_PIECE + c, 8);
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

ALWAYS_INLINE void i8_dots(int32_t *dots, int fresh, const int16_t *x, const uint8_t *packed, size_t count, const uint8_t *ahead,
                           const int fetching, const int rows) {
  (void)ahead, (void)fetching;
  for (int r = 0; r < rows; r++) {
    int32_t *const out = dots + r * I8_TILE;
    if (fresh) memset(out, 0, I8_OUTPUTS_AT_ONCE(rows) * sizeof(int32_t));
    for (size_t c = 0; c < count; c += 4)
      for (int n = 0; n < I8_OUTPUTS_AT_ONCE(rows); n++)
        for (size_t k = 0; k < 4; k++)
          out[n] += (int32_t)packed[c * I8_TILE + (size_t)n * 4 + k] * x[(size_t)r * I8_PIECE + c + k];
  }
}
#endif
// `paired`: each row of activations is two of q, 128 times the first and once the second, and so are its sums; the second's scale is
// that of both.
ALWAYS_INLINE void i8_tile(float *y, size_t y_stride, const int8_t *q, size_t q_stride, const float *x_scales,
                           const int32_t *sums, size_t blocks, const uint8_t *packed, const float *w_scales,
                           size_t count, int first, size_t outputs, const int fetching, const int rows, const int paired) {
  int32_t dots[TILE_ROWS][I8_TILE];
  // The lines of results and scales come while the sums are made.
  for (int r = 0; r < rows; r++)
    UNROLL for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(y + (size_t)r * y_stride + n, 1);
  UNROLL for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(w_scales + n);
  for (size_t start = 0; start < count; start += I8_PIECE) {
    const size_t size = count - start < I8_PIECE ? count - start : I8_PIECE;
    int16_t x[TILE_ROWS * I8_PIECE];
    for (int r = 0; r < rows; r++)
      i8_activations(x + r * I8_PIECE, q + (size_t)r * (paired ? 2 : 1) * q_stride + start, q_stride, size, rows, paired);
    const uint8_t *const weights = packed + start * I8_TILE;
    for (size_t n = 0; n < I8_TILE; n += I8_OUTPUTS_AT_ONCE(rows))
      i8_dots(dots[0] + n, start == 0, x, weights + n * 4, size, weights + I8_AHEAD(rows) + n * size, fetching, rows);
    // Memory goes on delivering while the next activations are widened, or results are written.
    if (fetching && rows == 1)
      UNROLL for (size_t n = 0; n < 1024; n += 64) __builtin_prefetch(weights + size * I8_TILE + I8_AHEAD(1) + n);
  }
  for (int r = 0; r < rows; r++) {
    const size_t at = (size_t)r * (paired ? 2 : 1) * blocks;
    const float scale = x_scales[paired ? at + blocks : at];
    const int32_t excess = paired ? sums[at] * 128 + sums[at + blocks] : sums[at];
    float *out = y + (size_t)r * y_stride;
    // Not reassociated: the same order whatever the number of rows.
    size_t n = 0;
    for (; n + VECTOR_WIDTH <= outputs; n += VECTOR_WIDTH) {
      const vfloat dot = __builtin_convertvector(*(const vint_unaligned *)(dots[r] + n) - excess, vfloat);
      store(out + n, fused(dot, load(w_scales + n) * splat(scale), first ? splat(0) : load(out + n)));
    }
    for (; n < outputs; n++) {
#pragma clang fp contract(fast)
      const float before = first ? 0 : out[n];
      out[n] = (float)(dots[r][n] - excess) * (w_scales[n] * scale) + before;
    }
  }
}
#endif

// All rows with one tile; `paired` as above.
ALWAYS_INLINE void i8_product(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                              size_t count, const uint8_t *packed, const float *w_scales, size_t columns, size_t block,
                              size_t outputs, const int paired) {
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
#define UIO2_ROWS(n)                                     \
  case n:                                                \
    if (I8_FETCHES && i == 0) UIO2_TILE(1, n);           \
    else UIO2_TILE(0, n);                                \
    break;
      switch (rows) {
        UIO2_ROWS(1)
        UIO2_ROWS(2)
        UIO2_ROWS(3)
        UIO2_ROWS(4)
#if TILE_ROWS > 4
        UIO2_ROWS(5)
        UIO2_ROWS(6)
#endif
      }
#undef UIO2_ROWS
#undef UIO2_TILE
    }
  }
}

void KERNEL(i8_gemm)(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                     size_t count, const uint8_t *packed, const float *w_scales, size_t columns, size_t block,
                     size_t outputs) {
  i8_product(y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs, 0);
}

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
