// Where numbers stop being finite. The largest magnitude of a block says whether it holds an infinity or a NaN, which vectors find out
// quickly; only such a block is searched.

enum { FINITE_BLOCK = 4096 };

size_t KERNEL(f32_finite)(const void *x, size_t count) {
  const uint8_t *bytes = x;
  for (size_t start = 0; start < count; start += FINITE_BLOCK) {
    const size_t length = count - start < FINITE_BLOCK ? count - start : FINITE_BLOCK;
    const uint8_t *block = bytes + 4 * start;
    uint32_t largest = 0, bits;
    for (size_t i = 0; i < length; i++) {
      memcpy(&bits, block + 4 * i, 4);
      bits &= 0x7fffffffu;
      largest = bits > largest ? bits : largest;
    }
    if (largest < 0x7f800000u) continue;
    for (size_t i = 0; i < length; i++) {
      memcpy(&bits, block + 4 * i, 4);
      if ((bits & 0x7f800000u) == 0x7f800000u) return start + i;
    }
  }
  return count;
}

size_t KERNEL(half_finite)(const void *x, size_t count, uint16_t exponent) {
  const uint8_t *bytes = x;
  for (size_t start = 0; start < count; start += FINITE_BLOCK) {
    const size_t length = count - start < FINITE_BLOCK ? count - start : FINITE_BLOCK;
    const uint8_t *block = bytes + 2 * start;
    uint16_t largest = 0, bits;
    for (size_t i = 0; i < length; i++) {
      memcpy(&bits, block + 2 * i, 2);
      bits &= 0x7fffu;
      largest = bits > largest ? bits : largest;
    }
    if (largest < exponent) continue;
    for (size_t i = 0; i < length; i++) {
      memcpy(&bits, block + 2 * i, 2);
      if ((bits & exponent) == exponent) return start + i;
    }
  }
  return count;
}
