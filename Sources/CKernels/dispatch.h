// Compiles a function for several instruction sets and picks one when the library is loaded.
#ifndef UIO2_DISPATCH_H
#define UIO2_DISPATCH_H

#if defined(__x86_64__) && defined(__linux__)
#define UIO2_DISPATCHED __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define UIO2_DISPATCHED
#endif
// Sums may be split over vector lanes: the order of additions is not part of any result that we promise.
#define UIO2_REASSOCIATE _Pragma("clang fp reassociate(on) contract(fast)")

#endif
