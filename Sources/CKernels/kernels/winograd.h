// Convolutions of 3 x 3 by Winograd's method, F(4 x 4, 3 x 3) (Lavin & Gray 2015): 36 products for 16 pixels instead of 144.
// The points are 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose matrices have smaller entries than those of 0, +-1, +-2: less is
// lost to rounding. Pixels and tiles lie along the vectors' lanes.
//
// Points lie as the products read them: kernels u[36][panels of TILE_ROWS outputs][inputs][TILE_ROWS], filled up with zeros; tiles
// v[panels of TILE_COLUMNS tiles][36][channels + 1][TILE_COLUMNS], sums likewise. The one channel too many keeps the 36 points of a
// tile from falling into the same few sets of a cache.

#define WINOGRAD_A 0.70710678118654752440f
#define WINOGRAD_B 1.41421356237309504880f

// Six pixels in a line to the six points.
ALWAYS_INLINE void winograd_points(vfloat t[6], const vfloat x[6]) {
  const vfloat even1 = fused(splat(-2), x[2], x[4]), even2 = fused(splat(-0.5f), x[2], x[4]);
  const vfloat odd1 = fused(splat(WINOGRAD_A), x[3], splat(-WINOGRAD_B) * x[1]);
  const vfloat odd2 = fused(splat(WINOGRAD_B), x[3], splat(-WINOGRAD_A) * x[1]);
  t[0] = fused(splat(-2.5f), x[2], x[0] + x[4]);
  t[1] = even1 + odd1;
  t[2] = even1 - odd1;
  t[3] = even2 + odd2;
  t[4] = even2 - odd2;
  t[5] = fused(splat(-2.5f), x[3], x[1] + x[5]);
}

// Six points back to four pixels.
ALWAYS_INLINE void winograd_pixels(vfloat y[4], const vfloat m[6]) {
  const vfloat sum1 = m[1] + m[2], difference1 = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = fused(splat(WINOGRAD_A), difference1, splat(WINOGRAD_B) * difference2);
  y[2] = fused(splat(0.5f), sum1, splat(2) * sum2);
  y[3] = fused(splat(WINOGRAD_B / 4), difference1, fused(splat(2 * WINOGRAD_B), difference2, m[5]));
}

// Three weights in a line to the six points.
ALWAYS_INLINE void winograd_line(vfloat u[6], vfloat g0, vfloat g1, vfloat g2) {
  const vfloat even1 = splat(-2.0f / 3) * g0 + splat(-1.0f / 3) * g2, odd1 = splat(-WINOGRAD_B / 3) * g1;
  const vfloat even2 = splat(1.0f / 6) * g0 + splat(1.0f / 3) * g2, odd2 = splat(WINOGRAD_B / 6) * g1;
  u[0] = g0;
  u[1] = even1 + odd1;
  u[2] = even1 - odd1;
  u[3] = even2 + odd2;
  u[4] = even2 - odd2;
  u[5] = g2;
}

_Static_assert(TILE_ROWS <= VECTOR_WIDTH, "the kernels of a panel fit a vector");

