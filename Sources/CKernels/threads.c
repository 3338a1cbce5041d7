// A small pool: workers spin for a moment after a call, since the next one mostly follows at once, and then sleep on a futex. Each
// thread begins with a part of the shares of its own, which lie together, so that it reads memory in order; one that has done its part
// takes shares off the others' ends, so that a thread that the system holds up does not hold up the others.
#define _GNU_SOURCE
#include "CKernels.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>
#if defined(__linux__)
#include <limits.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif
#if defined(__x86_64__)
#include <immintrin.h>
#define PAUSE() _mm_pause()
#else
#define PAUSE() ((void)0)
#endif

#define MAXIMUM_THREADS 64
// Longer than what one thread does alone between two products of a decoder (some tens of microseconds; a wake-up costs as much
// again, on a virtual machine more), short enough that an idle process costs nothing.
#define SPIN_NANOSECONDS 200000
// Looks at the work between two looks at the clock: a processor's pause is 10 to 50 nanoseconds long.
#define SPINS 64

static struct {
  // Held by the caller whose work is under way.
  pthread_mutex_t busy;
  _Atomic size_t wanted;
  size_t started;
  _Atomic int realtime;

  // Of the work under way; written before `round` is raised.
  void (*body)(void *, size_t);
  void *context;
  // Each thread's part of the shares: the first in the lower half, one behind the last in the upper half.
  struct { _Alignas(64) _Atomic uint64_t left; } parts[MAXIMUM_THREADS];
  size_t part_count;
  // OPEN while shares may be left, plus the number of workers that are inside. A worker that comes late finds it closed and is
  // not waited for.
  _Atomic uint32_t gate;
  _Atomic uint32_t round;
  _Atomic uint32_t sleepers;
} pool = {.busy = PTHREAD_MUTEX_INITIALIZER};

static _Thread_local int inside;

static void sleep_while(_Atomic uint32_t *word, uint32_t value) {
#if defined(__linux__)
  syscall(SYS_futex, (uint32_t *)word, FUTEX_WAIT_PRIVATE, value, NULL, NULL, 0);
#else
  (void)word;
  (void)value;
  sched_yield();
#endif
}

