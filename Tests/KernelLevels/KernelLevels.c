#include "KernelLevels.h"

const struct uio2_kernels *uio2_kernels_of_level(size_t index) {
  switch (index) {
#if defined(__x86_64__)
    case 1: return &uio2_kernels_avx2;
    case 2: return &uio2_kernels_avx512;
    case 3: return &uio2_kernels_avx512vnni;
#endif
    default: return &uio2_kernels_portable;
  }
}
