#ifndef UIO2_CMSGPACK_SHIM_H
#define UIO2_CMSGPACK_SHIM_H
#include <msgpack.h>
#endif
