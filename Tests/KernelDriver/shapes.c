#include "driver.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static float *floats(size_t count) { return random_floats(count, (uint32_t)count); }

static void elementwise(size_t rows, size_t columns) {
  const size_t count = rows * columns;
  float *x = floats(count), *y = floats(count), *a = floats(columns), *b = floats(columns), *c = floats(rows), maximum;
  uint16_t *halves = allocate(2 * count);
  uio2_add(y, x, count);
  uio2_add_bias(y, a, rows, columns);
  uio2_scale(y, 0.5f, count);
  uio2_silu_multiply(y, x, count);
  uio2_gelu_erf(y, count);
  uio2_gelu_tanh(y, count);
  uio2_rms_norm(y, x, a, rows, columns, 1e-6f);
  uio2_layer_norm(y, x, a, b, rows, columns, 1e-6f);
  uio2_l2_normalize(y, rows, columns, 1e-6f);
  uio2_exp_sum(x, count, &maximum);
  uio2_softmax(y, rows, columns, 0.5f);
  uio2_add_to_rows(y, c, rows, columns);
  uio2_silu(y, count);
  uio2_relu(y, count);
  uio2_transpose(y, x, rows, columns);
  float *scale = floats(rows), *shift = floats(rows);
  uio2_group_norm_factors(scale, shift, x, c, c, rows, 1, columns, 1e-6f);
  uio2_scale_shift(y, x, scale, shift, rows, columns, rows % 2);
  size_t index;
  uio2_nearest(x, y, 1, count, &index, &maximum);
  uio2_f32_to_bf16(halves, x, count);
  uio2_bf16_to_f32(y, halves, count);
  uio2_f32_to_f16(halves, x, count);
  uio2_f16_to_f32(y, halves, count);
  uio2_f32_finite(x, count);
  uio2_half_finite((const uint8_t *)x + 1, 2 * count - 1, 0x7c00);
  uio2_uniform(y, count, 1, 2, -1, 1);
  for (size_t places = 1; places <= 4; places += 3) uio2_stream_read((const uint8_t *)x + 1, 4 * count - 1, places);
  free(x), free(y), free(a), free(b), free(c), free(halves), free(scale), free(shift);
}

static void attention(size_t queries, size_t keys, size_t dimension) {
  float *q = floats(queries * dimension), *y = floats(queries * dimension), *k = floats(keys * dimension);
  float *v = floats(keys * dimension), *scratch = allocate(4 * uio2_attend_scratch(keys, dimension));
  float *scores = allocate(4 * keys), *scale = floats(dimension), *table = floats(queries * dimension);
  uint16_t *k16 = allocate(2 * keys * dimension), *v16 = allocate(2 * keys * dimension);
  uio2_f32_to_f16(k16, k, keys * dimension);
  uio2_f32_to_f16(v16, v, keys * dimension);
  for (ptrdiff_t causal = -1; causal < 3; causal++) {
    uio2_attend(y, dimension, q, dimension, k, v, dimension, 0, queries, keys, dimension, 1, causal, scratch);
    uio2_attend(y, dimension, q, dimension, k16, v16, dimension, 1, queries, keys, dimension, 1, causal, scratch);
  }
  uio2_attend_one(y, q, k, v, dimension, 0, keys, dimension, 1, scores);
  uio2_attend_one(y, q, k16, v16, dimension, 1, keys, dimension, 1, scores);
  uio2_rotary(q, table, queries, 1, dimension);
  uio2_norm_rotary(q, scale, 1e-6f, table, queries, 1, dimension);
  free(q), free(y), free(k), free(v), free(scratch), free(scores), free(scale), free(table), free(k16), free(v16);
}

