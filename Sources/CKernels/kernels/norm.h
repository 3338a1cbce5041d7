void KERNEL(rms_norm)(float *y, const float *x, const float *scale, size_t rows, size_t columns,
                                   float epsilon) {
  UIO2_REASSOCIATE
  for (size_t r = 0; r < rows; r++) {
    const float *in = x + r * columns;
    float *out = y + r * columns;
    float sum = 0;
    for (size_t c = 0; c < columns; c++) sum += in[c] * in[c];
    float inverse = 1.0f / sqrtf(sum / (float)columns + epsilon);
    for (size_t c = 0; c < columns; c++) out[c] = in[c] * inverse * scale[c];
  }
}

void KERNEL(layer_norm)(float *y, const float *x, const float *weight, const float *bias, size_t rows,
                                     size_t columns, float epsilon) {
  UIO2_REASSOCIATE
  for (size_t r = 0; r < rows; r++) {
    const float *in = x + r * columns;
    float *out = y + r * columns;
    float sum = 0;
    for (size_t c = 0; c < columns; c++) sum += in[c];
    float mean = sum / (float)columns;
    float squares = 0;
    for (size_t c = 0; c < columns; c++) squares += (in[c] - mean) * (in[c] - mean);
    float inverse = 1.0f / sqrtf(squares / (float)columns + epsilon);
    for (size_t c = 0; c < columns; c++) out[c] = (in[c] - mean) * inverse * weight[c] + bias[c];
  }
}

void KERNEL(l2_normalize)(float *x, size_t rows, size_t columns, float epsilon) {
  UIO2_REASSOCIATE
  for (size_t r = 0; r < rows; r++) {
    float *row = x + r * columns;
    float sum = 0;
    for (size_t c = 0; c < columns; c++) sum += row[c] * row[c];
    float length = sqrtf(sum);
    float inverse = 1.0f / (length > epsilon ? length : epsilon);
    for (size_t c = 0; c < columns; c++) row[c] *= inverse;
  }
}
