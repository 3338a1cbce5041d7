// Random weights for tests and benchmarks: every element is a function of the seed and its own index alone, so that tensors can be
// written in pieces of any size.
static inline __attribute__((always_inline)) uint32_t mixed(uint32_t x) {
  x ^= x >> 16;
  x *= 0x7feb352du;
  x ^= x >> 15;
  x *= 0x846ca68bu;
  x ^= x >> 16;
  return x;
}

void KERNEL(uniform)(float *y, size_t count, uint64_t seed, uint64_t first, float low, float high) {
  const uint32_t lower = (uint32_t)seed, upper = (uint32_t)(seed >> 32), offset = (uint32_t)first;
  const float step = (high - low) * 5.9604644775390625e-8f;  // 2^-24
  for (size_t i = 0; i < count; i++) {
    uint32_t bits = mixed(mixed((offset + (uint32_t)i) ^ lower) + upper);
    y[i] = low + (float)(int32_t)(bits >> 8) * step;
  }
}