// The points of kernels w[outputs][inputs][3][3], for `count` panels of outputs from `first`.
void KERNEL(winograd_weights)(float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count) {
  const size_t panels = (outputs + TILE_ROWS - 1) / TILE_ROWS;
  for (size_t panel = first; panel < first + count; panel++) {
    const size_t rows = outputs - panel * TILE_ROWS < TILE_ROWS ? outputs - panel * TILE_ROWS : TILE_ROWS;
    for (size_t i = 0; i < inputs; i += VECTOR_WIDTH) {
      const size_t lanes = inputs - i < VECTOR_WIDTH ? inputs - i : VECTOR_WIDTH;
      // Each vector's surplus is written over by the next one.
      float points[36][(TILE_ROWS + 1) * VECTOR_WIDTH];
      for (size_t l = 0; l < lanes; l++) {
        float lines[9][VECTOR_WIDTH] = {{0}};
        for (size_t r = 0; r < rows; r++) {
          const float *from = w + ((panel * TILE_ROWS + r) * inputs + i + l) * 9;
          UNROLL for (size_t n = 0; n < 9; n++) lines[n][r] = from[n];
        }
        vfloat columns[3][6];
        UNROLL for (size_t x = 0; x < 3; x++)
          winograd_line(columns[x], load(lines[x]), load(lines[3 + x]), load(lines[6 + x]));
        UNROLL for (size_t y = 0; y < 6; y++) {
          vfloat line[6];
          winograd_line(line, columns[0][y], columns[1][y], columns[2][y]);
          UNROLL for (size_t x = 0; x < 6; x++) store(points[y * 6 + x] + l * TILE_ROWS, line[x]);
        }
      }
      for (size_t point = 0; point < 36; point++) {
        float *const to = u + ((point * panels + panel) * inputs + i) * TILE_ROWS;
        if (lanes == VECTOR_WIDTH) {
          UNROLL for (size_t n = 0; n < TILE_ROWS; n++) store(to + n * VECTOR_WIDTH, load(points[point] + n * VECTOR_WIDTH));
        } else {
          memcpy(to, points[point], lanes * TILE_ROWS * sizeof(float));
        }
      }
    }
  }
}

size_t KERNEL(winograd_panel)(void) { return TILE_ROWS; }

// The points of the VECTOR_WIDTH tiles in six rows of 5 * VECTOR_WIDTH pixels, `plane` floats from point to point. (Not inlined: the
// compiler would rather keep 36 addresses than add.)
static __attribute__((noinline)) void winograd_tiles(float *to, size_t plane, const float *const rows[6]) {
  float lines[6][5 * VECTOR_WIDTH];
  UNROLL for (size_t part = 0; part < 5; part++) {
    vfloat column[6], points[6];
    UNROLL for (size_t i = 0; i < 6; i++) column[i] = load(rows[i] + part * VECTOR_WIDTH);
    winograd_points(points, column);
    UNROLL for (size_t i = 0; i < 6; i++) store(lines[i] + part * VECTOR_WIDTH, points[i]);
  }
  for (size_t line = 0; line < 6; line++) {
    // Every fourth pixel; those of the next tile are the fifth and sixth of this one.
    const float *p = lines[line], *next = p + 4;
    const vfloat a = load(p), b = load(p + VECTOR_WIDTH), c = load(p + 2 * VECTOR_WIDTH), d = load(p + 3 * VECTOR_WIDTH);
    const vfloat even1 = evens(a, b), odd1 = odds(a, b), even2 = evens(c, d), odd2 = odds(c, d);
    const vfloat a4 = load(next), b4 = load(next + VECTOR_WIDTH), c4 = load(next + 2 * VECTOR_WIDTH);
    const vfloat d4 = load(next + 3 * VECTOR_WIDTH);
    const vfloat pixels[6] = {evens(even1, even2),
                              evens(odd1, odd2),
                              odds(even1, even2),
                              odds(odd1, odd2),
                              evens(evens(a4, b4), evens(c4, d4)),
                              evens(odds(a4, b4), odds(c4, d4))};
    vfloat points[6];
    winograd_points(points, pixels);
    UNROLL for (size_t i = 0; i < 6; i++, to += plane) store(to, points[i]);
  }
}

