// Chooses the level: the best that the processor has, unless UIO2_KERNELS names a lower one.
#include "CKernels.h"
#include "levels.h"
#include "winograd_geometry.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

struct level {
  const char *name;
  const struct uio2_kernels *kernels;
};

static const struct level levels[] = {
    {"portable", &uio2_kernels_portable},
#if defined(__x86_64__)
    {"avx2", &uio2_kernels_avx2},
    {"avx512", &uio2_kernels_avx512},
    {"avx512vnni", &uio2_kernels_avx512vnni},
#endif
};

static _Atomic(const struct level *) chosen;

size_t uio2_kernel_levels(void) {
  size_t count = 1;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("f16c") && __builtin_cpu_supports("bmi2")) {
    count = 2;
    if (uio2_has_avx512()) count = __builtin_cpu_supports("avx512vnni") ? 4 : 3;
  }
#endif
  return count;
}

const char *uio2_kernel_level_name(size_t index) { return levels[index].name; }

int uio2_choose_kernels(const char *name) {
  const size_t count = uio2_kernel_levels();
  for (size_t i = 0; i < count; i++) {
    if (strcmp(levels[i].name, name) != 0) continue;
    atomic_store_explicit(&chosen, &levels[i], memory_order_release);
    return 1;
  }
  return 0;
}

static __attribute__((noinline)) const struct level *choose(void) {
  const char *name = getenv("UIO2_KERNELS");
  // A level that the machine does not have cannot be run; its best one can.
  if (name == NULL || !uio2_choose_kernels(name)) uio2_choose_kernels(levels[uio2_kernel_levels() - 1].name);
  return atomic_load_explicit(&chosen, memory_order_acquire);
}

static inline const struct level *level(void) {
  const struct level *now = atomic_load_explicit(&chosen, memory_order_acquire);
  return __builtin_expect(now != NULL, 1) ? now : choose();
}

const char *uio2_kernels_in_use(void) { return level()->name; }

#define UIO2_WRAPPER(result, name, parameters, arguments) \
  result uio2_##name parameters { return level()->kernels->name arguments; }
UIO2_KERNELS(UIO2_WRAPPER)

size_t uio2_attend_scratch(size_t keys, size_t dimension) {
  // Of the widest level: tiles of 64 keys and 64 features, 6 queries.
  const size_t padded = (keys + 63) / 64 * 64, width = (dimension + 63) / 64 * 64;
  return padded * dimension + keys * width + 6 * padded;
}

size_t uio2_winograd_tiles(size_t side, uio2_tiling tiling) {
  const size_t step = winograd_step(tiling), margin = tiling == uio2_tiles_doubled ? 1 : 0;
  return (side + margin + step - 1) / step;
}
size_t uio2_winograd_points(uio2_tiling tiling) { return winograd_line(tiling) * winograd_line(tiling); }

// Of the widest level: panels of 64 tiles and of 6 outputs.
size_t uio2_winograd_input_size(size_t inputs, size_t tiles, uio2_tiling tiling) {
  return (tiles + 63) / 64 * 64 * winograd_window(tiling) * winograd_window(tiling) * (inputs + 1);
}
size_t uio2_winograd_output_size(size_t outputs, size_t tiles, uio2_tiling tiling) {
  return (tiles + 63) / 64 * 64 * uio2_winograd_points(tiling) * (outputs + 1);
}
size_t uio2_winograd_kernels_size(size_t inputs, size_t outputs, uio2_tiling tiling) {
  return (outputs + 5) * uio2_winograd_points(tiling) * inputs;
}

// Of all levels: groups of up to 6 rows, panels of up to 64 outputs, blocks of up to 512 inputs.
size_t uio2_wide_pack_size(size_t rows, size_t columns) { return (rows + 5) * columns; }
size_t uio2_wide_scratch(size_t outputs) { return (outputs + 63) / 64 * 64 * 512; }

size_t uio2_i8_packed_size(size_t rows, size_t columns) { return (rows + 63) / 64 * 64 * ((columns + 3) / 4 * 4); }

size_t uio2_i8_scale_count(size_t rows, size_t columns, size_t block) {
  return (rows + 63) / 64 * 64 * ((columns + block - 1) / block);
}

int uio2_has_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512cd");
#else
  return 0;
#endif
}

void uio2_flush_denormals(void) {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040u);  // FTZ | DAZ
#endif
}
