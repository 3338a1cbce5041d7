#include <soxr.h>

#include "CSoundProcessing.h"

int64_t uio2_sound_resample(
    const float *samples, size_t count, double from_rate, double to_rate, float *out, size_t capacity) {
  const soxr_io_spec_t io = soxr_io_spec(SOXR_FLOAT32_I, SOXR_FLOAT32_I);
  const soxr_quality_spec_t quality = soxr_quality_spec(SOXR_HQ, 0);
  const soxr_runtime_spec_t runtime = soxr_runtime_spec(1);
  size_t produced = 0;
  const soxr_error_t error =
      soxr_oneshot(from_rate, to_rate, 1, samples, count, NULL, out, capacity, &produced, &io, &quality, &runtime);
  return error == NULL ? (int64_t)produced : -1;
}