// The points of x[channels][height][width], one pixel of zeros around it, for `count` channels from `first`: `tile_rows` rows of
// tiles of 4 x 4 pixels from row `first_row` on, ceil(width / 4) tiles each.
void KERNEL(winograd_input)(float *v, const float *x, size_t channels, size_t first, size_t count, size_t height,
                            size_t width, size_t first_row, size_t tile_rows) {
  enum { span = 4 * VECTOR_WIDTH + 2, padded = 5 * VECTOR_WIDTH };
  const size_t across = (width + 3) / 4, plane = (channels + 1) * TILE_COLUMNS, block = 36 * plane;
  static const float zeros[padded];
  for (size_t c = first; c < first + count; c++) {
    for (size_t r = 0; r < tile_rows; r++) {
      for (size_t tile = 0; tile < across; tile += VECTOR_WIDTH) {
        // The window begins one pixel above and left of the tile.
        const ptrdiff_t top = (ptrdiff_t)((first_row + r) * 4) - 1, left = (ptrdiff_t)(tile * 4) - 1;
        float edge[6][padded];
        const float *rows[6];
        for (ptrdiff_t i = 0; i < 6; i++) {
          const ptrdiff_t y = top + i;
          if (y < 0 || y >= (ptrdiff_t)height) {
            rows[i] = zeros;
            continue;
          }
          const float *const row = x + (c * height + (size_t)y) * width;
          if (left >= 0 && (size_t)left + padded <= width) {
            rows[i] = row + left;
            continue;
          }
          const size_t begin = left < 0 ? 0 : (size_t)left, skipped = left < 0;
          const size_t end = begin - skipped + span < width ? begin - skipped + span : width;
          size_t n = 0;
          UNROLL for (size_t part = 0; part < 5; part++) store(edge[i] + part * VECTOR_WIDTH, splat(0));
          for (; begin + n + VECTOR_WIDTH <= end; n += VECTOR_WIDTH) store(edge[i] + skipped + n, load(row + begin + n));
          for (; begin + n < end; n++) edge[i][skipped + n] = row[begin + n];
          rows[i] = edge[i];
        }
        const size_t lanes = across - tile < VECTOR_WIDTH ? across - tile : VECTOR_WIDTH;
        const size_t place = (r * across + tile) % TILE_COLUMNS, room = TILE_COLUMNS - place;
        float *const panel = v + (r * across + tile) / TILE_COLUMNS * block + c * TILE_COLUMNS;
        if (lanes == VECTOR_WIDTH && room >= VECTOR_WIDTH) {
          winograd_tiles(panel + place, plane, rows);
          continue;
        }
        float points[36 * VECTOR_WIDTH];
        winograd_tiles(points, VECTOR_WIDTH, rows);
        for (size_t point = 0; point < 36; point++)
          for (size_t l = 0; l < lanes; l++)
            panel[point * plane + (l < room ? place + l : block + l - room)] = points[point * VECTOR_WIDTH + l];
      }
    }
  }
}

