#ifndef UIO2_CZEROMQ_SHIM_H
#define UIO2_CZEROMQ_SHIM_H
#include <zmq.h>
#endif
