// Sides of tiles of Winograd's method, in floats or points.
#ifndef UIO2_WINOGRAD_GEOMETRY_H
#define UIO2_WINOGRAD_GEOMETRY_H

#include "CKernels.h"

// The longest line of a tile's pixels, of a kernel's points, of a tile's results.
enum { winograd_longest_window = 8, winograd_longest_line = 9, winograd_longest_side = 8, winograd_longest_step = 6 };

// Pixels from tile to tile.
static inline size_t winograd_step(uio2_tiling tiling) { return tiling == uio2_tiles_of_6 ? 6 : 4; }
// Pixels that a tile sees in a line, and its points.
static inline size_t winograd_window(uio2_tiling tiling) {
  return tiling == uio2_tiles_of_4 ? 6 : tiling == uio2_tiles_of_6 ? 8 : 5;
}
// Points of a line of kernels and of sums, of which doubling has more: two kernels share a tile's points.
static inline size_t winograd_line(uio2_tiling tiling) {
  return tiling == uio2_tiles_of_4 ? 6 : tiling == uio2_tiles_of_6 ? 8 : 9;
}
// Results of a tile in a line.
static inline size_t winograd_side(uio2_tiling tiling) {
  return tiling == uio2_tiles_of_4 ? 4 : tiling == uio2_tiles_of_6 ? 6 : 8;
}

#endif
