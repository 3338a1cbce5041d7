// Convolutions of 3 x 3 of a picture whose every pixel is first repeated twice in both directions, without making that picture. Of the
// three weights in a line an even output pixel sees w0 at one pixel and w1 + w2 at the next, an odd one w0 + w1 and w2: two kernels of
// two weights. Both by Winograd's method, F(4, 2) with the points 0, 1, -1/2, -2 and infinity, over the same pixels; at the point 1
// both have w0 + w1 + w2 and share the product. In two dimensions 25 points of a tile of 4 x 4 pixels meet 81 of the kernels, which
// makes 81 products for 64 pixels instead of 576, where winograd.h needs 144.

// Five pixels in a line to the five points.
ALWAYS_INLINE void doubling_points(vfloat t[6], const vfloat x[6]) {
  t[0] = fused(splat(1.5f), x[2] - x[1], x[3] - x[0]);
  t[1] = fused(splat(2.5f), x[2], x[1] + x[3]);
  t[2] = fused(splat(-2), x[1], x[2] + x[3]);
  t[3] = fused(splat(-0.5f), x[1] + x[2], x[3]);
  t[4] = fused(splat(1.5f), x[3] - x[2], x[4] - x[1]);
}

// Three weights in a line to the points of both kernels: even, odd, both at 1, even, odd, ...
ALWAYS_INLINE void doubling_line(vfloat u[9], vfloat g0, vfloat g1, vfloat g2) {
  const vfloat late = g1 + g2, early = g0 + g1;
  u[0] = -g0;
  u[1] = -early;
  u[2] = splat(2.0f / 9) * (early + g2);
  u[3] = fused(splat(8.0f / 9), g0, splat(-4.0f / 9) * late);
  u[4] = fused(splat(8.0f / 9), early, splat(-4.0f / 9) * g2);
  u[5] = fused(splat(-1.0f / 9), g0, splat(2.0f / 9) * late);
  u[6] = fused(splat(-1.0f / 9), early, splat(2.0f / 9) * g2);
  u[7] = late;
  u[8] = g2;
}

// The tile's point that one of the 81 of the kernels meets.
ALWAYS_INLINE size_t doubling_point(size_t point) {
  static const size_t of_line[9] = {0, 0, 1, 2, 2, 3, 3, 4, 4};
  return of_line[point / 9] * 5 + of_line[point % 9];
}

// The sums of one kernel's five points back to four pixels, every other one of y.
ALWAYS_INLINE void doubling_half(vfloat y[8], vfloat m0, vfloat m1, vfloat m2, vfloat m3, vfloat m4) {
  y[0] = (m0 + m1) + (m2 + m3);
  y[2] = fused(splat(-2), m3, fused(splat(-0.5f), m2, m1));
  y[4] = fused(splat(4), m3, fused(splat(0.25f), m2, m1));
  y[6] = fused(splat(-8), m3, fused(splat(-0.125f), m2, m1 + m4));
}

// Nine sums back to eight pixels, the first an odd one.
ALWAYS_INLINE void doubling_pixels(vfloat y[8], const vfloat m[9]) {
  doubling_half(y, m[1], m[2], m[4], m[6], m[8]);
  doubling_half(y + 1, m[0], m[2], m[3], m[5], m[7]);
}

// Eight rows of 8 * VECTOR_WIDTH pixels, `stride` floats from row to row, of the sums of VECTOR_WIDTH tiles, plus `bias`.
static __attribute__((noinline)) void doubling_picture(float *to, size_t stride, const float *from, size_t plane, float bias) {
  float half[8][9 * VECTOR_WIDTH];
  for (size_t column = 0; column < 9; column++) {
    vfloat points[9], pixels[9];
    UNROLL for (size_t i = 0; i < 9; i++) points[i] = load(from + (i * 9 + column) * plane);
    doubling_pixels(pixels, points);
    UNROLL for (size_t i = 0; i < 8; i++) store(half[i] + column * VECTOR_WIDTH, pixels[i]);
  }
  for (size_t row = 0; row < 8; row++, to += stride) {
    vfloat line[9], pixels[9], halves[8], quarters[8];
    UNROLL for (size_t column = 0; column < 9; column++) line[column] = load(half[row] + column * VECTOR_WIDTH);
    doubling_pixels(pixels, line);
    UNROLL for (size_t i = 0; i < 8; i++) pixels[i] += splat(bias);
    // Pixels i and i + 4 of each tile side by side, then those of i and i + 2, then all.
    UNROLL for (size_t i = 0; i < 4; i++) {
      halves[2 * i] = zip_low(pixels[i], pixels[i + 4]);
      halves[2 * i + 1] = zip_high(pixels[i], pixels[i + 4]);
    }
    UNROLL for (size_t i = 0; i < 2; i++) UNROLL for (size_t k = 0; k < 2; k++) {
      quarters[4 * i + 2 * k] = zip_low(halves[2 * i + k], halves[2 * i + 4 + k]);
      quarters[4 * i + 2 * k + 1] = zip_high(halves[2 * i + k], halves[2 * i + 4 + k]);
    }
    UNROLL for (size_t i = 0; i < 4; i++) {
      store(to + 2 * i * VECTOR_WIDTH, zip_low(quarters[i], quarters[4 + i]));
      store(to + (2 * i + 1) * VECTOR_WIDTH, zip_high(quarters[i], quarters[4 + i]));
    }
  }
}