// One point's sums m of tiles v and kernels u, of `tiles` tiles.
void KERNEL(winograd_products)(float *m, const float *v, const float *u, size_t inputs, size_t outputs, size_t tiles,
                               size_t point) {
  enum { cached = 1 << 16 };  // floats of kernels that stay in a core's own cache while all tiles pass
  const size_t panels = (outputs + TILE_ROWS - 1) / TILE_ROWS, columns = (tiles + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const size_t v_plane = (inputs + 1) * TILE_COLUMNS, m_plane = (outputs + 1) * TILE_COLUMNS;
  size_t most = cached / (inputs * TILE_ROWS);
  if (most == 0) most = 1;
  u += point * panels * inputs * TILE_ROWS;
  for (size_t first = 0; first < panels; first += most) {
    const size_t end = panels - first < most ? panels : first + most;
    for (size_t column = 0; column < columns; column++) {
      const float *const tile = v + (column * 36 + point) * v_plane;
      float *const out = m + (column * 36 + point) * m_plane;
      for (size_t panel = first; panel < end; panel++) {
        const float *a = u + panel * inputs * TILE_ROWS, *b = tile;
        vfloat sums[TILE_ROWS][TILE_VECTORS] = {{{0}}};
        UNROLL for (size_t n = 0; n < TILE_ROWS * TILE_COLUMNS; n += 16)
          __builtin_prefetch(out + panel * TILE_ROWS * TILE_COLUMNS + n, 1);
        for (size_t i = 0; i < inputs; i++, a += TILE_ROWS, b += TILE_COLUMNS) {
          vfloat right[TILE_VECTORS];
          UNROLL for (size_t n = 0; n < TILE_VECTORS; n++) right[n] = load(b + n * VECTOR_WIDTH);
          UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
            UNROLL for (size_t n = 0; n < TILE_VECTORS; n++) sums[r][n] = fused(splat(a[r]), right[n], sums[r][n]);
        }
        const size_t rows = outputs - panel * TILE_ROWS < TILE_ROWS ? outputs - panel * TILE_ROWS : TILE_ROWS;
        UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
          if (r < rows)
            UNROLL for (size_t n = 0; n < TILE_VECTORS; n++)
              store(out + (panel * TILE_ROWS + r) * TILE_COLUMNS + n * VECTOR_WIDTH, sums[r][n]);
      }
    }
  }
}

// Four rows of 4 * VECTOR_WIDTH pixels, `stride` floats from row to row, of the sums of VECTOR_WIDTH tiles.
static __attribute__((noinline)) void winograd_picture(float *to, size_t stride, const float *from, size_t plane, float bias) {
  float half[4][6 * VECTOR_WIDTH];
  for (size_t column = 0; column < 6; column++) {
    vfloat points[6], pixels[4];
    UNROLL for (size_t i = 0; i < 6; i++) points[i] = load(from + (i * 6 + column) * plane);
    winograd_pixels(pixels, points);
    UNROLL for (size_t i = 0; i < 4; i++) store(half[i] + column * VECTOR_WIDTH, pixels[i]);
  }
  for (size_t row = 0; row < 4; row++, to += stride) {
    vfloat line[6], pixels[4];
    UNROLL for (size_t column = 0; column < 6; column++) line[column] = load(half[row] + column * VECTOR_WIDTH);
    winograd_pixels(pixels, line);
    UNROLL for (size_t i = 0; i < 4; i++) pixels[i] += splat(bias);
    const vfloat even1 = zip_low(pixels[0], pixels[2]), even2 = zip_high(pixels[0], pixels[2]);
    const vfloat odd1 = zip_low(pixels[1], pixels[3]), odd2 = zip_high(pixels[1], pixels[3]);
    store(to, zip_low(even1, odd1));
    store(to + VECTOR_WIDTH, zip_high(even1, odd1));
    store(to + 2 * VECTOR_WIDTH, zip_low(even2, odd2));
    store(to + 3 * VECTOR_WIDTH, zip_high(even2, odd2));
  }
}

// y[channels][height][width] of the sums m, plus bias[channel]; the rest as for the input.
void KERNEL(winograd_output)(float *y, const float *m, const float *bias, size_t channels, size_t first, size_t count,
                             size_t height, size_t width, size_t first_row, size_t tile_rows) {
  const size_t across = (width + 3) / 4, plane = (channels + 1) * TILE_COLUMNS, block = 36 * plane;
  for (size_t c = first; c < first + count; c++) {
    for (size_t r = 0; r < tile_rows; r++) {
      const size_t top = (first_row + r) * 4, kept = height - top < 4 ? height - top : 4;
      for (size_t tile = 0; tile < across; tile += VECTOR_WIDTH) {
        const size_t lanes = across - tile < VECTOR_WIDTH ? across - tile : VECTOR_WIDTH;
        const size_t place = (r * across + tile) % TILE_COLUMNS, room = TILE_COLUMNS - place;
        const float *from = m + (r * across + tile) / TILE_COLUMNS * block + c * TILE_COLUMNS + place;
        size_t step = plane;
        float points[36 * VECTOR_WIDTH], square[4 * 4 * VECTOR_WIDTH];
        if (lanes < VECTOR_WIDTH || room < VECTOR_WIDTH) {
          for (size_t point = 0; point < 36; point++)
            for (size_t l = 0; l < VECTOR_WIDTH; l++)
              points[point * VECTOR_WIDTH + l] =
                  l < lanes ? from[point * plane + (l < room ? l : block + l - room - place)] : 0;
          from = points;
          step = VECTOR_WIDTH;
        }
        const size_t left = tile * 4, pixels = width - left < 4 * VECTOR_WIDTH ? width - left : 4 * VECTOR_WIDTH;
        float *const to = y + (c * height + top) * width + left;
        if (kept == 4 && pixels == 4 * VECTOR_WIDTH) {
          winograd_picture(to, width, from, step, bias[c]);
          continue;
        }
        winograd_picture(square, 4 * VECTOR_WIDTH, from, step, bias[c]);
        for (size_t row = 0; row < kept; row++) memcpy(to + row * width, square + row * 4 * VECTOR_WIDTH, pixels * sizeof(float));
      }
    }
  }
}
