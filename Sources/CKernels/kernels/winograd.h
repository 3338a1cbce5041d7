// Convolutions of 3 x 3 by Winograd's method, F(4 x 4, 3 x 3) (Lavin & Gray 2015): 36 products for 16 pixels instead of 144.
// The points are 0, +-sqrt(1/2), +-sqrt(2) and infinity, whose matrices have smaller entries than those of 0, +-1, +-2: less is
// lost to rounding. Pixels and tiles lie along the vectors' lanes. Convolutions of a picture whose sides are doubled first: doubling.h.
//
// Points lie as the products read them: kernels u[points][panels of TILE_ROWS outputs][inputs][TILE_ROWS], filled up with zeros; tiles
// v[panels of TILE_COLUMNS tiles][points][channels + 1][TILE_COLUMNS], sums likewise. The one channel too many keeps the points of a
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

#include "doubling.h"

_Static_assert(TILE_ROWS <= VECTOR_WIDTH, "the kernels of a panel fit a vector");

// Points of a tile, and of kernels and sums, of which doubling has more: four kernels share a tile's points.
#define WINOGRAD_TILE_POINTS(doubling) ((doubling) ? 25 : 36)
#define WINOGRAD_POINTS(doubling) ((doubling) ? 81 : 36)

// The points of kernels w[outputs][inputs][3][3], for `count` panels of outputs from `first`.
ALWAYS_INLINE void winograd_weights_of(float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count,
                                       const int doubling) {
  enum { longest = 9 };
  const size_t panels = (outputs + TILE_ROWS - 1) / TILE_ROWS;
  const size_t length = doubling ? 9 : 6;
  for (size_t panel = first; panel < first + count; panel++) {
    const size_t rows = outputs - panel * TILE_ROWS < TILE_ROWS ? outputs - panel * TILE_ROWS : TILE_ROWS;
    for (size_t i = 0; i < inputs; i += VECTOR_WIDTH) {
      const size_t lanes = inputs - i < VECTOR_WIDTH ? inputs - i : VECTOR_WIDTH;
      // Each vector's surplus is written over by the next one.
      float points[WINOGRAD_POINTS(1)][(TILE_ROWS + 1) * VECTOR_WIDTH];
      for (size_t l = 0; l < lanes; l++) {
        float lines[9][VECTOR_WIDTH] = {{0}};
        for (size_t r = 0; r < rows; r++) {
          const float *from = w + ((panel * TILE_ROWS + r) * inputs + i + l) * 9;
          UNROLL for (size_t n = 0; n < 9; n++) lines[n][r] = from[n];
        }
        vfloat columns[3][longest];
        UNROLL for (size_t x = 0; x < 3; x++)
          (doubling ? doubling_line : winograd_line)(columns[x], load(lines[x]), load(lines[3 + x]), load(lines[6 + x]));
        UNROLL for (size_t y = 0; y < length; y++) {
          vfloat line[longest];
          (doubling ? doubling_line : winograd_line)(line, columns[0][y], columns[1][y], columns[2][y]);
          UNROLL for (size_t x = 0; x < length; x++) store(points[y * length + x] + l * TILE_ROWS, line[x]);
        }
      }
      for (size_t point = 0; point < length * length; point++) {
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

void KERNEL(winograd_weights)(float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count, int doubling) {
  if (doubling) winograd_weights_of(u, w, inputs, outputs, first, count, 1);
  else winograd_weights_of(u, w, inputs, outputs, first, count, 0);
}

size_t KERNEL(winograd_panel)(void) { return TILE_ROWS; }

// Tiles of a row whose pixels are prepared together, and room for them, one pixel on either side and what vectors read beyond.
#define STRIP_TILES 64
#define STRIP_PIXELS (4 * STRIP_TILES + 2 * VECTOR_WIDTH)

// The points of the VECTOR_WIDTH tiles in `length` lines of 5 * VECTOR_WIDTH pixels, `plane` floats from point to point.
ALWAYS_INLINE void points_of_tiles(float *to, size_t plane, float (*strip)[STRIP_PIXELS], size_t from, const size_t length) {
  float lines[6][5 * VECTOR_WIDTH];
  UNROLL for (size_t part = 0; part < 5; part++) {
    vfloat column[6], points[6];
    UNROLL for (size_t i = 0; i < length; i++) column[i] = load(strip[i] + from + part * VECTOR_WIDTH);
    (length == 5 ? doubling_points : winograd_points)(points, column);
    UNROLL for (size_t i = 0; i < length; i++) store(lines[i] + part * VECTOR_WIDTH, points[i]);
  }
  for (size_t line = 0; line < length; line++) {
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
    (length == 5 ? doubling_points : winograd_points)(points, pixels);
    UNROLL for (size_t i = 0; i < length; i++, to += plane) store(to, points[i]);
  }
}

// Not inlined: the compiler would rather keep 36 addresses than add.
static __attribute__((noinline)) void winograd_tiles(float *to, size_t plane, float (*strip)[STRIP_PIXELS], size_t from) {
  points_of_tiles(to, plane, strip, from, 6);
}
static __attribute__((noinline)) void doubling_tiles(float *to, size_t plane, float (*strip)[STRIP_PIXELS], size_t from) {
  points_of_tiles(to, plane, strip, from, 5);
}

// Pixels from `left` (-1 at least) on of a row, as the convolution takes them: times `scale` plus `shift`, then SiLU if asked; zeros
// outside the picture.
static void strip_line(float *to, const float *row, ptrdiff_t left, size_t width, const float *scale, const float *shift, int silu) {
  const size_t skipped = left < 0, begin = (size_t)(left + (ptrdiff_t)skipped), room = STRIP_PIXELS - skipped;
  const size_t count = begin >= width ? 0 : width - begin < room ? width - begin : room;
  const float *const from = row + begin;
  float *const out = to + skipped;
  to[0] = 0;
  if (scale == NULL) {
    memcpy(out, from, count * sizeof(float));
  } else if (silu) {
    for (size_t i = 0; i < count; i++) {
      const float y = from[i] * *scale + *shift;
      out[i] = y / (1.0f + uio2_expf(-y));
    }
  } else {
    for (size_t i = 0; i < count; i++) out[i] = from[i] * *scale + *shift;
  }
  memset(out + count, 0, (room - count) * sizeof(float));
}

// The points of `count` channels from `first` of x[channels][height][width], with zeros around it: `tile_rows` rows of tiles of 4 x 4
// pixels from row `first_row` on.
void KERNEL(winograd_input)(float *v, const float *x, const float *scale, const float *shift, int silu, size_t channels,
                            size_t first, size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows,
                            int doubling) {
  const size_t across = uio2_winograd_tiles(width, doubling), length = doubling ? 5 : 6, kept = length - 4;
  const size_t plane = (channels + 1) * TILE_COLUMNS, block = WINOGRAD_TILE_POINTS(doubling) * plane;
  void (*const tiles)(float *, size_t, float (*)[STRIP_PIXELS], size_t) = doubling ? doubling_tiles : winograd_tiles;
  for (size_t c = first; c < first + count; c++) {
    for (size_t start = 0; start < across; start += STRIP_TILES) {
      const size_t end = across - start < STRIP_TILES ? across : start + STRIP_TILES;
      float strip[6][STRIP_PIXELS];
      for (size_t r = 0; r < tile_rows; r++) {
        // The window begins one pixel above and left of the tile.
        if (r > 0) memcpy(strip[0], strip[4], kept * sizeof *strip);
        for (size_t i = r > 0 ? kept : 0; i < length; i++) {
          const ptrdiff_t y = (ptrdiff_t)((first_row + r) * 4 + i) - 1;
          if (y < 0 || y >= (ptrdiff_t)height) memset(strip[i], 0, sizeof *strip);
          else
            strip_line(strip[i], x + (c * height + (size_t)y) * width, (ptrdiff_t)(start * 4) - 1, width,
                       scale == NULL ? NULL : scale + c, scale == NULL ? NULL : shift + c, silu);
        }
        for (size_t tile = start; tile < end; tile += VECTOR_WIDTH) {
          const size_t lanes = end - tile < VECTOR_WIDTH ? end - tile : VECTOR_WIDTH, from = (tile - start) * 4;
          const size_t place = (r * across + tile) % TILE_COLUMNS, room = TILE_COLUMNS - place;
          float *const panel = v + (r * across + tile) / TILE_COLUMNS * block + c * TILE_COLUMNS;
          if (lanes == VECTOR_WIDTH && room >= VECTOR_WIDTH) {
            tiles(panel + place, plane, strip, from);
            continue;
          }
          float points[36 * VECTOR_WIDTH];
          tiles(points, VECTOR_WIDTH, strip, from);
          for (size_t point = 0; point < length * length; point++)
            for (size_t l = 0; l < lanes; l++)
              panel[point * plane + (l < room ? place + l : block + l - room)] = points[point * VECTOR_WIDTH + l];
        }
      }
    }
  }
}

// One point's sums m of tiles v and kernels u, of `tiles` tiles, for `count` of the `outputs` from `begin` on, whose kernels u are.
void KERNEL(winograd_products)(float *m, const float *v, const float *u, size_t inputs, size_t outputs, size_t begin,
                               size_t count, size_t tiles, size_t point, int doubling) {
  enum { cached = 1 << 16 };  // floats of kernels that stay in a core's own cache while all tiles pass
  const size_t panels = (count + TILE_ROWS - 1) / TILE_ROWS, columns = (tiles + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const size_t v_plane = (inputs + 1) * TILE_COLUMNS, m_plane = (outputs + 1) * TILE_COLUMNS;
  const size_t tile_point = doubling ? doubling_point(point) : point;
  size_t most = cached / (inputs * TILE_ROWS);
  if (most == 0) most = 1;
  u += point * panels * inputs * TILE_ROWS;
  for (size_t first = 0; first < panels; first += most) {
    const size_t end = panels - first < most ? panels : first + most;
    for (size_t column = 0; column < columns; column++) {
      const float *const tile = v + (column * WINOGRAD_TILE_POINTS(doubling) + tile_point) * v_plane;
      float *const out = m + (column * WINOGRAD_POINTS(doubling) + point) * m_plane + begin * TILE_COLUMNS;
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
        const size_t rows = count - panel * TILE_ROWS < TILE_ROWS ? count - panel * TILE_ROWS : TILE_ROWS;
        UNROLL for (size_t r = 0; r < TILE_ROWS; r++)
          if (r < rows)
            UNROLL for (size_t n = 0; n < TILE_VECTORS; n++)
              store(out + (panel * TILE_ROWS + r) * TILE_COLUMNS + n * VECTOR_WIDTH, sums[r][n]);
      }
    }
  }
}

// Four rows of 4 * VECTOR_WIDTH pixels, `stride` floats from row to row, of the sums of VECTOR_WIDTH tiles, plus `bias`.
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

// y[0 ..< count] = x, plus `added` unless it is NULL.
ALWAYS_INLINE void place_line(float *y, const float *x, const float *added, size_t count) {
  if (added == NULL) {
    memcpy(y, x, count * sizeof(float));
    return;
  }
  size_t i = 0;
  for (; i + VECTOR_WIDTH <= count; i += VECTOR_WIDTH) store(y + i, load(x + i) + load(added + i));
  for (; i < count; i++) y[i] = x[i] + added[i];
}

// y[channels][rows][columns] of the sums m, plus bias[channel], plus what `added`, which may be y, has there unless it is NULL; `rows` and
// `columns` are twice `height` and `width` where those were doubled; the rest as for the input.
void KERNEL(winograd_output)(float *y, const float *m, const float *bias, const float *added, size_t channels, size_t first,
                             size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows, int doubling) {
  // A tile's pixels in a line; doubled ones begin one pixel further left and above.
  const size_t side = doubling ? 8 : 4, margin = doubling ? 1 : 0;
  const size_t rows = doubling ? 2 * height : height, columns = doubling ? 2 * width : width;
  const size_t across = uio2_winograd_tiles(width, doubling), points = WINOGRAD_POINTS(doubling);
  const size_t plane = (channels + 1) * TILE_COLUMNS, block = points * plane;
  void (*const picture)(float *, size_t, const float *, size_t, float) = doubling ? doubling_picture : winograd_picture;
  for (size_t c = first; c < first + count; c++) {
    for (size_t r = 0; r < tile_rows; r++) {
      for (size_t tile = 0; tile < across; tile += VECTOR_WIDTH) {
        const size_t lanes = across - tile < VECTOR_WIDTH ? across - tile : VECTOR_WIDTH;
        const size_t place = (r * across + tile) % TILE_COLUMNS, room = TILE_COLUMNS - place;
        const float *from = m + (r * across + tile) / TILE_COLUMNS * block + c * TILE_COLUMNS + place;
        size_t step = plane;
        float gathered[WINOGRAD_POINTS(1) * VECTOR_WIDTH], square[8 * 8 * VECTOR_WIDTH];
        if (lanes < VECTOR_WIDTH || room < VECTOR_WIDTH) {
          for (size_t point = 0; point < points; point++)
            for (size_t l = 0; l < VECTOR_WIDTH; l++)
              gathered[point * VECTOR_WIDTH + l] =
                  l < lanes ? from[point * plane + (l < room ? l : block + l - room - place)] : 0;
          from = gathered;
          step = VECTOR_WIDTH;
        }
        // What of the tiles' rows and columns lies in the picture.
        const size_t top = (first_row + r) * side, left = tile * side, wide = side * VECTOR_WIDTH;
        const size_t above = top < margin ? margin : 0, before = left < margin ? margin : 0;
        const size_t below = rows + margin - top < side ? rows + margin - top : side;
        const size_t after = columns + margin - left < wide ? columns + margin - left : wide;
        const size_t offset = (c * rows + top + above - margin) * columns + left + before - margin;
        float *to = y + offset;
        if (added == NULL && above == 0 && before == 0 && below == side && after == wide) {
          picture(to, columns, from, step, bias[c]);
          continue;
        }
        picture(square, wide, from, step, bias[c]);
        for (size_t row = above; row < below; row++, to += columns)
          place_line(to, square + row * wide + before, added == NULL ? NULL : added + (to - y), after - before);
      }
    }
  }
}
