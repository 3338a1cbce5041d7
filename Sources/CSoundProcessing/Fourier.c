#include <pthread.h>
#include <stdlib.h>

#include <fftw3.h>

#include "CSoundProcessing.h"

struct uio2_fourier_plan {
  fftw_plan forward;
  fftw_plan inverse;
};

/* FFTW's planner is the one part of it that is not thread-safe. */
static pthread_mutex_t planner = PTHREAD_MUTEX_INITIALIZER;

/* The planner wants arrays to plan for; unaligned plans then take any others. The inverse must not destroy its input. */
static void make_plans(uio2_fourier_plan *plan, int length, double *real, fftw_complex *spectrum) {
  plan->forward = fftw_plan_dft_r2c_1d(length, real, spectrum, FFTW_ESTIMATE | FFTW_UNALIGNED | FFTW_PRESERVE_INPUT);
  plan->inverse = fftw_plan_dft_c2r_1d(length, spectrum, real, FFTW_ESTIMATE | FFTW_UNALIGNED | FFTW_PRESERVE_INPUT);
}

uio2_fourier_plan *uio2_fourier_create(size_t length) {
  if (length < 2 || length > 1 << 24) return NULL;
  uio2_fourier_plan *plan = calloc(1, sizeof *plan);
  double *real = fftw_malloc(sizeof(double) * length);
  fftw_complex *spectrum = fftw_malloc(sizeof(fftw_complex) * (length / 2 + 1));
  if (plan != NULL && real != NULL && spectrum != NULL) {
    pthread_mutex_lock(&planner);
    make_plans(plan, (int)length, real, spectrum);
    pthread_mutex_unlock(&planner);
  }
  fftw_free(real);
  fftw_free(spectrum);
  if (plan != NULL && (plan->forward == NULL || plan->inverse == NULL)) {
    uio2_fourier_destroy(plan);
    plan = NULL;
  }
  return plan;
}

void uio2_fourier_destroy(uio2_fourier_plan *plan) {
  if (plan == NULL) return;
  pthread_mutex_lock(&planner);
  if (plan->forward != NULL) fftw_destroy_plan(plan->forward);
  if (plan->inverse != NULL) fftw_destroy_plan(plan->inverse);
  pthread_mutex_unlock(&planner);
  free(plan);
}

/* With FFTW_PRESERVE_INPUT neither writes its input, whatever its parameters' types say. */
void uio2_fourier_forward(const uio2_fourier_plan *plan, const double *in, double *out) {
  fftw_execute_dft_r2c(plan->forward, (double *)in, (fftw_complex *)out);
}

void uio2_fourier_inverse(const uio2_fourier_plan *plan, const double *in, double *out) {
  fftw_execute_dft_c2r(plan->inverse, (fftw_complex *)in, out);
}
