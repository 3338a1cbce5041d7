// The inputs whose instructions are counted: shapes of a large decoder layer, scaled down where a kernel only repeats itself.
#include "driver.h"

#include <stdlib.h>

#define MEASURED __attribute__((noinline))

enum { COLUMNS = 1024, TILE = 64, TOKENS = 16, HEADS = 4, DIMENSION = 64, KEYS = 320, BLOCK = 256, CHANNELS = 48, SIDE = 16 };

static float *x, *y, *w, *scratch, *scales, *w_scales, *packed_rows, *kernels, *points, *point_sums;
static uint16_t *halves;
static uint8_t *packed;
static int8_t *q;
static int32_t *sums;

MEASURED void measure_i8_quantize(void) { uio2_i8_quantize(q, scales, sums, x, TOKENS, COLUMNS, BLOCK); }
MEASURED void measure_i8_gemm(void) {
  uio2_i8_gemm(y, TILE, q, scales, sums, TOKENS, packed, w_scales, COLUMNS, BLOCK, TILE);
}
MEASURED void measure_i16_gemm(void) {
  uio2_i16_gemm(y, TILE, q, scales, sums, TOKENS / 2, packed, w_scales, COLUMNS, BLOCK, TILE, scratch);
}
MEASURED void measure_i16_one(void) {
  uio2_i16_gemm(y, TILE, q, scales, sums, 1, packed, w_scales, COLUMNS, BLOCK, TILE, scratch);
}
MEASURED void measure_i16_four(void) {
  uio2_i16_gemm(y, TILE, q, scales, sums, 4, packed, w_scales, COLUMNS, BLOCK, TILE, scratch);
}
MEASURED void measure_i8_widen(void) { uio2_i8_widen(y, COLUMNS, packed, w_scales, COLUMNS, BLOCK, 0, TOKENS); }
MEASURED void measure_i8_rows(void) { uio2_i8_rows(y, TILE, x, COLUMNS, 2, packed, w_scales, COLUMNS, BLOCK, TILE); }
MEASURED void measure_f32_rows(void) { uio2_f32_rows(y, TILE, w, x, COLUMNS, 2, TILE, COLUMNS); }
MEASURED void measure_bf16_rows(void) { uio2_bf16_rows(y, TILE, halves, x, COLUMNS, 2, TILE, COLUMNS); }
MEASURED void measure_attend(void) {
  uio2_attend(y, DIMENSION, x, DIMENSION, w, w + KEYS * DIMENSION, DIMENSION, 0, TOKENS, KEYS, DIMENSION, 0.125f, -1, scratch);
}
MEASURED void measure_attend_half(void) {
  uio2_attend(y, DIMENSION, x, DIMENSION, halves, halves + KEYS * DIMENSION, DIMENSION, 1, TOKENS, KEYS, DIMENSION, 0.125f, -1,
              scratch);
}
MEASURED void measure_attend_one(void) {
  uio2_attend_one(y, x, w, w + KEYS * DIMENSION, DIMENSION, 0, KEYS, DIMENSION, 0.125f, scratch);
}
MEASURED void measure_attend_one_half(void) {
  uio2_attend_one(y, x, halves, halves + KEYS * DIMENSION, DIMENSION, 1, KEYS, DIMENSION, 0.125f, scratch);
}
MEASURED void measure_wide_f32(void) {
  uio2_wide_pack(packed_rows, x, COLUMNS, TOKENS, COLUMNS);
  uio2_wide_f32(y, TILE, packed_rows, TOKENS, w, COLUMNS, TILE, scratch);
}
MEASURED void measure_wide_bf16(void) { uio2_wide_bf16(y, TILE, packed_rows, TOKENS, halves, COLUMNS, TILE, scratch); }
static void convolve(uio2_tiling tiling) {
  const size_t rows = uio2_winograd_tiles(SIDE, tiling), tiles = rows * rows;
  uio2_winograd_weights(kernels, w, CHANNELS, CHANNELS, 0, CHANNELS / uio2_winograd_panel(), tiling);
  uio2_winograd_input(points, x, w, w, 1, CHANNELS, 0, CHANNELS, SIDE, SIDE, 0, rows, tiling);
  for (size_t point = 0; point < uio2_winograd_points(tiling); point++)
    uio2_winograd_products(point_sums, points, kernels, CHANNELS, CHANNELS, tiles, point, tiling);
  uio2_winograd_output(y, point_sums, w, NULL, CHANNELS, 0, CHANNELS, SIDE, SIDE, 0, rows, tiling);
}
MEASURED void measure_winograd_4(void) { convolve(uio2_tiles_of_4); }
MEASURED void measure_winograd_6(void) { convolve(uio2_tiles_of_6); }
MEASURED void measure_winograd_doubling(void) { convolve(uio2_tiles_doubled); }
MEASURED void measure_rms_norm(void) { uio2_rms_norm(y, x, w, TOKENS, COLUMNS, 1e-6f); }
MEASURED void measure_layer_norm(void) { uio2_layer_norm(y, x, w, w + COLUMNS, TOKENS, COLUMNS, 1e-6f); }
MEASURED void measure_norm_rotary(void) { uio2_norm_rotary(y, w, 1e-6f, w + DIMENSION, TOKENS, HEADS, DIMENSION); }
MEASURED void measure_silu_multiply(void) { uio2_silu_multiply(y, x, TOKENS * COLUMNS); }
MEASURED void measure_gelu_erf(void) { uio2_gelu_erf(y, TOKENS * COLUMNS); }
MEASURED void measure_gelu_tanh(void) { uio2_gelu_tanh(y, TOKENS * COLUMNS); }

