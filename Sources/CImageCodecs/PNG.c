#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "ImageCodecs.h"

/* Room for one compressed text or profile; pictures are not held to it. */
#define MAXIMUM_CHUNK_BYTES (4u << 20)

struct source {
  const uint8_t *bytes;
  size_t count;
  size_t position;
  uio2_image_report *report;
};

static void fail(png_structp png, png_const_charp message) {
  struct source *source = png_get_error_ptr(png);
  uio2_image_explain(source->report, message);
  longjmp(png_jmpbuf(png), 1);
}

static void stay_silent(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void read_bytes(png_structp png, png_bytep out, size_t count) {
  struct source *source = png_get_io_ptr(png);
  if (count > source->count - source->position) png_error(png, "the file ends too early");
  memcpy(out, source->bytes + source->position, count);
  source->position += count;
}

/* Everything becomes three bytes a pixel, as PIL's convert("RGB") does. */
static uio2_image_status read_pixels(png_structp png, png_infop info, uint8_t *rgb, uio2_image_report *report) {
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  const int passes = png_set_interlace_handling(png);
  png_read_update_info(png, info);
  const size_t stride = (size_t)report->width * 3;
  if (png_get_rowbytes(png, info) != stride) {
    uio2_image_explain(report, "unexpected layout");
    return UIO2_IMAGE_INVALID;
  }
  for (int pass = 0; pass < passes; ++pass) {
    for (uint32_t y = 0; y < report->height; ++y) {
      png_read_row(png, rgb + y * stride, NULL);
    }
  }
  png_read_end(png, NULL);
  return UIO2_IMAGE_OK;
}

uio2_image_status uio2_png_decode(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, size_t capacity,
    uio2_image_report *report) {
  struct source source = {bytes, count, 0, report};
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &source, fail, stay_silent);
  if (png == NULL) {
    uio2_image_explain(report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  png_infop info = png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_read_struct(&png, NULL, NULL);
    uio2_image_explain(report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  /* `png` and `info` are not assigned to after this, so they keep their values over the jump. */
  if (setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_read_struct(&png, &info, NULL);
    return UIO2_IMAGE_INVALID;
  }
  png_set_read_fn(png, &source, read_bytes);
  /* Our own limits give the better message; these keep the library from refusing first. */
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(png, MAXIMUM_CHUNK_BYTES);
  png_read_info(png, info);
  uio2_image_status status = uio2_image_check_size(
      png_get_image_width(png, info), png_get_image_height(png, info), limits, rgb, capacity, report);
  if (status == UIO2_IMAGE_OK && rgb != NULL) status = read_pixels(png, info, rgb, report);
  png_destroy_read_struct(&png, &info, NULL);
  return status;
}
