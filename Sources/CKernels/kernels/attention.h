// Softmax attention of one head. Scores exist for a few queries at a time, never as a matrix.

void KERNEL(rotary)(float *x, const float *table, size_t tokens, size_t heads, size_t dimension) {
  for (size_t t = 0; t < tokens; t++) {
    const float *angles = table + t * dimension;
    for (size_t h = 0; h < heads; h++) {
      float *v = x + (t * heads + h) * dimension;
      for (size_t d = 0; d + 1 < dimension; d += 2) {
        float c = angles[d], s = angles[d + 1];
        float a = v[d], b = v[d + 1];
        v[d] = a * c - b * s;
        v[d + 1] = b * c + a * s;
      }
    }
  }
}

void KERNEL(norm_rotary)(float *x, const float *scale, float epsilon, const float *table, size_t tokens, size_t heads,
                         size_t dimension) {
  UIO2_REASSOCIATE
  for (size_t t = 0; t < tokens; t++) {
    const float *angles = table + t * dimension;
    for (size_t h = 0; h < heads; h++) {
      float *v = x + (t * heads + h) * dimension;
      float sum = 0;
      for (size_t d = 0; d < dimension; d++) sum += v[d] * v[d];
      float inverse = 1.0f / sqrtf(sum / (float)dimension + epsilon);
      for (size_t d = 0; d + 1 < dimension; d += 2) {
        float c = angles[d], s = angles[d + 1];
        float a = v[d] * inverse * scale[d], b = v[d + 1] * inverse * scale[d + 1];
        v[d] = a * c - b * s;
        v[d + 1] = b * c + a * s;
      }
      if (dimension & 1) v[dimension - 1] = v[dimension - 1] * inverse * scale[dimension - 1];
    }
  }
}

// Exponentials of x[0 ..< count] less their maximum, in place; their sum. Columns up to `padded` become 0.
ALWAYS_INLINE float exponentials(float *x, size_t count, size_t padded) {
  UIO2_REASSOCIATE
  const float maximum = largest(x, count);
  float sum = 0;
#pragma clang loop vectorize_width(VECTOR_WIDTH) interleave_count(2)
  for (size_t i = 0; i < count; i++) {
    float e = uio2_expf(x[i] - maximum);
    x[i] = e;
    sum += e;
  }
  for (size_t i = count; i < padded; i++) x[i] = 0;
  return sum;
}

float KERNEL(exp_sum)(const float *x, size_t count, float *maximum) {
  UIO2_REASSOCIATE
  if (count == 0) {
    *maximum = 0;
    return 0;
  }
  const float top = largest(x, count);
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += uio2_expf(x[i] - top);
  *maximum = top;
  return sum;
}

void KERNEL(softmax)(float *x, size_t rows, size_t columns, float scale) {
  UIO2_REASSOCIATE
  for (size_t r = 0; r < rows; r++, x += columns) {
    const float top = largest(x, columns);
    float sum = 0;
    for (size_t i = 0; i < columns; i++) {
      x[i] = uio2_expf(scale * (x[i] - top));
      sum += x[i];
    }
    const float inverse = 1.0f / sum;
    for (size_t i = 0; i < columns; i++) x[i] *= inverse;
  }
}

