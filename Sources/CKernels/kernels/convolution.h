// One row of a window: out[i] = in[i * stride + shift], 0 outside the picture.
static inline __attribute__((always_inline)) void copy_row(float *out, const float *in, size_t out_width, size_t width,
                                                           size_t stride, ptrdiff_t shift) {
  size_t first = shift < 0 ? ((size_t)-shift + stride - 1) / stride : 0;
  if (first > out_width) first = out_width;
  ptrdiff_t room = (ptrdiff_t)width - shift;
  size_t end = room <= 0 ? 0 : ((size_t)room + stride - 1) / stride;
  if (end > out_width) end = out_width;
  if (end < first) end = first;
  for (size_t i = 0; i < first; i++) out[i] = 0;
  if (stride == 1) {
    if (end > first) memcpy(out + first, in + (ptrdiff_t)first + shift, (end - first) * sizeof(float));
  } else {
    for (size_t i = first; i < end; i++) out[i] = in[(ptrdiff_t)(i * stride) + shift];
  }
  for (size_t i = end; i < out_width; i++) out[i] = 0;
}

void KERNEL(im2col)(float *columns, const float *x, size_t channels, size_t height, size_t width,
                                 size_t kernel, size_t stride, size_t padding, size_t out_width, size_t first_row,
                                 size_t rows) {
  for (size_t c = 0; c < channels; c++) {
    const float *plane = x + c * height * width;
    for (size_t ky = 0; ky < kernel; ky++) {
      for (size_t kx = 0; kx < kernel; kx++) {
        for (size_t r = 0; r < rows; r++) {
          ptrdiff_t y = (ptrdiff_t)((first_row + r) * stride + ky) - (ptrdiff_t)padding;
          if (y < 0 || y >= (ptrdiff_t)height) {
            for (size_t i = 0; i < out_width; i++) columns[i] = 0;
          } else {
            copy_row(columns, plane + (size_t)y * width, out_width, width, stride, (ptrdiff_t)kx - (ptrdiff_t)padding);
          }
          columns += out_width;
        }
      }
    }
  }
}

void KERNEL(add_to_rows)(float *y, const float *bias, size_t rows, size_t columns) {
  for (size_t r = 0; r < rows; r++)
    for (size_t c = 0; c < columns; c++) y[r * columns + c] += bias[r];
}

void KERNEL(upsample_nearest)(float *y, const float *x, size_t planes, size_t height, size_t width) {
  for (size_t row = 0; row < planes * height; row++) {
    const float *in = x + row * width;
    float *out = y + row * 4 * width;
    for (size_t i = 0; i < width; i++) {
      out[2 * i] = in[i];
      out[2 * i + 1] = in[i];
    }
    memcpy(out + 2 * width, out, 2 * width * sizeof(float));
  }
}

void KERNEL(silu)(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] / (1.0f + uio2_expf(-x[i]));
}

// Sums in blocks: 2 million terms in one f32 accumulator would lose digits.
#define UIO2_BLOCK 1024

// A block is read from memory once: its own mean and the squares around that are added to those of the blocks before (Chan et al. 1983).
void KERNEL(group_norm_factors)(float *scale, float *shift, const float *x, const float *weight, const float *bias, size_t channels,
                                size_t groups, size_t pixels, float epsilon) {
  UIO2_REASSOCIATE
  const size_t members = channels / groups, count = members * pixels;
  for (size_t g = 0; g < groups; g++) {
    const float *in = x + g * count;
    double mean = 0, squares = 0;
    for (size_t start = 0; start < count; start += UIO2_BLOCK) {
      const size_t end = start + UIO2_BLOCK < count ? start + UIO2_BLOCK : count, size = end - start;
      float sum = 0, around = 0;
      for (size_t i = start; i < end; i++) sum += in[i];
      const float own = sum / (float)size;
      for (size_t i = start; i < end; i++) around += (in[i] - own) * (in[i] - own);
      const double step = (double)own - mean;
      mean += step * (double)size / (double)end;
      squares += (double)around + step * step * (double)start * (double)size / (double)end;
    }
    const float inverse = 1.0f / sqrtf((float)(squares / (double)count) + epsilon);
    for (size_t c = g * members; c < (g + 1) * members; c++) {
      scale[c] = weight[c] * inverse;
      shift[c] = bias[c] - (float)mean * weight[c] * inverse;
    }
  }
}

void KERNEL(scale_shift)(float *y, const float *x, const float *scale, const float *shift, size_t channels, size_t pixels, int silu) {
  for (size_t c = 0; c < channels; c++, x += pixels, y += pixels) {
    for (size_t start = 0; start < pixels; start += UIO2_BLOCK) {
      const size_t end = start + UIO2_BLOCK < pixels ? start + UIO2_BLOCK : pixels;
      for (size_t i = start; i < end; i++) y[i] = x[i] * scale[c] + shift[c];
      if (silu) KERNEL(silu)(y + start, end - start);
    }
  }
}

void KERNEL(relu)(float *x, size_t count) {
  for (size_t i = 0; i < count; i++) x[i] = x[i] < 0 ? 0 : x[i];
}

void KERNEL(transpose)(float *y, const float *x, size_t rows, size_t columns) {
  // Squares of 16 x 16 floats: whole cache lines on both sides.
  for (size_t r0 = 0; r0 < rows; r0 += 16) {
    size_t r1 = r0 + 16 < rows ? r0 + 16 : rows;
    for (size_t c0 = 0; c0 < columns; c0 += 16) {
      size_t c1 = c0 + 16 < columns ? c0 + 16 : columns;
      for (size_t r = r0; r < r1; r++)
        for (size_t c = c0; c < c1; c++) y[c * rows + r] = x[r * columns + c];
    }
  }
}

void KERNEL(nearest)(const float *dots, const float *lengths, float own, size_t count, size_t *index, float *margin) {
  float best = INFINITY, second = INFINITY;
  size_t place = 0;
  for (size_t i = 0; i < count; i++) {
    float distance = own + lengths[i] - 2.0f * dots[i];
    if (distance < best) {
      second = best;
      best = distance;
      place = i;
    } else if (distance < second) {
      second = distance;
    }
  }
  *index = place;
  *margin = second - best;
}
