// Numeric kernels: one function per operation, compiled for several instruction sets (portable, AVX2 + FMA, AVX-512, AVX-512 with
// VNNI); the best one that the machine has is chosen at the first call, or the one that the environment variable UIO2_KERNELS
// names. All arrays are row-major and may be unaligned; none may overlap unless said so. A stride counts elements from one row
// to the next.
#ifndef UIO2_CKERNELS_H
#define UIO2_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

// MARK: Levels

// How many levels the machine has, the portable one included; each contains those before it.
size_t uio2_kernel_levels(void);
// Of a level below that count: portable, avx2, avx512, avx512vnni.
const char *uio2_kernel_level_name(size_t index);
// The level that is used.
const char *uio2_kernels_in_use(void);
// Uses another level from now on, in all threads; 0 when the machine does not have it. For tests and benchmarks.
int uio2_choose_kernels(const char *name);

// MARK: Element by element

// y[i] += x[i]
void uio2_add(float *y, const float *x, size_t count);
// Adds `bias[columns]` to each row of y.
void uio2_add_bias(float *y, const float *bias, size_t rows, size_t columns);
// y[i] *= factor
void uio2_scale(float *y, float factor, size_t count);
// gate[i] = silu(gate[i]) * up[i]
void uio2_silu_multiply(float *gate, const float *up, size_t count);
// x = x/2 (1 + erf(x / sqrt 2)), in place; an error of at most 2 ulp of x.
void uio2_gelu_erf(float *x, size_t count);
// The tanh approximation of GELU, in place.
void uio2_gelu_tanh(float *x, size_t count);

// MARK: Norms

// y = x / sqrt(mean(x^2) + epsilon) * scale, row by row; y may be x.
void uio2_rms_norm(float *y, const float *x, const float *scale, size_t rows, size_t columns, float epsilon);
// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, row by row; y may be x.
void uio2_layer_norm(float *y, const float *x, const float *weight, const float *bias, size_t rows, size_t columns,
                     float epsilon);
// x = x / max(|x|, epsilon), row by row, in place.
void uio2_l2_normalize(float *x, size_t rows, size_t columns, float epsilon);

// MARK: Attention

// Rotates interleaved pairs of x[tokens][heads][dimension] by table[tokens][dimension] = (cos, sin) pairs, in place.
void uio2_rotary(float *x, const float *table, size_t tokens, size_t heads, size_t dimension);
// RMS norm of each head with scale[dimension], then the rotation, in one pass, in place.
void uio2_norm_rotary(float *x, const float *scale, float epsilon, const float *table, size_t tokens, size_t heads,
                      size_t dimension);
// Sum of exp(x[i] - maximum) with the maximum written to *maximum; 0 columns give 0.
float uio2_exp_sum(const float *x, size_t count, float *maximum);
// x = softmax(scale * x), row by row, in place; scale >= 0.
void uio2_softmax(float *x, size_t rows, size_t columns, float scale);

// Attention of one head: y[queries][dimension] = softmax(scale q k^T) v over `keys` > 0 rows of k and v, which are floats, or
// halves where `half` is not 0. Query i sees the first min(keys, causal_offset + i + 1) keys; all when causal_offset < 0.
// Needs uio2_attend_scratch floats of scratch. A query's result does not depend on how many others come with it, as long as
// all keys and values are finite.
void uio2_attend(float *y, size_t y_stride, const float *q, size_t q_stride, const void *k, const void *v, size_t stride,
                 int half, size_t queries, size_t keys, size_t dimension, float scale, ptrdiff_t causal_offset,
                 float *scratch);
size_t uio2_attend_scratch(size_t keys, size_t dimension);
// The same for one query that sees all keys; scores is scratch of `keys` floats.
void uio2_attend_one(float *y, const float *q, const void *k, const void *v, size_t stride, int half, size_t keys,
                     size_t dimension, float scale, float *scores);

// MARK: Products

// y[count][rows] = x[count][columns] w[rows][columns]^T for a few rows of x; w is read from memory once. A row's result does
// not depend on how many others come with it.
void uio2_f32_rows(float *y, size_t y_stride, const float *w, const float *x, size_t x_stride, size_t count, size_t rows,
                   size_t columns);
// The same with weights in bfloat16, widened on the way; w must be 2-byte aligned.
void uio2_bf16_rows(float *y, size_t y_stride, const uint16_t *w, const float *x, size_t x_stride, size_t count,
                    size_t rows, size_t columns);

// Many rows: packed once for all products, then y[rows][outputs] = x . w[outputs][columns], the weights in f32 or bfloat16. Every
// result is summed in the same order whatever the number of rows. `packed` takes uio2_wide_pack_size floats, the scratch memory of a
// product uio2_wide_scratch; packing may be shared out at multiples of uio2_wide_group rows, which begin at row * columns of `packed`.
size_t uio2_wide_pack_size(size_t rows, size_t columns);
size_t uio2_wide_scratch(size_t outputs);
size_t uio2_wide_group(void);
void uio2_wide_pack(float *packed, const float *x, size_t x_stride, size_t rows, size_t columns);
void uio2_wide_f32(float *y, size_t y_stride, const float *packed, size_t rows, const float *w, size_t columns, size_t outputs,
                   float *scratch);
