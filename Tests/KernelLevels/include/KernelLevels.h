// The kernels of one level, whatever the process has chosen: tests of several levels may run at the same time, and beside tests
// of everything else.
#ifndef UIO2_KERNEL_LEVELS_H
#define UIO2_KERNEL_LEVELS_H

#include "../../../Sources/CKernels/levels.h"

// Of a level below uio2_kernel_levels().
const struct uio2_kernels *uio2_kernels_of_level(size_t index);

// The functions that the kernels' loops are made of, compiled without and with fused multiply-add; `fused` only where the processor
// has it.
float uio2_test_exp(float x, int fused);
float uio2_test_erf(float x, int fused);

#endif
