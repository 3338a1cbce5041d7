// Our f32 product of many rows beside OpenBLAS's at the shapes of the LARGE model, in one run, as ratios. Every round measures all
// contestants and the peak of arithmetic in registers, so that what else the machine does meets them alike.
#include "../timing.h"
#include "CKernels.h"

#include <cblas.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROUNDS = 21, SHARE = 256, PEAK_ROUNDS = 400000, KINDS = 4 };

struct product {
  size_t rows, outputs, inputs, threads;
  float *x, *w, *y, *packed;
};

// At a multiple of 64 bytes, as tensors are.
static float *floats(size_t count) { return aligned_alloc(64, (count * sizeof(float) + 63) / 64 * 64); }

static float *scratch[64];
static _Atomic size_t scratches;
static _Thread_local float *own;

static void our_share(void *context, size_t index) {
  struct product *p = context;
  const size_t first = index * SHARE, count = p->outputs - first < SHARE ? p->outputs - first : SHARE;
  // Each thread's memory is kept, as the runtime keeps it.
  if (own == NULL) own = scratch[scratches++ % 64] = floats(uio2_wide_scratch(SHARE));
  uio2_wide_f32(p->y + first, p->outputs, p->packed, p->rows, p->w + first * p->inputs, p->inputs, count, own);
}

static void pack_share(void *context, size_t index) {
  struct product *p = context;
  const size_t group = uio2_wide_group(), size = (p->rows / 8 + group) / group * group, first = index * size;
  if (first >= p->rows) return;
  const size_t count = p->rows - first < size ? p->rows - first : size;
  uio2_wide_pack(p->packed + first * p->inputs, p->x + first * p->inputs, p->inputs, count, p->inputs);
}

static void blas(struct product *p, size_t first, size_t count) {
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)p->rows, (int)count, (int)p->inputs, 1, p->x, (int)p->inputs,
              p->w + first * p->inputs, (int)p->inputs, 0, p->y + first, (int)p->outputs);
}

static void blas_share(void *context, size_t index) {
  struct product *p = context;
  const size_t first = index * SHARE;
  blas(p, first, p->outputs - first < SHARE ? p->outputs - first : SHARE);
}

static void peak_share(void *context, size_t index) {
  float *sums = context;
  sums[16 * index] = uio2_peak_f32(PEAK_ROUNDS);
}

static double seconds(struct product *p, int kind) {
  const size_t shares = (p->outputs + SHARE - 1) / SHARE;
  float sums[64 * 16];
  const double start = now();
  switch (kind) {
    case 0:
      uio2_parallel(8, pack_share, p);
      uio2_parallel(shares, our_share, p);
      break;
    case 1:
      openblas_set_num_threads(1);
      uio2_parallel(shares, blas_share, p);
      break;
    case 2:
      openblas_set_num_threads((int)p->threads);
      blas(p, 0, p->outputs);
      break;
    default: uio2_parallel(p->threads, peak_share, sums);
  }
  return now() - start;
}

int main(int argc, char **argv) {
  const size_t threads = argc > 1 ? (size_t)atoi(argv[1]) : 2;
  uio2_set_threads(threads);
  const size_t shapes[][3] = {{640, 1024, 1024}, {640, 5632, 1024}, {640, 1024, 2816}, {352, 5632, 1024}, {576, 3072, 768}};
  printf("\n%zu threads, %s kernels, OpenBLAS %s\n\n", threads, uio2_kernels_in_use(), openblas_get_corename());
  printf("| rows x outputs x inputs | ours, of the peak | OpenBLAS, a share a thread | OpenBLAS, its own threads |\n");
  printf("| --- | --- | --- | --- |\n");
  for (size_t s = 0; s < sizeof shapes / sizeof *shapes; s++) {
    struct product p = {shapes[s][0], shapes[s][1], shapes[s][2], threads, 0, 0, 0, 0};
    p.x = floats(p.rows * p.inputs);
    p.w = floats(p.outputs * p.inputs);
    p.y = floats(p.rows * p.outputs);
    p.packed = floats(uio2_wide_pack_size(p.rows, p.inputs));
    uio2_uniform(p.x, p.rows * p.inputs, 1, 0, -1, 1);
    uio2_uniform(p.w, p.outputs * p.inputs, 2, 0, -1, 1);
    const double operations = 2e-9 * (double)p.rows * (double)p.outputs * (double)p.inputs;
    const double peak_operations = 1e-9 * (double)(threads * PEAK_ROUNDS * uio2_peak_f32_operations());
    double ratios[KINDS - 1][ROUNDS];
    for (int round = -2; round < ROUNDS; round++) {
      double times[KINDS];
      for (int kind = 0; kind < KINDS; kind++) times[kind] = seconds(&p, kind);
      const double peak = peak_operations / times[KINDS - 1];
      for (int kind = 0; round >= 0 && kind < KINDS - 1; kind++) ratios[kind][round] = operations / times[kind] / peak;
    }
    printf("| %zu x %zu x %zu | %.0f %% | %.0f %% | %.0f %% |\n", p.rows, p.outputs, p.inputs, 100 * median(ratios[0], ROUNDS),
           100 * median(ratios[1], ROUNDS), 100 * median(ratios[2], ROUNDS));
    free(p.x), free(p.w), free(p.y), free(p.packed);
  }
  for (size_t i = 0; i < 64; i++) free(scratch[i]);
  return 0;
}
