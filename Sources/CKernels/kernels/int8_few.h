// A few rows of activations with tiles of 8-bit weights that follow each other. What takes the time is the weights' way from memory,
// and a core gets more of it when it reads at several places in turn than front to back.

#if UIO2_LEVEL_NUMBER == 1 || UIO2_LEVEL_NUMBER == 2
#define I8_FEW_ROWS I8_ROWS_IN_HALVES
// Places that are read in turn.
#define I8_PLACES 4
// Inputs of one place at most: 32 KiB of weights.
#define I8_RUN 512
// Inputs at a time: 1 KiB of weights for one row; more rows look at them more often, and longer turns put fewer sums aside.
#define I8_TURN(rows) ((rows) == 1 ? 16 : 32)

// Neighbouring inputs of one tile, all of one block.
struct i8_run {
  const uint8_t *weights;
  size_t tile, block, start, count;
};

// The run at `start` of a tile.
ALWAYS_INLINE struct i8_run i8_run_at(const uint8_t *weights, size_t tile, size_t start, size_t padded, size_t block) {
  const size_t b = start / block, end = (b + 1) * block < padded ? (b + 1) * block : padded;
  return (struct i8_run){weights, tile, b, start, end - start < I8_RUN ? end - start : I8_RUN};
}

// dots[place][r] of all runs, some inputs of each in turn; what comes next is fetched meanwhile, `after` behind the last.
ALWAYS_INLINE void i8_turns(int32_t dots[I8_PLACES][I8_FEW_ROWS][I8_TILE], const int16_t x[I8_PLACES][I8_FEW_ROWS * I8_RUN],
                            const struct i8_run *runs, size_t count, const uint8_t *after, const int rows) {
  size_t longest = 0;
  for (size_t p = 0; p < count; p++) longest = runs[p].count > longest ? runs[p].count : longest;
  for (size_t c = 0; c < longest; c += I8_TURN(rows))
    for (size_t p = 0; p < count; p++) {
      if (c >= runs[p].count) continue;
      const size_t size = runs[p].count - c < I8_TURN(rows) ? runs[p].count - c : I8_TURN(rows);
      const uint8_t *const weights = runs[p].weights + c * I8_TILE;
      const uint8_t *const next = p + 1 < count && c < runs[p + 1].count ? runs[p + 1].weights + c * I8_TILE
                                  : c + I8_TURN(rows) < longest          ? runs[0].weights + (c + I8_TURN(rows)) * I8_TILE
                                                                         : after;
      for (size_t n = 0; n < I8_TILE; n += I8_OUTPUTS_AT_ONCE(rows))
        i8_dots(dots[p][0] + n, c == 0, x[p] + c, I8_RUN, weights + n * 4, size, next + n * size, 1, rows);
    }
}

ALWAYS_INLINE void i8_few(float *y, size_t y_stride, const int8_t *q, const float *x_scales, const int32_t *sums,
                          const uint8_t *packed, const float *w_scales, size_t columns, size_t block, size_t outputs, const int rows,
                          const int paired) {
  const size_t padded = i8_padded(columns), blocks = i8_blocks(columns, block), tiles = (outputs + I8_TILE - 1) / I8_TILE;
  const size_t planes = paired ? 2 : 1;
  // Of a block that is longer than a run, what the runs before have summed.
  int32_t before[I8_FEW_ROWS][I8_TILE] = {{0}};
  for (size_t tile = 0, start = 0; tile < tiles;) {
    struct i8_run runs[I8_PLACES];
    int32_t dots[I8_PLACES][I8_FEW_ROWS][I8_TILE];
    int16_t x[I8_PLACES][I8_FEW_ROWS * I8_RUN];
    size_t count = 0;
    for (; count < I8_PLACES && tile < tiles; count++) {
      const struct i8_run run = runs[count] = i8_run_at(packed, tile, start, padded, block);
      for (int r = 0; r < rows; r++)
        i8_activations(x[count] + r * I8_RUN, q + (size_t)r * planes * padded + start, padded, run.count, rows, paired);
      // The lines of results and scales come while the sums are made.
      for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(w_scales + (tile * blocks + run.block) * I8_TILE + n);
      for (int r = 0; r < rows; r++)
        for (size_t n = 0; n < I8_TILE; n += 16) __builtin_prefetch(y + (size_t)r * y_stride + tile * I8_TILE + n, 1);
      packed += run.count * I8_TILE;
      start += run.count;
      if (start == padded) start = 0, tile++;
    }
    i8_turns(dots, x, runs, count, packed, rows);
    for (size_t p = 0; p < count; p++) {
      const struct i8_run run = runs[p];
      const size_t first = run.tile * I8_TILE, end = run.start + run.count;
      const int complete = end == padded || end % block == 0;
      for (int r = 0; r < rows; r++) {
        const size_t at = (size_t)r * planes * blocks + run.block;
        if (block > I8_RUN)
          for (size_t n = 0; n < I8_TILE; n++) {
            dots[p][r][n] += before[r][n];
            before[r][n] = complete ? 0 : dots[p][r][n];
          }
        if (complete)
          i8_results(y + (size_t)r * y_stride + first, dots[p][r], x_scales + at, sums + at, blocks,
                     w_scales + (run.tile * blocks + run.block) * I8_TILE, run.block == 0,
                     outputs - first < I8_TILE ? outputs - first : I8_TILE, paired);
      }
    }
  }
}
#else
// Where tiles go one by one.
#define I8_FEW_ROWS 0
#endif