// scores[r][0 ..< TILE_COLUMNS] = scale * q[r] . keys[dimension][TILE_COLUMNS]
ALWAYS_INLINE void score_tile(float *scores, size_t score_stride, const float *q, size_t q_stride, const float *keys,
                              size_t dimension, float scale, const int rows) {
  vfloat acc[TILE_ROWS][TILE_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int n = 0; n < TILE_VECTORS; n++) acc[r][n] = (vfloat){0};
  for (size_t d = 0; d < dimension; d++, keys += TILE_COLUMNS) {
    vfloat key[TILE_VECTORS];
    UNROLL for (int n = 0; n < TILE_VECTORS; n++) key[n] = load(keys + n * VECTOR_WIDTH);
    UNROLL for (int r = 0; r < rows; r++) {
      vfloat query = splat(q[(size_t)r * q_stride + d]);
      UNROLL for (int n = 0; n < TILE_VECTORS; n++) acc[r][n] = fused(query, key[n], acc[r][n]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int n = 0; n < TILE_VECTORS; n++)
    store(scores + (size_t)r * score_stride + n * VECTOR_WIDTH, acc[r][n] * scale);
}

// y[r][0 ..< count] = factor[r] * sum over keys of weights[r][key] * values[key][TILE_COLUMNS]
ALWAYS_INLINE void value_tile(float *y, size_t y_stride, const float *weights, size_t weight_stride,
                              const float *values, size_t value_stride, size_t keys, const float *factors,
                              size_t count, const int rows) {
  vfloat acc[TILE_ROWS][TILE_VECTORS];
  UNROLL for (int r = 0; r < rows; r++) UNROLL for (int n = 0; n < TILE_VECTORS; n++) acc[r][n] = (vfloat){0};
  for (size_t j = 0; j < keys; j++, values += value_stride) {
    vfloat value[TILE_VECTORS];
    UNROLL for (int n = 0; n < TILE_VECTORS; n++) value[n] = load(values + n * VECTOR_WIDTH);
    UNROLL for (int r = 0; r < rows; r++) {
      vfloat weight = splat(weights[(size_t)r * weight_stride + j]);
      UNROLL for (int n = 0; n < TILE_VECTORS; n++) acc[r][n] = fused(weight, value[n], acc[r][n]);
    }
  }
  UNROLL for (int r = 0; r < rows; r++) {
    float *out = y + (size_t)r * y_stride;
    if (count == TILE_COLUMNS) {
      UNROLL for (int n = 0; n < TILE_VECTORS; n++) store(out + n * VECTOR_WIDTH, acc[r][n] * factors[r]);
    } else {
      float row[TILE_COLUMNS];
      UNROLL for (int n = 0; n < TILE_VECTORS; n++) store(row + n * VECTOR_WIDTH, acc[r][n] * factors[r]);
      memcpy(out, row, count * sizeof(float));
    }
  }
}

ALWAYS_INLINE void attend_rows(float *y, size_t y_stride, const float *q, size_t q_stride, const float *packed_keys,
                               const float *packed_values, float *scores, size_t first, size_t keys, size_t dimension,
                               float scale, ptrdiff_t causal_offset, const int rows) {
  const size_t padded = (keys + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  const size_t value_stride = (dimension + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  size_t reach = keys;
  if (causal_offset >= 0 && (size_t)causal_offset + first + (size_t)rows < keys)
    reach = (size_t)causal_offset + first + (size_t)rows;
  for (size_t j = 0; j < reach; j += TILE_COLUMNS)
    score_tile(scores + j, padded, q, q_stride, packed_keys + j * dimension, dimension, scale, rows);
  float factors[TILE_ROWS];
  for (int r = 0; r < rows; r++) {
    size_t visible = keys;
    if (causal_offset >= 0 && (size_t)causal_offset + first + (size_t)r + 1 < keys)
      visible = (size_t)causal_offset + first + (size_t)r + 1;
    factors[r] = 1.0f / exponentials(scores + (size_t)r * padded, visible, reach);
  }
  for (size_t d = 0; d < dimension; d += TILE_COLUMNS) {
    size_t count = dimension - d < TILE_COLUMNS ? dimension - d : TILE_COLUMNS;
    value_tile(y + d, y_stride, scores, padded, packed_values + d, value_stride, reach, factors, count, rows);
  }
}

void KERNEL(attend)(float *y, size_t y_stride, const float *q, size_t q_stride, const void *k, const void *v,
                    size_t stride, int half, size_t queries, size_t keys, size_t dimension, float scale,
                    ptrdiff_t causal_offset, float *scratch) {
  const size_t padded = (keys + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  const size_t value_stride = (dimension + TILE_COLUMNS - 1) / TILE_COLUMNS * TILE_COLUMNS;
  float *packed_keys = scratch, *packed_values = packed_keys + padded * dimension;
  float *scores = packed_values + keys * value_stride;
  for (size_t tile = 0; tile < padded; tile += TILE_COLUMNS) {
    float *to = packed_keys + tile * dimension;
    size_t count = keys - tile < TILE_COLUMNS ? keys - tile : TILE_COLUMNS;
    if (half) {
      for (size_t j = 0; j < count; j++) {
        const uint16_t *from = (const uint16_t *)k + (tile + j) * stride;
        for (size_t d = 0; d < dimension; d++) to[d * TILE_COLUMNS + j] = half_value(from[d]);
      }
    } else {
      for (size_t j = 0; j < count; j++) {
        const float *from = (const float *)k + (tile + j) * stride;
        for (size_t d = 0; d < dimension; d++) to[d * TILE_COLUMNS + j] = from[d];
      }
    }
    for (size_t j = count; j < TILE_COLUMNS; j++)
      for (size_t d = 0; d < dimension; d++) to[d * TILE_COLUMNS + j] = 0;
  }
  for (size_t j = 0; j < keys; j++) {
    float *to = packed_values + j * value_stride;
    if (half) KERNEL(f16_to_f32)(to, (const uint16_t *)v + j * stride, dimension);
    else memcpy(to, (const float *)v + j * stride, dimension * sizeof(float));
    for (size_t d = dimension; d < value_stride; d++) to[d] = 0;
  }
  for (size_t i = 0; i < queries; i += TILE_ROWS) {
    float *out = y + i * y_stride;
    const float *query = q + i * q_stride;
    size_t rows = queries - i < TILE_ROWS ? queries - i : TILE_ROWS;
#define UIO2_ROWS(n) \
  case n: attend_rows(out, y_stride, query, q_stride, packed_keys, packed_values, scores, i, keys, dimension, scale, causal_offset, n); break;
    switch (rows) {
      EACH_ROW_COUNT(UIO2_ROWS)
    }
#undef UIO2_ROWS
  }
}

// Four keys, or values, of one head are read at a time, which lie a quarter of all apart: a core gets more from memory at several places
// than front to back.

// scores[j] = scale * q . key j
ALWAYS_INLINE void score_keys(float *scores, const float *q, const void *k, size_t stride, size_t keys, size_t dimension,
                              float scale, const int half) {
  const size_t whole = dimension / VECTOR_WIDTH * VECTOR_WIDTH, part = keys / 4;
  for (size_t j = 0; j < part; j++) {
    vfloat acc[4] = {{0}};
    for (size_t d = 0; d < whole; d += VECTOR_WIDTH) {
      const vfloat query = load(q + d);
      UNROLL for (size_t i = 0; i < 4; i++) acc[i] = fused(query, load_either(k, (j + i * part) * stride + d, half), acc[i]);
    }
    four dots = sums_of(acc);
    for (size_t d = whole; d < dimension; d++)
      for (size_t i = 0; i < 4; i++) dots[i] += q[d] * value_of_either(k, (j + i * part) * stride + d, half);
    dots *= scale;
    for (size_t i = 0; i < 4; i++) scores[j + i * part] = dots[i];
  }
  for (size_t j = 4 * part; j < keys; j++) {
    vfloat acc = {0};
    for (size_t d = 0; d < whole; d += VECTOR_WIDTH) acc = fused(load(q + d), load_either(k, j * stride + d, half), acc);
    float dot = sum_of(acc);
    for (size_t d = whole; d < dimension; d++) dot += q[d] * value_of_either(k, j * stride + d, half);
    scores[j] = dot * scale;
  }
}

// acc += weight * value
ALWAYS_INLINE void weigh_value(vfloat acc[8], float weight, const void *v, size_t at, const int half, const int vectors) {
  const vfloat factor = splat(weight);
  UNROLL for (int n = 0; n < vectors; n++) acc[n] = fused(factor, load_either(v, at + (size_t)n * VECTOR_WIDTH, half), acc[n]);
}

// y[0 ..< vectors * VECTOR_WIDTH] = factor * sum over keys of weights[key] * values[key]
ALWAYS_INLINE void weigh_values(float *y, const float *weights, const void *v, size_t stride, size_t keys, float factor,
                                const int half, const int vectors) {
  const size_t part = keys / 4;
  vfloat acc[8];
  UNROLL for (int n = 0; n < vectors; n++) acc[n] = (vfloat){0};
  for (size_t j = 0; j < part; j++)
    UNROLL for (size_t i = 0; i < 4; i++) weigh_value(acc, weights[j + i * part], v, (j + i * part) * stride, half, vectors);
  for (size_t j = 4 * part; j < keys; j++) weigh_value(acc, weights[j], v, j * stride, half, vectors);
  UNROLL for (int n = 0; n < vectors; n++) store(y + n * VECTOR_WIDTH, acc[n] * factor);
}

ALWAYS_INLINE void attend_single(float *y, const float *q, const void *k, const void *v, size_t stride, size_t keys,
                                 size_t dimension, float scale, float *scores, const int half) {
  UIO2_REASSOCIATE
  score_keys(scores, q, k, stride, keys, dimension, scale, half);
  const float inverse = 1.0f / exponentials(scores, keys, keys);
  // A few vectors of the output stay in registers while all keys pass; eight are a whole head.
  size_t d = 0;
#define UIO2_VALUES(vectors)                                                    \
  for (; d + (vectors) * VECTOR_WIDTH <= dimension; d += (vectors) * VECTOR_WIDTH) \
    weigh_values(y + d, scores, (const char *)v + d * (half ? 2 : 4), stride, keys, inverse, half, vectors)
  UIO2_VALUES(8);
  UIO2_VALUES(4);
  UIO2_VALUES(1);
#undef UIO2_VALUES
  for (; d < dimension; d++) {
    float sum = 0;
    for (size_t j = 0; j < keys; j++) sum += scores[j] * value_of_either(v, j * stride + d, half);
    y[d] = sum * inverse;
  }
}

void KERNEL(attend_one)(float *y, const float *q, const void *k, const void *v, size_t stride, int half, size_t keys,
                        size_t dimension, float scale, float *scores) {
  if (half) attend_single(y, q, k, v, stride, keys, dimension, scale, scores, 1);
  else attend_single(y, q, k, v, stride, keys, dimension, scale, scores, 0);
}
