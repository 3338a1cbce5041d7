// Our 8-bit product beside oneDNN's (u8 x s8 -> s32) at the shapes of the LARGE model, in one run, as ratios.
// Ours includes what a layer needs: rounding the activations, scales for each block of inputs, results in f32.
// oneDNN's packs its operands and gives 32-bit integers; scaling them would come on top.
#include "../timing.h"
#include "CKernels.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>

struct product {
  size_t rows, outputs, inputs, block;
  float *x, *y, *x_scales, *w_scales;
  int8_t *q;
  int32_t *sums;
  uint8_t *packed;
};

static void tile(void *context, size_t index) {
  struct product *p = context;
  size_t bytes = uio2_i8_packed_size(1, p->inputs), scales = uio2_i8_scale_count(1, p->inputs, p->block);
  uio2_i8_gemm(p->y + index * 64, p->outputs, p->q, p->x_scales, p->sums, p->rows, p->packed + index * bytes,
               p->w_scales + index * scales, p->inputs, p->block, 64);
}

static void ours(struct product *p) {
  uio2_i8_quantize(p->q, p->x_scales, p->sums, p->x, p->rows, p->inputs, p->block);
  uio2_parallel(p->outputs / 64, tile, p);
}

// A product with random numbers in it.
static struct product make(size_t rows, size_t outputs, size_t inputs, size_t block, float **weights) {
  struct product p = {rows, outputs, inputs, block, 0, 0, 0, 0, 0, 0, 0};
  size_t blocks = (inputs + block - 1) / block;
  p.x = malloc(rows * inputs * 4);
  p.y = malloc(rows * outputs * 4);
  p.q = malloc(rows * inputs);
  p.sums = malloc(rows * blocks * 4);
  p.x_scales = malloc(rows * blocks * 4);
  p.packed = aligned_alloc(64, uio2_i8_packed_size(outputs, inputs));
  p.w_scales = malloc(uio2_i8_scale_count(outputs, inputs, block) * 4);
  float *w = malloc(outputs * inputs * 4);
  uio2_uniform(p.x, rows * inputs, 1, 0, -1, 1);
  uio2_uniform(w, outputs * inputs, 2, 0, -1, 1);
  for (size_t t = 0; t < outputs / 64; t++)
    uio2_i8_pack(p.packed + t * uio2_i8_packed_size(1, inputs), p.w_scales + t * 64 * blocks, w + t * 64 * inputs, 64,
                 inputs, block);
  *weights = w;
  return p;
}

static void discard(struct product *p, float *weights) {
  free(p->x), free(p->y), free(p->q), free(p->sums), free(p->x_scales), free(p->packed), free(p->w_scales);
  free(weights);
}

enum { ROUNDS = 15 };

// Ours with scales for fewer and fewer inputs, round by round, against one scale a row.
static void compare_blocks(void) {
  const size_t blocks[] = {1024, 256, 128, 32};
  enum { KINDS = sizeof blocks / sizeof *blocks };
  struct product products[KINDS];
  float *weights[KINDS];
  double ratio[KINDS][ROUNDS];
  for (size_t k = 0; k < KINDS; k++) products[k] = make(640, 1024, 1024, blocks[k], &weights[k]);
  for (int round = -2; round < ROUNDS; round++) {
    double times[KINDS];
    for (size_t k = 0; k < KINDS; k++) {
      double start = now();
      ours(&products[k]);
      times[k] = now() - start;
    }
    for (size_t k = 0; round >= 0 && k < KINDS; k++) ratio[k][round] = times[k] / times[0];
  }
  printf("\n| inputs that share a scale (640 x 1024 x 1024) | time, relative |\n| --- | --- |\n");
  for (size_t k = 0; k < KINDS; k++) {
    printf("| %zu | %.2f |\n", blocks[k], median(ratio[k], ROUNDS));
    discard(&products[k], weights[k]);
  }
}

static void theirs_once(const struct product *p, const uint8_t *a, const int8_t *b, int32_t *c) {
  const int32_t zero = 0;
  const dnnl_dim_t rows = (dnnl_dim_t)p->rows, outputs = (dnnl_dim_t)p->outputs, inputs = (dnnl_dim_t)p->inputs;
  dnnl_gemm_u8s8s32('N', 'T', 'F', rows, outputs, inputs, 1, a, inputs, 0, b, inputs, 0, 0, c, outputs, &zero);
}

// How many of oneDNN's sums are not those of the integers that it was given: without VNNI it adds two products in 16 bits, which may
// not hold them.
static size_t wrong_sums(const struct product *p, const uint8_t *a, const int8_t *b, const int32_t *c) {
  size_t wrong = 0;
  for (size_t row = 0; row < p->rows; row++)
    for (size_t output = 0; output < p->outputs; output++) {
      int32_t sum = 0;
      for (size_t i = 0; i < p->inputs; i++) sum += a[row * p->inputs + i] * b[output * p->inputs + i];
      wrong += sum != c[row * p->outputs + output];
    }
  return wrong;
}

int main(int argc, char **argv) {
  size_t threads = argc > 1 ? (size_t)atoi(argv[1]) : 2;
  uio2_set_threads(threads);
  const size_t shapes[][3] = {{640, 1024, 1024}, {640, 2816, 1024}, {640, 1024, 2816}, {352, 1024, 1024}, {1, 2816, 1024}};
  printf("\n%zu threads, %s kernels, oneDNN %d.%d.%d\n\n", threads, uio2_kernels_in_use(), DNNL_VERSION_MAJOR,
         DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
  printf("| rows x outputs x inputs | ours | oneDNN | oneDNN / ours | wrong sums of oneDNN: 8 bits, 6 bits |\n");
  printf("| --- | --- | --- | --- | --- |\n");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    float *w;
    struct product p = make(shapes[s][0], shapes[s][1], shapes[s][2], 256, &w);
    uint8_t *a = malloc(p.rows * p.inputs);
    int8_t *b = malloc(p.outputs * p.inputs);
    int32_t *c = malloc(p.rows * p.outputs * 4);
    for (size_t i = 0; i < p.rows * p.inputs; i++) a[i] = (uint8_t)(p.x[i] * 127 + 128);
    for (size_t i = 0; i < p.outputs * p.inputs; i++) b[i] = (int8_t)(w[i] * 127);
    double mine[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
    for (int round = -2; round < ROUNDS; round++) {
      double start = now();
      ours(&p);
      double middle = now();
      theirs_once(&p, a, b, c);
      double end = now();
      if (round < 0) continue;
      mine[round] = middle - start;
      theirs[round] = end - middle;
      ratio[round] = theirs[round] / mine[round];
    }
    double operations = 2e-9 * (double)p.rows * (double)p.outputs * (double)p.inputs;
    double my_time = median(mine, ROUNDS), their_time = median(theirs, ROUNDS);
    const double sums = (double)(p.rows * p.outputs), wrong = 100.0 * (double)wrong_sums(&p, a, b, c) / sums;
    for (size_t i = 0; i < p.rows * p.inputs; i++) a[i] /= 4;
    theirs_once(&p, a, b, c);
    printf("| %zu x %zu x %zu | %.3f ms, %.0f GOP/s | %.3f ms, %.0f GOP/s | %.2f | %.1f %%, %.1f %% |\n", p.rows, p.outputs,
           p.inputs, my_time * 1e3, operations / my_time, their_time * 1e3, operations / their_time, median(ratio, ROUNDS), wrong,
           100.0 * (double)wrong_sums(&p, a, b, c) / sums);
    discard(&p, w);
    free(a), free(b), free(c);
  }
  compare_blocks();
  return 0;
}
