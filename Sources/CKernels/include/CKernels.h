// Numeric kernels: one function per operation, dispatched at run time to the best instruction set that the machine has
// (x86-64-v4, x86-64-v3, baseline). All arrays are row-major and may be unaligned; none may overlap unless said so.
#ifndef UIO2_CKERNELS_H
#define UIO2_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// y[i] += x[i]
void uio2_add(float *y, const float *x, size_t count);
// Adds `bias[columns]` to each row of y.
void uio2_add_bias(float *y, const float *bias, size_t rows, size_t columns);
// y[i] *= factor
void uio2_scale(float *y, float factor, size_t count);
// gate[i] = silu(gate[i]) * up[i]
void uio2_silu_multiply(float *gate, const float *up, size_t count);
// x = x/2 (1 + erf(x / sqrt 2)), in place; within 2 ulp of the exact function.
void uio2_gelu_erf(float *x, size_t count);
// The tanh approximation of GELU, in place.
void uio2_gelu_tanh(float *x, size_t count);

// y = x / sqrt(mean(x^2) + epsilon) * scale, row by row; y may be x.
void uio2_rms_norm(float *y, const float *x, const float *scale, size_t rows, size_t columns, float epsilon);
// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, row by row; y may be x.
void uio2_layer_norm(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t columns,
                     float epsilon);
// x = x / max(|x|, epsilon), row by row, in place.
void uio2_l2_normalize(float *x, size_t rows, size_t columns, float epsilon);

// Rotates interleaved pairs of x[tokens][heads][dimension] by table[tokens][dimension] = (cos, sin) pairs, in place.
void uio2_rotary(float *x, const float *table, size_t tokens, size_t heads, size_t dimension);

// Softmax of each row of x over its first `visible(row)` columns, in place; columns beyond are set to 0.
// visible(row) = columns when causal_offset < 0, else min(columns, causal_offset + row + 1).
void uio2_softmax_rows(float *x, size_t rows, size_t columns, size_t stride, ptrdiff_t causal_offset);
// Sum of exp(x[i] - maximum) with the maximum written to *maximum; 0 columns give 0.
float uio2_exp_sum(const float *x, size_t count, float *maximum);

// One query row of every head over `keys` cached rows: output[heads * dimension].
// k and v are [keys][heads * dimension]; scores is scratch of `keys` floats.
void uio2_attend_one(float *output, const float *query, const float *k, const float *v, size_t keys, size_t heads,
                     size_t dimension, float scale, float *scores);

// y[rows] = W[rows][columns] x, plus nothing else.
void uio2_matvec(float *y, const float *w, const float *x, size_t rows, size_t columns);

// The same with weights in bfloat16, widened on the way; w must be 2-byte aligned.
void uio2_bf16_matvec(float *y, const uint16_t *w, const float *x, size_t rows, size_t columns);

// Windows of x[channels][height][width] as a matrix: columns[channels * kernel * kernel][rows * out_width], for output rows
// first_row ..< first_row + rows. Output pixel (i, j) sees input rows i * stride - padding + 0..kernel-1; 0 outside.
void uio2_im2col(float *columns, const float *x, size_t channels, size_t height, size_t width, size_t kernel,
                 size_t stride, size_t padding, size_t out_width, size_t first_row, size_t rows);
// Adds bias[row] to every element of row `row` of y[rows][columns].
void uio2_add_to_rows(float *y, const float *bias, size_t rows, size_t columns);
// y[planes][2 * height][2 * width]: every pixel of x[planes][height][width] four times.
void uio2_upsample_nearest(float *y, const float *x, size_t planes, size_t height, size_t width);
// Group norm over x[channels][pixels]; `groups` divides `channels`; y may be x.
void uio2_group_norm(float *y, const float *x, const float *weight, const float *bias, size_t channels, size_t groups,
                     size_t pixels, float epsilon);
// x = x / (1 + exp(-x)), in place.
void uio2_silu(float *x, size_t count);
// x = max(x, 0), in place.
void uio2_relu(float *x, size_t count);
// y[columns][rows] = x[rows][columns] transposed.
void uio2_transpose(float *y, const float *x, size_t rows, size_t columns);
// The smallest of own + lengths[i] - 2 dots[i], the first among equals, and how much larger the second smallest is
// (infinity for a single candidate). NaN distances are never picked; index is 0 when all are NaN.
void uio2_nearest(const float *dots, const float *lengths, float own, size_t count, size_t *index, float *margin);

void uio2_bf16_to_f32(float *y, const uint16_t *x, size_t count);
// To nearest, ties to even; NaN stays NaN, values beyond the largest become infinite.
void uio2_f32_to_bf16(uint16_t *y, const float *x, size_t count);
void uio2_f16_to_f32(float *y, const uint16_t *x, size_t count);

// y[i] = element `first + i` of a sequence of numbers uniform in [low, high) that the seed determines; it repeats after 2^32.
void uio2_uniform(float *y, size_t count, uint64_t seed, uint64_t first, float low, float high);

// 1 when the processor has AVX-512 F, BW, DQ and VL.
int uio2_has_avx512(void);
// Flushes denormal numbers to zero on the calling thread (they make FMA several times slower).
void uio2_flush_denormals(void);

#endif
