#include <setjmp.h>
#include <string.h>

#include <png.h>

#include "ImageCodecs.h"

struct destination {
  uio2_image_sink sink;
  void *context;
  uio2_image_report *report;
};

static void fail(png_structp png, png_const_charp message) {
  struct destination *destination = png_get_error_ptr(png);
  uio2_image_explain(destination->report, message);
  longjmp(png_jmpbuf(png), 1);
}

static void stay_silent(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void write_bytes(png_structp png, png_bytep bytes, size_t count) {
  struct destination *destination = png_get_io_ptr(png);
  destination->sink(destination->context, bytes, count);
}

static void flush(png_structp png) { (void)png; }

static uio2_image_status encode(
    const uint8_t *pixels, size_t row_size, int bits, int color, uint32_t width, uint32_t height, uio2_image_sink sink,
    void *context, uio2_image_report *report) {
  memset(report, 0, sizeof *report);
  report->width = width;
  report->height = height;
  if (pixels == NULL || width == 0 || height == 0) {
    uio2_image_explain(report, "no pixels");
    return UIO2_IMAGE_INVALID;
  }
  struct destination destination = {sink, context, report};
  png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, &destination, fail, stay_silent);
  if (png == NULL) {
    uio2_image_explain(report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  png_infop info = png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_write_struct(&png, NULL);
    uio2_image_explain(report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  /* `png` and `info` are not assigned to after this, so they keep their values over the jump. */
  if (setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_write_struct(&png, &info);
    return UIO2_IMAGE_INVALID;
  }
  png_set_write_fn(png, &destination, write_bytes, flush);
  png_set_IHDR(
      png, info, width, height, bits, color, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
      PNG_FILTER_TYPE_DEFAULT);
  png_write_info(png, info);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
  if (bits == 16) png_set_swap(png);
#endif
  for (uint32_t y = 0; y < height; ++y) png_write_row(png, pixels + y * row_size);
  png_write_end(png, info);
  png_destroy_write_struct(&png, &info);
  return UIO2_IMAGE_OK;
}

uio2_image_status uio2_png_encode(
    const uint8_t *rgb, uint32_t width, uint32_t height, uio2_image_sink sink, void *context,
    uio2_image_report *report) {
  return encode(rgb, (size_t)width * 3, 8, PNG_COLOR_TYPE_RGB, width, height, sink, context, report);
}

uio2_image_status uio2_png_encode_grey16(
    const uint16_t *grey, uint32_t width, uint32_t height, uio2_image_sink sink, void *context,
    uio2_image_report *report) {
  const uint8_t *pixels = (const uint8_t *)grey;
  return encode(pixels, (size_t)width * 2, 16, PNG_COLOR_TYPE_GRAY, width, height, sink, context, report);
}
