// IEEE half precision: how caches are kept where the weights are in less than 32 bits, too.

void KERNEL(f16_to_f32)(float *y, const uint16_t *x, size_t count) {
  size_t i = 0;
  for (; i + VECTOR_WIDTH <= count; i += VECTOR_WIDTH) store(y + i, load_halves(x + i));
  for (; i < count; i++) y[i] = half_value(x[i]);
}

ALWAYS_INLINE uint16_t nearest_half(float x) {
  uint32_t bits;
  memcpy(&bits, &x, 4);
  uint32_t sign = (bits >> 16) & 0x8000u, magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return (uint16_t)(sign | 0x7e00u);    // NaN
  if (magnitude >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);   // beyond the largest
  if (magnitude < 0x38800000u) {                                     // below the smallest normal half
    float value;
    memcpy(&value, &magnitude, 4);
    value += 0.5f;  // Lays the denormal's unit on the lowest mantissa bit, so that the addition rounds.
    memcpy(&magnitude, &value, 4);
    return (uint16_t)(sign | (magnitude - 0x3f000000u));
  }
  magnitude += 0xfffu + ((magnitude >> 13) & 1u);
  return (uint16_t)(sign | ((magnitude - 0x38000000u) >> 13));
}

void KERNEL(f32_to_f16)(uint16_t *y, const float *x, size_t count) {
  size_t i = 0;
#if UIO2_LEVEL_NUMBER >= 2
  for (; i + 16 <= count; i += 16)
    _mm256_storeu_si256((__m256i *)(y + i), _mm512_cvtps_ph(_mm512_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#elif UIO2_LEVEL_NUMBER == 1
  for (; i + 8 <= count; i += 8)
    _mm_storeu_si128((__m128i *)(y + i), _mm256_cvtps_ph(_mm256_loadu_ps(x + i), _MM_FROUND_TO_NEAREST_INT));
#endif
  for (; i < count; i++) y[i] = nearest_half(x[i]);
}