static void products(size_t count, size_t rows, size_t columns) {
  float *x = floats(count * columns), *y = allocate(4 * count * rows), *w = floats(rows * columns);
  float *wide = allocate(4 * rows * columns);
  uint16_t *halves = allocate(2 * rows * columns);
  uio2_f32_to_bf16(halves, w, rows * columns);
  uio2_f32_rows(y, rows, w, x, columns, count, rows, columns);
  uio2_bf16_rows(y, rows, halves, x, columns, count, rows, columns);
  float *rows_packed = allocate(4 * uio2_wide_pack_size(count, columns)), *panels = allocate(4 * uio2_wide_scratch(rows));
  uio2_wide_pack(rows_packed, x, columns, count, columns);
  uio2_wide_f32(y, rows, rows_packed, count, w, columns, rows, panels);
  uio2_wide_bf16(y, rows, rows_packed, count, halves, columns, rows, panels);
  free(rows_packed), free(panels);
  const size_t blocks[] = {4, 64, 65536};
  for (size_t i = 0; i < 3 && rows <= 64; i++) {
    const size_t block = blocks[i], scales_of_row = (columns + block - 1) / block;
    uint8_t *packed = allocate(uio2_i8_packed_size(rows, columns));
    float *w_scales = allocate(4 * uio2_i8_scale_count(rows, columns, block));
    // Pairs of rows take twice as much.
    int8_t *q = allocate(2 * count * ((columns + 3) / 4 * 4));
    float *scales = allocate(8 * count * scales_of_row), *scratch = allocate(8 * count * 64);
    int32_t *sums = allocate(8 * count * scales_of_row);
    uio2_i8_pack(packed, w_scales, w, rows, columns, block);
    uio2_i8_widen(wide, columns, packed, w_scales, columns, block, 0, rows);
    uio2_i8_quantize(q, scales, sums, x, count, columns, block);
    uio2_i8_gemm(y, rows, q, scales, sums, count, packed, w_scales, columns, block, rows);
    uio2_i8_rows(y, rows, x, columns, count, packed, w_scales, columns, block, rows);
    // Nothing that is no number may become an undefined conversion.
    const float strange[] = {NAN, -NAN, INFINITY, -INFINITY, 3e38f, -3e38f, 1e-40f, 1e-37f, 0};
    for (size_t s = 0; s < sizeof strange / sizeof *strange; s++) {
      x[(s * 7) % (count * columns)] = w[(s * 5) % (rows * columns)] = strange[s];
      uio2_i8_pack(packed, w_scales, w, rows, columns, block);
      uio2_i8_quantize(q, scales, sums, x, count, columns, block);
      uio2_i8_gemm(y, rows, q, scales, sums, count, packed, w_scales, columns, block, rows);
      uio2_i16_quantize(q, scales, sums, x, count, columns, block);
      uio2_i16_gemm(y, rows, q, scales, sums, count, packed, w_scales, columns, block, rows, scratch);
    }
    free(packed), free(w_scales), free(q), free(scales), free(scratch), free(sums);
  }
  free(x), free(y), free(w), free(wide), free(halves);
}

static void windows(size_t channels, size_t height, size_t width) {
  float *x = floats(channels * height * width), *up = allocate(16 * channels * height * width);
  for (size_t kernel = 1; kernel <= 5; kernel += 2)
    for (size_t stride = 1; stride <= 2; stride++) {
      const size_t rows = (height + stride - 1) / stride, out_width = (width + stride - 1) / stride;
      float *columns = allocate(4 * channels * kernel * kernel * rows * out_width);
      uio2_im2col(columns, x, channels, height, width, kernel, stride, kernel / 2, out_width, 0, rows);
      free(columns);
    }
  uio2_upsample_nearest(up, x, channels, height, width);
  free(x), free(up);
}

static void winograd(size_t inputs, size_t outputs, size_t height, size_t width, uio2_tiling tiling) {
  const size_t rows = uio2_winograd_tiles(height, tiling), tiles = rows * uio2_winograd_tiles(width, tiling);
  const size_t panel = uio2_winograd_panel(), pixels = (tiling == uio2_tiles_doubled ? 4 : 1) * height * width;
  float *x = floats(inputs * height * width), *w = floats(outputs * inputs * 9), *bias = floats(outputs);
  float *u = allocate(4 * uio2_winograd_kernels_size(inputs, outputs, tiling)), *y = allocate(4 * outputs * pixels);
  float *v = allocate(4 * uio2_winograd_input_size(inputs, tiles, tiling)), *scale = floats(inputs), *shift = floats(inputs);
  float *m = allocate(4 * uio2_winograd_output_size(outputs, tiles, tiling)), *added = floats(outputs * pixels);
  const int plain = width % 2;
  uio2_winograd_weights(u, w, inputs, outputs, 0, (outputs + panel - 1) / panel, tiling);
  uio2_winograd_input(v, x, plain ? NULL : scale, plain ? NULL : shift, 1, inputs, 0, inputs, height, width, 0, rows, tiling);
  for (size_t point = 0; point < uio2_winograd_points(tiling); point++)
    uio2_winograd_products(m, v, u, inputs, outputs, tiles, point, tiling);
  uio2_winograd_output(y, m, bias, plain ? NULL : added, outputs, 0, outputs, height, width, 0, rows, tiling);
  free(x), free(w), free(bias), free(u), free(y), free(v), free(m), free(scale), free(shift), free(added);
}

int run_shapes(void) {
  const size_t sizes[] = {1, 3, 15, 17, 63, 64, 65, 130};
  const size_t count = sizeof sizes / sizeof *sizes;
  for (size_t level = 0; level < uio2_kernel_levels(); level++) {
    uio2_choose_kernels(uio2_kernel_level_name(level));
    for (size_t i = 0; i < count; i++) {
      elementwise(3, sizes[i]);
      windows(2, 1 + i, sizes[i]);
      for (int tiling = 0; tiling < 3; tiling++) winograd(1 + i, 9 - i, 1 + 5 * i, sizes[i], (uio2_tiling)tiling);
      for (size_t j = 0; j < count; j++) {
        attention(1 + i, sizes[j], sizes[count - 1 - i]);
        products(1 + (i + j) % 13, sizes[i], sizes[j]);
      }
    }
    uio2_peak_f32(10);
    uio2_peak_i8(10);
    printf("shapes: %s\n", uio2_kernels_in_use());
  }
  return 0;
}
