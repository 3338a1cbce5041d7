#include "ImageCodecs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct uio2_image_reader {
  const uint8_t *bytes;
  size_t count;
  const uio2_image_limits *limits;
  uint32_t width;
  uint32_t height;
  /* NULL for a PNG file. */
  uio2_jpeg *jpeg;
};

void uio2_image_explain(uio2_image_report *report, const char *message) {
  if (report->message[0] == '\0') {
    snprintf(report->message, sizeof report->message, "%s", message);
  }
}

int uio2_image_is_cancelled(const uio2_image_limits *limits, uio2_image_report *report) {
  if (limits->is_cancelled == NULL || !limits->is_cancelled(limits->context)) return 0;
  uio2_image_explain(report, "nobody waits for it any more");
  return 1;
}

static uio2_image_status check_size(const uio2_image_limits *limits, uio2_image_report *report) {
  if (report->width == 0 || report->height == 0) {
    uio2_image_explain(report, "no pixels");
    return UIO2_IMAGE_INVALID;
  }
  const uint64_t pixels = (uint64_t)report->width * report->height;
  if (report->width > limits->maximum_side || report->height > limits->maximum_side || pixels > limits->maximum_pixels) {
    snprintf(
        report->message, sizeof report->message, "%u x %u pixels; at most %u a side and %llu in all are read",
        report->width, report->height, limits->maximum_side, (unsigned long long)limits->maximum_pixels);
    return UIO2_IMAGE_TOO_LARGE;
  }
  return UIO2_IMAGE_OK;
}

static uio2_image_status read_header(uio2_image_reader *reader, uio2_image_report *report) {
  static const uint8_t jpeg[] = {0xff, 0xd8, 0xff};
  static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  const uint8_t *const bytes = reader->bytes;
  uio2_image_status status = UIO2_IMAGE_OK;
  if (bytes != NULL && reader->count >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0) {
    reader->jpeg = uio2_jpeg_open(bytes, reader->count, reader->limits, report);
    if (reader->jpeg == NULL) status = UIO2_IMAGE_INVALID;
  } else if (bytes != NULL && reader->count >= sizeof png && memcmp(bytes, png, sizeof png) == 0) {
    status = uio2_png_read_size(bytes, reader->count, report);
  } else {
    uio2_image_explain(report, "neither JPEG nor PNG");
    return UIO2_IMAGE_UNKNOWN_FORMAT;
  }
  return status == UIO2_IMAGE_OK ? check_size(reader->limits, report) : status;
}

uio2_image_status uio2_image_open(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uio2_image_reader **reader,
    uio2_image_report *report) {
  memset(report, 0, sizeof *report);
  *reader = calloc(1, sizeof **reader);
  if (*reader == NULL) {
    uio2_image_explain(report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  (*reader)->bytes = bytes;
  (*reader)->count = count;
  (*reader)->limits = limits;
  const uio2_image_status status = read_header(*reader, report);
  if (status != UIO2_IMAGE_OK) {
    uio2_image_close(*reader);
    *reader = NULL;
    return status;
  }
  (*reader)->width = report->width;
  (*reader)->height = report->height;
  return UIO2_IMAGE_OK;
}

uio2_image_status uio2_image_read(
    uio2_image_reader *reader, uint8_t *rgb, size_t capacity, uio2_image_report *report) {
  memset(report, 0, sizeof *report);
  report->width = reader->width;
  report->height = reader->height;
  if (rgb == NULL || (uint64_t)reader->width * reader->height > capacity / 3) {
    uio2_image_explain(report, "the buffer is too small");
    return UIO2_IMAGE_TOO_LARGE;
  }
  if (reader->jpeg != NULL) return uio2_jpeg_read(reader->jpeg, rgb, report);
  return uio2_png_read(reader->bytes, reader->count, reader->limits, rgb, report);
}

void uio2_image_close(uio2_image_reader *reader) {
  if (reader == NULL) return;
  uio2_jpeg_close(reader->jpeg);
  free(reader);
}
