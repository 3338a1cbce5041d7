// The machine's own ceilings: arithmetic in registers alone, and reading memory.

#if UIO2_LEVEL_NUMBER >= 2
#define PEAK_REGISTER(x) "+v"(x)
#elif defined(__x86_64__)
#define PEAK_REGISTER(x) "+x"(x)
#else
#define PEAK_REGISTER(x) "+w"(x)
#endif

// Enough sums under way to hide the latency of one addition.
#if UIO2_LEVEL_NUMBER >= 2
#define PEAK_SUMS 24
#else
#define PEAK_SUMS 12
#endif

float KERNEL(peak_f32)(size_t rounds) {
  vfloat acc[PEAK_SUMS];
  vfloat a = splat(1.000001f), b = splat(1e-9f);
  UNROLL for (int i = 0; i < PEAK_SUMS; i++) acc[i] = splat((float)i);
  for (size_t r = 0; r < rounds; r++) {
    UNROLL for (int i = 0; i < PEAK_SUMS; i++) acc[i] = fused(acc[i], a, b);
    // Keeps the compiler from seeing through the loop.
    __asm__ volatile("" : PEAK_REGISTER(a), PEAK_REGISTER(b));
  }
  vfloat sum = {0};
  for (int i = 0; i < PEAK_SUMS; i++) sum += acc[i];
  return sum_of(sum);
}

size_t KERNEL(peak_f32_operations)(void) { return PEAK_SUMS * VECTOR_WIDTH * 2; }

int32_t KERNEL(peak_i8)(size_t rounds) {
  int32_t sum = 0;
#if UIO2_LEVEL_NUMBER >= 3
  __m512i acc[24], a = _mm512_set1_epi32(0x01010101), b = _mm512_set1_epi32(0x01020304);
  for (int i = 0; i < 24; i++) acc[i] = _mm512_set1_epi32(i);
  for (size_t r = 0; r < rounds; r++) {
    UNROLL for (int i = 0; i < 24; i++) acc[i] = _mm512_dpbusd_epi32(acc[i], a, b);
    __asm__ volatile("" : "+v"(a), "+v"(b));
  }
  for (int i = 0; i < 24; i++) sum += _mm512_reduce_add_epi32(acc[i]);
#elif UIO2_LEVEL_NUMBER >= 1
  __m256i acc[8], a = _mm256_set1_epi16(1), b = _mm256_set1_epi16(2);
  for (int i = 0; i < 8; i++) acc[i] = _mm256_set1_epi32(i);
  for (size_t r = 0; r < rounds; r++) {
    UNROLL for (int i = 0; i < 8; i++) {
      acc[i] = _mm256_add_epi32(acc[i], _mm256_madd_epi16(a, b));
      // Or one product would serve all sums.
      __asm__ volatile("" : "+x"(a), "+x"(b));
    }
  }
  for (int i = 0; i < 8; i++) sum += _mm256_extract_epi32(acc[i], 0);
#else
  int32_t acc[16];
  for (int i = 0; i < 16; i++) acc[i] = i;
  for (size_t r = 0; r < rounds; r++)
    for (int i = 0; i < 16; i++) acc[i] = acc[i] * 3 + (int32_t)r;
  for (int i = 0; i < 16; i++) sum ^= acc[i];
#endif
  return sum;
}

size_t KERNEL(peak_i8_operations)(void) {
#if UIO2_LEVEL_NUMBER >= 3
  return 24 * 64 * 2;
#elif UIO2_LEVEL_NUMBER >= 1
  return 8 * 16 * 2;
#else
  return 16 * 2;
#endif
}

uint32_t KERNEL(stream_read)(const uint8_t *bytes, size_t count, size_t places) {
  vint acc[8];
  for (int i = 0; i < 8; i++) acc[i] = (vint){0};
  const size_t step = 8 * VECTOR_WIDTH * 4, part = count / (places * step) * step;
  for (size_t i = 0; i < part; i += step)
    for (size_t place = 0; place < places; place++)
      UNROLL for (int n = 0; n < 8; n++)
        acc[n] ^= *(const vint_unaligned *)(bytes + place * part + i + (size_t)n * VECTOR_WIDTH * 4);
  vint sum = {0};
  for (int i = 0; i < 8; i++) sum ^= acc[i];
  uint32_t result = 0;
  for (int l = 0; l < VECTOR_WIDTH; l++) result ^= (uint32_t)sum[l];
  for (size_t i = places * part; i < count; i += 4) {
    uint32_t word = 0;
    memcpy(&word, bytes + i, count - i < 4 ? count - i : 4);
    result ^= word;
  }
  return result;
}
