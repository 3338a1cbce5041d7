// Lines of Winograd's method for 3 x 3 weights (Lavin & Gray 2015): pixels to points, weights to points, sums back to pixels. Each kind
// of tile has its own points; two dimensions are lines of lines.

// The values at a point and at its negative, of the even and the odd terms.
ALWAYS_INLINE void sum_and_difference(vfloat t[2], vfloat even, vfloat odd) {
  t[0] = even + odd;
  t[1] = even - odd;
}

// MARK: Tiles of 4 pixels, F(4, 3): points 0, +-sqrt(1/2), +-sqrt(2), infinity, whose matrices have smaller entries than those of 0, +-1,
// +-2: less is lost to rounding.

#define ROOT_HALF 0.70710678118654752440f
#define ROOT_TWO 1.41421356237309504880f

ALWAYS_INLINE void points_of_4(vfloat t[6], const vfloat x[6]) {
  const vfloat even1 = fused(splat(-2), x[2], x[4]), even2 = fused(splat(-0.5f), x[2], x[4]);
  const vfloat odd1 = fused(splat(ROOT_HALF), x[3], splat(-ROOT_TWO) * x[1]);
  const vfloat odd2 = fused(splat(ROOT_TWO), x[3], splat(-ROOT_HALF) * x[1]);
  t[0] = fused(splat(-2.5f), x[2], x[0] + x[4]);
  sum_and_difference(t + 1, even1, odd1);
  sum_and_difference(t + 3, even2, odd2);
  t[5] = fused(splat(-2.5f), x[3], x[1] + x[5]);
}

ALWAYS_INLINE void weights_of_4(vfloat u[6], vfloat g0, vfloat g1, vfloat g2) {
  const vfloat even1 = splat(-2.0f / 3) * g0 + splat(-1.0f / 3) * g2, odd1 = splat(-ROOT_TWO / 3) * g1;
  const vfloat even2 = splat(1.0f / 6) * g0 + splat(1.0f / 3) * g2, odd2 = splat(ROOT_TWO / 6) * g1;
  u[0] = g0;
  sum_and_difference(u + 1, even1, odd1);
  sum_and_difference(u + 3, even2, odd2);
  u[5] = g2;
}

ALWAYS_INLINE void pixels_of_4(vfloat y[4], const vfloat m[6]) {
  const vfloat sum1 = m[1] + m[2], difference1 = m[1] - m[2], sum2 = m[3] + m[4], difference2 = m[3] - m[4];
  y[0] = m[0] + sum1 + sum2;
  y[1] = fused(splat(ROOT_HALF), difference1, splat(ROOT_TWO) * difference2);
  y[2] = fused(splat(0.5f), sum1, splat(2) * sum2);
  y[3] = fused(splat(ROOT_TWO / 4), difference1, fused(splat(2 * ROOT_TWO), difference2, m[5]));
}

// MARK: Tiles of 6 pixels, F(6, 3): points 0, +-1, +-2, +-1/2, infinity. Fewer products, four times the rounding.

ALWAYS_INLINE void points_of_6(vfloat t[8], const vfloat x[8]) {
  const vfloat even1 = fused(splat(-4.25f), x[4], x[2] + x[6]), odd1 = fused(splat(-4.25f), x[3], x[1] + x[5]);
  const vfloat even2 = fused(splat(0.25f), x[2], fused(splat(-1.25f), x[4], x[6]));
  const vfloat odd2 = fused(splat(0.25f), x[1], fused(splat(-1.25f), x[3], x[5]));
  const vfloat even3 = fused(splat(4), x[2], fused(splat(-5), x[4], x[6]));
  const vfloat odd3 = fused(splat(4), x[1], fused(splat(-5), x[3], x[5]));
  t[0] = fused(splat(5.25f), x[4] - x[2], x[0] - x[6]);
  sum_and_difference(t + 1, even1, odd1);
  t[3] = fused(splat(2), odd2, even2);
  t[4] = fused(splat(-2), odd2, even2);
  t[5] = fused(splat(0.5f), odd3, even3);
  t[6] = fused(splat(-0.5f), odd3, even3);
  t[7] = fused(splat(5.25f), x[3] - x[5], x[7] - x[1]);
}

ALWAYS_INLINE void weights_of_6(vfloat u[8], vfloat g0, vfloat g1, vfloat g2) {
  const vfloat even1 = splat(-2.0f / 9) * (g0 + g2), odd1 = splat(-2.0f / 9) * g1;
  const vfloat even2 = splat(1.0f / 90) * g0 + splat(4.0f / 90) * g2, odd2 = splat(2.0f / 90) * g1;
  const vfloat even3 = splat(32.0f / 45) * g0 + splat(8.0f / 45) * g2, odd3 = splat(16.0f / 45) * g1;
  u[0] = g0;
  sum_and_difference(u + 1, even1, odd1);
  sum_and_difference(u + 3, even2, odd2);
  sum_and_difference(u + 5, even3, odd3);
  u[7] = g2;
}

