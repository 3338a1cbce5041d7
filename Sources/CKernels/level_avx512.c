#if defined(__x86_64__)
#define UIO2_LEVEL avx512
#define UIO2_LEVEL_NUMBER 2
#define UIO2_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"
#include "kernels/all.h"
#else
typedef int uio2_no_avx512;
#endif
