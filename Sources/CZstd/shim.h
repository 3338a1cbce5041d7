#ifndef UIO2_CZSTD_SHIM_H
#define UIO2_CZSTD_SHIM_H
#include <zstd.h>
#endif
