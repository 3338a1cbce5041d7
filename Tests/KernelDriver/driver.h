// A small program around the kernels, for what cannot be tested inside the test process: see main.c.
#ifndef UIO2_DRIVER_H
#define UIO2_DRIVER_H

#include "CKernels.h"

// Checks of the pool of threads; 0 when all hold.
int check_threads(void);
// Every kernel at every level on memory that ends where its arrays end; for address sanitizers and memory checkers.
int run_shapes(void);
// Each hot kernel once on fixed inputs, in functions named measure_KERNEL.
int run_hot(void);

// Numbers in [-1, 1) that depend on `seed` alone.
float *random_floats(size_t count, uint32_t seed);
// Never returns NULL.
void *allocate(size_t bytes);

#endif
