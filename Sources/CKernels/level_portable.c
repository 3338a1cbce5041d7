#define UIO2_LEVEL portable
#define UIO2_LEVEL_NUMBER 0
#include "kernels/all.h"