void uio2_wide_bf16(float *y, size_t y_stride, const float *packed, size_t rows, const uint16_t *w, size_t columns,
                    size_t outputs, float *scratch);

// Weights in 8 bits: 64 outputs (rows of w) make a tile of 64 * columns (rounded up to 4) bytes and of 64 scales for each block
// of `block` inputs, a multiple of 4 up to 65536 (sums of a block are 32 bits wide). The functions below work on one tile; the
// whole matrix is its tiles one after the other. At least one column. A block whose numbers are all smaller than 2^-118 counts
// as zeros; one with an infinity or a NaN has zeros and the scale NaN, so that every result that it has a part in is NaN.

// Bytes and scales of a whole matrix.
size_t uio2_i8_packed_size(size_t rows, size_t columns);
size_t uio2_i8_scale_count(size_t rows, size_t columns, size_t block);
// Packs w[rows][columns], at most 64 rows, into a tile: symmetric, to nearest.
void uio2_i8_pack(uint8_t *packed, float *w_scales, const float *w, size_t rows, size_t columns, size_t block);
// Outputs first ..< first + outputs of a tile as floats, w[outputs][columns].
void uio2_i8_widen(float *w, size_t w_stride, const uint8_t *packed, const float *w_scales, size_t columns,
                   size_t block, size_t first, size_t outputs);
// Activations x[rows][columns] in 8 bits: q[rows][columns rounded up to 4], and of each row and block a scale and 128 times
// the sum of q, which undoes the weights' offset.
void uio2_i8_quantize(int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns,
                      size_t block);
// The same in 15 bits: two rows of q, scales and sums for each row of x, whose products add up to the row's.
void uio2_i16_quantize(int8_t *q, float *scales, int32_t *sums, const float *x, size_t rows, size_t columns,
                       size_t block);
// y[count][0 ..< outputs] = quantized activations times the first `outputs` rows of tiles that follow each other. Sums of a block are
// exact.
void uio2_i8_gemm(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums, size_t count,
                  const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs);
// The same with activations in 15 bits: `count` pairs of rows. scratch: 2 * count * 64 floats.
void uio2_i16_gemm(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums, size_t count,
                   const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs,
                   float *scratch);
// The same with activations in f32, for a few rows.
void uio2_i8_rows(float *y, size_t y_stride, const float *x, size_t x_stride, size_t count, const uint8_t *packed,
                  const float *w_scales, size_t columns, size_t block, size_t outputs);

// MARK: Convolution

// Windows of x[channels][height][width] as a matrix: columns[channels * kernel * kernel][rows * out_width], for output rows
// first_row ..< first_row + rows. Output pixel (i, j) sees input rows i * stride - padding + 0..kernel-1; 0 outside.
void uio2_im2col(float *columns, const float *x, size_t channels, size_t height, size_t width, size_t kernel,
                 size_t stride, size_t padding, size_t out_width, size_t first_row, size_t rows);
// Winograd's method for convolutions of 3 x 3 with one pixel of zeros around: tiles of pixels become points, with one matrix product over
// the channels for each point. How points lie in memory is the level's own affair.
typedef enum {
  uio2_tiles_of_4,     // 4 x 4 pixels by 36 products
  uio2_tiles_of_6,     // 6 x 6 pixels by 64 products
  uio2_tiles_doubled,  // pixels as if each stood there four times: 4 x 4 of them, one column and one row of tiles further, become 8 x 8 by
                       // 81 products, and of x[channels][height][width] becomes y[channels][2 * height][2 * width]
} uio2_tiling;
// Tiles along a side of so many pixels.
size_t uio2_winograd_tiles(size_t side, uio2_tiling tiling);
// Products of a tile.
size_t uio2_winograd_points(uio2_tiling tiling);
// Floats of the points of tiles, of their sums, of kernels.
size_t uio2_winograd_input_size(size_t inputs, size_t tiles, uio2_tiling tiling);
size_t uio2_winograd_output_size(size_t outputs, size_t tiles, uio2_tiling tiling);
size_t uio2_winograd_kernels_size(size_t inputs, size_t outputs, uio2_tiling tiling);
// Outputs whose kernels lie together.
size_t uio2_winograd_panel(void);
// The points of w[outputs][inputs][3][3], of panels first ..< first + count of the ceil(outputs / panel).
void uio2_winograd_weights(float *u, const float *w, size_t inputs, size_t outputs, size_t first, size_t count,
                           uio2_tiling tiling);
