#ifndef UIO2_CKERNELS_H
#define UIO2_CKERNELS_H
#endif
