#include "KernelLevels.h"
#include "../../Sources/CKernels/kernels/math.h"

#if defined(__x86_64__)
#define FUSED __attribute__((target("avx2,fma")))
#else
#define FUSED
#endif

FUSED static float fused_exp(float x) { return uio2_expf(x); }
FUSED static float fused_erf(float x) { return uio2_erff(x); }

float uio2_test_exp(float x, int fused) { return fused ? fused_exp(x) : uio2_expf(x); }
float uio2_test_erf(float x, int fused) { return fused ? fused_erf(x) : uio2_erff(x); }
