// Convolutions of 3 x 3 by Winograd's method, with the lines of winograd_lines.h. Pixels and tiles lie along the vectors' lanes.
//
// Points lie as the products read them: kernels u[points][panels of TILE_ROWS outputs][inputs][TILE_ROWS]; tiles
// v[panels of TILE_COLUMNS tiles][points][channels + 1][TILE_COLUMNS], sums likewise. The one channel too many keeps the points of a
// tile from falling into the same few sets of a cache. Tiles are counted row by row within strips of STRIP_TILES columns, so that a
// vector of them, which may reach from one row into the next ones, never straddles two panels.

_Static_assert(TILE_ROWS <= VECTOR_WIDTH, "the kernels of a panel fit a vector");

// The points of kernels w[outputs][inputs][3][3], for `count` panels of outputs from `first`.
ALWAYS_INLINE void winograd_weights_of(float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count,
                                       const uio2_tiling tiling) {
  enum { longest = winograd_longest_line };
  const size_t panels = (outputs + TILE_ROWS - 1) / TILE_ROWS;
  const size_t length = winograd_line(tiling);
  for (size_t panel = first; panel < first + count; panel++) {
    const size_t rows = outputs - panel * TILE_ROWS < TILE_ROWS ? outputs - panel * TILE_ROWS : TILE_ROWS;
    // Of the panel's outputs; the last one stands for those that there are not.
    size_t offsets[VECTOR_WIDTH];
    for (size_t r = 0; r < VECTOR_WIDTH; r++) offsets[r] = (r < rows ? r : rows - 1) * inputs * 9;
    for (size_t i = 0; i < inputs; i += VECTOR_WIDTH) {
      const size_t lanes = inputs - i < VECTOR_WIDTH ? inputs - i : VECTOR_WIDTH;
      // Each vector's surplus is written over by the next one.
      float points[longest * longest][(TILE_ROWS + 1) * VECTOR_WIDTH];
      for (size_t l = 0; l < lanes; l++) {
        // Each place of the nine in a vector of outputs: places 0 ... 3, 4 ... 7 and 5 ... 8.
        const float *const from = w + (panel * TILE_ROWS * inputs + i + l) * 9;
        vfloat places[12], columns[3][longest];
        UNROLL for (size_t n = 0; n < 12; n += 4) {
          UNROLL for (size_t r = 0; r < 4; r++) places[n + r] = load_fours(from + (n < 8 ? n : 5), offsets + r);
          turn_fours(places + n);
        }
        places[8] = places[11];
        UNROLL for (size_t x = 0; x < 3; x++) line_weights(columns[x], places[x], places[3 + x], places[6 + x], tiling);
        UNROLL for (size_t y = 0; y < length; y++) {
          vfloat line[longest];
          line_weights(line, columns[0][y], columns[1][y], columns[2][y], tiling);
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

void KERNEL(winograd_weights)(float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count, uio2_tiling tiling) {
  if (tiling == uio2_tiles_of_4) winograd_weights_of(u, w, inputs, outputs, first, count, uio2_tiles_of_4);
  else if (tiling == uio2_tiles_of_6) winograd_weights_of(u, w, inputs, outputs, first, count, uio2_tiles_of_6);
  else winograd_weights_of(u, w, inputs, outputs, first, count, uio2_tiles_doubled);
}

size_t KERNEL(winograd_panel)(void) { return TILE_ROWS; }

// Columns of tiles that are prepared together; their pixels, with the margin and what vectors read beyond.
#define STRIP_TILES 64
#define STRIP_PIXELS (winograd_longest_step * STRIP_TILES + 2 * VECTOR_WIDTH)
_Static_assert(STRIP_TILES % TILE_COLUMNS == 0, "strips begin where panels begin");
// Points of lines that wait for their tile's vector: two rows of a strip, or more rows of a narrow one.
#define STRIP_ROOM (2 * STRIP_PIXELS)

// The points of VECTOR_WIDTH tiles, `plane` floats from point to point: tile l's pixels begin at offsets[l] of each of the lines.
ALWAYS_INLINE void points_of_tiles(float *to, size_t plane, float (*lines)[STRIP_ROOM], const size_t *offsets,
                                   const uio2_tiling tiling) {
  const size_t window = winograd_window(tiling);
  for (size_t line = 0; line < window; line++) {
    vfloat pixels[winograd_longest_window], points[winograd_longest_window];
    UNROLL for (size_t i = 0; i < winograd_longest_window; i += 4) {
      UNROLL for (size_t l = 0; l < 4; l++) pixels[i + l] = load_fours(lines[line] + i, offsets + l);
      turn_fours(pixels + i);
    }
    line_points(points, pixels, tiling);
    UNROLL for (size_t i = 0; i < window; i++, to += plane) store(to, points[i]);
  }
}

// Columns of `count` pixels of the strip to points of lines.
ALWAYS_INLINE void points_of_columns(float (*lines)[STRIP_ROOM], size_t at, float (*strip)[STRIP_PIXELS], size_t count,
                                     const uio2_tiling tiling) {
  const size_t window = winograd_window(tiling);
  for (size_t pixel = 0; pixel < count; pixel += VECTOR_WIDTH) {
    vfloat column[winograd_longest_window], points[winograd_longest_window];
    UNROLL for (size_t i = 0; i < window; i++) column[i] = load(strip[i] + pixel);
    line_points(points, column, tiling);
    UNROLL for (size_t i = 0; i < window; i++) store(lines[i] + at + pixel, points[i]);
  }
}

// `pixels` pixels from `left` (-1 at least) on of a row, as the convolution takes them: times `scale` plus `shift`, then SiLU if asked;
// zeros outside the picture.
static void strip_line(float *to, size_t pixels, const float *row, ptrdiff_t left, size_t width, const float *scale,
                       const float *shift, int silu) {
  const size_t skipped = left < 0, begin = (size_t)(left + (ptrdiff_t)skipped), room = pixels - skipped;
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

// The points of `count` channels from `first` of x[channels][height][width], with zeros around it: `tile_rows` rows of tiles from row
// `first_row` on.
ALWAYS_INLINE void winograd_input_of(float *v, const float *x, const float *scale, const float *shift, int silu, size_t channels,
                                     size_t first, size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows,
                                     const uio2_tiling tiling) {
  const size_t across = uio2_winograd_tiles(width, tiling), step = winograd_step(tiling), window = winograd_window(tiling);
  const size_t kept = window - step, plane = (channels + 1) * TILE_COLUMNS, block = window * window * plane;
  for (size_t c = first; c < first + count; c++) {
    for (size_t start = 0; start < across; start += STRIP_TILES) {
      const size_t wide = across - start < STRIP_TILES ? across - start : STRIP_TILES, end = wide * tile_rows;
      const size_t pixels = (wide * step + kept + VECTOR_WIDTH - 1) / VECTOR_WIDTH * VECTOR_WIDTH;
      // Rows whose points wait: those of the tiles that make no whole vector yet, and the next one.
      const size_t held = (VECTOR_WIDTH + wide - 2) / wide + 1, pitch = pixels + winograd_longest_window - window;
      float strip[winograd_longest_window][STRIP_PIXELS], lines[winograd_longest_window][STRIP_ROOM];
      size_t offsets[VECTOR_WIDTH], tile = 0, row = 0, column = 0;
      for (size_t r = 0; r < tile_rows; r++) {
        // The window begins one pixel above and left of the tile.
        if (r > 0) memcpy(strip[0], strip[step], kept * sizeof *strip);
        for (size_t i = r > 0 ? kept : 0; i < window; i++) {
          const ptrdiff_t y = (ptrdiff_t)((first_row + r) * step + i) - 1;
          if (y < 0 || y >= (ptrdiff_t)height) memset(strip[i], 0, pixels * sizeof **strip);
          else
            strip_line(strip[i], pixels, x + (c * height + (size_t)y) * width, (ptrdiff_t)(start * step) - 1, width,
                       scale == NULL ? NULL : scale + c, scale == NULL ? NULL : shift + c, silu);
        }
        points_of_columns(lines, r % held * pitch, strip, pixels, tiling);
        // Vectors that are complete now, and at the end the one that is not.
        const size_t ready = (r + 1) * wide, until = r + 1 < tile_rows ? ready - ready % VECTOR_WIDTH : end;
        for (; tile < until; tile += VECTOR_WIDTH) {
          for (size_t l = 0; l < VECTOR_WIDTH; l++) {
            offsets[l] = row * pitch + column * step;
            if (tile + l + 1 >= end) continue;  // the rest repeats the last tile
            if (++column == wide) {
              column = 0;
              row = row + 1 == held ? 0 : row + 1;
            }
          }
          const size_t place = start * tile_rows + tile;
          points_of_tiles(v + place / TILE_COLUMNS * block + c * TILE_COLUMNS + place % TILE_COLUMNS, plane, lines, offsets, tiling);
        }
      }
    }
  }
}

void KERNEL(winograd_input)(float *v, const float *x, const float *scale, const float *shift, int silu, size_t channels,
                            size_t first, size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows,
                            uio2_tiling tiling) {
#define INPUT_OF(tiling) \
  winograd_input_of(v, x, scale, shift, silu, channels, first, count, height, width, first_row, tile_rows, tiling)
  if (tiling == uio2_tiles_of_4) INPUT_OF(uio2_tiles_of_4);
  else if (tiling == uio2_tiles_of_6) INPUT_OF(uio2_tiles_of_6);
  else INPUT_OF(uio2_tiles_doubled);
#undef INPUT_OF
}

// One point's sums m of tiles v and kernels u, of `tiles` tiles.
void KERNEL(winograd_products)(float *m, const float *v, const float *u, size_t inputs, size_t outputs, size_t tiles, size_t point,
                               uio2_tiling tiling) {
  enum { cached = 1 << 16 };  // floats of kernels that stay in a core's own cache while all tiles pass
  const size_t panels = (outputs + TILE_ROWS - 1) / TILE_ROWS, columns = (tiles + TILE_COLUMNS - 1) / TILE_COLUMNS;
  const size_t v_plane = (inputs + 1) * TILE_COLUMNS, m_plane = (outputs + 1) * TILE_COLUMNS;
  const size_t window = winograd_window(tiling), tile_point = point_of_tile(point, tiling), points = uio2_winograd_points(tiling);
  size_t most = cached / (inputs * TILE_ROWS);
  if (most == 0) most = 1;
  u += point * panels * inputs * TILE_ROWS;
  for (size_t first = 0; first < panels; first += most) {
    const size_t end = panels - first < most ? panels : first + most;
    for (size_t column = 0; column < columns; column++) {
      const float *const tile = v + (column * window * window + tile_point) * v_plane;
      float *const out = m + (column * points + point) * m_plane;
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

// The results of VECTOR_WIDTH tiles side by side, `stride` floats from row to row, of their sums, `plane` floats from point to point,
// plus `bias`.
ALWAYS_INLINE void results_of_tiles(float *to, size_t stride, const float *from, size_t plane, float bias, const uio2_tiling tiling) {
  const size_t line = winograd_line(tiling), side = winograd_side(tiling);
  float columns[winograd_longest_side][winograd_longest_line * VECTOR_WIDTH];
  for (size_t column = 0; column < line; column++) {
    vfloat sums[winograd_longest_line], results[winograd_longest_side];
    UNROLL for (size_t i = 0; i < line; i++) sums[i] = load(from + (i * line + column) * plane);
    line_pixels(results, sums, tiling);
    UNROLL for (size_t i = 0; i < side; i++) store(columns[i] + column * VECTOR_WIDTH, results[i]);
  }
  for (size_t row = 0; row < side; row++, to += stride) {
    vfloat sums[winograd_longest_line], results[winograd_longest_side] = {{0}};
    UNROLL for (size_t i = 0; i < line; i++) sums[i] = load(columns[row] + i * VECTOR_WIDTH);
    line_pixels(results, sums, tiling);
    UNROLL for (size_t i = 0; i < side; i++) results[i] += splat(bias);
    turn_fours(results);
    UNROLL for (size_t l = 0; l < 4; l++) store_fours(to + l * side, 4 * side, results[l]);
    if (side == 4) continue;
    turn_fours(results + 4);
    UNROLL for (size_t l = 0; l < 4; l++)
      (side == 6 ? store_twos : store_fours)(to + l * side + 4, 4 * side, results[4 + l]);
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
ALWAYS_INLINE void winograd_output_of(float *y, const float *m, const float *bias, const float *added, size_t channels,
                                      size_t first, size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows,
                                      const uio2_tiling tiling) {
  // Doubled results begin one pixel further left and above.
  const size_t side = winograd_side(tiling), margin = tiling == uio2_tiles_doubled ? 1 : 0;
  const size_t rows = (margin + 1) * height, columns = (margin + 1) * width, across = uio2_winograd_tiles(width, tiling);
  const size_t plane = (channels + 1) * TILE_COLUMNS, block = uio2_winograd_points(tiling) * plane;
  for (size_t c = first; c < first + count; c++) {
    for (size_t start = 0; start < across; start += STRIP_TILES) {
      const size_t wide = across - start < STRIP_TILES ? across - start : STRIP_TILES, end = wide * tile_rows;
      for (size_t tile = 0, row = 0, column = 0; tile < end;) {
        const size_t place = start * tile_rows + tile;
        const float *const from = m + place / TILE_COLUMNS * block + c * TILE_COLUMNS + place % TILE_COLUMNS;
        const size_t top = (first_row + row) * side, left = (start + column) * side;
        if (added == NULL && column + VECTOR_WIDTH <= wide && top >= margin && left >= margin && top + side <= rows + margin &&
            left + VECTOR_WIDTH * side <= columns + margin) {
          results_of_tiles(y + (c * rows + top - margin) * columns + left - margin, columns, from, plane, bias[c], tiling);
          tile += VECTOR_WIDTH;
          column += VECTOR_WIDTH;
          if (column == wide) {
            column = 0;
            row++;
          }
          continue;
        }
        float square[winograd_longest_side * winograd_longest_side * VECTOR_WIDTH];
        results_of_tiles(square, side * VECTOR_WIDTH, from, plane, bias[c], tiling);
        // What of each row's tiles lies in the picture.
        for (size_t l = 0, n; l < VECTOR_WIDTH && tile < end; l += n, tile += n) {
          n = wide - column < VECTOR_WIDTH - l ? wide - column : VECTOR_WIDTH - l;
          const size_t y0 = (first_row + row) * side, x0 = (start + column) * side;
          const size_t above = y0 < margin ? margin : 0, before = x0 < margin ? margin : 0;
          const size_t below = rows + margin - y0 < side ? rows + margin - y0 : side;
          const size_t after = columns + margin - x0 < n * side ? columns + margin - x0 : n * side;
          size_t at = (c * rows + y0 + above - margin) * columns + x0 + before - margin;
          for (size_t i = above; i < below; i++, at += columns)
            place_line(y + at, square + (i * VECTOR_WIDTH + l) * side + before, added == NULL ? NULL : added + at, after - before);
          column += n;
          if (column == wide) {
            column = 0;
            row++;
          }
        }
      }
    }
  }
}

void KERNEL(winograd_output)(float *y, const float *m, const float *bias, const float *added, size_t channels, size_t first,
                             size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows, uio2_tiling tiling) {
#define OUTPUT_OF(tiling) winograd_output_of(y, m, bias, added, channels, first, count, height, width, first_row, tile_rows, tiling)
  if (tiling == uio2_tiles_of_4) OUTPUT_OF(uio2_tiles_of_4);
  else if (tiling == uio2_tiles_of_6) OUTPUT_OF(uio2_tiles_of_6);
  else OUTPUT_OF(uio2_tiles_doubled);
#undef OUTPUT_OF
}
