#ifndef UIO2_CSODIUM_SHIM_H
#define UIO2_CSODIUM_SHIM_H
#include <sodium.h>
#endif