ALWAYS_INLINE void pixels_of_6(vfloat y[6], const vfloat m[8]) {
  const vfloat sum1 = m[1] + m[2], sum2 = m[3] + m[4], sum3 = m[5] + m[6];
  const vfloat difference1 = m[1] - m[2], difference2 = m[3] - m[4], difference3 = m[5] - m[6];
  y[0] = (m[0] + sum1) + (sum2 + sum3);
  y[1] = fused(splat(0.5f), difference3, fused(splat(2), difference2, difference1));
  y[2] = fused(splat(0.25f), sum3, fused(splat(4), sum2, sum1));
  y[3] = fused(splat(0.125f), difference3, fused(splat(8), difference2, difference1));
  y[4] = fused(splat(0.0625f), sum3, fused(splat(16), sum2, sum1));
  y[5] = fused(splat(0.03125f), difference3, fused(splat(32), difference2, difference1 + m[7]));
}

// MARK: Tiles of 4 pixels whose every pixel stands there twice, without making that picture. Of the three weights in a line an even output
// pixel sees w0 at one pixel and w1 + w2 at the next, an odd one w0 + w1 and w2: two kernels of two weights. Both by Winograd's method,
// F(4, 2) with the points 0, 1, -1/2, -2 and infinity, over the same pixels; at the point 1 both have w0 + w1 + w2 and share the product.
// In two dimensions 25 points of a tile of 4 x 4 pixels meet 81 of the kernels, which makes 81 products for 64 pixels instead of 576,
// where tiles of 4 x 4 need 144.

ALWAYS_INLINE void points_of_doubled(vfloat t[5], const vfloat x[5]) {
  t[0] = fused(splat(1.5f), x[2] - x[1], x[3] - x[0]);
  t[1] = fused(splat(2.5f), x[2], x[1] + x[3]);
  t[2] = fused(splat(-2), x[1], x[2] + x[3]);
  t[3] = fused(splat(-0.5f), x[1] + x[2], x[3]);
  t[4] = fused(splat(1.5f), x[3] - x[2], x[4] - x[1]);
}

// Both kernels' points: even, odd, both at 1, even, odd, ...
ALWAYS_INLINE void weights_of_doubled(vfloat u[9], vfloat g0, vfloat g1, vfloat g2) {
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

// The sums of one kernel's five points back to four pixels, every other one of y.
ALWAYS_INLINE void half_of_doubled(vfloat y[8], vfloat m0, vfloat m1, vfloat m2, vfloat m3, vfloat m4) {
  y[0] = (m0 + m1) + (m2 + m3);
  y[2] = fused(splat(-2), m3, fused(splat(-0.5f), m2, m1));
  y[4] = fused(splat(4), m3, fused(splat(0.25f), m2, m1));
  y[6] = fused(splat(-8), m3, fused(splat(-0.125f), m2, m1 + m4));
}

// Nine sums back to eight pixels, the first an odd one.
ALWAYS_INLINE void pixels_of_doubled(vfloat y[8], const vfloat m[9]) {
  half_of_doubled(y, m[1], m[2], m[4], m[6], m[8]);
  half_of_doubled(y + 1, m[0], m[2], m[3], m[5], m[7]);
}

// MARK: Any of them; `tiling` is known to the compiler.

ALWAYS_INLINE void line_points(vfloat *t, const vfloat *x, const uio2_tiling tiling) {
  if (tiling == uio2_tiles_of_4) points_of_4(t, x);
  else if (tiling == uio2_tiles_of_6) points_of_6(t, x);
  else points_of_doubled(t, x);
}
ALWAYS_INLINE void line_weights(vfloat *u, vfloat g0, vfloat g1, vfloat g2, const uio2_tiling tiling) {
  if (tiling == uio2_tiles_of_4) weights_of_4(u, g0, g1, g2);
  else if (tiling == uio2_tiles_of_6) weights_of_6(u, g0, g1, g2);
  else weights_of_doubled(u, g0, g1, g2);
}
ALWAYS_INLINE void line_pixels(vfloat *y, const vfloat *m, const uio2_tiling tiling) {
  if (tiling == uio2_tiles_of_4) pixels_of_4(y, m);
  else if (tiling == uio2_tiles_of_6) pixels_of_6(y, m);
  else pixels_of_doubled(y, m);
}

// The tile's point that a kernel's point meets.
ALWAYS_INLINE size_t point_of_tile(size_t point, uio2_tiling tiling) {
  static const size_t of_line[9] = {0, 0, 1, 2, 2, 3, 3, 4, 4};
  return tiling == uio2_tiles_doubled ? of_line[point / 9] * 5 + of_line[point % 9] : point;
}
