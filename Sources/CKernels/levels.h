// The list of all kernels: result, name, parameters, arguments. Each level compiles all of them for its instruction set; a
// table of one level's functions is chosen when the first kernel is called.
#ifndef UIO2_LEVELS_H
#define UIO2_LEVELS_H

#include <stddef.h>
#include <stdint.h>

#include "CKernels.h"

#define UIO2_KERNELS(X)                                                                                                \
  X(void, add, (float *y, const float *x, size_t count), (y, x, count))                                                \
  X(void, add_bias, (float *y, const float *bias, size_t rows, size_t columns), (y, bias, rows, columns))              \
  X(void, scale, (float *y, float factor, size_t count), (y, factor, count))                                           \
  X(void, silu_multiply, (float *gate, const float *up, size_t count), (gate, up, count))                              \
  X(void, gelu_erf, (float *x, size_t count), (x, count))                                                              \
  X(void, gelu_tanh, (float *x, size_t count), (x, count))                                                             \
  X(void, rms_norm,                                                                                                    \
    (float *y, const float *x, const float *scale, size_t rows, size_t columns, float epsilon),                        \
    (y, x, scale, rows, columns, epsilon))                                                                             \
  X(void, layer_norm,                                                                                                  \
    (float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t columns, float epsilon),    \
    (y, x, weight, bias, rows, columns, epsilon))                                                                      \
  X(void, l2_normalize, (float *x, size_t rows, size_t columns, float epsilon), (x, rows, columns, epsilon))           \
  X(void, rotary, (float *x, const float *table, size_t tokens, size_t heads, size_t dimension),                       \
    (x, table, tokens, heads, dimension))                                                                              \
  X(void, norm_rotary,                                                                                                 \
    (float *x, const float *scale, float epsilon, const float *table, size_t tokens, size_t heads, size_t dimension),  \
    (x, scale, epsilon, table, tokens, heads, dimension))                                                              \
  X(float, exp_sum, (const float *x, size_t count, float *maximum), (x, count, maximum))                               \
  X(void, softmax, (float *x, size_t rows, size_t columns, float scale), (x, rows, columns, scale))                    \
  X(void, attend,                                                                                                      \
    (float *y, size_t y_stride, const float *q, size_t q_stride, const void *k, const void *v, size_t stride,          \
     int half, size_t queries, size_t keys, size_t dimension, float scale, ptrdiff_t causal_offset, float *scratch),   \
    (y, y_stride, q, q_stride, k, v, stride, half, queries, keys, dimension, scale, causal_offset, scratch))           \
  X(void, attend_one,                                                                                                  \
    (float *y, const float *q, const void *k, const void *v, size_t stride, int half, size_t keys, size_t dimension,   \
     float scale, float *scores),                                                                                      \
    (y, q, k, v, stride, half, keys, dimension, scale, scores))                                                        \
  X(void, f32_rows,                                                                                                    \
    (float *y, size_t y_stride, const float *w, const float *x, size_t x_stride, size_t count, size_t rows,            \
     size_t columns),                                                                                                  \
    (y, y_stride, w, x, x_stride, count, rows, columns))                                                               \
  X(void, bf16_rows,                                                                                                   \
    (float *y, size_t y_stride, const uint16_t *w, const float *x, size_t x_stride, size_t count, size_t rows,         \
     size_t columns),                                                                                                  \
    (y, y_stride, w, x, x_stride, count, rows, columns))                                                               \
  X(size_t, wide_group, (void), ())                                                                                    \
  X(void, wide_pack, (float *packed, const float *x, size_t x_stride, size_t rows, size_t columns),                    \
    (packed, x, x_stride, rows, columns))                                                                              \
  X(void, wide_f32,                                                                                                    \
    (float *y, size_t y_stride, const float *packed, size_t rows, const float *w, size_t columns, size_t outputs,      \
     float *scratch),                                                                                                  \
    (y, y_stride, packed, rows, w, columns, outputs, scratch))                                                         \
  X(void, wide_bf16,                                                                                                   \
    (float *y, size_t y_stride, const float *packed, size_t rows, const uint16_t *w, size_t columns, size_t outputs,   \
     float *scratch),                                                                                                  \
    (y, y_stride, packed, rows, w, columns, outputs, scratch))                                                         \
  X(void, i8_pack,                                                                                                     \
    (uint8_t *packed, float *w_scales, const float *w, size_t rows, size_t columns, size_t block),                     \
    (packed, w_scales, w, rows, columns, block))                                                                       \
  X(void, i8_widen,                                                                                                    \
    (float *w, size_t w_stride, const uint8_t *packed, const float *w_scales, size_t columns, size_t block,            \
     size_t first, size_t outputs),                                                                                    \
    (w, w_stride, packed, w_scales, columns, block, first, outputs))                                                   \
  X(void, i8_quantize,                                                                                                 \
    (int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns, size_t block),              \
    (q, scales, sums, x, rows, columns, block))                                                                        \
  X(void, i16_quantize,                                                                                                \
    (int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns, size_t block),              \
    (q, scales, sums, x, rows, columns, block))                                                                        \
  X(void, i8_gemm,                                                                                                     \
    (float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums, size_t count,             \
     const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs),                      \
    (y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs))                                \
  X(void, i16_gemm,                                                                                                    \
    (float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums, size_t count,             \
     const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs, float *scratch),      \
    (y, y_stride, q, x_scales, sums, count, packed, w_scales, columns, block, outputs, scratch))                       \
  X(void, i8_rows,                                                                                                     \
    (float *y, size_t y_stride, const float *x, size_t x_stride, size_t count, const uint8_t *packed,                  \
     const float *w_scales, size_t columns, size_t block, size_t outputs),                                             \
    (y, y_stride, x, x_stride, count, packed, w_scales, columns, block, outputs))                                      \
  X(void, im2col,                                                                                                      \
    (float *columns, const float *x, size_t channels, size_t height, size_t width, size_t kernel, size_t stride,       \
     size_t padding, size_t out_width, size_t first_row, size_t rows),                                                 \
    (columns, x, channels, height, width, kernel, stride, padding, out_width, first_row, rows))                        \
  X(void, winograd_weights,                                                                                            \
    (float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count, uio2_tiling tiling),         \
    (u, w, inputs, outputs, first, count, tiling))                                                                     \
  X(void, winograd_input,                                                                                              \
    (float *v, const float *x, const float *scale, const float *shift, int silu, size_t channels, size_t first,        \
     size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows, uio2_tiling tiling),               \
    (v, x, scale, shift, silu, channels, first, count, height, width, first_row, tile_rows, tiling))                   \
  X(void, winograd_products,                                                                                           \
    (float *m, const float *v, const float *u, size_t inputs, size_t outputs, size_t tiles, size_t point,              \
     uio2_tiling tiling),                                                                                              \
    (m, v, u, inputs, outputs, tiles, point, tiling))                                                                  \
  X(size_t, winograd_panel, (void), ())                                                                                \
  X(void, winograd_output,                                                                                             \
    (float *y, const float *m, const float *bias, const float *added, size_t channels, size_t first, size_t count,     \
     size_t height, size_t width, size_t first_row, size_t tile_rows, uio2_tiling tiling),                             \
    (y, m, bias, added, channels, first, count, height, width, first_row, tile_rows, tiling))                          \
  X(void, add_to_rows, (float *y, const float *bias, size_t rows, size_t columns), (y, bias, rows, columns))           \
  X(void, upsample_nearest, (float *y, const float *x, size_t planes, size_t height, size_t width),                    \
    (y, x, planes, height, width))                                                                                     \
  X(void, group_norm_factors,                                                                                          \
    (float *scale, float *shift, const float *x, const float *weight, const float *bias, size_t channels, size_t groups,\
     size_t pixels, float epsilon),                                                                                    \
    (scale, shift, x, weight, bias, channels, groups, pixels, epsilon))                                                \
  X(void, scale_shift,                                                                                                 \
    (float *y, const float *x, const float *scale, const float *shift, size_t channels, size_t pixels, int silu),      \
    (y, x, scale, shift, channels, pixels, silu))                                                                      \
  X(void, silu, (float *x, size_t count), (x, count))                                                                  \
  X(void, relu, (float *x, size_t count), (x, count))                                                                  \
  X(void, transpose, (float *y, const float *x, size_t rows, size_t columns), (y, x, rows, columns))                   \
  X(void, nearest,                                                                                                     \
    (const float *dots, const float *lengths, float own, size_t count, size_t *index, float *margin),                  \
    (dots, lengths, own, count, index, margin))                                                                        \
  X(void, bf16_to_f32, (float *y, const uint16_t *x, size_t count), (y, x, count))                                     \
  X(void, f32_to_bf16, (uint16_t *y, const float *x, size_t count), (y, x, count))                                     \
  X(void, f16_to_f32, (float *y, const uint16_t *x, size_t count), (y, x, count))                                      \
  X(void, f32_to_f16, (uint16_t *y, const float *x, size_t count), (y, x, count))                                      \
  X(size_t, f32_finite, (const void *x, size_t count), (x, count))                                                     \
  X(size_t, half_finite, (const void *x, size_t count, uint16_t exponent), (x, count, exponent))                       \
  X(void, uniform, (float *y, size_t count, uint64_t seed, uint64_t first, float low, float high),                     \
    (y, count, seed, first, low, high))                                                                                \
  X(float, peak_f32, (size_t rounds), (rounds))                                                                        \
  X(size_t, peak_f32_operations, (void), ())                                                                           \
  X(int32_t, peak_i8, (size_t rounds), (rounds))                                                                       \
  X(size_t, peak_i8_operations, (void), ())                                                                            \
  X(uint32_t, stream_read, (const uint8_t *bytes, size_t count, size_t places), (bytes, count, places))

struct uio2_kernels {
#define UIO2_MEMBER(result, name, parameters, arguments) result(*name) parameters;
  UIO2_KERNELS(UIO2_MEMBER)
#undef UIO2_MEMBER
};

extern const struct uio2_kernels uio2_kernels_portable;
#if defined(__x86_64__)
extern const struct uio2_kernels uio2_kernels_avx2;
extern const struct uio2_kernels uio2_kernels_avx512;
extern const struct uio2_kernels uio2_kernels_avx512vnni;
#endif

#endif
