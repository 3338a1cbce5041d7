#ifndef UIO2_CPROTOBUFC_SHIM_H
#define UIO2_CPROTOBUFC_SHIM_H
#include <protobuf-c/protobuf-c.h>
#endif
