// Our 8-bit product beside oneDNN's (u8 x s8 -> s32) at the shapes of the LARGE model, in one run, as ratios.
// Ours includes what a layer needs: rounding the activations, scales for each block of inputs, results in f32.
// oneDNN's packs its operands and gives 32-bit integers; scaling them would come on top.
#include "CKernels.h"

#include <oneapi/dnnl/dnnl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

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

static int compare_times(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  size_t threads = argc > 1 ? (size_t)atoi(argv[1]) : 2;
  uio2_set_threads(threads);
  const size_t shapes[][3] = {{640, 1024, 1024}, {640, 2816, 1024}, {640, 1024, 2816}, {352, 1024, 1024}, {1, 2816, 1024}};
  printf("%zu threads, %s kernels, oneDNN %d.%d.%d\n\n", threads, uio2_kernels_in_use(), DNNL_VERSION_MAJOR,
         DNNL_VERSION_MINOR, DNNL_VERSION_PATCH);
  printf("| rows x outputs x inputs | ours | oneDNN | oneDNN / ours |\n| --- | --- | --- | --- |\n");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    struct product p = {shapes[s][0], shapes[s][1], shapes[s][2], 256, 0, 0, 0, 0, 0, 0, 0};
    size_t blocks = (p.inputs + p.block - 1) / p.block;
    p.x = malloc(p.rows * p.inputs * 4);
    p.y = malloc(p.rows * p.outputs * 4);
    p.q = malloc(p.rows * p.inputs);
    p.sums = malloc(p.rows * blocks * 4);
    p.x_scales = malloc(p.rows * blocks * 4);
    p.packed = aligned_alloc(64, uio2_i8_packed_size(p.outputs, p.inputs));
    p.w_scales = malloc(uio2_i8_scale_count(p.outputs, p.inputs, p.block) * 4);
    float *w = malloc(p.outputs * p.inputs * 4);
    uio2_uniform(p.x, p.rows * p.inputs, 1, 0, -1, 1);
    uio2_uniform(w, p.outputs * p.inputs, 2, 0, -1, 1);
    for (size_t t = 0; t < p.outputs / 64; t++)
      uio2_i8_pack(p.packed + t * uio2_i8_packed_size(1, p.inputs), p.w_scales + t * 64 * blocks,
                   w + t * 64 * p.inputs, 64, p.inputs, p.block);
    uint8_t *a = malloc(p.rows * p.inputs);
    int8_t *b = malloc(p.outputs * p.inputs);
    int32_t *c = malloc(p.rows * p.outputs * 4), zero = 0;
    for (size_t i = 0; i < p.rows * p.inputs; i++) a[i] = (uint8_t)(p.x[i] * 127 + 128);
    for (size_t i = 0; i < p.outputs * p.inputs; i++) b[i] = (int8_t)(w[i] * 127);
    enum { ROUNDS = 15 };
    double mine[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];
    for (int round = -2; round < ROUNDS; round++) {
      double start = now();
      ours(&p);
      double middle = now();
      dnnl_gemm_u8s8s32('N', 'T', 'F', (dnnl_dim_t)p.rows, (dnnl_dim_t)p.outputs, (dnnl_dim_t)p.inputs, 1, a,
                        (dnnl_dim_t)p.inputs, 0, b, (dnnl_dim_t)p.inputs, 0, 0, c, (dnnl_dim_t)p.outputs, &zero);
      double end = now();
      if (round < 0) continue;
      mine[round] = middle - start;
      theirs[round] = end - middle;
      ratio[round] = theirs[round] / mine[round];
    }
    qsort(mine, ROUNDS, sizeof *mine, compare_times);
    qsort(theirs, ROUNDS, sizeof *theirs, compare_times);
    qsort(ratio, ROUNDS, sizeof *ratio, compare_times);
    double operations = 2e-9 * (double)p.rows * (double)p.outputs * (double)p.inputs;
    printf("| %zu x %zu x %zu | %.3f ms, %.0f GOP/s | %.3f ms, %.0f GOP/s | %.2f |\n", p.rows, p.outputs, p.inputs,
           mine[ROUNDS / 2] * 1e3, operations / mine[ROUNDS / 2], theirs[ROUNDS / 2] * 1e3,
           operations / theirs[ROUNDS / 2], ratio[ROUNDS / 2]);
    free(p.x), free(p.y), free(p.q), free(p.sums), free(p.x_scales), free(p.packed), free(p.w_scales);
    free(w), free(a), free(b), free(c);
  }
  return 0;
}
