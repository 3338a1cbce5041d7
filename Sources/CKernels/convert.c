#include "CKernels.h"
#include "dispatch.h"

#include <string.h>
#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

UIO2_DISPATCHED void uio2_bf16_to_f32(float *y, const uint16_t *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = (uint32_t)x[i] << 16;
    memcpy(&y[i], &bits, 4);
  }
}

// IEEE half precision, denormals, infinities and NaN included. Used at load time only, so plain arithmetic will do.
void uio2_f16_to_f32(float *y, const uint16_t *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint32_t sign = (uint32_t)(x[i] & 0x8000u) << 16;
    uint32_t exponent = (x[i] >> 10) & 0x1fu;
    uint32_t mantissa = x[i] & 0x3ffu;
    uint32_t bits;
    if (exponent == 31) {
      bits = sign | 0x7f800000u | (mantissa << 13);
    } else if (exponent != 0) {
      bits = sign | ((exponent + 112) << 23) | (mantissa << 13);
    } else if (mantissa == 0) {
      bits = sign;
    } else {
      float magnitude = (float)mantissa * 5.9604644775390625e-8f;  // 2^-24
      memcpy(&bits, &magnitude, 4);
      bits |= sign;
    }
    memcpy(&y[i], &bits, 4);
  }
}

int uio2_has_avx512(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512vl");
#else
  return 0;
#endif
}

void uio2_flush_denormals(void) {
#if defined(__x86_64__)
  _mm_setcsr(_mm_getcsr() | 0x8040u);  // FTZ | DAZ
#endif
}
