#include "CKernels.h"
#include "dispatch.h"
#include "math.h"

UIO2_DISPATCHED void uio2_rotary(float *x, const float *table, size_t tokens, size_t heads, size_t dimension) {
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

UIO2_DISPATCHED void uio2_softmax_rows(float *x, size_t rows, size_t columns, size_t stride, ptrdiff_t causal_offset) {
  UIO2_REASSOCIATE
  for (size_t r = 0; r < rows; r++) {
    float *row = x + r * stride;
    size_t visible = columns;
    if (causal_offset >= 0 && (size_t)causal_offset + r + 1 < columns) visible = (size_t)causal_offset + r + 1;
    if (visible == 0) continue;
    float maximum = row[0];
    for (size_t c = 1; c < visible; c++) maximum = row[c] > maximum ? row[c] : maximum;
    float sum = 0;
    for (size_t c = 0; c < visible; c++) {
      float e = uio2_expf(row[c] - maximum);
      row[c] = e;
      sum += e;
    }
    float inverse = 1.0f / sum;
    for (size_t c = 0; c < visible; c++) row[c] *= inverse;
    for (size_t c = visible; c < columns; c++) row[c] = 0;
  }
}

UIO2_DISPATCHED float uio2_exp_sum(const float *x, size_t count, float *maximum) {
  UIO2_REASSOCIATE
  if (count == 0) {
    *maximum = 0;
    return 0;
  }
  float top = x[0];
  for (size_t i = 1; i < count; i++) top = x[i] > top ? x[i] : top;
  float sum = 0;
  for (size_t i = 0; i < count; i++) sum += uio2_expf(x[i] - top);
  *maximum = top;
  return sum;
}

UIO2_DISPATCHED void uio2_attend_one(float *output, const float *query, const float *k, const float *v, size_t keys,
                                     size_t heads, size_t dimension, float scale, float *scores) {
  UIO2_REASSOCIATE
  const size_t width = heads * dimension;
  for (size_t h = 0; h < heads; h++) {
    const float *q = query + h * dimension;
    float maximum = -3.0e38f;
    for (size_t j = 0; j < keys; j++) {
      const float *key = k + j * width + h * dimension;
      float dot = 0;
      for (size_t d = 0; d < dimension; d++) dot += q[d] * key[d];
      dot *= scale;
      scores[j] = dot;
      maximum = dot > maximum ? dot : maximum;
    }
    float sum = 0;
    for (size_t j = 0; j < keys; j++) {
      float e = uio2_expf(scores[j] - maximum);
      scores[j] = e;
      sum += e;
    }
    float inverse = 1.0f / sum;
    float *out = output + h * dimension;
    for (size_t d = 0; d < dimension; d++) out[d] = 0;
    for (size_t j = 0; j < keys; j++) {
      const float *value = v + j * width + h * dimension;
      float weight = scores[j] * inverse;
      for (size_t d = 0; d < dimension; d++) out[d] += weight * value[d];
    }
  }
}

UIO2_DISPATCHED void uio2_matvec(float *y, const float *w, const float *x, size_t rows, size_t columns) {
  UIO2_REASSOCIATE
  for (size_t r = 0; r < rows; r++) {
    const float *row = w + r * columns;
    float sum = 0;
    for (size_t c = 0; c < columns; c++) sum += row[c] * x[c];
    y[r] = sum;
  }
}
