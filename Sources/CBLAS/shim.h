#ifndef UIO2_CBLAS_SHIM_H
#define UIO2_CBLAS_SHIM_H
#include <cblas.h>

// Exported by OpenBLAS's dynamic-architecture builds but declared in no header: they re-run the CPU detection, so that
// OPENBLAS_CORETYPE set by this process is honoured.
void gotoblas_dynamic_init(void);
void gotoblas_dynamic_quit(void);

#endif
