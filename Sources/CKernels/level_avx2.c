#if defined(__x86_64__)
#define UIO2_LEVEL avx2
#define UIO2_LEVEL_NUMBER 1
#define UIO2_TARGET "avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"
#include "kernels/all.h"
#else
typedef int uio2_no_avx2;
#endif