int run_hot(void) {
  x = random_floats(TOKENS * COLUMNS, 1);
  y = random_floats(CHANNELS * 4 * SIDE * SIDE, 2);  // the largest result: a doubled picture
  w = random_floats(TILE * COLUMNS, 3);
  scratch = allocate((uio2_attend_scratch(KEYS, DIMENSION) + TOKENS * TILE + uio2_wide_scratch(TILE)) * sizeof(float));
  packed_rows = allocate(uio2_wide_pack_size(TOKENS, COLUMNS) * sizeof(float));
  kernels = allocate(uio2_winograd_kernels_size(CHANNELS, CHANNELS, uio2_tiles_doubled) * sizeof(float));
  points = allocate(uio2_winograd_input_size(CHANNELS, SIDE * SIDE / 8, uio2_tiles_of_6) * sizeof(float));
  point_sums = allocate(uio2_winograd_output_size(CHANNELS, SIDE * SIDE / 8, uio2_tiles_doubled) * sizeof(float));
  scales = allocate(TOKENS * (COLUMNS / BLOCK) * sizeof(float));
  w_scales = allocate(uio2_i8_scale_count(TILE, COLUMNS, BLOCK) * sizeof(float));
  halves = allocate(TILE * COLUMNS * sizeof(uint16_t));
  packed = allocate(uio2_i8_packed_size(TILE, COLUMNS));
  q = allocate(TOKENS * COLUMNS);
  sums = allocate(TOKENS * (COLUMNS / BLOCK) * sizeof(int32_t));
  // Small as bfloat16 and as halves.
  for (size_t i = 0; i < TILE * COLUMNS; i++) halves[i] = (uint16_t)(0x3000 + i % 1024);
  uio2_i8_pack(packed, w_scales, w, TILE, COLUMNS, BLOCK);
  measure_i8_quantize();
  measure_i8_gemm();
  measure_i16_gemm();
  measure_i16_one();
  measure_i16_four();
  measure_i8_widen();
  measure_i8_rows();
  measure_f32_rows();
  measure_bf16_rows();
  measure_attend();
  measure_attend_half();
  measure_attend_one();
  measure_attend_one_half();
  measure_wide_f32();
  measure_wide_bf16();
  measure_winograd_4();
  measure_winograd_6();
  measure_winograd_doubling();
  measure_rms_norm();
  measure_layer_norm();
  measure_norm_rotary();
  measure_silu_multiply();
  measure_gelu_erf();
  measure_gelu_tanh();
  void *const memory[] = {x, y, w, scratch, scales, w_scales, halves, packed, q, sums, packed_rows, kernels, points, point_sums};
  for (size_t i = 0; i < sizeof memory / sizeof *memory; i++) free(memory[i]);
  return 0;
}
