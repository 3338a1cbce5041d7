// All kernels for one level. Whoever includes this has defined
//   UIO2_LEVEL         the level's name, e.g. avx2
//   UIO2_LEVEL_NUMBER  0 portable, 1 AVX2 + FMA, 2 AVX-512, 3 AVX-512 with VNNI
//   UIO2_TARGET        the instruction set in the compiler's words; not defined: the compiler's default
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "CKernels.h"

#include "../levels.h"
#include "../winograd_geometry.h"

#define UIO2_JOIN_(a, b) a##_##b
#define UIO2_JOIN(a, b) UIO2_JOIN_(a, b)
#define KERNEL(name) UIO2_JOIN(UIO2_JOIN(uio2, name), UIO2_LEVEL)
// Sums may be split over vector lanes: the order of additions is not part of any result that we promise.
#define UIO2_REASSOCIATE _Pragma("clang fp reassociate(on) contract(fast)")

#define UIO2_DECLARE(result, name, parameters, arguments) static result KERNEL(name) parameters;
UIO2_KERNELS(UIO2_DECLARE)

#ifdef UIO2_TARGET
#pragma clang attribute push(__attribute__((target(UIO2_TARGET))), apply_to = function)
#endif
#include "math.h"
#include "vector.h"

#include "half.h"
#include "brainfloat.h"
#include "finite.h"
#include "rows.h"
#include "wide.h"
#include "int8.h"
#include "int8_tile.h"
#include "int8_few.h"
#include "int8_product.h"
#include "int8_weights.h"
#include "attention.h"
#include "convolution.h"
#include "winograd_lines.h"
#include "winograd.h"
#include "elementwise.h"
#include "norm.h"
#include "peak.h"
#include "random.h"
#ifdef UIO2_TARGET
#pragma clang attribute pop
#endif

#define UIO2_ENTRY(result, name, parameters, arguments) .name = KERNEL(name),
const struct uio2_kernels UIO2_JOIN(uio2_kernels, UIO2_LEVEL) = {UIO2_KERNELS(UIO2_ENTRY)};
