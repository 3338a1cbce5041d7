#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

#include "ImageCodecs.h"

/* For one chunk other than the pixels, which are not held to it. */
#define MAXIMUM_CHUNK_BYTES (4u << 20)

enum { SIGNATURE_BYTES = 8, CHUNK_FRAME_BYTES = 12, HEADER_BYTES = 13 };

struct picture {
  const uio2_image_limits *limits;
  uio2_image_report *report;
  uint8_t *rgb;
  size_t stride;
  int is_interlaced;
  int has_ended;
  uio2_image_status failure;
};

static void give_up(png_structp png, uio2_image_status status) {
  ((struct picture *)png_get_error_ptr(png))->failure = status;
  longjmp(png_jmpbuf(png), 1);
}

static void fail(png_structp png, png_const_charp message) {
  uio2_image_explain(((struct picture *)png_get_error_ptr(png))->report, message);
  give_up(png, UIO2_IMAGE_INVALID);
}

static void stay_silent(png_structp png, png_const_charp message) {
  (void)png;
  (void)message;
}

static void check_for_end(png_structp png) {
  struct picture *const picture = png_get_error_ptr(png);
  if (uio2_image_is_cancelled(picture->limits, picture->report)) give_up(png, UIO2_IMAGE_CANCELLED);
}

/* Called before the first row. Everything becomes three bytes a pixel, as PIL's convert("RGB") does. */
static void begin(png_structp png, png_infop info) {
  struct picture *const picture = png_get_progressive_ptr(png);
  png_set_expand(png);
  png_set_strip_16(png);
  png_set_strip_alpha(png);
  png_set_gray_to_rgb(png);
  picture->is_interlaced = png_set_interlace_handling(png) > 1;
  png_read_update_info(png, info);
  if (png_get_image_width(png, info) != picture->report->width ||
      png_get_image_height(png, info) != picture->report->height || png_get_rowbytes(png, info) != picture->stride) {
    png_error(png, "unexpected layout");
  }
}

/* `row` is NULL where a pass has nothing for a row. */
static void take_row(png_structp png, png_bytep row, png_uint_32 y, int pass) {
  (void)pass;
  struct picture *const picture = png_get_progressive_ptr(png);
  check_for_end(png);
  if (row == NULL || y >= picture->report->height) return;
  png_progressive_combine_row(png, picture->rgb + y * picture->stride, row);
}

static void end(png_structp png, png_infop info) {
  (void)info;
  ((struct picture *)png_get_progressive_ptr(png))->has_ended = 1;
}

/* Whether every row was there; the library does not ask. */
static int is_complete(png_structp png, const struct picture *picture) {
  return picture->is_interlaced ? png_get_current_pass_number(png) > 6
                                : png_get_current_row_number(png) >= picture->report->height;
}

static void feed(png_structp png, png_infop info, const uint8_t *bytes, size_t count) {
  while (count > 0) {
    const size_t piece = count < UIO2_IMAGE_PIECE ? count : UIO2_IMAGE_PIECE;
    check_for_end(png);
    /* The library reads from the buffer only. */
    png_process_data(png, info, (png_bytep)bytes, piece);
    bytes += piece;
    count -= piece;
  }
}

/* Pushes the file into the library chunk by chunk, since it then stops inflating by itself behind the last row. Chunks that a picture
 * can do without (texts, colour profiles, animations) are passed over unread: some of them inflate to a thousand times their size. */
static void feed_chunks(png_structp png, png_infop info, const uint8_t *bytes, size_t count) {
  const struct picture *const picture = png_get_progressive_ptr(png);
  feed(png, info, bytes, SIGNATURE_BYTES);
  size_t position = SIGNATURE_BYTES;
  while (!picture->has_ended) {
    const size_t left = count - position;
    const size_t length = left < CHUNK_FRAME_BYTES ? 0 : png_get_uint_32(bytes + position);
    if (left < CHUNK_FRAME_BYTES || length > left - CHUNK_FRAME_BYTES) png_error(png, "the file ends too early");
    const int is_ancillary = (bytes[position + 4] & 0x20) != 0;
    if (!is_ancillary) feed(png, info, bytes + position, length + CHUNK_FRAME_BYTES);
    position += length + CHUNK_FRAME_BYTES;
  }
  if (!is_complete(png, picture)) png_error(png, "rows are missing");
}

uio2_image_status uio2_png_read_size(const uint8_t *bytes, size_t count, uio2_image_report *report) {
  static const uint8_t start[] = {0, 0, 0, HEADER_BYTES, 'I', 'H', 'D', 'R'};
  if (count < SIGNATURE_BYTES + CHUNK_FRAME_BYTES + HEADER_BYTES) {
    uio2_image_explain(report, "the file ends too early");
    return UIO2_IMAGE_INVALID;
  }
  if (memcmp(bytes + SIGNATURE_BYTES, start, sizeof start) != 0) {
    uio2_image_explain(report, "the header is missing");
    return UIO2_IMAGE_INVALID;
  }
  report->width = png_get_uint_32(bytes + SIGNATURE_BYTES + sizeof start);
  report->height = png_get_uint_32(bytes + SIGNATURE_BYTES + sizeof start + 4);
  return UIO2_IMAGE_OK;
}

/* `picture` belongs to the caller, so that it keeps what is written to it over the jump. */
static uio2_image_status decode(struct picture *picture, const uint8_t *bytes, size_t count) {
  png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, picture, fail, stay_silent);
  png_infop info = png == NULL ? NULL : png_create_info_struct(png);
  if (info == NULL) {
    png_destroy_read_struct(&png, NULL, NULL);
    uio2_image_explain(picture->report, "out of memory");
    return UIO2_IMAGE_INVALID;
  }
  /* `png` and `info` are not assigned to after this, so they keep their values too. */
  if (setjmp(png_jmpbuf(png)) != 0) {
    png_destroy_read_struct(&png, &info, NULL);
    return picture->failure;
  }
  png_set_progressive_read_fn(png, picture, begin, take_row, end);
  /* Our own limits give the better message; these keep the library from refusing first. */
  png_set_user_limits(png, PNG_UINT_31_MAX, PNG_UINT_31_MAX);
  png_set_chunk_malloc_max(png, MAXIMUM_CHUNK_BYTES);
  feed_chunks(png, info, bytes, count);
  png_destroy_read_struct(&png, &info, NULL);
  return UIO2_IMAGE_OK;
}

uio2_image_status uio2_png_read(
    const uint8_t *bytes, size_t count, const uio2_image_limits *limits, uint8_t *rgb, uio2_image_report *report) {
  struct picture picture = {limits, report, rgb, (size_t)report->width * 3, 0, 0, UIO2_IMAGE_INVALID};
  return decode(&picture, bytes, count);
}
