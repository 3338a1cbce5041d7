// What both comparisons measure with.
#ifndef TIMING_H
#define TIMING_H

#include <stddef.h>
#include <stdlib.h>
#include <time.h>

// Seconds.
static inline double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static inline int compare_values(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

// The middle one of an odd number of values, which are put in order.
static inline double median(double *values, size_t count) {
  qsort(values, count, sizeof *values, compare_values);
  return values[count / 2];
}

#endif
