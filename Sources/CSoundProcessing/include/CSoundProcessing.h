/* Sound files, resampling and Fourier transforms, over libsndfile, libsoxr and FFTW. Buffers belong to the caller. */
#ifndef UIO2_CSOUNDPROCESSING_H
#define UIO2_CSOUNDPROCESSING_H

#include <stddef.h>
#include <stdint.h>

typedef struct uio2_sound_reader uio2_sound_reader;

typedef struct uio2_sound_limits {
  /* Asked at least once for each 1024 samples and each piece of the file; anything but 0 ends the work. NULL: never asked. */
  int (*is_cancelled)(void *context);
  void *context;
} uio2_sound_limits;

typedef struct uio2_sound_report {
  /* What the header says; for files cut short it may be more than can be read. */
  uint64_t frames;
  uint32_t channels;
  uint32_t sample_rate;
  /* What was wrong, NUL-terminated; empty when nothing was. */
  char message[200];
  /* Whether the caller wanted no more. */
  int is_cancelled;
} uio2_sound_report;

/* Opens `count` bytes of WAV, FLAC or OGG of at most 64 channels. `bytes` and `limits` must stay where they are until
 * uio2_sound_close. NULL when it cannot be read; the report says why. */
uio2_sound_reader *uio2_sound_open(
    const uint8_t *bytes, size_t count, const uio2_sound_limits *limits, uio2_sound_report *report);

/* Reads on: up to `capacity` samples, each the mean of its channels; integers are scaled to -1...1, floats are taken as they
 * are. Returns how many, 0 at the end, -1 for damage or when it was called off. */
int64_t uio2_sound_read(uio2_sound_reader *reader, float *mono, size_t capacity, uio2_sound_report *report);

/* NULL is allowed. */
void uio2_sound_close(uio2_sound_reader *reader);

/* Writes a WAV file of one channel of 16-bit samples into `bytes`; values outside -1...1 are clipped. Returns its length, 0
 * when `capacity` (128 bytes and two a sample suffice) is too small. */
size_t uio2_sound_write_wav(
    const float *mono, size_t count, uint32_t sample_rate, uint8_t *bytes, size_t capacity);

/* Changes the rate with soxr's "HQ" recipe, as librosa does by default. Returns how many samples of `out` were written, -1
 * when soxr refuses. */
int64_t uio2_sound_resample(
    const float *samples, size_t count, double from_rate, double to_rate, float *out, size_t capacity);

/* Plans for real transforms of one length. Making and freeing them is serialised; using one plan from several threads is
 * allowed. */
typedef struct uio2_fourier_plan uio2_fourier_plan;

/* NULL without memory. */
uio2_fourier_plan *uio2_fourier_create(size_t length);
void uio2_fourier_destroy(uio2_fourier_plan *plan);

/* `length` reals to `length / 2 + 1` pairs (real, imaginary), not normalised. */
void uio2_fourier_forward(const uio2_fourier_plan *plan, const double *in, double *out);

/* The way back, times `length`. */
void uio2_fourier_inverse(const uio2_fourier_plan *plan, const double *in, double *out);

#endif
