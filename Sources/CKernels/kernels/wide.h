// Products of many rows with weights that lie row by row. The rows are packed once for all matrices they are multiplied with, in
// groups of TILE_ROWS; the weights are turned, a block of inputs at a time, into panels of TILE_COLUMNS outputs that stay in the
// first-level cache while the rows pass. Every result is summed in the same order whatever the number of rows.

// Inputs of a block: a panel of 16 KiB, with wide registers (and the larger caches that come with them) 32.
#if UIO2_LEVEL_NUMBER >= 2
#define WIDE_INPUTS 128
#else
#define WIDE_INPUTS (4096 / TILE_COLUMNS)
#endif
// Groups of rows that stay in the second-level cache while all panels pass.
#define WIDE_GROUPS 16

size_t KERNEL(wide_group)(void) { return TILE_ROWS; }

// packed[groups of TILE_ROWS][columns][TILE_ROWS], filled up with zeros.
void KERNEL(wide_pack)(float *packed, const float *x, size_t x_stride, size_t rows, size_t columns) {
  for (size_t first = 0; first < rows; first += TILE_ROWS) {
    const size_t count = rows - first < TILE_ROWS ? rows - first : TILE_ROWS;
    const float *from = x + first * x_stride;
    float *to = packed + first * columns;
    if (count == TILE_ROWS) {
      for (size_t c = 0; c < columns; c++)
        UNROLL for (size_t r = 0; r < TILE_ROWS; r++) to[c * TILE_ROWS + r] = from[r * x_stride + c];
    } else {
      for (size_t c = 0; c < columns; c++)
        for (size_t r = 0; r < TILE_ROWS; r++) to[c * TILE_ROWS + r] = r < count ? from[r * x_stride + c] : 0;
    }
  }
}

// to[inputs][TILE_COLUMNS] of w[outputs][columns].
ALWAYS_INLINE void wide_panel(float *to, const void *w, size_t columns, size_t outputs, size_t inputs, const int brain) {
  const size_t whole = outputs == TILE_COLUMNS ? inputs / VECTOR_WIDTH * VECTOR_WIDTH : 0;
  for (size_t i = 0; i < whole; i += VECTOR_WIDTH) {
    for (size_t o = 0; o < TILE_COLUMNS; o += VECTOR_WIDTH) {
      vfloat square[VECTOR_WIDTH], turned[VECTOR_WIDTH];
      UNROLL for (size_t l = 0; l < VECTOR_WIDTH; l++) square[l] = widened_vector(w, (o + l) * columns + i, brain);
      // Each step brings together what lies half the square apart.
      UNROLL for (size_t step = 1; step < VECTOR_WIDTH; step *= 2) {
        UNROLL for (size_t l = 0; l < VECTOR_WIDTH / 2; l++) {
          turned[2 * l] = zip_low(square[l], square[l + VECTOR_WIDTH / 2]);
          turned[2 * l + 1] = zip_high(square[l], square[l + VECTOR_WIDTH / 2]);
        }
        UNROLL for (size_t l = 0; l < VECTOR_WIDTH; l++) square[l] = turned[l];
      }
      UNROLL for (size_t l = 0; l < VECTOR_WIDTH; l++) store(to + (i + l) * TILE_COLUMNS + o, square[l]);
    }
  }
  for (size_t i = whole; i < inputs; i++)
    for (size_t o = 0; o < TILE_COLUMNS; o++)
      to[i * TILE_COLUMNS + o] = o < outputs ? widened_value(w, o * columns + i, brain) : 0;
}

// y[TILE_ROWS][TILE_COLUMNS] = a group's inputs times a panel, or plus that where it `continues`.
ALWAYS_INLINE void wide_tile(float *y, size_t y_stride, const float *a, const float *b, size_t inputs, int continues) {
  vfloat sums[TILE_ROWS][TILE_VECTORS] = {{{0}}};
  // The results' lines come while the sums are made.
  UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
    UNROLL for (size_t n = 0; n < TILE_COLUMNS; n += 16) __builtin_prefetch(y + r * y_stride + n, 1);
  for (size_t i = 0; i < inputs; i++, a += TILE_ROWS, b += TILE_COLUMNS) {
    vfloat right[TILE_VECTORS];
    UNROLL for (size_t n = 0; n < TILE_VECTORS; n++) right[n] = load(b + n * VECTOR_WIDTH);
    UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
      UNROLL for (size_t n = 0; n < TILE_VECTORS; n++) sums[r][n] = fused(splat(a[r]), right[n], sums[r][n]);
  }
  UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
    UNROLL for (size_t n = 0; n < TILE_VECTORS; n++) {
      float *const to = y + r * y_stride + n * VECTOR_WIDTH;
      store(to, continues ? sums[r][n] + load(to) : sums[r][n]);
    }
}

// y[rows][outputs] = rows as packed times w[outputs][columns].
ALWAYS_INLINE void wide_product(float *y, size_t y_stride, const float *packed, size_t rows, const void *w, size_t columns,
                                size_t outputs, float *scratch, const int brain) {
  const size_t groups = (rows + TILE_ROWS - 1) / TILE_ROWS, size = brain ? 2 : 4;
  for (size_t first = 0; first < columns; first += WIDE_INPUTS) {
    const size_t inputs = columns - first < WIDE_INPUTS ? columns - first : WIDE_INPUTS;
    for (size_t o = 0; o < outputs; o += TILE_COLUMNS)
      wide_panel(scratch + o * WIDE_INPUTS, (const char *)w + (o * columns + first) * size, columns,
                 outputs - o < TILE_COLUMNS ? outputs - o : TILE_COLUMNS, inputs, brain);
    for (size_t start = 0; start < groups; start += WIDE_GROUPS) {
      const size_t end = groups - start < WIDE_GROUPS ? groups : start + WIDE_GROUPS;
      for (size_t o = 0; o < outputs; o += TILE_COLUMNS) {
        const size_t width = outputs - o < TILE_COLUMNS ? outputs - o : TILE_COLUMNS;
        for (size_t group = start; group < end; group++) {
          const size_t height = rows - group * TILE_ROWS < TILE_ROWS ? rows - group * TILE_ROWS : TILE_ROWS;
          const float *const a = packed + (group * columns + first) * TILE_ROWS, *const b = scratch + o * WIDE_INPUTS;
          float *const to = y + group * TILE_ROWS * y_stride + o;
          if (height == TILE_ROWS && width == TILE_COLUMNS) {
            wide_tile(to, y_stride, a, b, inputs, first > 0);
            continue;
          }
          float edge[TILE_ROWS * TILE_COLUMNS] = {0};
          if (first > 0)
            for (size_t r = 0; r < height; r++) memcpy(edge + r * TILE_COLUMNS, to + r * y_stride, width * sizeof(float));
          wide_tile(edge, TILE_COLUMNS, a, b, inputs, 1);
          for (size_t r = 0; r < height; r++) memcpy(to + r * y_stride, edge + r * TILE_COLUMNS, width * sizeof(float));
        }
      }
    }
  }
}

void KERNEL(wide_f32)(float *y, size_t y_stride, const float *packed, size_t rows, const float *w, size_t columns,
                      size_t outputs, float *scratch) {
  wide_product(y, y_stride, packed, rows, w, columns, outputs, scratch, 0);
}

void KERNEL(wide_bf16)(float *y, size_t y_stride, const float *packed, size_t rows, const uint16_t *w, size_t columns,
                       size_t outputs, float *scratch) {
  wide_product(y, y_stride, packed, rows, w, columns, outputs, scratch, 1);
}