static void wake_all(_Atomic uint32_t *word) {
#if defined(__linux__)
  syscall(SYS_futex, (uint32_t *)word, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
#else
  (void)word;
#endif
}

#define OPEN 0x80000000u

static int enter(void) {
  uint32_t gate = atomic_load_explicit(&pool.gate, memory_order_relaxed);
  while (gate & OPEN)
    if (atomic_compare_exchange_weak_explicit(&pool.gate, &gate, gate + 1, memory_order_acquire, memory_order_relaxed))
      return 1;
  return 0;
}

// Does the shares of a part: the thread's own front to back, another's back to front.
static void take_shares_of(size_t part, int own) {
  _Atomic uint64_t *const left = &pool.parts[part].left;
  uint64_t now = atomic_load_explicit(left, memory_order_relaxed);
  for (;;) {
    const uint32_t first = (uint32_t)now, end = (uint32_t)(now >> 32);
    if (first >= end) return;
    const uint64_t then = own ? now + 1 : now - ((uint64_t)1 << 32);
    if (!atomic_compare_exchange_weak_explicit(left, &now, then, memory_order_relaxed, memory_order_relaxed)) continue;
    pool.body(pool.context, own ? first : end - 1);
    now = atomic_load_explicit(left, memory_order_relaxed);
  }
}

static void take_shares(size_t thread) {
  for (size_t i = 0; i < pool.part_count; i++) take_shares_of((thread + i) % pool.part_count, i == 0 && thread < pool.part_count);
}

static void schedule_realtime(int priority) {
  struct sched_param parameters = {.sched_priority = priority};
  pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
}

static int64_t nanoseconds(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

// Waits a moment for another round than `seen`.
static void spin(uint32_t seen) {
  const int64_t end = nanoseconds() + SPIN_NANOSECONDS;
  do {
    for (int i = 0; i < SPINS; i++) {
      if (atomic_load_explicit(&pool.round, memory_order_acquire) != seen) return;
      PAUSE();
    }
  } while (nanoseconds() < end);
}

static void *work(void *argument) {
  const size_t place = (size_t)(uintptr_t)argument;
  uint32_t seen = 0;
  int realtime = 0;
  inside = 1;
  uio2_flush_denormals();
  for (;;) {
    spin(seen);
    while (atomic_load_explicit(&pool.round, memory_order_acquire) == seen) {
      atomic_fetch_add(&pool.sleepers, 1);
      sleep_while(&pool.round, seen);
      atomic_fetch_sub(&pool.sleepers, 1);
    }
    seen = atomic_load_explicit(&pool.round, memory_order_acquire);
    int wanted = atomic_load_explicit(&pool.realtime, memory_order_relaxed);
    if (wanted != realtime) schedule_realtime(realtime = wanted);
    if (place + 1 >= uio2_threads() || !enter()) continue;
    take_shares(place + 1);
    atomic_fetch_sub_explicit(&pool.gate, 1, memory_order_release);
  }
  return NULL;
}

static size_t processors(void) {
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) return (size_t)CPU_COUNT(&set);
#endif
  return 1;
}

size_t uio2_threads(void) {
  size_t wanted = atomic_load_explicit(&pool.wanted, memory_order_relaxed);
  if (wanted == 0) {
    wanted = processors();
    if (wanted > MAXIMUM_THREADS) wanted = MAXIMUM_THREADS;
    if (wanted == 0) wanted = 1;
    atomic_store_explicit(&pool.wanted, wanted, memory_order_relaxed);
  }
  return wanted;
}

void uio2_set_threads(size_t count) {
  atomic_store_explicit(&pool.wanted, count < 1 ? 1 : count > MAXIMUM_THREADS ? MAXIMUM_THREADS : count,
                        memory_order_relaxed);
}

int uio2_set_realtime(int priority) {
  struct sched_param parameters = {.sched_priority = priority};
  int error = pthread_setschedparam(pthread_self(), SCHED_FIFO, &parameters);
  if (error == 0) atomic_store_explicit(&pool.realtime, priority, memory_order_relaxed);
  return error;
}

// A child process has none of its parent's workers.
static void forget_workers(void) {
  pthread_mutex_init(&pool.busy, NULL);
  pool.started = 0;
  atomic_store(&pool.sleepers, 0);
  atomic_store(&pool.gate, 0);
}

static void start_workers(size_t count) {
  static int registered;
  if (!registered) registered = pthread_atfork(NULL, NULL, forget_workers) == 0;
  while (pool.started < count) {
    pthread_t thread;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes) != 0) return;
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    int error = pthread_create(&thread, &attributes, work, (void *)(uintptr_t)pool.started);
    pthread_attr_destroy(&attributes);
    if (error != 0) return;
#if defined(__linux__)
    pthread_setname_np(thread, "uio2 worker");
#endif
    pool.started++;
  }
}

// Denormals are flushed on the calling thread for as long as a call lasts, as they are on the workers.
#if defined(__x86_64__)
#define BEGIN_FLUSHING       \
  unsigned state = _mm_getcsr(); \
  uio2_flush_denormals();
#define END_FLUSHING _mm_setcsr(state);
#else
#define BEGIN_FLUSHING
#define END_FLUSHING
#endif

void uio2_parallel(size_t count, void (*body)(void *, size_t), void *context) {
  size_t threads = uio2_threads();
  if (count <= 1 || count > UINT32_MAX || threads <= 1 || inside || pthread_mutex_trylock(&pool.busy) != 0) {
    BEGIN_FLUSHING
    for (size_t i = 0; i < count; i++) body(context, i);
    END_FLUSHING
    return;
  }
  if (pool.started < threads - 1) start_workers(threads - 1);
  inside = 1;
  pool.body = body;
  pool.context = context;
  pool.part_count = count < threads ? count : threads;
  for (size_t i = 0, first = 0; i < pool.part_count; i++) {
    const size_t end = first + count / pool.part_count + (i < count % pool.part_count);
    atomic_store_explicit(&pool.parts[i].left, (uint64_t)end << 32 | first, memory_order_relaxed);
    first = end;
  }
  atomic_store_explicit(&pool.gate, OPEN, memory_order_release);
  atomic_fetch_add_explicit(&pool.round, 1, memory_order_seq_cst);
  if (atomic_load_explicit(&pool.sleepers, memory_order_seq_cst) > 0) wake_all(&pool.round);
  BEGIN_FLUSHING
  take_shares(0);
  END_FLUSHING
  atomic_fetch_and_explicit(&pool.gate, ~OPEN, memory_order_relaxed);
  // The work is done when every worker that took part has left.
  for (int spin = 0; atomic_load_explicit(&pool.gate, memory_order_acquire) != 0; spin++) {
    if (spin < 20000) PAUSE();
    else sched_yield();
  }
  inside = 0;
  pthread_mutex_unlock(&pool.busy);
}
