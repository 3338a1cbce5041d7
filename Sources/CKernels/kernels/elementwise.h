void KERNEL(add)(float *y, const float *x, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] += x[i];
}

void KERNEL(add_bias)(float *y, const float *bias, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) y[r * columns + c] += bias[c];
}

void KERNEL(scale)(float *y, float factor, size_t count) {
  for (size_t i = 0; i < count; i++) y[i] *= factor;
}

void KERNEL(silu_multiply)(float *gate, const float *up, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float x = gate[i];
    gate[i] = x / (1.0f + uio2_expf(-x)) * up[i];
  }
}

void KERNEL(gelu_erf)(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float v = x[i];
    x[i] = 0.5f * v * (1.0f + uio2_erff(v * 0.70710678118654752f));
  }
}

void KERNEL(gelu_tanh)(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) {
    float v = x[i];
    float inner = 0.79788456080286536f * (v + 0.044715f * v * v * v);
    // tanh(z) = 1 - 2 / (exp(2z) + 1), so (1 + tanh(z)) / 2 = 1 - 1 / (exp(2z) + 1).
    x[i] = v - v / (uio2_expf(2.0f * inner) + 1.0f);
  }
}
