#if defined(__x86_64__)
#define UIO2_LEVEL avx512vnni
#define UIO2_LEVEL_NUMBER 3
#define UIO2_TARGET "avx512f,avx512bw,avx512dq,avx512vl,avx512cd,avx512vnni,avx2,fma,f16c,bmi,bmi2,lzcnt,popcnt"
#include "kernels/all.h"
#else
typedef int uio2_no_avx512vnni;
#endif
