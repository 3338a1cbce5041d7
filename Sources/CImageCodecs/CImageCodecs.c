#include "ImageCodecs.h"

#include <stdio.h>
#include <string.h>

void uio2_image_explain(uio2_image_report *report, const char *message) {
  if (report->message[0] == '\0') {
    snprintf(report->message, sizeof report->message, "%s", message);
  }
}

uio2_image_status uio2_image_check_size(
    uint32_t width, uint32_t height, const uio2_image_limits *limits, const uint8_t *rgb, size_t capacity,
    uio2_image_report *report) {
  report->width = width;
  report->height = height;
  if (width == 0 || height == 0) {
    uio2_image_explain(report, "no pixels");
    return UIO2_IMAGE_INVALID;
  }
  const uint64_t pixels = (uint64_t)width * height;
  if (width > limits->maximum_side || height > limits->maximum_side || pixels > limits->maximum_pixels) {
    snprintf(
        report->message, sizeof report->message, "%u x %u pixels; at most %u a side and %llu in all are read", width,
        height, limits->maximum_side, (unsigned long long)limits->maximum_pixels);
    return UIO2_IMAGE_TOO_LARGE;
  }
  if (rgb != NULL && pixels > capacity / 3) {
    uio2_image_explain(report, "the buffer is too small");
    return UIO2_IMAGE_TOO_LARGE;
  }
  return UIO2_IMAGE_OK;
}

static uio2_image_status decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report) {
  static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
  static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  memset(report, 0, sizeof *report);
  if (bytes != NULL && count >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0) {
    return uio2_jpeg_decode(bytes, count, limits, rgb, capacity, report);
  }
  if (bytes != NULL && count >= sizeof png && memcmp(bytes, png, sizeof png) == 0) {
    return uio2_png_decode(bytes, count, limits, rgb, capacity, report);
  }
  uio2_image_explain(report, "neither JPEG nor PNG");
  return UIO2_IMAGE_UNKNOWN_FORMAT;
}

uio2_image_status uio2_image_read_header(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uio2_image_report *report) {
  return decode(bytes, count, limits, NULL, 0, report);
}

uio2_image_status uio2_image_decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report) {
  if (rgb == NULL) {
    memset(report, 0, sizeof *report);
    uio2_image_explain(report, "no buffer");
    return UIO2_IMAGE_TOO_LARGE;
  }
  return decode(bytes, count, limits, rgb, capacity, report);
}
