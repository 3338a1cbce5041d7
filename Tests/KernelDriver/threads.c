#define _GNU_SOURCE
#include "driver.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static _Atomic int failures;

#define CHECK(condition, ...)                        \
  do {                                               \
    if (!(condition)) {                              \
      printf("%s:%d: ", __FILE__, __LINE__);         \
      printf(__VA_ARGS__);                           \
      printf("\n");                                  \
      atomic_fetch_add(&failures, 1);                \
    }                                                \
  } while (0)

static void visit(void *context, size_t index) { ((unsigned char *)context)[index]++; }

// Not atomic on purpose: a sanitizer sees whether the results are visible to the caller.
static int all_visited_once(size_t count) {
  unsigned char *visits = calloc(count + 1, 1);
  uio2_parallel(count, visit, visits);
  int good = visits[count] == 0;
  for (size_t i = 0; i < count; i++) good = good && visits[i] == 1;
  free(visits);
  return good;
}

static void check_counts(void) {
  const size_t threads[] = {1, 2, 5, 3, 64, 2}, counts[] = {0, 1, 2, 3, 7, 64, 65, 1000};
  for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
    uio2_set_threads(threads[t]);
    CHECK(uio2_threads() == threads[t], "%zu threads became %zu", threads[t], uio2_threads());
    for (size_t c = 0; c < sizeof counts / sizeof *counts; c++)
      CHECK(all_visited_once(counts[c]), "%zu shares on %zu threads", counts[c], threads[t]);
  }
  uio2_set_threads(0);
  CHECK(uio2_threads() == 1, "no threads at all");
  uio2_set_threads(1000);
  CHECK(uio2_threads() <= 64, "more threads than the pool has");
  uio2_set_threads(2);
  // Many short calls one after the other: workers come late, and the gate is opened and closed while they do.
  for (int i = 0; i < 20000; i++)
    if (!all_visited_once(3)) {
      CHECK(0, "call %d", i);
      break;
    }
}

static void nested(void *context, size_t index) { uio2_parallel(9, visit, (unsigned char *)context + 9 * index); }

static void check_nesting(void) {
  unsigned char visits[90] = {0};
  uio2_parallel(10, nested, visits);
  for (size_t i = 0; i < sizeof visits; i++) CHECK(visits[i] == 1, "nested share %zu: %d times", i, visits[i]);
}

static void *call_often(void *argument) {
  size_t *wrong = argument;
  for (size_t i = 0; i < 500; i++) *wrong += !all_visited_once(1 + i % 50);
  return NULL;
}

static void check_callers(void) {
  pthread_t threads[4];
  size_t wrong[4] = {0};
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, call_often, &wrong[i]);
  // The count changes meanwhile.
  for (size_t i = 0; i < 200; i++) uio2_set_threads(1 + i % 5);
  for (int i = 0; i < 4; i++) {
    pthread_join(threads[i], NULL);
    CHECK(wrong[i] == 0, "caller %d: %zu calls went wrong", i, wrong[i]);
  }
}

struct flushing {
  // The smallest normal number, and halves of it as each share saw them.
  volatile float smallest;
  float halves[64];
};

static void halve(void *context, size_t index) {
  struct flushing *state = context;
  state->halves[index] = state->smallest * 0.5f;
  // Long enough for the workers to take part.
  for (volatile int i = 0; i < 20000; i++) {}
}

static void check_denormals(void) {
#if defined(__x86_64__)
  for (size_t threads = 1; threads <= 3; threads++) {
    uio2_set_threads(threads);
    struct flushing state = {.smallest = 0x1p-126f};
    memset(state.halves, 1, sizeof state.halves);
    uio2_parallel(64, halve, &state);
    for (int i = 0; i < 64; i++) CHECK(state.halves[i] == 0, "share %d has denormals", i);
    CHECK(state.smallest * 0.5f > 0, "the caller's denormals are gone after the call");
    uio2_parallel(1, halve, &state);
    CHECK(state.halves[0] == 0 && state.smallest * 0.5f > 0, "one share has denormals, or the caller none");
  }
#endif
}

static double processor_seconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static void check_idleness(void) {
  uio2_set_threads(5);
  all_visited_once(1000);
  usleep(20000);
  const double before = processor_seconds();
  usleep(200000);
  const double used = processor_seconds() - before;
  CHECK(used < 0.01, "idle workers took %.1f ms of 200", 1e3 * used);
}

static int succeeds_in_child(int (*body)(void)) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(!body());
  }
  int status = -1;
  waitpid(child, &status, 0);
  return child > 0 && status == 0;
}

static int works(void) {
  for (size_t i = 0; i < 100; i++)
    if (!all_visited_once(i)) return 0;
  return 1;
}

// Workers of the child's own: two shares that wait for each other need two threads.
static void meet(void *context, size_t index) {
  (void)index;
  _Atomic int *present = context;
  atomic_fetch_add(present, 1);
  while (atomic_load(present) < 2) usleep(100);
}

static int has_workers(void) {
  _Atomic int present = 0;
  uio2_set_threads(2);
  uio2_parallel(2, meet, &present);
  return present == 2;
}

static _Atomic int children;
static void fork_inside(void *context, size_t index) {
  (void)context;
  (void)index;
  if (succeeds_in_child(works)) atomic_fetch_add(&children, 1);
}

static void check_forks(void) {
  uio2_set_threads(3);
  CHECK(works() && has_workers(), "before any fork");
  CHECK(succeeds_in_child(works), "a child cannot use the pool");
  CHECK(succeeds_in_child(has_workers), "a child has no workers of its own");
  uio2_set_threads(3);
  uio2_parallel(4, fork_inside, NULL);
  CHECK(children == 4, "children of a call under way cannot use the pool");
  CHECK(works() && has_workers(), "after forks");
}

// Last, since it holds for the rest of the process.
static void check_realtime(void) {
  CHECK(uio2_set_realtime(1000) != 0 && uio2_set_realtime(0) != 0, "a priority that does not exist");
  const int error = uio2_set_realtime(1);
  CHECK(error == 0 || error == EPERM, "error %d", error);
  CHECK(works() && has_workers(), "after asking for real-time scheduling");
}

int check_threads(void) {
  check_counts();
  check_nesting();
  check_callers();
  check_denormals();
  check_idleness();
  check_forks();
  check_realtime();
  if (failures == 0) puts("threads: everything holds");
  return failures != 0;
}