// The points of x[channels][height][width]: rows of tiles first_row ..< first_row + tile_rows, channels first ..< first + count. Unless
// scale is NULL each pixel is first multiplied by scale[channel], shift[channel] is added, and it goes through SiLU unless `silu` is 0.
void uio2_winograd_input(float *v, const float *x, const float *scale, const float *shift, int silu, size_t channels, size_t first,
                         size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows, uio2_tiling tiling);
// The sums of point 0 ..< uio2_winograd_points of `tiles` tiles.
void uio2_winograd_products(float *m, const float *v, const float *u, size_t inputs, size_t outputs, size_t tiles, size_t point,
                            uio2_tiling tiling);
// y[channels] of the sums, plus bias[channel], plus `added`, which has y's shape and may be y, unless it is NULL; height and width are
// those of x, the rest as above.
void uio2_winograd_output(float *y, const float *m, const float *bias, const float *added, size_t channels, size_t first,
                          size_t count, size_t height, size_t width, size_t first_row, size_t tile_rows, uio2_tiling tiling);
// Adds bias[row] to every element of row `row` of y[rows][columns].
void uio2_add_to_rows(float *y, const float *bias, size_t rows, size_t columns);
// y[planes][2 * height][2 * width]: every pixel of x[planes][height][width] four times.
void uio2_upsample_nearest(float *y, const float *x, size_t planes, size_t height, size_t width);
// Group norm over x[channels][pixels] as a factor and a term for each channel; `groups` divides `channels`.
void uio2_group_norm_factors(float *scale, float *shift, const float *x, const float *weight, const float *bias, size_t channels,
                             size_t groups, size_t pixels, float epsilon);
// y = x[channels][pixels] * scale[channel] + shift[channel], then SiLU unless `silu` is 0; y may be x.
void uio2_scale_shift(float *y, const float *x, const float *scale, const float *shift, size_t channels, size_t pixels, int silu);
// x = x / (1 + exp(-x)), in place.
void uio2_silu(float *x, size_t count);
// x = max(x, 0), in place; NaN stays NaN.
void uio2_relu(float *x, size_t count);
// y[columns][rows] = x[rows][columns] transposed.
void uio2_transpose(float *y, const float *x, size_t rows, size_t columns);
// The smallest of own + lengths[i] - 2 dots[i], the first among equals, and how much larger the second smallest is
// (infinity for a single candidate). NaN distances are never picked; index is 0 when all are NaN.
void uio2_nearest(const float *dots, const float *lengths, float own, size_t count, size_t *index, float *margin);

// MARK: Conversions

void uio2_bf16_to_f32(float *y, const uint16_t *x, size_t count);
// To nearest, ties to even; NaN stays NaN, values beyond the largest become infinite.
void uio2_f32_to_bf16(uint16_t *y, const float *x, size_t count);
void uio2_f16_to_f32(float *y, const uint16_t *x, size_t count);
// To nearest, ties to even; NaN stays NaN, values beyond the largest become infinite.
void uio2_f32_to_f16(uint16_t *y, const float *x, size_t count);

// How many numbers from the start on are finite; `count` when all are. x may lie at any address.
size_t uio2_f32_finite(const void *x, size_t count);
// The same for 16 bits with the exponent in the bits `exponent`: 0x7f80 in bfloat16, 0x7c00 in IEEE half precision.
size_t uio2_half_finite(const void *x, size_t count, uint16_t exponent);

// y[i] = element `first + i` of a sequence of numbers uniform in [low, high) that the seed determines; it repeats after 2^32.
void uio2_uniform(float *y, size_t count, uint64_t seed, uint64_t first, float low, float high);

// MARK: Ceilings

// Multiply-adds in registers alone; the operations (2 a multiply-add) of one round.
float uio2_peak_f32(size_t rounds);
size_t uio2_peak_f32_operations(void);
// The same in 8 bits with 32-bit sums.
int32_t uio2_peak_i8(size_t rounds);
size_t uio2_peak_i8_operations(void);
// Reads every byte, as `places` > 0 equal parts in turn; exclusive or of all 4-byte words, the last one filled up with zeros.
uint32_t uio2_stream_read(const uint8_t *bytes, size_t count, size_t places);

// MARK: Threads

// Calls body(context, i) for each i < count on up to uio2_threads() threads, the calling one among them, and returns when all are
// done. Called while another thread's call is under way, or from inside a body, it runs everything on the calling thread.
void uio2_parallel(size_t count, void (*body)(void *context, size_t index), void *context);
// Threads of one parallel call; at least 1. Workers are started at the first call that can use them; idle ones sleep.
size_t uio2_threads(void);
void uio2_set_threads(size_t count);
// Asks for real-time scheduling (SCHED_FIFO at this priority, 1...99) of the calling thread, and of workers from now on;
// 0 or the system's error number.
int uio2_set_realtime(int priority);

// MARK: Processor

// 1 when the processor has AVX-512 F, BW, CD, DQ and VL.
int uio2_has_avx512(void);
// Flushes denormal numbers to zero on the calling thread (they make FMA several times slower).
void uio2_flush_denormals(void);

#endif
