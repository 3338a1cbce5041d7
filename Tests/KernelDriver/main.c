// kernel-driver level          the level in use, as the environment variable UIO2_KERNELS has it
// kernel-driver choose NAME    the level in use after another one was chosen, or "absent"
// kernel-driver threads        checks of the pool of threads
// kernel-driver shapes         every kernel at every level, for sanitizers (scripts/sanitize-kernels.sh)
// kernel-driver hot            what scripts/instructions.sh counts
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *allocate(size_t bytes) {
  void *memory = malloc(bytes > 0 ? bytes : 1);
  if (memory == NULL) abort();
  return memory;
}

float *random_floats(size_t count, uint32_t seed) {
  float *x = allocate(count * sizeof(float));
  uint32_t state = seed * 2654435761u + 1;
  for (size_t i = 0; i < count; i++) {
    state = state * 1664525u + 1013904223u;
    x[i] = (float)(state >> 8) * 1.1920928955078125e-7f - 1.0f;
  }
  return x;
}

int main(int count, char **arguments) {
  const char *mode = count > 1 ? arguments[1] : "";
  if (strcmp(mode, "level") == 0) return puts(uio2_kernels_in_use()) < 0;
  if (strcmp(mode, "choose") == 0 && count > 2)
    return puts(uio2_choose_kernels(arguments[2]) ? uio2_kernels_in_use() : "absent") < 0;
  if (strcmp(mode, "threads") == 0) return check_threads();
  if (strcmp(mode, "shapes") == 0) return run_shapes();
  if (strcmp(mode, "hot") == 0) return run_hot();
  fputs("kernel-driver: level, choose NAME, threads, shapes or hot\n", stderr);
  return 2;
}
